"""What is drawn on the slice is drawn again only where it looks different."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.core.shapes.history import Place
from medseg_desktop.io.speed_series import write_speed_series
from medseg_desktop.qt.canvas.slice_view import LabelLayer
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.tools.tool import ToolName
from tests.mouse import surface
from tests.qt.viewing import opened, view

_SIDE = 64
SQUARE = Shape("H", ((10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0)))
OTHER = Shape("edema", ((26.0, 26.0), (50.0, 26.0), (50.0, 50.0), (26.0, 50.0)))


@pytest.fixture
def desk(qtbot: QtBot, controller: Controller, tmp_path: Path) -> Controller:
    """Two shapes that overlap, and the tool that edits them."""
    folder = tmp_path / "series"
    write_speed_series(folder, slices=2, side=_SIDE, annotated=0)
    opened(qtbot, controller, folder)
    place = Place(view(controller).series, view(controller).index)
    controller.annotations.edit(place, "draw", lambda shapes: (*shapes, SQUARE, OTHER))
    controller.drawing.set_tool(ToolName.EDIT)
    return controller


def mouse(controller: Controller, kind: QEvent.Type, x: float, y: float, held: bool) -> None:
    target = surface(controller.window.slice_view)
    at = QPointF(controller.window.slice_view._stage.from_slice(QPointF(x, y)))
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    button = none if kind is QEvent.Type.MouseMove else left
    keys = Qt.KeyboardModifier.NoModifier
    buttons = left if held else none
    QApplication.sendEvent(
        target, QMouseEvent(kind, at, target.mapToGlobal(at), button, buttons, keys)
    )


def told(
    controller: Controller, monkeypatch: pytest.MonkeyPatch, setter: str
) -> list[tuple[Any, ...]]:
    """What the view is given from now on by one of its setters."""
    calls: list[tuple[Any, ...]] = []
    slice_view = controller.window.slice_view
    before = getattr(slice_view, setter)

    def note(*arguments: Any) -> None:
        calls.append(arguments)
        before(*arguments)

    monkeypatch.setattr(slice_view, setter, note)
    return calls


def test_hovering_neither_fills_the_label_map_again_nor_hatches_the_overlap_again(
    desk: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps, lives = told(desk, monkeypatch, "set_label_map"), told(desk, monkeypatch, "set_live")
    outlines = told(desk, monkeypatch, "set_outlines")
    for x, y in ((20.0, 20.0), (40.0, 40.0), (60.0, 5.0), (20.0, 21.0)):
        mouse(desk, QEvent.Type.MouseMove, x, y, held=False)
    assert maps == []
    assert len(outlines) == 4
    assert len({id(live.overlap) for (live,) in lives}) == 1
    assert lives[0][0].overlap is not None


def test_a_dragged_shape_is_filled_where_it_will_be(
    desk: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = told(desk, monkeypatch, "set_label_map")
    mouse(desk, QEvent.Type.MouseButtonPress, 20, 20, held=True)
    mouse(desk, QEvent.Type.MouseMove, 28, 25, held=True)
    seen: LabelLayer = maps[-1][0]
    mouse(desk, QEvent.Type.MouseButtonRelease, 28, 25, held=False)
    after = desk.annotations.shapes(view(desk).slice)
    assert after[0].points != SQUARE.points
    drawn = draw_label_map(after, desk.annotations.labels, _SIDE, _SIDE)
    np.testing.assert_array_equal(seen.label_map, drawn)
    np.testing.assert_array_equal(maps[-1][0].label_map, drawn)


def test_a_dragged_vertex_is_where_it_will_be(
    desk: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = told(desk, monkeypatch, "set_label_map")
    mouse(desk, QEvent.Type.MouseButtonPress, 10, 10, held=True)
    mouse(desk, QEvent.Type.MouseMove, 4, 5, held=True)
    seen: LabelLayer = maps[-1][0]
    mouse(desk, QEvent.Type.MouseButtonRelease, 4, 5, held=False)
    after = desk.annotations.shapes(view(desk).slice)
    assert after[0].points[1:] == SQUARE.points[1:]
    np.testing.assert_allclose(after[0].points[0], (4, 5), atol=0.5)
    drawn = draw_label_map(after, desk.annotations.labels, _SIDE, _SIDE)
    np.testing.assert_array_equal(seen.label_map, drawn)


def test_the_list_counts_what_the_canvas_shows(qtbot: QtBot, desk: Controller) -> None:
    table = desk.window.shapes_panel.table
    qtbot.waitUntil(lambda: len(table.keys) == 2)
    desk.annotating.shape_list.fill()
    rows = table._rows.rows
    assert [row.overlaps for row in rows] == [True, True]
    label_map = draw_label_map([SQUARE], desk.annotations.labels, _SIDE, _SIDE)
    assert rows[0].pixels == int((label_map > 0).sum())
    desk.annotations.stack.undo()
    qtbot.waitUntil(lambda: len(table.keys) == 0)
