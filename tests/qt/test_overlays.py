"""Colours of shapes on the slice and in lists."""

from __future__ import annotations

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.label_colors import outline_color
from medseg_desktop.core.labels import RECIPE_LABELS
from medseg_desktop.qt.presenters import overlays

TRIANGLE = Shape("H", ((1.0, 1.0), (5.0, 1.0), (1.0, 5.0)))


def test_lines_are_brighter_than_the_labels_own_colour_in_map_and_list() -> None:
    (outline,) = overlays.annotation_outlines([TRIANGLE], RECIPE_LABELS, frozenset())
    assert outline.colour == overlays.hex_color(outline_color((128, 0, 0))) == "#ff1f1f"
    assert overlays.swatch_color(RECIPE_LABELS, "H") == "#800000"


def test_a_shape_whose_label_the_table_does_not_have_is_white() -> None:
    assert overlays.label_color(RECIPE_LABELS, "rim") == "#ffffff"
    assert overlays.swatch_color(RECIPE_LABELS, "rim") == "#ffffff"
