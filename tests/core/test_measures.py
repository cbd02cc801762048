"""Area, diameters and intensity of a region, against brute force and closed forms."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medseg_desktop.core.measures import (
    Diameter,
    longest_diameter,
    mean_intensity,
    measure,
    perpendicular_diameter,
)

SQUARE = (1.0, 1.0)
spacings = st.tuples(st.floats(0.2, 4.0), st.floats(0.2, 4.0))
regions = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(lambda n: arrays(np.bool_, n))


def corners_mm(region: np.ndarray, spacing: tuple[float, float]) -> np.ndarray:
    """Every corner of every pixel, (N, 2) as (x, y), in millimetres."""
    found = {(c + i, r + k) for r, c in np.argwhere(region) for i in (0, 1) for k in (0, 1)}
    return np.array(sorted(found)) * (spacing[1], spacing[0])


def mm(point: tuple[float, float], spacing: tuple[float, float]) -> np.ndarray:
    return np.array(point) * (spacing[1], spacing[0])


def inside_lengths(
    region: np.ndarray, spacing: tuple[float, float], foot: np.ndarray, direction: np.ndarray
) -> list[float]:
    """Lengths of the unbroken parts of a line inside a region, from each pixel by itself."""
    crossed = []
    for r, c in np.argwhere(region):
        low, high = -np.inf, np.inf
        for axis, (first, step) in enumerate(((c, spacing[1]), (r, spacing[0]))):
            ends = np.array([first, first + 1]) * step - foot[axis]
            if abs(direction[axis]) < 1e-12:
                low, high = (low, high) if ends[0] < 0 < ends[1] else (1.0, 0.0)
                continue
            near, far = sorted(ends / direction[axis])
            low, high = max(low, near), min(high, far)
        if high > low:
            crossed.append((low, high))
    crossed.sort()
    lengths, start, end = [], None, -np.inf
    for low, high in crossed:
        if start is None or low > end + 1e-9:
            start = low
        end = max(end, high) if start != low else high
        lengths.append(end - start)
    return lengths


def brute_perpendicular(
    region: np.ndarray, spacing: tuple[float, float], longest: Diameter
) -> float:
    """Lines right beside every corner of a pixel, at right angles to the longest diameter."""
    along = mm(longest.end, spacing) - mm(longest.start, spacing)
    along = along / np.linalg.norm(along)
    across = np.array([-along[1], along[0]])
    places = sorted(set(np.round(corners_mm(region, spacing) @ along, 7)))
    beside = [
        p + e for a, b in pairwise(places) for p, e in ((a, 1e-6), (b, -1e-6)) if b - a > 1e-5
    ]
    return max(max(inside_lengths(region, spacing, p * along, across), default=0) for p in beside)


@given(regions, st.none() | spacings)
def test_the_area_is_the_number_of_pixels_times_their_size(
    region: np.ndarray, spacing: tuple[float, float] | None
) -> None:
    found = measure(region, spacing)
    assert found.pixels == region.sum()
    if spacing is None:
        assert found.area_mm2 is None
    else:
        assert found.area_mm2 == pytest.approx(region.sum() * spacing[0] * spacing[1])


@given(regions, spacings)
def test_the_longest_diameter_is_the_largest_distance_of_all_corners(
    region: np.ndarray, spacing: tuple[float, float]
) -> None:
    assume(region.any())
    points = corners_mm(region, spacing)
    brute = max(np.linalg.norm(points - p, axis=1).max() for p in points)
    found = longest_diameter(region, spacing)
    assert found.length_mm == pytest.approx(brute)
    ends = mm(found.start, spacing), mm(found.end, spacing)
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(found.length_mm)
    assert all(np.abs(points - end).max(axis=1).min() < 1e-9 for end in ends)


@given(regions, spacings)
def test_the_perpendicular_diameter_is_the_longest_line_inside_at_right_angles(
    region: np.ndarray, spacing: tuple[float, float]
) -> None:
    assume(region.any())
    longest = longest_diameter(region, spacing)
    found = perpendicular_diameter(region, longest, spacing)
    assert found.length_mm == pytest.approx(brute_perpendicular(region, spacing, longest), abs=5e-4)
    along = mm(longest.end, spacing) - mm(longest.start, spacing)
    across = mm(found.end, spacing) - mm(found.start, spacing)
    assert np.linalg.norm(across) == pytest.approx(found.length_mm)
    assert abs(along @ across) <= 1e-6 * np.linalg.norm(along) * max(np.linalg.norm(across), 1e-3)


@given(regions, spacings, st.integers(0, 6), st.integers(0, 6))
def test_a_region_measures_the_same_wherever_it_lies_on_the_slice(
    region: np.ndarray, spacing: tuple[float, float], down: int, right: int
) -> None:
    assume(region.any())
    here = measure(region, spacing)
    there = measure(np.pad(region, ((down, 3), (right, 2))), spacing)
    for one, other in ((here.longest, there.longest), (here.perpendicular, there.perpendicular)):
        assert one is not None
        assert other is not None
        assert other.length_mm == pytest.approx(one.length_mm)
        assert other.start == pytest.approx((one.start[0] + right, one.start[1] + down))
        assert other.end == pytest.approx((one.end[0] + right, one.end[1] + down))


@given(st.integers(1, 30), st.integers(1, 30), spacings)
def test_a_rectangle_has_the_diameters_of_the_closed_form(
    rows: int, columns: int, spacing: tuple[float, float]
) -> None:
    height, width = rows * spacing[0], columns * spacing[1]
    found = measure(np.ones((rows, columns), np.uint8), spacing)
    diagonal = np.hypot(width, height)
    assert found.longest is not None
    assert found.perpendicular is not None
    assert found.longest.length_mm == pytest.approx(diagonal)
    # A line at right angles to the diagonal goes from one long side to the other.
    shorter, longer = sorted((width, height))
    assert found.perpendicular.length_mm == pytest.approx(diagonal * shorter / longer)


@pytest.mark.parametrize("degrees", [0, 17, 30, 45, 90, 133])
@pytest.mark.parametrize("spacing", [SQUARE, (0.6, 0.6), (2.0, 0.5)])
def test_an_ellipse_has_its_two_axes_within_a_pixel(
    degrees: float, spacing: tuple[float, float]
) -> None:
    half_long, half_short = 60.0, 25.0
    size = (int(140 / spacing[0]), int(140 / spacing[1]))
    y, x = ((np.indices(size) + 0.5).T * spacing).T - 70
    turn = np.radians(degrees)
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    found = measure((u / half_long) ** 2 + (v / half_short) ** 2 <= 1, spacing)
    assert found.longest is not None
    assert found.perpendicular is not None
    pixel = float(np.hypot(*spacing))
    assert found.longest.length_mm == pytest.approx(2 * half_long, abs=pixel)
    assert found.perpendicular.length_mm == pytest.approx(2 * half_short, abs=1.5 * pixel)


def test_a_long_thin_lesion_is_measured_along_its_own_pixels() -> None:
    found = measure(np.ones((1, 12), bool), (0.5, 2.0))
    assert found.longest == Diameter((0.0, 0.0), (12.0, 1.0), np.hypot(24, 0.5))


def test_the_perpendicular_diameter_does_not_cross_a_gap() -> None:
    ring = np.zeros((40, 60), np.uint8)
    cv2.ellipse(ring, (30, 20), (28, 16), 0, 0, 360, 1, -1)
    filled = measure(ring, SQUARE).perpendicular
    cv2.ellipse(ring, (30, 20), (20, 10), 0, 0, 360, 0, -1)
    hollow = measure(ring, SQUARE).perpendicular
    assert filled is not None
    assert hollow is not None
    assert filled.length_mm == pytest.approx(33, abs=1.5)
    # Beside the hole, half way between its tip and the lesion's.
    assert 6 <= (hollow.length_mm or 0) < 24


def test_of_equally_long_lines_the_one_in_the_middle_is_drawn() -> None:
    found = measure(np.ones((10, 40), bool), SQUARE).perpendicular
    assert found is not None
    middle = (np.array(found.start) + found.end) / 2
    assert np.linalg.norm(middle - (20, 5)) < 0.8


def test_without_spacing_lengths_are_in_pixels_and_never_in_millimetres() -> None:
    found = measure(np.ones((3, 4), bool), None)
    assert found.area_mm2 is None
    assert found.longest is not None
    assert found.longest.length_mm is None
    assert found.longest.length_px == pytest.approx(5)


def test_a_region_without_pixels_has_no_diameter_and_no_mean() -> None:
    nothing = np.zeros((5, 6), bool)
    found = measure(nothing, SQUARE, np.ones((5, 6)))
    assert (found.pixels, found.area_mm2) == (0, 0)
    assert found.longest is found.perpendicular is found.mean_intensity is None
    with pytest.raises(ValueError, match="without pixels"):
        longest_diameter(nothing, SQUARE)


@given(regions, st.integers(0, 2**32 - 1))
def test_the_mean_is_taken_over_the_regions_own_pixels(region: np.ndarray, seed: int) -> None:
    assume(region.any())
    values = np.random.default_rng(seed).integers(-1000, 3000, region.shape).astype(np.int16)
    expected = sum(float(values[r, c]) for r, c in np.argwhere(region)) / region.sum()
    assert mean_intensity(region, values) == pytest.approx(expected)
    assert measure(region, None, values).mean_intensity == pytest.approx(expected)


def test_a_speckled_slice_is_measured_on_fewer_lines_and_never_too_long() -> None:
    speckled = np.random.default_rng(3).random((256, 256)) < 0.5
    longest = longest_diameter(speckled, SQUARE)
    found = perpendicular_diameter(speckled, longest, SQUARE)
    middle = (np.array(found.start) + found.end) / 2
    across = np.array(found.end) - found.start
    lengths = inside_lengths(speckled, SQUARE, middle, across / np.linalg.norm(across))
    assert 3 < (found.length_mm or 0) <= max(lengths) + 1e-6
