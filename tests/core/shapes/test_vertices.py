"""Edits of the points of one shape."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.raster import regions
from medseg_desktop.core.shapes.edit import shape_pixels
from medseg_desktop.core.shapes.rings import region_shapes, rings_of
from medseg_desktop.core.shapes.vertices import (
    enclosed,
    handles,
    simplified,
    smoothed,
    translated,
    with_inserted_vertex,
    with_vertex,
    without_vertex,
)

SQUARE = Shape("H", ((2.0, 2.0), (12.0, 2.0), (12.0, 12.0), (2.0, 12.0)))
RECTANGLE = Shape("H", ((2.0, 2.0), (12.0, 9.0)), ShapeType.RECTANGLE)
CIRCLE = Shape("H", ((10.0, 10.0), (14.0, 10.0)), ShapeType.CIRCLE)

coordinates = st.tuples(st.floats(0, 30), st.floats(0, 30))
polygons = st.lists(coordinates, min_size=3, max_size=12).map(lambda p: Shape("H", tuple(p)))


def disc(radius: float, size: int = 64, hole: float = 0.0) -> Shape:
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    distance = np.hypot(x, y)
    pixels = (distance <= radius) & (distance >= hole)
    (shape,) = region_shapes("H", regions(pixels.astype(np.uint8)), {})
    return shape


@given(polygons, st.data())
def test_a_vertex_that_was_put_in_can_be_taken_out(shape: Shape, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(shape.points)))
    longer = with_inserted_vertex(shape, 0, index, (5.0, 6.0))
    assert longer.points[index] == (5.0, 6.0)
    back = without_vertex(longer, 0, index)
    assert back is not None
    assert back.points == shape.points


@given(polygons, coordinates, st.data())
def test_moving_a_vertex_moves_only_that_one(
    shape: Shape, point: tuple[float, float], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(shape.points) - 1))
    moved = with_vertex(shape, 0, index, point)
    expected = list(shape.points)
    expected[index] = point
    assert moved.points == tuple(expected)


@given(st.floats(1.0, 1.2), st.floats(-0.2, 0.2), st.integers(30, 200), st.booleans())
def test_a_line_around_a_disc_that_overshoots_leaves_no_notch(
    turns: float, drift: float, count: int, reverse: bool
) -> None:
    angle = np.linspace(0, 2 * np.pi * turns, count)
    radius = 20 * (1 + drift * angle / angle[-1])
    line = np.stack([32 + radius * np.cos(angle), 32 + radius * np.sin(angle)], axis=1)
    drawn = [(float(x), float(y)) for x, y in (line[::-1] if reverse else line)]
    pixels = shape_pixels(Shape("H", tuple(enclosed(drawn, 64, 64))), 64, 64)
    y, x = np.mgrid[:64, :64] + 0.5
    inner = np.hypot(x - 32, y - 32) < 20 * min(1, 1 + drift) - 3
    assert pixels[inner].all()


def test_a_line_that_does_not_overlap_itself_stays_as_it_was_drawn() -> None:
    assert enclosed(SQUARE.points, 30, 30) is SQUARE.points


@given(st.lists(coordinates, min_size=3, max_size=12))
def test_what_a_line_encloses_holds_all_that_its_polygon_fills(
    line: list[tuple[float, float]],
) -> None:
    whole = shape_pixels(Shape("H", tuple(enclosed(line, 31, 31))), 31, 31)
    filled = shape_pixels(Shape("H", tuple(line)), 31, 31)
    assert not (filled & ~whole).any()
    outside = np.zeros((33, 33), np.uint8)
    outside[1:-1, 1:-1] = whole
    count, _ = cv2.connectedComponents(1 - outside, connectivity=4)
    assert count == 2  # nothing but the outside is left free


def test_a_triangle_keeps_its_three_vertices() -> None:
    triangle = Shape("H", SQUARE.points[:3])
    assert without_vertex(triangle, 0, 1) is None


@pytest.mark.parametrize("corner", range(4))
def test_a_corner_of_a_rectangle_moves_against_the_opposite_one(corner: int) -> None:
    opposite = tuple(handles(RECTANGLE)[0][(corner + 2) % 4])
    moved = with_vertex(RECTANGLE, 0, corner, (20.0, 21.0))
    assert moved.shape_type is ShapeType.RECTANGLE
    assert set(moved.points) == {opposite, (20.0, 21.0)}


def test_a_rectangle_with_a_vertex_more_is_a_polygon() -> None:
    longer = with_inserted_vertex(RECTANGLE, 0, 1, (7.0, 1.0))
    assert longer.shape_type is ShapeType.POLYGON
    assert len(longer.points) == 5


def test_the_centre_of_a_circle_moves_it_and_the_rim_changes_its_radius() -> None:
    assert with_vertex(CIRCLE, 0, 0, (11.0, 12.0)).points == ((11.0, 12.0), (15.0, 12.0))
    assert with_vertex(CIRCLE, 0, 1, (16.0, 10.0)).points == ((10.0, 10.0), (16.0, 10.0))
    assert without_vertex(CIRCLE, 0, 1) is None


def test_a_hole_moves_with_its_shape() -> None:
    ring = disc(12, hole=5)
    moved = translated(ring, 3, 4)
    assert len(rings_of(moved)) == 2
    expected = np.roll(shape_pixels(ring, 64, 64), (4, 3), (0, 1))
    np.testing.assert_array_equal(shape_pixels(moved, 64, 64), expected)


def test_a_vertex_of_a_hole_can_be_moved_and_taken_out() -> None:
    ring = disc(12, hole=5)
    moved = with_vertex(ring, 1, 0, (32.5, 32.5))
    assert (32.5, 32.5) in moved.points
    shorter = without_vertex(ring, 1, 0)
    assert shorter is not None
    assert len(rings_of(shorter)[1]) == len(rings_of(ring)[1]) - 1


def test_the_last_vertices_of_a_hole_take_it_with_them() -> None:
    shape = disc(12, hole=5)
    while len(rings_of(shape)) == 2:
        left = without_vertex(shape, 1, 0)
        assert left is not None
        shape = left
    assert shape_pixels(shape, 64, 64)[32, 32]


@settings(deadline=None)
@given(st.floats(4, 25))
def test_simplifying_leaves_no_vertex_further_away_than_said(radius: float) -> None:
    shape = disc(radius)
    slim = simplified(shape, 1.0)
    assert 3 <= len(slim.points) <= len(shape.points)
    corners = np.array(slim.points)
    ends = np.roll(corners, -1, axis=0)
    for point in np.array(shape.points):
        way = ends - corners
        share = ((point - corners) * way).sum(axis=1) / np.maximum((way**2).sum(axis=1), 1e-9)
        nearest = corners + np.clip(share, 0, 1)[:, None] * way
        assert np.hypot(*(nearest - point).T).min() <= 1.0 + 1e-3, point


@settings(deadline=None)
@given(st.floats(8, 25))
def test_smoothing_keeps_the_size_of_a_disc(radius: float) -> None:
    shape = disc(radius)
    before = int(shape_pixels(shape, 64, 64).sum())
    after = int(shape_pixels(smoothed(shape, 64, 64), 64, 64).sum())
    assert abs(after - before) <= 0.4 * 2 * np.pi * radius  # of a pixel, all around


def test_smoothing_takes_the_steps_off_an_outline() -> None:
    rng = np.random.default_rng(3)
    angle = np.linspace(0, 2 * np.pi, 150, endpoint=False)
    radius = 20 + rng.normal(0, 0.8, len(angle))
    points = np.stack([32 + radius * np.cos(angle), 32 + radius * np.sin(angle)], axis=1)
    rough = Shape("H", tuple(map(tuple, points.tolist())))

    def length(shape: Shape) -> float:
        line = np.array([*shape.points, shape.points[0]])
        return float(np.hypot(*np.diff(line, axis=0).T).sum())

    smooth = smoothed(rough, 64, 64)
    assert length(smooth) < 0.9 * length(rough)
    assert abs(length(smooth) - 2 * np.pi * 20) < 0.05 * 2 * np.pi * 20


def test_smoothing_keeps_holes_and_stays_on_the_slice() -> None:
    shape = disc(31.5, hole=8)
    smooth = smoothed(shape, 64, 64)
    assert len(rings_of(smooth)) == 2
    assert not shape_pixels(smooth, 64, 64)[32, 32]
    points = np.array(smooth.points)
    assert (points >= 0).all()
    assert (points <= 64).all()


def test_tiny_shapes_are_left_as_they_are() -> None:
    speck = disc(1.2)
    assert smoothed(speck, 64, 64) == speck
    assert simplified(CIRCLE, 1.0) is CIRCLE


def test_a_rectangle_of_four_points_becomes_a_polygon_when_one_is_moved() -> None:
    corners = ((3.0, 3.0), (8.0, 4.0), (7.0, 9.0), (2.0, 8.0))
    shape = with_vertex(Shape("H", corners, ShapeType.RECTANGLE), 0, 0, (1.0, 1.0))
    assert shape.shape_type is ShapeType.POLYGON
    assert shape.points == ((1.0, 1.0), *corners[1:])


def test_a_line_with_a_third_point_is_a_line_strip() -> None:
    line = Shape("H", ((1.0, 1.0), (9.0, 9.0)), ShapeType.LINE)
    longer = with_inserted_vertex(line, 0, 1, (4.0, 6.0))
    assert longer.shape_type is ShapeType.LINESTRIP
    assert longer.points == ((1.0, 1.0), (4.0, 6.0), (9.0, 9.0))


def test_smoothing_leaves_a_shape_outside_the_slice_where_it_is() -> None:
    far = Shape("H", ((100.0, 100.0), (140.0, 100.0), (140.0, 140.0)))
    points = np.array(smoothed(far, 20, 24).points)
    assert points.min() > 95
    assert np.ptp(points, axis=0).min() > 30
