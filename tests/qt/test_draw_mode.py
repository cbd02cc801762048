"""Draw mode in the window: keys, mouse buttons, and where a tool lands on the slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.display import as_window
from medseg_desktop.core.raster import outline_points
from medseg_desktop.core.shapes.rings import Ring
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.tools.tool import ToolName
from tests.mouse import Pen
from tests.qt.drawing import (
    CTRL,
    MIDDLE,
    RIGHT,
    SQUARE,
    desk,
    put,
    shapes,
    write_slices,
)
from tests.qt.viewing import key, view

TOOL_KEYS = {
    Qt.Key.Key_V: ToolName.EDIT,
    Qt.Key.Key_G: ToolName.POLYGON,
    Qt.Key.Key_T: ToolName.RECTANGLE,
    Qt.Key.Key_O: ToolName.CIRCLE,
    Qt.Key.Key_L: ToolName.LASSO,
    Qt.Key.Key_B: ToolName.BRUSH,
    Qt.Key.Key_E: ToolName.ERASER,
    Qt.Key.Key_K: ToolName.CUT,
}
DRAWING = (ToolName.POLYGON, ToolName.RECTANGLE, ToolName.CIRCLE, ToolName.LASSO, ToolName.BRUSH)


@pytest.fixture
def pen(qtbot: QtBot, controller: Controller, tmp_path: Path) -> Pen:
    return desk(qtbot, controller, write_slices(tmp_path), None)


def window(controller: Controller) -> tuple[float, float]:
    voi = view(controller).voi
    assert voi is not None
    now = as_window(voi)
    return now.center, now.width


def scale(controller: Controller) -> float:
    return 1 / controller.window.slice_view.pixels_to_columns(1)


def place(controller: Controller) -> tuple[int, int]:
    """Where the corner of the slice is on the screen."""
    at = controller.window.slice_view.widget_position(0, 0)
    return at.x(), at.y()


def test_each_tool_has_a_key_and_q_goes_back_and_forth(pen: Pen, controller: Controller) -> None:
    actions = controller.window.actions_by_key
    for letter, tool in TOOL_KEYS.items():
        key(controller, letter)
        assert controller.drawing.tool is tool
        assert actions[f"tool_{tool.value}"].isChecked()
        key(controller, letter)  # a second time it stays
        assert controller.drawing.tool is tool
        key(controller, Qt.Key.Key_Q)
        assert controller.drawing.tool is None
        assert actions["browse"].isChecked()
        key(controller, Qt.Key.Key_Q)
        assert controller.drawing.tool is tool


def test_digits_choose_the_label_while_drawing_and_the_preset_while_browsing(
    pen: Pen, controller: Controller
) -> None:
    before = window(controller)
    key(controller, Qt.Key.Key_2)
    assert controller.drawing.label == 1
    preset = window(controller)
    assert preset != before
    key(controller, Qt.Key.Key_B)
    key(controller, Qt.Key.Key_2)
    assert controller.drawing.label == 2
    assert window(controller) == preset
    key(controller, Qt.Key.Key_9)  # no label has it
    assert controller.drawing.label == 2


def test_while_browsing_the_left_button_sets_the_window_and_draws_nothing(
    pen: Pen, controller: Controller
) -> None:
    put(controller, SQUARE)
    before = window(controller)
    pen.drag((26, 26), (40, 40))
    assert window(controller) != before
    assert [s.points for s in shapes(controller)] == [SQUARE]
    assert controller.drawing.selection == ()


@pytest.mark.parametrize("tool", list(ToolName))
def test_in_every_tool_the_other_buttons_do_the_same(
    pen: Pen, controller: Controller, tool: ToolName
) -> None:
    put(controller, SQUARE)
    controller.drawing.set_tool(tool)
    before, corner = window(controller), place(controller)
    pen.drag((26, 26), (40, 40), button=RIGHT)
    assert window(controller) != before
    assert place(controller) == corner
    pen.drag((26, 26), (36, 30), button=MIDDLE)
    assert place(controller) != corner
    zoom = scale(controller)
    pen.wheel(-1, CTRL)
    assert scale(controller) > zoom
    pen.wheel(1)
    assert view(controller).index == 1
    pen.wheel(-1)
    assert [s.points for s in shapes(controller)] == [SQUARE]
    assert not controller.desk.is_drawing


def test_the_space_bar_lets_the_left_button_move_the_slice(
    pen: Pen, controller: Controller
) -> None:
    key(controller, Qt.Key.Key_B)
    corner, shown = place(controller), controller.window.slice_view
    QTest.keyPress(shown, Qt.Key.Key_Space)
    pen.drag((26, 26), (36, 30))
    QTest.keyRelease(shown, Qt.Key.Key_Space)
    assert place(controller) != corner
    assert shapes(controller) == ()
    pen.drag((26, 26), (36, 30))
    assert len(shapes(controller)) == 1


def test_a_double_click_fits_the_slice_while_browsing_only(
    pen: Pen, controller: Controller
) -> None:
    fitted = scale(controller)
    pen.wheel(-3, CTRL)
    zoomed = scale(controller)
    for tool in ToolName:
        controller.drawing.set_tool(tool)
        pen.double_click(60, 50)
        key(controller, Qt.Key.Key_Escape)
        assert scale(controller) == zoomed
    controller.drawing.set_tool(None)
    pen.double_click(60, 50)
    assert scale(controller) == pytest.approx(fitted)


@pytest.mark.parametrize("tool", [None, ToolName.BRUSH])
def test_a_quick_second_drag_of_the_window_counts_too(
    pen: Pen, controller: Controller, tool: ToolName | None
) -> None:
    controller.drawing.set_tool(tool)
    zoom, corner = scale(controller), place(controller)
    pen.press_again(40, 30, button=MIDDLE)
    pen.move(50, 30)
    pen.release(50, 30)
    assert place(controller) != corner
    assert scale(controller) == zoom


def test_a_second_button_during_a_stroke_changes_nothing(pen: Pen, controller: Controller) -> None:
    key(controller, Qt.Key.Key_B)
    before = window(controller)
    pen.hold((20, 20), (30, 20))
    other = Pen(controller.window.slice_view)
    other.press(30, 20, button=RIGHT)
    other.release(30, 20)
    pen.move(40, 20)
    pen.release(40, 20)
    assert window(controller) == before
    assert len(shapes(controller)) == 1


def draw(pen: Pen, tool: ToolName) -> None:
    """From (20, 12) to (50, 40)."""
    if tool is ToolName.POLYGON:
        pen.click_each((20, 12), (50, 12), (50, 40))
        pen.double_click(20, 40)
    elif tool is ToolName.CIRCLE:
        pen.drag((35, 26), (50, 26))
    elif tool is ToolName.RECTANGLE:
        pen.drag((20, 12), (50, 40))
    else:
        pen.drag((20, 12), (50, 12), (50, 40), (20, 40), (20, 12))


@pytest.mark.parametrize("turn", ["rotate_right", "rotate_left", "flip_horizontal", "both"])
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0), (2.5, 1.0), (1.0, 2.0)])
def test_a_tool_lands_where_the_pointer_is_however_the_slice_is_turned(
    qtbot: QtBot, controller: Controller, tmp_path: Path, turn: str, spacing_mm: tuple[float, float]
) -> None:
    pen = desk(qtbot, controller, write_slices(tmp_path, spacing_mm=spacing_mm), None)
    for action in ("rotate_right", "flip_vertical") if turn == "both" else (turn,):
        controller.window.actions_by_key[action].trigger()
    for tool in DRAWING:
        controller.drawing.set_tool(tool)
        draw(pen, tool)
        made = shapes(controller)[-1]
        low, high = extent(made)
        reach = controller.drawing.brush_radius if tool is ToolName.BRUSH else 0
        if tool is ToolName.CIRCLE:
            np.testing.assert_allclose((low[0], high[0]), (20, 50), atol=0.5)
        else:
            tall = reach / (spacing_mm[0] / spacing_mm[1])
            np.testing.assert_allclose(low, (20 - reach, 12 - tall), atol=1.1)
            np.testing.assert_allclose(high, (50 + reach, 40 + tall), atol=1.1)
        controller.window.actions_by_key["undo"].trigger()
    assert shapes(controller) == ()


def extent(shape: Shape) -> tuple[Ring, Ring]:
    outline = outline_points(shape)
    return outline.min(axis=0), outline.max(axis=0)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0), (2.5, 1.0), (1.0, 2.0)])
@pytest.mark.parametrize("turned", [False, True])
def test_what_is_within_reach_is_measured_on_the_screen(
    qtbot: QtBot, controller: Controller, tmp_path: Path, turned: bool,
    spacing_mm: tuple[float, float],
) -> None:  # fmt: skip
    pen = desk(qtbot, controller, write_slices(tmp_path, spacing_mm=spacing_mm), ToolName.EDIT)
    if turned:
        controller.window.actions_by_key["rotate_right"].trigger()
    put(controller, SQUARE)
    slice_view = controller.window.slice_view
    controller.drawing.select([0])
    x, y = SQUARE[0]
    corner = slice_view.widget_position(x, y)
    for away, expected in ((7, True), (11, False)):
        for step in ((-away, 0), (0, -away), (away, 0), (0, away)):
            at = slice_view._stage.to_slice(QPointF(corner + QPoint(*step)))
            if controller.desk.hits.covers(0, (at.x(), at.y())):
                continue  # inside it is the shape that may be meant
            pen.move(at.x(), at.y())
            assert (controller.drawing.drawing.vertex is not None) is expected
