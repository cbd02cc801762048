"""Areas of compare mode on the canvas, and the mark of the place that was gone to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from medseg_desktop.core.display import PixelFormat, Window
from medseg_desktop.core.geometry import SpatialTransformation
from medseg_desktop.qt.canvas.comparison_item import AreaStyle, Pattern, tile
from medseg_desktop.qt.canvas.slice_view import ComparisonLayer, Rendering, SliceView
from medseg_desktop.qt.theme.tokens import DARK

#: Columns and rows of the one area, and of the other.
ONE, TWO = (4, 4, 20, 16), (28, 30, 44, 50)


@pytest.fixture
def view(qtbot: QtBot) -> SliceView:
    result = SliceView()
    qtbot.addWidget(result)
    result.resize(640, 640)
    result.show()
    qtbot.waitExposed(result)
    result.set_slice(np.full((64, 64), 120, np.uint16), Rendering(PixelFormat(), Window(128, 256)))
    return result


def layer(pattern: Pattern = Pattern.PLAIN) -> ComparisonLayer:
    areas = np.zeros((64, 64), np.uint8)
    for number, (left, top, right, bottom) in enumerate((ONE, TWO), start=1):
        areas[top:bottom, left:right] = number
    styles = {
        1: AreaStyle(DARK.only_mine, DARK.only_mine, pattern),
        2: AreaStyle(DARK.only_model, DARK.only_model, pattern),
    }
    return ComparisonLayer(areas, styles)


def picture(view: SliceView) -> QImage:
    image: QImage = view.grab().toImage()
    return image


def pixels(view: SliceView, box: tuple[int, int, int, int]) -> npt.NDArray[np.int64]:
    """The colours on screen of a box of the slice, (N, 3)."""
    image = picture(view)
    start = view.widget_position(box[0], box[1])
    end = view.widget_position(box[2], box[3])
    found = [
        _rgb(image.pixelColor(x, y))
        for x in range(min(start.x(), end.x()) + 2, max(start.x(), end.x()) - 2)
        for y in range(min(start.y(), end.y()) + 2, max(start.y(), end.y()) - 2)
    ]
    return np.array(found, dtype=np.int64)


def _rgb(color: QColor) -> tuple[int, int, int]:
    return color.red(), color.green(), color.blue()


def test_areas_lie_where_they_are_and_nowhere_else(view: SliceView) -> None:
    before = picture(view)
    view.set_comparison(layer(), 1.0)
    after = picture(view)
    for (left, top, right, bottom), color in ((ONE, DARK.only_mine), (TWO, DARK.only_model)):
        edge = view.widget_position(left, (top + bottom) / 2)
        assert after.pixelColor(edge.x() + 1, edge.y()) == QColor(color)
        assert after.pixelColor(edge.x() - 2, edge.y()) == before.pixelColor(edge.x() - 2, edge.y())
        inside = view.widget_position((left + right) / 2, (top + bottom) / 2)
        seen = after.pixelColor(inside)
        assert seen != before.pixelColor(inside)
        assert seen != QColor(color)  # the tissue is seen through it
    view.set_comparison(None)
    assert picture(view) == before


@pytest.mark.parametrize("pattern", [p for p in Pattern if p is not Pattern.PLAIN])
def test_a_pattern_has_stripes_and_ground(view: SliceView, pattern: Pattern) -> None:
    view.set_comparison(layer(pattern), 1.0)
    left, top, right, bottom = ONE
    seen = pixels(view, (left + 1, top + 1, right - 1, bottom - 1))
    stripe = _rgb(QColor(DARK.only_mine))
    share = (seen == stripe).all(axis=1).mean()
    assert 0.1 < share < 0.6


def test_no_two_patterns_look_alike() -> None:
    tiles = [tile(AreaStyle("#112233", "#ddeeff", p), 1.0).toImage() for p in Pattern]
    assert all(a != b for i, a in enumerate(tiles) for b in tiles[:i])


def test_areas_turn_with_the_slice_and_hide_with_the_overlays(view: SliceView) -> None:
    plain = picture(view)
    view.set_turned(SpatialTransformation().rotated(1))
    view.set_comparison(layer(), 1.0)
    left, top, _, bottom = ONE
    edge = view.widget_position(left + 0.1, (top + bottom) / 2)
    assert picture(view).pixelColor(edge) == QColor(DARK.only_mine)
    view.set_overlays_visible(False)
    assert picture(view) == plain
    view.set_overlays_visible(True)
    view.clear()
    view.set_slice(np.full((64, 64), 120, np.uint16), Rendering(PixelFormat(), Window(128, 256)))
    assert picture(view) == plain


def test_the_place_is_marked_and_nothing_moves_while_it_is_in_sight(view: SliceView) -> None:
    before, at = picture(view), view.widget_position(0, 0)
    view.set_place(QRectF(28, 30, 16, 20))
    assert view.widget_position(0, 0) == at
    after = picture(view)
    assert after != before
    middle = view.widget_position(36, 40)
    assert after.pixelColor(middle) == before.pixelColor(middle)  # nothing lies on the place
    view.set_place(None)
    assert picture(view) == before


def test_a_place_out_of_sight_is_brought_to_the_middle(view: SliceView) -> None:
    view._stage.zoom(6.0, QPointF(20, 20))
    assert not view.rect().contains(view.widget_position(60, 60))
    view.set_place(QRectF(56, 56, 6, 6))
    middle = view.widget_position(59, 59) - view.rect().center()
    assert middle.manhattanLength() < 8
    at = view.widget_position(59, 59)
    view.set_place(QRectF(58, 58, 2, 2))
    assert view.widget_position(59, 59) == at
