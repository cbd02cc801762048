"""Shapes that reach outside their slice, and what is left of them in it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medseg_desktop.core.annotation import MINIMUM_POINTS, Shape, ShapeType
from medseg_desktop.core.raster import fill_shape
from medseg_desktop.core.shapes.clip import clipped, reaches_outside

ROWS, COLUMNS = 14, 18
FILLED = (ShapeType.POLYGON, ShapeType.RECTANGLE, ShapeType.CIRCLE)

near = st.floats(-9, 27, allow_subnormal=False) | st.integers(-3, 20)
far = st.floats(-1e6, 1e6, allow_subnormal=False)
pairs = st.tuples(near, near) | st.tuples(near | far, near | far)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    kind = draw(st.sampled_from(list(ShapeType)))
    two = (ShapeType.RECTANGLE, ShapeType.CIRCLE, ShapeType.MASK, ShapeType.LINE)
    size = 2 if kind in two else draw(st.integers(MINIMUM_POINTS[kind], 7))
    points = tuple(draw(pairs) for _ in range(size))
    bitmap = None
    if kind is ShapeType.MASK:
        sides = st.tuples(st.integers(1, 9), st.integers(1, 9))
        bitmap = draw(arrays(np.bool_, draw(sides)))
    return Shape("H", points, kind, {"group_id": 3, "mask": "x"}, bitmap=bitmap)


def drawn(*several: Shape, rows: int = ROWS, columns: int = COLUMNS) -> np.ndarray:
    label_map = np.zeros((rows, columns), np.uint8)
    for shape in several:
        fill_shape(label_map, shape, 1)
    return label_map


@settings(max_examples=1500, deadline=None)
@given(shapes())
def test_clipping_changes_no_pixel_of_the_slice_and_leaves_nothing_outside(shape: Shape) -> None:
    parts = clipped(shape, ROWS, COLUMNS)
    np.testing.assert_array_equal(drawn(*parts), drawn(shape))
    assert not any(reaches_outside(part, ROWS, COLUMNS) for part in parts)
    assert all(part.label == "H" and part.extra["group_id"] == 3 for part in parts)
    assert all(len(part.points) >= MINIMUM_POINTS[part.shape_type] for part in parts)
    if reaches_outside(shape, ROWS, COLUMNS) and shape.shape_type in FILLED:
        assert bool(parts) == bool(drawn(shape).any())
        # Nothing outside remains: a larger map shows the same pixels and no others.
        larger = drawn(*parts, rows=ROWS + 9, columns=COLUMNS + 9)
        assert larger.sum() == drawn(shape).sum()


@settings(max_examples=300, deadline=None)
@given(shapes())
def test_clipping_twice_is_clipping_once(shape: Shape) -> None:
    parts = clipped(shape, ROWS, COLUMNS)
    assert tuple(p for part in parts for p in clipped(part, ROWS, COLUMNS)) == parts


@settings(max_examples=300, deadline=None)
@given(shapes())
def test_exactly_the_vertices_beyond_the_borders_reach_outside(shape: Shape) -> None:
    if shape.shape_type in (ShapeType.CIRCLE, ShapeType.MASK, ShapeType.RECTANGLE):
        return
    beyond = any(not (0 <= x <= COLUMNS and 0 <= y <= ROWS) for x, y in shape.points)
    assert reaches_outside(shape, ROWS, COLUMNS) is beyond


@pytest.mark.parametrize(
    ("points", "kind", "outside"),
    [
        (((0, 0), (18, 0), (18, 14)), "polygon", False),
        (((0, 0), (18.01, 0), (18, 14)), "polygon", True),
        (((-0.01, 3), (5, 3), (5, 9)), "polygon", True),
        (((0, 0), (18, 14)), "rectangle", False),
        (((2, 2), (4, 15)), "rectangle", True),
        (((9, 7), (9, 13)), "circle", False),
        (((9, 7), (1, 7)), "circle", True),  # neither of its two points lies outside
        (((3, math.nan),), "point", True),
    ],
)
def test_the_borders_belong_to_the_slice(points: Any, kind: str, outside: bool) -> None:
    assert reaches_outside(Shape("H", points, ShapeType(kind)), ROWS, COLUMNS) is outside


def test_a_mask_reaches_outside_with_its_bitmap() -> None:
    bitmap = np.ones((4, 6), np.bool_)
    within = Shape("H", ((12, 10), (17, 13)), ShapeType.MASK, bitmap=bitmap)
    beyond = Shape("H", ((13, 10), (17, 13)), ShapeType.MASK, bitmap=bitmap)
    assert not reaches_outside(within, ROWS, COLUMNS)
    assert reaches_outside(beyond, ROWS, COLUMNS)


def test_what_lies_within_comes_back_as_it_is() -> None:
    shape = Shape("H", ((1, 1), (9, 1.5), (9, 9)), extra={"note": "x"})
    (same,) = clipped(shape, ROWS, COLUMNS)
    assert same is shape


def test_a_polygon_that_leaves_and_comes_back_becomes_two() -> None:
    fork = ((-4, 2), (6, 2), (6, 4), (-2, 4), (-2, 9), (6, 9), (6, 11), (-4, 11))
    parts = clipped(Shape("H", tuple((x + 0.5, y + 0.5) for x, y in fork)), ROWS, COLUMNS)
    assert [part.shape_type for part in parts] == [ShapeType.POLYGON] * 2
    assert sorted({y for part in parts for _, y in part.points}) == [2.5, 4.5, 9.5, 11.5]


def test_a_line_is_cut_where_it_leaves_the_slice_and_keeps_its_own_vertices() -> None:
    points = ((2.25, 3.75), (9.5, 3.5), (30.5, 3.5), (30.5, 9.5), (4.75, 9.5))
    first, second = clipped(Shape("H", points, ShapeType.LINESTRIP), ROWS, COLUMNS)
    assert first.points == ((2.25, 3.75), (9.5, 3.5), (17.5, 3.5))
    assert second.points == ((17.5, 9.5), (4.75, 9.5))


def test_points_outside_are_left_out() -> None:
    shape = Shape("H", ((3.25, 4), (99, 4), (-0.5, 4), (-1, 4)), ShapeType.POINTS)
    (left,) = clipped(shape, ROWS, COLUMNS)
    assert left.points == ((3.25, 4), (0.5, 4.5))  # -0.5 is truncated to the pixel 0


@pytest.mark.parametrize("kind", [*FILLED, *(ShapeType.POINTS, ShapeType.LINESTRIP)])
def test_nothing_is_left_of_what_lies_wholly_outside(kind: ShapeType) -> None:
    points = ((40.0, 40.0), (44.0, 40.0), (44.0, 44.0))
    points = points[:2] if kind in (ShapeType.RECTANGLE, ShapeType.CIRCLE) else points
    assert clipped(Shape("H", points, kind), ROWS, COLUMNS) == ()


def test_keys_that_describe_the_old_outline_are_dropped() -> None:
    ours = {"source": "manual", "rings": [[[1, 2]]]}
    extra = {"medseg": ours, "note": "x"}
    (part,) = clipped(Shape("H", ((-4, 1), (9, 1), (9, 9)), extra=extra), ROWS, COLUMNS)
    assert part.extra == {"medseg": {"source": "manual"}, "note": "x"}
    assert "rings" in ours
    bitmap = np.ones((4, 6), np.bool_)
    mask = Shape("H", ((-2, 1), (3, 4)), ShapeType.MASK, {"mask": "iVBO"}, bitmap=bitmap)
    (polygon,) = clipped(mask, ROWS, COLUMNS)
    assert (polygon.shape_type, polygon.extra, polygon.bitmap) == ("polygon", {}, None)


def test_a_rectangle_of_four_numbers_becomes_a_polygon_of_pairs() -> None:
    stored = (-3, 2, 8, 5)
    shape = Shape("H", ((-3, 2), (5, 7)), ShapeType.RECTANGLE, {}, True, stored)
    (part,) = clipped(shape, ROWS, COLUMNS)
    assert (part.rectangle_xywh, part.rectangle_stored) == (False, ())
    assert len(part.points) == 4
