"""Series, slice spacing and directions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.volume import (
    Acquisition,
    Patient,
    Series,
    Slice,
    direction_letters,
    slice_normal,
    stack_warnings,
)


def stack(*locations_mm: float | None) -> tuple[Slice, ...]:
    return tuple(
        Slice(f"/{i}.dcm", 0, 1, f"1.{i}", i, location_mm=mm) for i, mm in enumerate(locations_mm)
    )


def series(
    slices: tuple[Slice, ...],
    *,
    description: str = "",
    modality: str = "MR",
    acquisition: Acquisition | None = None,
    spacing_mm: tuple[float, float] | None = None,
) -> Series:
    return Series(
        uid="1.2",
        stack=1,
        path="a",
        patient=Patient("k", "h"),
        study_uid="1",
        study_date="",
        study_description="",
        number=None,
        description=description,
        modality=modality,
        rows=4,
        columns=4,
        slices=slices,
        spacing_mm=spacing_mm,
        acquisition=acquisition or Acquisition(),
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
    assert stack_warnings(stack(0, 0, 0, 5, 5, 10)) == (
        "3 slices share their position with another slice.",
    )


def test_a_duplicate_and_a_gap_are_both_told() -> None:
    warnings = stack_warnings(stack(0, 5, 5, 10, 20, 25))
    assert len(warnings) == 2
    assert "share" in warnings[0]
    assert "missing" in warnings[1]


def test_uneven_steps_are_told() -> None:
    assert stack_warnings(stack(0, 5, 10, 16, 21)) == ("The distance between slices is not even.",)


def test_slices_without_position_among_others_are_told() -> None:
    (warning,) = stack_warnings(stack(0, 5, None, 10))
    assert "no position" in warning


@pytest.mark.parametrize("slices", [stack(), stack(3), stack(None, None), stack(0, None, None)])
def test_a_file_with_one_position_or_none_gives_no_warning(slices: tuple[Slice, ...]) -> None:
    assert stack_warnings(slices) == ()


@pytest.mark.parametrize(
    ("orientation", "normal"),
    [
        ((1, 0, 0, 0, 1, 0), (0, 0, 1)),
        ((0, 1, 0, 0, 0, -1), (-1, 0, 0)),
        ((1, 0, 0, 0, 0, -1), (0, 1, 0)),
        ((2, 0, 0, 0, 3, 0), (0, 0, 1)),
        ((0, 0, 0, 0, 0, 0), (0, 0, 1)),
    ],
)
def test_the_normal_is_rows_cross_columns(
    orientation: tuple[float, ...], normal: tuple[float, ...]
) -> None:
    np.testing.assert_allclose(slice_normal(orientation), normal, atol=1e-12)


@pytest.mark.parametrize(
    ("direction", "letters"),
    [
        ((1, 0, 0), "L"),
        ((-1, 0, 0), "R"),
        ((0, 1, 0), "P"),
        ((0, -1, 0), "A"),
        ((0, 0, 1), "H"),
        ((0, 0, -1), "F"),
        ((0.8, -0.6, 0), "LA"),
        ((0.1, -0.6, -0.79), "FA"),
        ((0.99, 0.1, 0.05), "L"),
        ((0, 0, 0), ""),
    ],
)
def test_directions_are_named_after_the_patients_sides(
    direction: tuple[float, float, float], letters: str
) -> None:
    assert direction_letters(direction) == letters


@given(st.tuples(*[st.floats(-1, 1)] * 3))
def test_opposite_directions_have_opposite_letters(
    direction: tuple[float, float, float],
) -> None:
    opposite = str.maketrans("LRPAHF", "RLAPFH")
    x, y, z = direction
    letters = direction_letters(direction)
    assert direction_letters((-x, -y, -z)) == letters.translate(opposite)
    assert len(letters) <= 2


def test_a_series_is_named_by_the_first_thing_known() -> None:
    sequence = Acquisition(sequence="tir2d")
    assert series((), description="FLAIR", acquisition=sequence).title == "FLAIR"
    assert series((), acquisition=sequence).title == "tir2d"
    assert series(()).title == "MR"
    assert series((), modality="").title == "Series"
    assert series(()).key == ("1.2", 1)


def test_the_slice_distance_is_the_usual_step_else_the_thickness() -> None:
    assert series(stack(0, -6, -12, -24)).slice_distance_mm == pytest.approx(6)
    thick = Acquisition(slice_thickness_mm=5)
    assert series(stack(0, 6), acquisition=thick).slice_distance_mm == pytest.approx(6)
    assert series(stack(None, None), acquisition=thick).slice_distance_mm == 5
    assert series(stack(2, 2)).slice_distance_mm is None
    assert series(()).slice_distance_mm is None


def test_a_voxel_of_ten_millimetres_a_side_is_one_millilitre() -> None:
    assert series(stack(0, 10), spacing_mm=(10, 10)).voxel_ml == pytest.approx(1)
    assert series(stack(0, 10)).voxel_ml is None
    assert series(stack(0), spacing_mm=(1, 1)).voxel_ml is None
