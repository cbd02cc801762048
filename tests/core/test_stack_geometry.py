"""How slices lie to one another, and what is said about it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.stack_geometry import position_indices, stack_warnings, tilt_degrees
from medseg_desktop.core.volume import Slice

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def stack(*locations_mm: float | None) -> tuple[Slice, ...]:
    return tuple(
        Slice(f"/{i}.dcm", 0, 1, f"1.{i}", i, location_mm=mm) for i, mm in enumerate(locations_mm)
    )


@given(st.integers(0, 60), st.floats(0.5, 12), st.floats(-300, 300), st.sampled_from([1, -1]))
def test_an_even_stack_gives_no_warning(n: int, step: float, start: float, way: int) -> None:
    assert stack_warnings(stack(*(start + way * step * i for i in range(n)))) == ()


def test_rounding_in_the_header_is_no_uneven_stack() -> None:
    assert stack_warnings(stack(*(round(3.3333333 * i, 2) for i in range(40)))) == ()


@given(st.integers(3, 30), st.data())
def test_a_missing_slice_inside_a_stack_is_counted(n: int, data: st.DataObject) -> None:
    gone = data.draw(st.integers(2, n)) - 1
    locations = [5.0 * i for i in range(n + 2) if i != gone]
    (warning,) = stack_warnings(stack(*locations))
    assert warning == f"1 of {n + 2} slices seems to be missing."


def test_two_missing_slices_are_two() -> None:
    assert stack_warnings(stack(0, 5, 10, 25, 30)) == ("2 of 7 slices seem to be missing.",)


def test_duplicates_are_counted_and_do_not_count_as_gaps() -> None:
    assert stack_warnings(stack(0, 0, 5, 10)) == (
        "1 slice shares its position with another slice.",
    )
    assert stack_warnings(stack(0, 0, 0, 5, 10, 15, 20)) == (
        "2 slices share their position with another slice.",
    )


def test_positions_that_repeat_as_a_rule_but_unevenly_are_one_list() -> None:
    assert stack_warnings(stack(0, 0, 0, 5, 5, 10)) == (
        "6 slices lie at 3 positions, but not the same number at each; they are shown as one list.",
    )


def test_one_position_for_all_is_told_unless_it_is_a_film() -> None:
    assert stack_warnings(stack(2, 2)) == ("Both slices lie at one position.",)
    assert stack_warnings(stack(2, 2, 2)) == ("All 3 slices lie at one position.",)
    assert stack_warnings(stack(2, 2, 2), over_time=True) == ()


def test_groups_far_from_one_another_are_no_missing_slices() -> None:
    discs = stack(0, 4, 8, 40, 44, 48, 80, 84, 88)
    assert stack_warnings(discs) == ("The slices lie in 3 groups with wide gaps between them.",)


def test_a_duplicate_and_a_gap_are_both_told() -> None:
    warnings = stack_warnings(stack(0, 5, 5, 10, 20, 25))
    assert len(warnings) == 2
    assert "share" in warnings[0]
    assert "missing" in warnings[1]


def test_uneven_steps_are_told() -> None:
    assert stack_warnings(stack(0, 5, 10, 16, 21)) == (
        "The distances between slices are uneven (5.0 to 6.0 mm).",
    )


def test_slices_without_position_among_others_are_told() -> None:
    assert stack_warnings(stack(0, 5, None, 10)) == (
        "1 of 4 slices has no position; all are sorted by instance number.",
    )
    assert stack_warnings(stack(0, 5, None, None))[0].startswith("2 of 4 slices have no position;")


@pytest.mark.parametrize("slices", [stack(), stack(3), stack(None, None), stack(0, None, None)])
def test_a_file_with_one_position_or_none_gives_no_warning(slices: tuple[Slice, ...]) -> None:
    assert stack_warnings(slices) == ()


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60))
def test_equal_locations_have_one_place_and_places_rise_with_them(locations: list[int]) -> None:
    noise = np.random.default_rng(0).uniform(-1e-6, 1e-6, len(locations))
    places = position_indices([mm + float(d) for mm, d in zip(locations, noise, strict=True)])
    assert places == [sorted(set(locations)).index(mm) for mm in locations]


@pytest.mark.parametrize(
    ("shift_mm", "degrees"), [(0.0, None), (0.1, None), (1.0, 11.3), (5.0, 45.0)]
)
def test_a_tilt_is_measured_between_normal_and_stack(
    shift_mm: float, degrees: float | None
) -> None:
    slices = [
        Slice(f"/{i}.dcm", 0, 1, "1", i, position_mm=(0.0, shift_mm * i, 5.0 * i)) for i in range(4)
    ]
    found = tilt_degrees(slices, AXIAL)
    assert found == (None if degrees is None else pytest.approx(degrees, abs=0.1))
    assert tilt_degrees(slices[:1], AXIAL) is None
    assert tilt_degrees(slices, None) is None
