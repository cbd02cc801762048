"""Rectangle, circle and lasso in the window, by mouse and keys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import ShapeType
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.tools.tool import ToolName
from tests.mouse import Pen
from tests.qt.drawing import SHIFT, desk, is_manual, pixels, put, shapes, undo, write_slices
from tests.qt.viewing import key, view


@pytest.fixture
def pen(qtbot: QtBot, controller: Controller, tmp_path: Path) -> Pen:
    return desk(qtbot, controller, write_slices(tmp_path), ToolName.RECTANGLE)


def test_a_rectangle_is_dragged_from_corner_to_corner(pen: Pen, controller: Controller) -> None:
    pen.drag((30.0, 25.0), (10.0, 40.0))
    (shape,) = shapes(controller)
    assert shape.shape_type is ShapeType.RECTANGLE
    np.testing.assert_allclose(shape.points, [(10, 25), (30, 40)], atol=0.2)
    assert is_manual(shape)
    assert controller.drawing.selection == (0,)


@pytest.mark.parametrize("tool", [ToolName.RECTANGLE, ToolName.CIRCLE])
def test_two_clicks_do_the_same_as_a_drag(pen: Pen, controller: Controller, tool: ToolName) -> None:
    controller.drawing.set_tool(tool)
    pen.drag((30.0, 25.0), (45.0, 40.0))
    pen.click_each((30.0, 25.0), (45.0, 40.0))
    dragged, clicked = shapes(controller)
    assert clicked.shape_type is dragged.shape_type
    np.testing.assert_allclose(clicked.points, dragged.points, atol=1e-6)


def test_quick_clicks_at_one_place_make_no_shape(pen: Pen, controller: Controller) -> None:
    pen.double_click(30, 25)
    assert shapes(controller) == ()
    pen.click(40, 40)
    assert len(shapes(controller)) == 1


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0), (2.0, 1.0), (1.0, 1.5)])
def test_shift_makes_a_square_on_the_screen(
    qtbot: QtBot, controller: Controller, tmp_path: Path, spacing_mm: tuple[float, float]
) -> None:
    folder = write_slices(tmp_path, spacing_mm=spacing_mm)
    pen = desk(qtbot, controller, folder, ToolName.RECTANGLE)
    pen.drag((20.0, 20.0), (40.0, 24.0), keys=SHIFT)
    (x0, y0), (x1, y1) = shapes(controller)[0].points
    assert x1 - x0 == pytest.approx((y1 - y0) * spacing_mm[0] / spacing_mm[1])
    assert x1 - x0 == pytest.approx(20, abs=0.3)


def test_a_square_stays_a_square_at_the_edge_of_the_slice(pen: Pen, controller: Controller) -> None:
    pen.drag((60.0, 50.0), (90.0, 55.0), keys=SHIFT)
    (x0, y0), (x1, y1) = shapes(controller)[0].points
    assert x1 - x0 == pytest.approx(y1 - y0)
    assert y1 <= 64


def test_a_rectangle_beside_the_slice_ends_at_its_edge(pen: Pen, controller: Controller) -> None:
    pen.drag((70.5, 55.5), (100.0, 80.0))  # in the middle of a pixel, wherever the screen rounds
    assert pixels(controller)[55:, 70:].all()
    assert pixels(controller).sum() == 9 * 10


def test_a_circle_goes_from_the_centre_to_the_rim(pen: Pen, controller: Controller) -> None:
    key(controller, Qt.Key.Key_O)
    pen.drag((40.0, 32.0), (50.0, 32.0))
    (shape,) = shapes(controller)
    assert shape.shape_type is ShapeType.CIRCLE
    np.testing.assert_allclose(shape.points, [(40, 32), (50, 32)], atol=0.2)


def test_escape_and_undo_forget_the_first_click(pen: Pen, controller: Controller) -> None:
    put(controller, ((50.0, 50.0), (60.0, 50.0), (60.0, 60.0)))
    pen.click(10, 10)
    key(controller, Qt.Key.Key_Escape)
    pen.click(10, 10)
    undo(controller)
    pen.move(20, 20)
    key(controller, Qt.Key.Key_Return)
    assert len(shapes(controller)) == 1


def test_enter_completes_a_rectangle_at_the_pointer(pen: Pen, controller: Controller) -> None:
    pen.click(10, 10)
    pen.move(20, 18)
    key(controller, Qt.Key.Key_Return)
    np.testing.assert_allclose(shapes(controller)[0].points, [(10, 10), (20, 18)], atol=0.2)


def test_escape_during_a_drag_leaves_everything(pen: Pen, controller: Controller) -> None:
    for tool in (ToolName.RECTANGLE, ToolName.CIRCLE, ToolName.LASSO):
        controller.drawing.set_tool(tool)
        pen.hold((10, 10), (30, 10), (30, 30))
        key(controller, Qt.Key.Key_Escape)
        pen.move(40, 40)
        pen.release(40, 40)
        assert controller.drawing.tool is tool
    assert shapes(controller) == ()
    assert not controller.annotations.stack.canUndo()


def test_a_lasso_is_closed_when_the_button_goes_up(pen: Pen, controller: Controller) -> None:
    key(controller, Qt.Key.Key_L)
    pen.drag((10.5, 10.5), (30.5, 10.5), (30.5, 30.5), (10.5, 30.5), (10.5, 14.5))
    (shape,) = shapes(controller)
    assert shape.shape_type is ShapeType.POLYGON
    assert pixels(controller).sum() == 21 * 21
    assert 4 <= len(shape.points) < 12  # straight stretches need no vertices


def test_a_lasso_that_overshoots_its_beginning_leaves_no_notch(
    pen: Pen, controller: Controller
) -> None:
    key(controller, Qt.Key.Key_L)
    around = ((10.5, 10.5), (10.5, 30.5), (30.5, 30.5), (30.5, 10.5), (7.5, 10.5), (7.5, 25.5))
    pen.drag(*around)
    assert pixels(controller)[10:31, 10:31].all()
    assert len(shapes(controller)) == 1


def test_a_click_with_the_lasso_makes_nothing(pen: Pen, controller: Controller) -> None:
    key(controller, Qt.Key.Key_L)
    pen.click(20, 20)
    pen.double_click(20, 20)
    assert shapes(controller) == ()


def test_a_second_lasso_that_begins_where_a_click_was_is_drawn(
    pen: Pen, controller: Controller
) -> None:
    key(controller, Qt.Key.Key_L)
    pen.click(20, 20)
    pen.press_again(20, 20)
    for x, y in ((30, 20), (30, 30), (20, 30)):
        pen.move(x, y)
    pen.release(20, 30)
    assert len(shapes(controller)) == 1


def test_the_wheel_does_not_leave_a_slice_while_something_is_dragged(
    pen: Pen, controller: Controller
) -> None:
    pen.hold((10, 10), (20, 20))
    pen.wheel(1)
    assert view(controller).index == 0
    pen.release(30, 30)
    assert len(shapes(controller)) == 1
    pen.wheel(1)
    assert view(controller).index == 1


def test_what_is_dragged_when_the_slice_changes_is_forgotten(
    pen: Pen, controller: Controller
) -> None:
    for tool in ToolName:
        controller.drawing.set_tool(tool)
        pen.hold((10, 10), (20, 20))
        key(controller, Qt.Key.Key_Down)
        pen.move(40, 30)
        pen.release(40, 30)
        key(controller, Qt.Key.Key_Escape)
        key(controller, Qt.Key.Key_Up)
        assert view(controller).index == 0
    assert not controller.annotations.stack.canUndo()
