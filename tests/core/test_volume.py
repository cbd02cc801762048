"""Series, slice spacing and directions."""

from __future__ import annotations

import dataclasses

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


def test_the_slice_distance_of_a_4d_stack_is_that_of_one_time_point() -> None:
    four = dataclasses.replace(series(stack(0, 6, 0, 6, 0, 6, 0, 6)), time_points=4)
    assert four.positions == 2
    assert four.slice_distance_mm == pytest.approx(6)
    far = dataclasses.replace(series(stack(0, 6, 12, 0, 6, 12)), time_points=2)
    assert far.slice_distance_mm == pytest.approx(6)


def test_a_voxel_of_ten_millimetres_a_side_is_one_millilitre() -> None:
    assert series(stack(0, 10), spacing_mm=(10, 10)).voxel_ml == pytest.approx(1)
    assert series(stack(0, 10)).voxel_ml is None
    assert series(stack(0), spacing_mm=(1, 1)).voxel_ml is None
