"""Brush and merge among shapes of other labels: nothing changes beside the stroke."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.core.shapes.edit import Editable, Shapes, merged, painted
from medseg_desktop.core.shapes.patches import Pixels, is_area
from medseg_desktop.core.shapes.provenance import Author, Provenance, proposed_by, with_own_keys

ROWS, COLUMNS = 18, 20
TABLE = LabelTable.from_names(["A", "B", "C"])
AUTHOR = Author("Li", now=lambda: "2026-01-02T03:04:05+00:00")


def square(label: str, low: int, high: int) -> Shape:
    """Pixels low..high of rows and columns."""
    corners = ((low + 0.5, low + 0.5), (high + 0.5, high + 0.5))
    return Shape(label, corners, ShapeType.RECTANGLE)


def stroke_of(rows: slice | int, columns: slice | int, size: tuple[int, int] = (64, 64)) -> Pixels:
    pixels = np.zeros(size, np.bool_)
    pixels[rows, columns] = True
    return pixels


def anything(_shape: Shape) -> bool:
    return True


def not_b(shape: Shape) -> bool:
    return shape.label != "B"


def label_map(shapes: Shapes, size: tuple[int, int] = (64, 64)) -> npt.NDArray[np.uint8]:
    return draw_label_map(shapes, TABLE, *size)


def assert_painted(before: Shapes, after: Shapes, stroke: Pixels, closed: Pixels) -> None:
    """The label A where the stroke is and nothing closed lies uppermost; elsewhere as it was."""
    expected = label_map(before, stroke.shape)
    expected[stroke & ~closed] = 1
    np.testing.assert_array_equal(label_map(after, stroke.shape), expected)


def corner(span: int) -> st.SearchStrategy[float]:
    return st.integers(-3, span + 2).map(lambda i: i + 0.5)


@st.composite
def some_shapes(draw: st.DrawFn, types: tuple[ShapeType, ...] = tuple(ShapeType)) -> Shape:
    kind = draw(st.sampled_from([t for t in types if t is not ShapeType.MASK]))
    count = 4 if kind is ShapeType.POLYGON else 2
    points = [(draw(corner(COLUMNS)), draw(corner(ROWS))) for _ in range(count)]
    return Shape(draw(st.sampled_from("ABC")), tuple(points), kind)


slices = st.lists(some_shapes(), max_size=7).map(tuple)


@st.composite
def strokes(draw: st.DrawFn) -> Pixels:
    pixels = np.zeros((ROWS, COLUMNS), np.bool_)
    for _ in range(draw(st.integers(1, 3))):
        top, left = draw(st.integers(0, ROWS - 1)), draw(st.integers(0, COLUMNS - 1))
        height, width = draw(st.integers(1, 8)), draw(st.integers(1, 8))
        pixels[top : top + height, left : left + width] = True
    return pixels


@settings(max_examples=500, deadline=None)
@given(slices, strokes(), st.sets(st.sampled_from("ABC")))
def test_a_stroke_changes_its_own_pixels_and_no_others(
    shapes: Shapes, stroke: Pixels, locked: set[str]
) -> None:
    after = painted(shapes, stroke, "A", AUTHOR, {}, lambda s: s.label not in locked)
    closed = [i for i, name in enumerate(TABLE.names) if name in locked - {"A"}]
    assert_painted(shapes, after, stroke, np.isin(label_map(shapes, stroke.shape), closed))
    kept = {id(s) for s in after}
    assert all(id(s) in kept for s in shapes if s.label in locked or not is_area(s))


@settings(max_examples=300, deadline=None)
@given(slices, strokes())
def test_the_same_stroke_again_changes_nothing_in_the_label_map(
    shapes: Shapes, stroke: Pixels
) -> None:
    once = painted(shapes, stroke, "A", AUTHOR, {}, anything)
    again = painted(once, stroke, "A", AUTHOR, {}, anything)
    assert_painted(once, again, stroke, np.zeros_like(stroke))


@settings(max_examples=500, deadline=None)
@given(slices, st.data())
def test_a_merge_changes_only_what_is_seen_of_the_merged_areas(
    shapes: Shapes, data: st.DataObject
) -> None:
    numbers = list(range(len(shapes)))
    chosen = data.draw(st.lists(st.sampled_from(numbers), unique=True)) if numbers else []
    areas = [i for i in chosen if is_area(shapes[i])]
    size = (ROWS, COLUMNS)
    after = merged(shapes, chosen, *size, AUTHOR)
    expected = label_map(shapes, size)
    if after is not shapes:
        # By the definition: who lies uppermost, and what is his label then.
        index = TABLE.names.index(shapes[areas[0]].label)
        one_each = LabelTable.from_names([str(i) for i in numbers])
        numbered = tuple(Shape(str(i), s.points, s.shape_type) for i, s in enumerate(shapes))
        upper = draw_label_map(numbered, one_each, *size)
        expected[np.isin(upper, [i + 1 for i in areas])] = index
    np.testing.assert_array_equal(label_map(after, size), expected)


@pytest.mark.parametrize("editable", [anything, not_b])
def test_a_stroke_out_of_another_label_leaves_what_lies_over_the_shape_it_joins(
    editable: Editable,
) -> None:
    before = (square("A", 10, 50), square("B", 20, 30))
    stroke = stroke_of(30, slice(30, 56))
    after = painted(before, stroke, "A", AUTHOR, {}, editable)
    closed = (label_map(before) == 2) & (editable is not_b)
    assert_painted(before, after, stroke, closed)
    assert [s.label for s in after] == ["A", "B"]
    assert (after[1] is before[1]) == (editable is not_b)


def test_a_stroke_that_bridges_shapes_leaves_what_lies_over_the_lower_one() -> None:
    before = (square("A", 10, 30), square("B", 15, 25), square("A", 40, 50))
    stroke = stroke_of(slice(29, 42), 29) | stroke_of(41, slice(29, 42))
    after = painted(before, stroke, "A", AUTHOR, {}, anything)
    assert_painted(before, after, stroke, np.zeros_like(stroke))
    assert [s.label for s in after] == ["A", "B"]


def test_painting_over_a_label_that_lies_on_the_painted_one_takes_its_pixels() -> None:
    before = (square("A", 10, 50), square("B", 20, 30))
    stroke = stroke_of(slice(22, 26), slice(22, 26))
    first, second = painted(before, stroke, "A", AUTHOR, {}, anything)
    assert_painted(before, (first, second), stroke, np.zeros_like(stroke))
    assert first is before[0]
    assert Provenance.of(second).annotator == "Li"


def test_a_proposal_that_loses_pixels_to_a_stroke_counts_as_edited() -> None:
    model = AUTHOR.accepted(with_own_keys(square("B", 20, 30), **proposed_by("flair-v1")))
    stroke = stroke_of(slice(22, 26), slice(22, 26))
    _, second = painted((square("A", 10, 50), model), stroke, "A", AUTHOR, {}, anything)
    found = Provenance.of(second)
    assert (found.model, found.edited) == ("flair-v1", True)


def test_an_open_proposal_of_another_label_is_left_alone_by_the_brush() -> None:
    proposal = with_own_keys(square("B", 20, 30), **proposed_by("flair-v1"))
    stroke = stroke_of(30, slice(30, 56))
    after = painted((square("A", 10, 50), proposal), stroke, "A", AUTHOR, {}, anything)
    assert [s.label for s in after] == ["A", "B"]
    assert after[1] is proposal


def test_a_line_is_painted_over_and_stays() -> None:
    line = Shape("B", ((5.5, 12.5), (60.5, 12.5)), ShapeType.LINE)
    before = (square("A", 10, 50), line)
    stroke = stroke_of(slice(5, 20), slice(48, 56))
    after = painted(before, stroke, "A", AUTHOR, {}, anything)
    assert_painted(before, after, stroke, np.zeros_like(stroke))
    assert [s.label for s in after] == ["A", "B", "A"]
    assert after[1] is line


def test_merging_leaves_a_shape_that_lies_between() -> None:
    before = (square("A", 10, 30), square("B", 15, 25), square("A", 28, 50))
    after = merged(before, [0, 2], 64, 64, AUTHOR)
    np.testing.assert_array_equal(label_map(after), label_map(before))
    assert [s.label for s in after] == ["A", "B"]
    assert after[1] is before[1]


def test_merging_around_a_shape_that_lies_between_both_leaves_what_is_seen_of_it() -> None:
    before = (square("A", 10, 30), square("B", 15, 25), square("A", 20, 50))
    after = merged(before, [0, 2], 64, 64, AUTHOR)
    np.testing.assert_array_equal(label_map(after), label_map(before))
    assert [s.label for s in after] == ["B", "A"]
