"""Edits on pixels: what comes out fills exactly the pixels that the operation says."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.raster import draw_label_map, regions
from medseg_desktop.core.shapes.edit import (
    cut,
    erased,
    merged,
    painted,
    shape_pixels,
)
from medseg_desktop.core.shapes.provenance import Author, Provenance, proposed_by, with_own_keys
from medseg_desktop.core.shapes.rings import region_shapes, rings_of, shapes_from_label_map

Pixels = npt.NDArray[np.bool_]
AUTHOR = Author("Li", now=lambda: "2026-01-02T03:04:05+00:00")
TABLE = LabelTable.from_names(["H", "edema"])

masks = st.tuples(st.integers(3, 14), st.integers(3, 14)).flatmap(
    lambda size: st.tuples(arrays(np.bool_, size), arrays(np.bool_, size))
)


def from_pixels(label: str, pixels: Pixels) -> tuple[Shape, ...]:
    return tuple(region_shapes(label, regions(pixels.astype(np.uint8)), {}))


def pixels_of(shapes: tuple[Shape, ...], label: str, size: tuple[int, int]) -> Pixels:
    total = np.zeros(size, np.bool_)
    for shape in shapes:
        if shape.label == label:
            total |= shape_pixels(shape, *size)
    return total


def box(top: int, left: int, bottom: int, right: int, size: tuple[int, int] = (20, 24)) -> Pixels:
    pixels = np.zeros(size, np.bool_)
    pixels[top:bottom, left:right] = True
    return pixels


def anything(_shape: Shape) -> bool:
    return True


@settings(max_examples=200, deadline=None)
@given(masks)
def test_painting_is_the_union_of_pixel_sets(both: tuple[Pixels, Pixels]) -> None:
    first, stroke = both
    shapes = painted(from_pixels("H", first), stroke, "H", AUTHOR, {}, anything)
    np.testing.assert_array_equal(pixels_of(shapes, "H", first.shape), first | stroke)


@settings(max_examples=200, deadline=None)
@given(masks)
def test_erasing_is_the_difference_of_pixel_sets(both: tuple[Pixels, Pixels]) -> None:
    first, stroke = both
    shapes = erased(from_pixels("H", first), stroke, AUTHOR, anything)
    np.testing.assert_array_equal(pixels_of(shapes, "H", first.shape), first & ~stroke)


@settings(max_examples=100, deadline=None)
@given(masks)
def test_painting_one_label_leaves_the_pixels_of_another(both: tuple[Pixels, Pixels]) -> None:
    first, stroke = both
    shapes = painted(from_pixels("edema", first), stroke, "H", AUTHOR, {}, anything)
    np.testing.assert_array_equal(pixels_of(shapes, "edema", first.shape), first)
    np.testing.assert_array_equal(pixels_of(shapes, "H", first.shape), stroke)


@settings(max_examples=100, deadline=None)
@given(masks)
def test_what_was_painted_last_counts_in_the_label_map(both: tuple[Pixels, Pixels]) -> None:
    first, stroke = both
    shapes = painted(from_pixels("edema", first), stroke, "H", AUTHOR, {}, anything)
    label_map = draw_label_map(shapes, TABLE, *first.shape)
    np.testing.assert_array_equal(label_map == 1, stroke)


@settings(max_examples=150, deadline=None)
@given(masks, st.integers(0, 2**31))
def test_a_cut_neither_loses_nor_doubles_a_pixel(both: tuple[Pixels, Pixels], seed: int) -> None:
    first, _ = both
    rows, columns = first.shape
    path = np.random.default_rng(seed).uniform((-2, -2), (columns + 2, rows + 2), (3, 2))
    before = from_pixels("H", first)
    after = cut(before, path, rows, columns, AUTHOR, anything)
    np.testing.assert_array_equal(pixels_of(after, "H", first.shape), first)
    assert sum(int(shape_pixels(s, rows, columns).sum()) for s in after) == sum(
        int(shape_pixels(s, rows, columns).sum()) for s in before
    )


@settings(max_examples=100, deadline=None)
@given(arrays(np.uint8, (9, 11), elements=st.integers(0, 2)))
def test_holes_are_told_as_rings_that_fill_the_same_pixels(label_map: np.ndarray) -> None:
    for shape in shapes_from_label_map(label_map, TABLE):
        rings = [np.floor(ring).astype(np.int32) for ring in rings_of(shape)]
        filled = cv2.fillPoly(np.zeros((9, 11), np.uint8), rings, 1)
        np.testing.assert_array_equal(filled > 0, shape_pixels(shape, 9, 11))


def test_a_hole_is_an_own_ring() -> None:
    (shape,) = erased(from_pixels("H", box(2, 2, 12, 14)), box(5, 6, 8, 9), AUTHOR, anything)
    assert [len(ring) for ring in rings_of(shape)] == [4, 8]


def test_rings_that_another_program_made_wrong_are_left_out() -> None:
    (shape,) = erased(from_pixels("H", box(2, 2, 12, 14)), box(5, 6, 8, 9), AUTHOR, anything)
    moved = Shape(shape.label, tuple((x + 1, y) for x, y in shape.points), extra=shape.extra)
    assert len(rings_of(moved)) == 1


def test_shapes_that_an_edit_does_not_touch_stay_the_same_objects() -> None:
    far = from_pixels("H", box(15, 15, 18, 18))
    near = from_pixels("H", box(2, 2, 5, 5))
    shapes = painted((*far, *near), box(4, 4, 7, 7), "H", AUTHOR, {}, anything)
    assert shapes[0] is far[0]
    assert len(shapes) == 2


def test_a_stroke_inside_a_shape_changes_nothing() -> None:
    shapes = from_pixels("H", box(2, 2, 12, 12))
    assert painted(shapes, box(4, 4, 6, 6), "H", AUTHOR, {}, anything) is shapes


def test_a_new_shape_takes_its_place_on_top_of_what_would_cover_it() -> None:
    bottom, top = from_pixels("H", box(2, 2, 8, 8)), from_pixels("edema", box(8, 6, 12, 12))
    shapes = painted((*bottom, *top), box(7, 7, 10, 10), "H", AUTHOR, {}, anything)
    assert [s.label for s in shapes] == ["edema", "H"]
    assert shapes[0] is top[0]
    aside = painted((*bottom, *top), box(0, 0, 3, 3), "H", AUTHOR, {}, anything)
    assert [s.label for s in aside] == ["H", "edema"]


def test_locked_shapes_are_neither_painted_on_nor_erased() -> None:
    shapes = from_pixels("H", box(2, 2, 8, 8))
    assert erased(shapes, box(0, 0, 20, 24), AUTHOR, lambda _: False) == shapes
    assert len(painted(shapes, box(7, 7, 9, 9), "H", AUTHOR, {}, lambda _: False)) == 2


def test_a_cut_along_a_line_makes_two_shapes() -> None:
    path = np.array([[0.0, 6.0], [23.0, 6.0]])
    first, second = cut(from_pixels("H", box(2, 2, 12, 12)), path, 20, 24, AUTHOR, anything)
    sizes = [int(shape_pixels(s, 20, 24).sum()) for s in (first, second)]
    assert sum(sizes) == 100
    assert min(sizes) >= 40


def test_a_line_that_ends_inside_does_not_cut() -> None:
    shapes = from_pixels("H", box(2, 2, 12, 12))
    path = np.array([[0.0, 6.0], [7.0, 6.0]])
    assert cut(shapes, path, 20, 24, AUTHOR, anything) == shapes


def test_merging_keeps_the_first_label_and_all_pixels() -> None:
    shapes = (*from_pixels("H", box(2, 2, 8, 8)), *from_pixels("edema", box(6, 6, 12, 12)))
    (one,) = merged(shapes, [0, 1], 20, 24, AUTHOR)
    assert one.label == "H"
    np.testing.assert_array_equal(shape_pixels(one, 20, 24), box(2, 2, 8, 8) | box(6, 6, 12, 12))


def test_merging_what_lies_outside_the_slice_loses_nothing() -> None:
    far = tuple(Shape("H", ((x, 90.0), (x + 9, 90.0), (x + 9, 99.0))) for x in (50.0, 70.0))
    assert merged(far, [0, 1], 20, 24, AUTHOR) == far


def test_a_labelme_bitmap_is_painted_erased_and_merged_as_the_pixels_it_is() -> None:
    bitmap = np.ones((4, 5), np.bool_)
    mask = Shape("H", ((3.0, 2.0), (7.0, 5.0)), ShapeType.MASK, {"group_id": 3}, bitmap=bitmap)
    pixels = shape_pixels(mask, 20, 24)
    assert int(pixels.sum()) == 20
    stroke = box(2, 6, 5, 12)
    other = from_pixels("H", box(10, 10, 14, 14))
    for after, expected in (
        (painted((mask,), stroke, "H", AUTHOR, {}, anything), pixels | stroke),
        (erased((mask,), stroke, AUTHOR, anything), pixels & ~stroke),
        (merged((mask, *other), [0, 1], 20, 24, AUTHOR), pixels | box(10, 10, 14, 14)),
    ):
        np.testing.assert_array_equal(pixels_of(after, "H", (20, 24)), expected)
        assert all(s.shape_type is ShapeType.POLYGON and s.bitmap is None for s in after)
        assert all(s.extra["group_id"] == 3 for s in after)


def test_lines_and_points_are_left_alone_by_merge_and_cut() -> None:
    line = Shape("H", ((2.0, 2.0), (9.0, 9.0)), ShapeType.LINE)
    dots = Shape("H", ((4.0, 4.0), (5.0, 5.0)), ShapeType.POINTS)
    area = from_pixels("H", box(2, 2, 12, 12))
    shapes = (line, *area, dots)
    assert merged(shapes, [0, 1, 2], 20, 24, AUTHOR) is shapes
    after = cut(shapes, np.array([[0.0, 6.0], [23.0, 6.0]]), 20, 24, AUTHOR, anything)
    assert (after[0], after[-1], len(after)) == (line, dots, 4)


def test_painting_on_a_proposal_makes_it_an_edited_one_with_its_dice() -> None:
    (proposal,) = (
        with_own_keys(shape, **proposed_by("flair-v2"))
        for shape in from_pixels("H", box(2, 2, 12, 12))
    )
    (shape,) = painted((proposal,), box(2, 12, 12, 22), "H", AUTHOR, {}, anything)
    found = Provenance.of(shape)
    assert (found.model, found.edited, found.annotator) == ("flair-v2", True, "Li")
    assert found.dice == round(2 * 100 / (100 + 200), 4)
    (again,) = erased((shape,), box(2, 12, 12, 22), AUTHOR, anything)
    assert Provenance.of(again).dice == 1.0


def test_a_shape_of_another_program_becomes_a_persons_own_when_edited() -> None:
    (drawn,) = from_pixels("H", box(2, 2, 12, 12))
    (shape,) = erased((drawn,), box(2, 2, 4, 12), AUTHOR, anything)
    assert Provenance.of(shape) == Provenance(annotator="Li", time=AUTHOR.now())
    assert shape.extra["medseg"]["provenance"] == "manual"


def test_other_keys_of_a_shape_survive_an_edit() -> None:
    (drawn,) = region_shapes("H", regions(box(2, 2, 12, 12).astype(np.uint8)), {"group_id": 7})
    (shape,) = erased((drawn,), box(2, 2, 4, 12), AUTHOR, anything)
    assert shape.extra["group_id"] == 7


def test_the_eraser_leaves_lines_and_points() -> None:
    line = Shape("H", ((2.0, 2.0), (9.0, 9.0)), ShapeType.LINE)
    assert erased((line,), box(0, 0, 20, 24), AUTHOR, anything) == (line,)


def test_a_stroke_on_a_persons_shape_leaves_the_proposal_under_it() -> None:
    (own,) = (AUTHOR.drawn(s) for s in from_pixels("H", box(2, 2, 8, 8)))
    (proposal,) = (
        with_own_keys(s, **proposed_by("flair-v2")) for s in from_pixels("H", box(4, 4, 14, 14))
    )
    stroke = box(6, 6, 10, 10)
    for after in (
        painted((own, proposal), stroke, "H", AUTHOR, {}, anything),
        erased((own, proposal), stroke, AUTHOR, anything),
    ):
        assert after[-1] is proposal
        assert after[0].extra["medseg"]["provenance"] == "manual"
    (alone,) = painted((proposal,), stroke | box(6, 6, 16, 10), "H", AUTHOR, {}, anything)
    assert Provenance.of(alone).edited
