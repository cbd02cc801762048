"""Pixels of a slice: worked out shape by shape they are those of the one rasteriser."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.core.shapes.edit import shape_pixels
from medseg_desktop.core.shapes.patches import box_of, is_area, patch_of
from medseg_desktop.core.shapes.slice_pixels import PixelKeeper, SlicePixels
from medseg_desktop.core.shapes.vertices import (
    handles,
    moved_look,
    translated,
    vertex_look,
    with_vertex,
)

ROWS, COLUMNS = 20, 24
TABLE = LabelTable.from_names(["H", "edema", "core"])
BITMAP = np.array([[1, 0, 1], [1, 1, 0]], np.bool_)

coordinates = st.one_of(
    st.floats(-6, 30), st.integers(-6, 30).map(float), st.sampled_from([1e9, -1e9])
)
points = st.lists(st.tuples(coordinates, coordinates), min_size=2, max_size=9).map(tuple)


def of_type(points: tuple[tuple[float, float], ...], kind: ShapeType, label: str) -> Shape:
    count = 2 if kind in (ShapeType.RECTANGLE, ShapeType.CIRCLE) else len(points)
    bitmap = BITMAP if kind is ShapeType.MASK else None
    return Shape(label, points[:count], kind, bitmap=bitmap)


shapes = st.builds(
    of_type, points, st.sampled_from(ShapeType), st.sampled_from(["H", "edema", "core", "other"])
)
slices = st.lists(shapes, max_size=6).map(tuple)


def expected_overlap(of: tuple[Shape, ...]) -> np.ndarray:
    """By the definition: pixels of at least two labels."""
    counts = np.zeros((ROWS, COLUMNS), int)
    for label in {shape.label for shape in of}:
        own = np.zeros((ROWS, COLUMNS), bool)
        for shape in of:
            if shape.label == label and is_area(shape):
                own |= shape_pixels(shape, ROWS, COLUMNS)
        counts += own
    return counts > 1


def assert_right(pixels: SlicePixels, of: tuple[Shape, ...]) -> None:
    np.testing.assert_array_equal(pixels.label_map(TABLE), draw_label_map(of, TABLE, ROWS, COLUMNS))
    np.testing.assert_array_equal(pixels.overlap, expected_overlap(of))


@given(shapes)
def test_the_patch_of_a_shape_holds_exactly_its_pixels(shape: Shape) -> None:
    patch = patch_of(shape, ROWS, COLUMNS)
    whole = np.zeros((ROWS, COLUMNS), np.bool_)
    patch.box.of(whole)[:] = patch.pixels
    np.testing.assert_array_equal(whole, shape_pixels(shape, ROWS, COLUMNS))
    assert patch.count == whole.sum()
    assert not patch.count or box_of(shape).meets(patch.box)


@given(st.lists(slices, min_size=1, max_size=4), st.randoms())
def test_label_map_and_overlap_follow_any_changes_of_the_shapes(
    several: list[tuple[Shape, ...]], random: st.DataObject
) -> None:
    keeper = PixelKeeper()
    before: tuple[Shape, ...] = ()
    for new in several:
        kept = [shape for shape in before if random.random() < 0.7]
        for shape in new:
            kept.insert(random.randint(0, len(kept)), shape)
        before = tuple(kept)
        assert_right(keeper.of(before, ROWS, COLUMNS), before)


@given(shapes, st.floats(-9, 9), st.floats(-9, 9))
def test_a_shape_that_is_being_moved_looks_as_it_will_be(
    shape: Shape, dx: float, dy: float
) -> None:
    look, moved = moved_look(shape, dx, dy), translated(shape, dx, dy)
    first, second = (patch_of(s, ROWS, COLUMNS) for s in (look, moved))
    assert first.box == second.box
    np.testing.assert_array_equal(first.pixels, second.pixels)
    for one, other in zip(handles(look), handles(moved), strict=True):
        np.testing.assert_array_equal(one, other)


@given(points.filter(lambda p: len(p) > 2), st.integers(0, 2), coordinates, coordinates)
def test_a_shape_whose_vertex_is_being_moved_looks_as_it_will_be(
    outline: tuple[tuple[float, float], ...], index: int, x: float, y: float
) -> None:
    shape = Shape("H", outline)
    look, made = (f(shape, 0, index, (x, y)) for f in (vertex_look, with_vertex))
    first, second = (patch_of(s, ROWS, COLUMNS) for s in (look, made))
    assert first.box == second.box
    np.testing.assert_array_equal(first.pixels, second.pixels)


@given(slices)
def test_another_order_of_the_shapes_counts(of: tuple[Shape, ...]) -> None:
    pixels = SlicePixels(of, ROWS, COLUMNS)
    assert_right(pixels, of)
    assert_right(pixels.after(of[::-1]), of[::-1])


def square(label: str, left: float, top: float, side: float) -> Shape:
    corners = ((left, top), (left + side, top + side))
    return Shape(label, corners, ShapeType.RECTANGLE)


def test_the_same_shapes_have_the_same_pixels_and_nothing_is_drawn_again() -> None:
    of = (square("H", 2, 2, 6), square("edema", 5, 5, 6))
    keeper = PixelKeeper()
    assert keeper.of(of, ROWS, COLUMNS) is keeper.of(tuple(list(of)), ROWS, COLUMNS)


def test_a_shape_that_stays_keeps_its_patch() -> None:
    first, second = square("H", 2, 2, 6), square("edema", 5, 5, 6)
    before = SlicePixels((first, second), ROWS, COLUMNS)
    after = before.after((first, replace(second, label="H")))
    assert after.patches[0] is before.patches[0]
    assert not after.overlap.any()


def test_overlap_counts_different_labels_only() -> None:
    first, second = square("H", 2, 2, 5), square("H", 6, 6, 5)
    assert not SlicePixels((first, second), ROWS, COLUMNS).overlap.any()
    shared = SlicePixels((first, square("edema", 4, 4, 1)), ROWS, COLUMNS).overlap
    assert list(zip(*np.nonzero(shared), strict=True)) == [(4, 4), (4, 5), (5, 4), (5, 5)]


def test_a_label_with_another_index_is_drawn_again() -> None:
    pixels = SlicePixels((square("H", 2, 2, 5),), ROWS, COLUMNS)
    assert pixels.label_map(TABLE)[4, 4] == 1
    assert pixels.label_map(LabelTable.from_names(["core", "H"]))[4, 4] == 2
