"""Turned slices and points in the patient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.geometry import (
    AS_STORED,
    SpatialTransformation,
    edge_letters,
    patient_position_mm,
)
from medseg_desktop.core.volume import Patient, Series, Slice

turns = st.builds(SpatialTransformation, st.sampled_from([0, 1, 2, 3]), st.booleans())


def seen(pixels: np.ndarray, turned: SpatialTransformation) -> np.ndarray:
    """The slice as it is seen, by NumPy: rotated clockwise, then flipped."""
    rotated = np.rot90(pixels, -turned.quarter_turns)
    return rotated[:, ::-1] if turned.flipped else rotated


@given(turns)
def test_the_matrix_puts_each_pixel_where_rotating_and_flipping_puts_it(
    turned: SpatialTransformation,
) -> None:
    rows, columns = 3, 5
    pixels = np.arange(rows * columns).reshape(rows, columns)
    m11, m12, m21, m22, dx, dy = turned.matrix(rows, columns)
    expected = seen(pixels, turned)
    for row in range(rows):
        for column in range(columns):
            x, y = column + 0.5, row + 0.5
            at_x, at_y = m11 * x + m21 * y + dx, m12 * x + m22 * y + dy
            assert expected[int(at_y), int(at_x)] == pixels[row, column]


@given(turns, st.integers(-5, 5))
def test_turning_further_turns_what_is_seen(turned: SpatialTransformation, steps: int) -> None:
    pixels = np.arange(15).reshape(3, 5)
    further = np.rot90(seen(pixels, turned), -steps)
    np.testing.assert_array_equal(seen(pixels, turned.rotated(steps)), further)


@given(turns)
def test_flipping_mirrors_what_is_seen(turned: SpatialTransformation) -> None:
    pixels = np.arange(15).reshape(3, 5)
    now = seen(pixels, turned)
    np.testing.assert_array_equal(seen(pixels, turned.flipped_horizontally()), now[:, ::-1])
    np.testing.assert_array_equal(seen(pixels, turned.flipped_vertically()), now[::-1])


@given(turns)
def test_the_letters_follow_the_slice(turned: SpatialTransformation) -> None:
    letters = np.array([["", "T", ""], ["L", "", "R"], ["", "F", ""]])
    now = seen(letters, turned)
    expected = (now[1, 0], now[1, 2], now[0, 1], now[2, 1])
    assert turned.edges(("L", "R", "T", "F")) == expected


def test_an_axial_slice_shows_the_right_side_at_the_left() -> None:
    assert edge_letters((1, 0, 0, 0, 1, 0)) == ("R", "L", "A", "P")
    assert edge_letters(None) == ("", "", "", "")
    assert AS_STORED.edges(("R", "L", "A", "P")) == ("R", "L", "A", "P")


SERIES = Series(
    uid="1", stack=0, path="", patient=Patient("k", "h"), study_uid="", study_date="",
    study_description="", number=None, description="", modality="MR", rows=4, columns=4,
    slices=(Slice("f", 0, 1, "1", 1, (10.0, 20.0, 30.0), 30.0),),
    orientation=(0, 1, 0, 0, 0, -1), spacing_mm=(2.0, 0.5),
)  # fmt: skip


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0.5, 0.5, (10, 20, 30)),  # the centre of the first pixel
        (1.5, 0.5, (10, 20.5, 30)),  # one column on, along the row direction
        (0.5, 1.5, (10, 20, 28)),  # one row down, along the column direction
    ],
)
def test_points_lie_where_the_standard_puts_them(
    x: float, y: float, expected: tuple[float, float, float]
) -> None:
    assert patient_position_mm(SERIES, SERIES.slices[0], x, y) == pytest.approx(expected)


@pytest.mark.parametrize("missing", ["orientation", "spacing_mm"])
def test_a_point_is_nowhere_without_orientation_or_spacing(missing: str) -> None:
    series = replace(SERIES, **{missing: None})
    assert patient_position_mm(series, series.slices[0], 1, 1) is None
    without = replace(SERIES.slices[0], position_mm=None)
    assert patient_position_mm(SERIES, without, 1, 1) is None
