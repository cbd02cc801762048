"""What lies under the pointer, compared with looking at every vertex and edge one by one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg_desktop.core.annotation import Point, Shape, ShapeType
from medseg_desktop.core.raster import regions
from medseg_desktop.core.shapes.hit import HitMap
from medseg_desktop.core.shapes.rings import region_shapes
from medseg_desktop.core.shapes.vertices import handles, is_closed

coordinates = st.tuples(st.floats(-5, 30), st.floats(-5, 30))
areas = st.one_of(
    st.lists(coordinates, min_size=3, max_size=9).map(lambda p: Shape("H", tuple(p))),
    st.tuples(coordinates, coordinates).map(lambda p: Shape("H", p, ShapeType.RECTANGLE)),
)
others = st.one_of(
    st.tuples(coordinates, coordinates).map(lambda p: Shape("H", p, ShapeType.CIRCLE)),
    st.lists(coordinates, min_size=2, max_size=5).map(
        lambda p: Shape("H", tuple(p), ShapeType.LINESTRIP)
    ),
    st.lists(coordinates, min_size=1, max_size=3).map(
        lambda p: Shape("H", tuple(p), ShapeType.POINTS)
    ),
)
slices = st.lists(st.one_of(areas, others), min_size=1, max_size=6)
aspects = st.sampled_from([0.25, 1.0, 3.0])
reaches = st.floats(0.1, 8)


def screen_distance(a: Point, b: Point, aspect: float) -> float:
    return math.hypot(a[0] - b[0], (a[1] - b[1]) * aspect)


def to_segment(at: Point, start: Point, end: Point, aspect: float) -> float:
    """Of a point to a segment, by the formula for one of each."""
    px, py = at[0], at[1] * aspect
    ax, ay, bx, by = start[0], start[1] * aspect, end[0], end[1] * aspect
    length = (bx - ax) ** 2 + (by - ay) ** 2
    share = ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / length if length else 0.0
    share = min(max(share, 0.0), 1.0)
    return math.hypot(px - ax - share * (bx - ax), py - ay - share * (by - ay))


def segments(shape: Shape) -> list[tuple[Point, Point]]:
    if not (is_closed(shape) or shape.shape_type is ShapeType.LINESTRIP):
        return []
    found = []
    for ring in handles(shape):
        points = [(float(x), float(y)) for x, y in ring]
        found += list(itertools.pairwise(points))
        if is_closed(shape):
            found.append((points[-1], points[0]))
    return found


def nearest_vertex(shapes: Sequence[Shape], at: Point, aspect: float) -> float:
    points = [p for shape in shapes for ring in handles(shape) for p in ring.tolist()]
    return min(screen_distance(at, (x, y), aspect) for x, y in points)


@settings(max_examples=300)
@given(slices, coordinates, reaches, aspects)
def test_the_vertex_found_is_the_nearest_of_all(
    shapes: list[Shape], at: Point, reach: float, aspect: float
) -> None:
    found = HitMap(shapes, range(len(shapes)), aspect).vertex(at, reach)
    nearest = nearest_vertex(shapes, at, aspect)
    if found is None:
        assert nearest > reach - 1e-9
    else:
        assert screen_distance(at, found.point, aspect) == pytest.approx(nearest)
        assert tuple(handles(shapes[found.shape])[found.ring][found.index]) == found.point


@settings(max_examples=300)
@given(slices, coordinates, reaches, aspects)
def test_the_edge_found_is_the_nearest_of_all(
    shapes: list[Shape], at: Point, reach: float, aspect: float
) -> None:
    found = HitMap(shapes, range(len(shapes)), aspect).edge(at, reach)
    every = [to_segment(at, *ends, aspect) for shape in shapes for ends in segments(shape)]
    nearest = min(every, default=math.inf)
    if found is None:
        assert nearest > reach - 1e-6
        return
    assert screen_distance(at, found.point, aspect) == pytest.approx(nearest, abs=1e-6)
    ring = handles(shapes[found.shape])[found.ring].tolist()
    start, end = ring[found.index - 1], ring[found.index % len(ring)]
    assert to_segment(found.point, tuple(start), tuple(end), 1.0) < 1e-6


@settings(max_examples=300)
@given(areas, coordinates)
def test_a_point_is_in_an_area_by_the_rule_of_even_and_odd(shape: Shape, at: Point) -> None:
    crossings = 0
    for (x0, y0), (x1, y1) in segments(shape):
        if (y0 > at[1]) != (y1 > at[1]):
            crossings += x0 + (at[1] - y0) / (y1 - y0) * (x1 - x0) > at[0]
    assert HitMap([shape], [0]).covers(0, at) == (crossings % 2 == 1)


@given(slices, coordinates, reaches, aspects)
def test_the_shape_found_covers_the_point_or_is_within_reach(
    shapes: list[Shape], at: Point, reach: float, aspect: float
) -> None:
    hits = HitMap(shapes, range(len(shapes)), aspect)
    number = hits.shape(at, reach)
    if any(hits.covers(i, at) for i in range(len(shapes))):
        assert number is not None
        assert hits.covers(number, at)
    elif number is not None:
        own = [to_segment(at, *ends, aspect) for ends in segments(shapes[number])]
        near = min([*own, nearest_vertex([shapes[number]], at, aspect)])
        assert near <= reach + 1e-6
    else:
        assert nearest_vertex(shapes, at, aspect) > reach - 1e-9


@given(slices, coordinates, reaches, st.data())
def test_what_was_known_of_an_earlier_state_changes_no_answer(
    shapes: list[Shape], at: Point, reach: float, data: st.DataObject
) -> None:
    before = HitMap(shapes, range(len(shapes)))
    before.shape(at, reach)
    order = data.draw(st.permutations(range(len(shapes))))
    later = [shapes[i] for i in order[: max(1, len(order) - 1)]]
    again, fresh = HitMap(later, range(len(later)), 1.0, before), HitMap(later, range(len(later)))
    assert again.vertex(at, reach) == fresh.vertex(at, reach)
    assert again.edge(at, reach) == fresh.edge(at, reach)
    assert again.shape(at, reach) == fresh.shape(at, reach)


@given(st.integers(3, 400), coordinates, st.floats(0.05, 3), st.booleans())
def test_blocks_of_a_long_outline_leave_nothing_out(
    count: int, at: Point, reach: float, closed: bool
) -> None:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    ring = np.stack([12 + 9 * np.cos(angle) ** 3, 12 + 11 * np.sin(angle)], axis=1)
    kind = ShapeType.POLYGON if closed else ShapeType.LINESTRIP
    shape = Shape("H", tuple(map(tuple, ring.tolist())), kind)
    hits = HitMap([shape], [0])
    vertex, edge = hits.vertex(at, reach), hits.edge(at, reach)
    assert (vertex is not None) == (nearest_vertex([shape], at, 1.0) <= reach)
    nearest = min(to_segment(at, *ends, 1.0) for ends in segments(shape))
    assert (edge is not None) == (nearest <= reach) or abs(nearest - reach) < 1e-9


def test_only_usable_shapes_and_of_them_only_those_asked_for_are_found() -> None:
    square = Shape("H", ((2.0, 2.0), (8.0, 2.0), (8.0, 8.0), (2.0, 8.0)))
    hits = HitMap([square, square, square], [0, 2])
    assert hits.shape((5, 5), 1) == 2
    assert hits.inside((0, 0), (9, 9)) == (0, 2)
    vertex = hits.vertex((2, 2), 1, among=(0, 1))
    assert vertex is not None
    assert vertex.shape == 0
    assert hits.vertex((2, 2), 1, among=()) is None


def test_a_small_area_under_a_large_one_is_found_where_it_is() -> None:
    small = Shape("H", ((4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0)))
    large = Shape("H", ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)))
    hits = HitMap([small, large], [0, 1])
    assert hits.shape((5, 5), 1) == 0
    assert hits.shape((2, 2), 1) == 1


def test_a_hole_is_not_part_of_the_area() -> None:
    pixels = np.zeros((20, 20), np.uint8)
    pixels[2:18, 2:18], pixels[7:13, 7:13] = 1, 0
    (shape,) = region_shapes("H", regions(pixels), {})
    hits = HitMap([shape], [0])
    assert hits.covers(0, (4.5, 4.5))
    assert not hits.covers(0, (10, 10))
    assert hits.shape((10, 10), 1) is None


def test_a_bitmap_is_hit_on_its_pixels_only() -> None:
    bitmap = np.array([[True, False], [False, True]])
    mask = Shape("H", ((3.0, 4.0), (5.0, 6.0)), ShapeType.MASK, bitmap=bitmap)
    hits = HitMap([mask], [0])
    assert [hits.covers(0, at) for at in ((3.5, 4.5), (4.5, 4.5), (4.5, 5.5), (2.6, 4.5))] == [
        True, False, True, False,
    ]  # fmt: skip


def test_an_extent_is_the_shorter_side_as_it_is_seen() -> None:
    box = Shape("H", ((2.0, 2.0), (12.0, 7.0)), ShapeType.RECTANGLE)
    assert HitMap([box], [0]).extent(0) == 5
    assert HitMap([box], [0], aspect=3.0).extent(0) == 10


def test_shapes_that_stayed_are_known_under_their_new_numbers() -> None:
    shapes = [Shape("H", ((x, 0.0), (x + 4.0, 0.0), (x + 4.0, 4.0))) for x in (0.0, 10.0, 20.0)]
    before = HitMap(shapes, range(3))
    after = HitMap([*shapes[1:], shapes[0]], range(3), 1.0, before)
    assert [after.shape((x + 3, 1), 1) for x in (0, 10, 20)] == [2, 0, 1]
