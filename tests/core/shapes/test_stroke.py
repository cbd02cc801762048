"""The pixels of a brush stroke, compared with the distance of every pixel from its way."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg_desktop.core.annotation import Point
from medseg_desktop.core.shapes.stroke import Stroke

ROWS, COLUMNS = 24, 30
points = st.tuples(st.floats(-6, COLUMNS + 6), st.floats(-6, ROWS + 6))
ways = st.lists(points, min_size=1, max_size=6)
radii = st.floats(0.3, 9)
aspects = st.sampled_from([0.3, 1.0, 2.5])


def painted(way: list[Point], radius: float, aspect: float) -> npt.NDArray[np.bool_]:
    stroke = Stroke(ROWS, COLUMNS, radius, aspect)
    for point in way:
        stroke.move_to(point)
    return stroke.pixels


def distance(at: Point, way: list[Point], aspect: float) -> float:
    """Of a point to a polyline, segment by segment."""
    nearest = math.inf
    for start, end in zip(way, [*way[1:], way[-1]], strict=True):
        dx, dy = end[0] - start[0], (end[1] - start[1]) * aspect
        px, py = at[0] - start[0], (at[1] - start[1]) * aspect
        length = dx * dx + dy * dy
        share = min(max((px * dx + py * dy) / length, 0.0), 1.0) if length else 0.0
        nearest = min(nearest, math.hypot(px - share * dx, py - share * dy))
    return nearest


def is_passed(row: int, column: int, way: list[Point]) -> bool:
    """The way goes through the pixel; told by many places on it."""
    for start, end in zip(way, [*way[1:], way[-1]], strict=True):
        steps = np.linspace(start, end, 4000)
        inside = (np.abs(steps - (column + 0.5, row + 0.5)) <= 0.5 + 0.02).all(axis=1)
        if inside.any():
            return True
    return False


@settings(max_examples=150)
@given(ways, radii, aspects)
def test_a_stroke_is_the_pixels_whose_centre_is_within_the_radius_of_its_way(
    way: list[Point], radius: float, aspect: float
) -> None:
    pixels = painted(way, radius, aspect)
    for row in range(ROWS):
        for column in range(COLUMNS):
            away = distance((column + 0.5, row + 0.5), way, aspect)
            if abs(away - radius) < 1e-9:
                continue  # either answer is right
            if away < radius:
                assert pixels[row, column]
            elif pixels[row, column]:
                assert is_passed(row, column, way)


@given(ways, radii, aspects)
def test_the_parts_that_each_move_looks_at_make_up_the_whole(
    way: list[Point], radius: float, aspect: float
) -> None:
    stroke = Stroke(ROWS, COLUMNS, radius, aspect)
    seen = np.zeros_like(stroke.pixels)
    for point in way:
        before = stroke.pixels.copy()
        left, top, right, bottom = stroke.move_to(point)
        outside = np.ones_like(before)
        outside[top:bottom, left:right] = False
        assert np.array_equal(before[outside], stroke.pixels[outside])
        seen[top:bottom, left:right] |= stroke.pixels[top:bottom, left:right]
    assert np.array_equal(seen, stroke.pixels)


@given(
    st.tuples(st.floats(0, COLUMNS - 0.01), st.floats(0, ROWS - 0.01)),
    st.tuples(st.floats(0, COLUMNS - 0.01), st.floats(0, ROWS - 0.01)),
    aspects,
)
def test_the_smallest_brush_leaves_no_gaps_however_quick_it_is(
    start: Point, end: Point, aspect: float
) -> None:
    pixels = painted([start, end], 0.3, aspect)
    count, _ = cv2.connectedComponents(pixels.astype(np.uint8), connectivity=8)
    assert count == 2  # the background is one of them
    for x, y in (start, end):
        assert pixels[int(y), int(x)]


def test_the_brush_is_round_on_the_screen() -> None:
    pixels = painted([(15.0, 12.0)], 6.0, 2.0)
    rows, columns = np.nonzero(pixels)
    assert np.ptp(columns) + 1 == 12
    assert np.ptp(rows) + 1 == 6


def test_another_size_holds_from_the_next_move_on() -> None:
    stroke = Stroke(ROWS, COLUMNS, 1.0)
    stroke.move_to((4.0, 12.0))
    stroke.radius = 5.0
    stroke.move_to((20.0, 12.0))
    assert stroke.pixels[:, 20].sum() == 10


def test_a_stroke_beside_the_slice_covers_nothing() -> None:
    assert not painted([(-20.0, 5.0), (-20.0, 15.0)], 3.0, 1.0).any()
