from __future__ import annotations

from dataclasses import replace

import numpy as np

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.labels import Label, LabelTable
from medseg_desktop.qt.presenters.overlays import ShapeOutlines

TABLE = LabelTable((Label(0, "background", (0, 0, 0)), Label(1, "cyst", (255, 0, 0))))
TRIANGLE = Shape("cyst", ((1.0, 1.0), (9.0, 1.0), (5.0, 8.0)), ShapeType.POLYGON)
LINE = replace(TRIANGLE, shape_type=ShapeType.LINESTRIP)
NOTHING: frozenset[int] = frozenset()


def test_outlines_have_the_points_label_and_colour_of_their_shapes() -> None:
    polygon, line = ShapeOutlines().of([TRIANGLE, LINE], TABLE, NOTHING)
    assert np.array_equal(polygon.points, TRIANGLE.points)
    assert (polygon.label, polygon.colour, polygon.closed) == ("cyst", "#ff0000", True)
    assert not line.closed


def test_shapes_of_hidden_labels_and_masks_have_no_outline() -> None:
    outlines = ShapeOutlines()
    assert outlines.of([TRIANGLE], TABLE, frozenset({1})) == []
    assert outlines.of([replace(TRIANGLE, shape_type=ShapeType.MASK)], TABLE, NOTHING) == []


def test_a_shape_that_was_there_before_keeps_its_points() -> None:
    outlines = ShapeOutlines()
    first, second = outlines.of([TRIANGLE, LINE], TABLE, NOTHING)
    moved = replace(LINE, points=((2.0, 2.0), (3.0, 3.0)))
    again, changed = outlines.of([TRIANGLE, moved], TABLE, NOTHING)
    assert again.points is first.points
    assert changed.points is not second.points
    assert np.array_equal(changed.points, moved.points)


def test_a_label_with_a_new_colour_keeps_the_points_of_its_shapes() -> None:
    outlines = ShapeOutlines()
    (before,) = outlines.of([TRIANGLE], TABLE, NOTHING)
    blue = LabelTable((TABLE.labels[0], Label(1, "cyst", (0, 0, 255))))
    (after,) = outlines.of([TRIANGLE], blue, NOTHING)
    assert after.colour == "#0000ff"
    assert after.points is before.points
