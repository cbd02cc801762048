"""Outlines and colours of shapes on the slice and in lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.label_colors import outline_color
from medseg_desktop.core.labels import RECIPE_LABELS, Label, LabelTable
from medseg_desktop.core.shapes.edit import erased
from medseg_desktop.core.shapes.provenance import Author
from medseg_desktop.qt.canvas.outline import Outline
from medseg_desktop.qt.presenters import overlays
from medseg_desktop.qt.presenters.overlays import ShapeOutlines

TABLE = LabelTable((Label(0, "background", (0, 0, 0)), Label(1, "cyst", (0, 255, 0))))
TWO_LABELS = LabelTable((*TABLE.labels, Label(2, "rim", (255, 0, 0))))
TRIANGLE = Shape("cyst", ((1.0, 1.0), (9.0, 1.0), (5.0, 8.0)), ShapeType.POLYGON)
LINE = replace(TRIANGLE, shape_type=ShapeType.LINESTRIP)


def drawn(outlines: ShapeOutlines, shapes: Iterable[Shape], table: LabelTable) -> list[Outline]:
    return outlines.of(list(enumerate(shapes)), table)


def test_outlines_have_the_points_label_and_colour_of_their_shapes() -> None:
    polygon, line = drawn(ShapeOutlines(), [TRIANGLE, LINE], TWO_LABELS)
    assert np.array_equal(polygon.points, TRIANGLE.points)
    assert (polygon.label, polygon.closed) == ("cyst", True)
    assert polygon.colour == overlays.hex_color(outline_color((0, 255, 0)))
    assert not line.closed


def test_the_only_label_is_not_written_beside_its_shapes() -> None:
    (polygon,) = drawn(ShapeOutlines(), [TRIANGLE], TABLE)
    assert polygon.label == ""


def test_shapes_of_hidden_labels_and_masks_have_no_outline() -> None:
    outlines = ShapeOutlines()
    assert drawn(outlines, [TRIANGLE], TABLE.with_visible(1, False)) == []
    assert drawn(outlines, [replace(TRIANGLE, shape_type=ShapeType.MASK)], TABLE) == []


def test_a_shape_that_was_there_before_keeps_its_points() -> None:
    outlines = ShapeOutlines()
    first, second = drawn(outlines, [TRIANGLE, LINE], TABLE)
    moved = replace(LINE, points=((2.0, 2.0), (3.0, 3.0)))
    again, changed = drawn(outlines, [TRIANGLE, moved], TABLE)
    assert again.points is first.points
    assert changed.points is not second.points
    assert np.array_equal(changed.points, moved.points)


def test_a_label_with_a_new_colour_keeps_the_points_of_its_shapes() -> None:
    outlines = ShapeOutlines()
    (before,) = drawn(outlines, [TRIANGLE], TABLE)
    (after,) = drawn(outlines, [TRIANGLE], TABLE.recolored(1, (0, 0, 255)))
    assert after.colour != before.colour
    assert after.points is before.points


def test_holes_are_outlines_of_their_own() -> None:
    square = Shape("cyst", ((2.0, 2.0), (20.0, 2.0), (20.0, 20.0), (2.0, 20.0)))
    stroke = np.zeros((32, 32), np.bool_)
    stroke[8:12, 8:12] = True
    holed = erased((square,), stroke, Author("Li"), lambda _: True)
    (outline,) = drawn(ShapeOutlines(), holed, TABLE)
    assert len(outline.holes) == 1


def test_proposals_are_dashed_and_have_the_colour_of_the_model() -> None:
    shapes = [(0, TRIANGLE), (1, LINE)]
    own, proposal = ShapeOutlines().of(
        shapes, TABLE, selected=[1], proposed=1, model_color="#4cb5f5"
    )
    assert (own.dashed, own.highlighted) == (False, False)
    assert (proposal.dashed, proposal.colour, proposal.highlighted) == (True, "#4cb5f5", True)


def test_lines_are_brighter_than_the_labels_own_colour_in_map_and_list() -> None:
    (outline,) = drawn(ShapeOutlines(), [replace(TRIANGLE, label="H")], RECIPE_LABELS)
    assert outline.colour == overlays.hex_color(outline_color((128, 0, 0))) == "#ff1f1f"
    assert overlays.swatch_color(RECIPE_LABELS, "H") == "#800000"


def test_a_shape_whose_label_the_table_does_not_have_is_white() -> None:
    assert overlays.label_color(RECIPE_LABELS, "rim") == "#ffffff"
    assert overlays.swatch_color(RECIPE_LABELS, "rim") == "#ffffff"
