"""The polygon tool in the window, by mouse and keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import ShapeType
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.tools.tool import ToolName
from tests.mouse import Pen
from tests.qt.drawing import (
    CTRL,
    FAR_SQUARE,
    RIGHT,
    SQUARE,
    desk,
    go,
    is_manual,
    message,
    pixels,
    put,
    shapes,
    undo,
    write_slices,
)
from tests.qt.viewing import key, view

CORNERS = ((10.0, 10.0), (30.0, 10.0), (30.0, 25.0))


@pytest.fixture
def pen(qtbot: QtBot, controller: Controller, tmp_path: Path) -> Pen:
    return desk(qtbot, controller, write_slices(tmp_path), ToolName.POLYGON)


def column_px(controller: Controller, px: float) -> float:
    """A length on the screen in columns."""
    return controller.window.slice_view.pixels_to_columns(px)


def begun(controller: Controller) -> int:
    """Vertices of what is being drawn."""
    return len(controller.drawing.drawing.path)


def near(place: tuple[float, float], expected: tuple[float, float]) -> bool:
    return max(abs(place[0] - expected[0]), abs(place[1] - expected[1])) < 0.25


def is_triangle(controller: Controller) -> bool:
    (shape,) = shapes(controller)
    assert shape.shape_type is ShapeType.POLYGON
    return len(shape.points) == 3 and all(map(near, shape.points, CORNERS))


@pytest.mark.parametrize("way", ["double click", "enter", "keypad", "right click", "first vertex"])
def test_a_polygon_is_closed_in_every_way(pen: Pen, controller: Controller, way: str) -> None:
    pen.click_each(*CORNERS[:2])
    if way == "double click":
        pen.double_click(*CORNERS[2])
    else:
        pen.click(*CORNERS[2])
        match way:
            case "enter":
                key(controller, Qt.Key.Key_Return)
            case "keypad":
                key(controller, Qt.Key.Key_Enter, Qt.KeyboardModifier.KeypadModifier)
            case "right click":
                pen.click(50, 40, button=RIGHT)
            case _:
                pen.click(*CORNERS[0])
    assert is_triangle(controller)
    assert begun(controller) == 0
    assert is_manual(shapes(controller)[0])
    assert controller.drawing.selection == (0,)


def test_a_new_shape_takes_the_current_label(pen: Pen, controller: Controller) -> None:
    key(controller, Qt.Key.Key_2)
    pen.click_each(*CORNERS)
    key(controller, Qt.Key.Key_Return)
    assert shapes(controller)[0].label == "edema"
    assert controller.annotations.stack.undoText() == "draw polygon"


def test_a_double_click_on_the_last_vertex_leaves_no_doubled_one(
    pen: Pen, controller: Controller
) -> None:
    pen.click_each(*CORNERS)
    x, y = CORNERS[2]
    pen.double_click(x + column_px(controller, 1.5), y)
    assert len(shapes(controller)[0].points) == 3


def test_a_double_click_on_the_first_vertex_closes_and_begins_nothing(
    pen: Pen, controller: Controller
) -> None:
    pen.click_each(*CORNERS)
    pen.double_click(*CORNERS[0])
    assert is_triangle(controller)
    assert begun(controller) == 0


def test_fewer_than_three_vertices_make_nothing(pen: Pen, controller: Controller) -> None:
    pen.click_each(*CORNERS[:2])
    key(controller, Qt.Key.Key_Return)
    assert (shapes(controller), begun(controller)) == ((), 0)
    pen.click(*CORNERS[0])
    pen.double_click(*CORNERS[1])
    assert (shapes(controller), begun(controller)) == ((), 2)
    pen.click(*CORNERS[2])
    key(controller, Qt.Key.Key_Return)
    assert is_triangle(controller)


def test_backspace_and_undo_take_back_the_last_vertex(pen: Pen, controller: Controller) -> None:
    put(controller, FAR_SQUARE)
    controller.drawing.select([0])
    pen.click_each(*CORNERS, (12.0, 40.0))
    key(controller, Qt.Key.Key_Backspace)
    undo(controller)
    assert begun(controller) == 2
    pen.click(*CORNERS[2])
    key(controller, Qt.Key.Key_Return)
    assert all(map(near, shapes(controller)[1].points, CORNERS))


def test_one_backspace_too_many_deletes_no_shape(pen: Pen, controller: Controller) -> None:
    pen.click_each(*CORNERS)
    key(controller, Qt.Key.Key_Return)  # now the polygon is selected
    pen.click(50, 50)
    for _ in range(3):
        key(controller, Qt.Key.Key_Backspace)
    assert is_triangle(controller)


def test_undo_with_nothing_begun_takes_back_the_last_step(pen: Pen, controller: Controller) -> None:
    pen.click_each(*CORNERS)
    key(controller, Qt.Key.Key_Return)
    pen.click(50, 50)
    undo(controller)
    assert is_triangle(controller)
    undo(controller)
    assert shapes(controller) == ()
    key(controller, Qt.Key.Key_Z, CTRL | Qt.KeyboardModifier.ShiftModifier)
    assert is_triangle(controller)


def test_undo_is_offered_as_soon_as_something_is_begun(pen: Pen, controller: Controller) -> None:
    action = controller.window.actions_by_key["undo"]
    assert not action.isEnabled()
    pen.click(*CORNERS[0])
    assert action.isEnabled()
    key(controller, Qt.Key.Key_Escape)
    assert not action.isEnabled()


def test_escape_forgets_what_was_begun_and_keeps_the_tool(pen: Pen, controller: Controller) -> None:
    pen.click_each(*CORNERS)
    key(controller, Qt.Key.Key_Escape)
    assert begun(controller) == 0
    assert controller.drawing.tool is ToolName.POLYGON
    key(controller, Qt.Key.Key_Return)
    assert shapes(controller) == ()


def test_vertices_go_to_those_of_other_shapes_within_nine_pixels(
    pen: Pen, controller: Controller
) -> None:
    put(controller, SQUARE)
    away = column_px(controller, 8)
    pen.click(SQUARE[1][0] + away, SQUARE[1][1])
    pen.click_each((50, 22), (50, 40))
    pen.click(SQUARE[2][0] + column_px(controller, 11), SQUARE[2][1])
    key(controller, Qt.Key.Key_Return)
    points = shapes(controller)[1].points
    assert points[0] == SQUARE[1]
    assert points[3] != SQUARE[2]


def test_without_snapping_vertices_stay_where_they_are_set(
    pen: Pen, controller: Controller
) -> None:
    put(controller, SQUARE)
    key(controller, Qt.Key.Key_G, Qt.KeyboardModifier.ShiftModifier)
    away = column_px(controller, 5)
    pen.click(SQUARE[1][0] + away, SQUARE[1][1])
    pen.click_each((50, 22), (50, 40))
    key(controller, Qt.Key.Key_Return)
    assert near(shapes(controller)[1].points[0], (SQUARE[1][0] + away, SQUARE[1][1]))
    assert shapes(controller)[1].points[0] != SQUARE[1]


def test_vertices_also_go_to_those_of_locked_shapes(pen: Pen, controller: Controller) -> None:
    put(controller, SQUARE)
    controller.annotations.show_labels(controller.annotations.labels.with_locked(1, True))
    key(controller, Qt.Key.Key_2)
    pen.click(SQUARE[1][0] + column_px(controller, 6), SQUARE[1][1])
    pen.click_each((50, 22), (50, 40))
    key(controller, Qt.Key.Key_Return)
    assert shapes(controller)[1].points[0] == SQUARE[1]


def test_vertices_beside_the_slice_are_put_on_its_edge(pen: Pen, controller: Controller) -> None:
    controller.drawing.set_snaps(False)
    pen.click_each((70, 50), (95, 50), (95, 75), (70, 75))
    key(controller, Qt.Key.Key_Return)
    points = shapes(controller)[0].points
    assert all(0 <= x < 80 and 0 <= y < 64 for x, y in points)
    assert pixels(controller)[63, 79]


def test_a_vertex_can_be_pulled_while_the_button_is_down(pen: Pen, controller: Controller) -> None:
    pen.click_each(*CORNERS[:2])
    pen.drag((40.0, 40.0), CORNERS[2])
    key(controller, Qt.Key.Key_Return)
    assert is_triangle(controller)


def test_what_was_begun_waits_on_its_slice(pen: Pen, controller: Controller, qtbot: QtBot) -> None:
    pen.click_each(*CORNERS)
    pen.wheel(1)
    assert view(controller).index == 1
    assert begun(controller) == 0
    key(controller, Qt.Key.Key_Return)
    assert shapes(controller) == ()
    pen.wheel(-1)
    assert begun(controller) == 3
    key(controller, Qt.Key.Key_Return)
    assert is_triangle(controller)


def test_what_was_begun_waits_for_its_tool(pen: Pen, controller: Controller) -> None:
    pen.click_each(*CORNERS)
    key(controller, Qt.Key.Key_B)
    key(controller, Qt.Key.Key_Q)
    assert controller.drawing.tool is None
    key(controller, Qt.Key.Key_G)
    key(controller, Qt.Key.Key_Return)
    assert is_triangle(controller)


def test_two_slices_can_have_something_begun(
    pen: Pen, controller: Controller, qtbot: QtBot
) -> None:
    pen.click_each(*CORNERS)
    go(qtbot, controller, 2)
    pen.click_each((40, 40), (50, 40))
    go(qtbot, controller, 0)
    key(controller, Qt.Key.Key_Escape)
    go(qtbot, controller, 2)
    assert begun(controller) == 2
    go(qtbot, controller, 0)
    assert begun(controller) == 0


def test_a_single_vertex_does_not_wait(pen: Pen, controller: Controller, qtbot: QtBot) -> None:
    pen.click(*CORNERS[0])
    go(qtbot, controller, 1)
    go(qtbot, controller, 0)
    assert begun(controller) == 0


def test_nothing_that_was_begun_comes_up_in_another_folder(
    pen: Pen, controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    pen.click_each(*CORNERS)
    desk(qtbot, controller, write_slices(tmp_path / "other"), ToolName.POLYGON)
    assert begun(controller) == 0
    desk(qtbot, controller, tmp_path, ToolName.POLYGON)
    assert begun(controller) == 0


def test_the_first_vertex_is_offered_when_a_click_would_close(
    pen: Pen, controller: Controller
) -> None:
    pen.click_each(*CORNERS)
    pen.move(40, 40)
    assert controller.drawing.drawing.pointer is not None
    pen.move(*CORNERS[0])
    assert controller.drawing.drawing.pointer is None


@pytest.mark.parametrize("state", ["locked", "hidden"])
def test_with_a_locked_or_hidden_label_nothing_is_begun_and_it_is_said(
    pen: Pen, controller: Controller, state: str
) -> None:
    labels = controller.annotations.labels
    other = labels.with_locked(1, True) if state == "locked" else labels.with_visible(1, False)
    controller.annotations.show_labels(other)
    pen.click_each(*CORNERS)
    key(controller, Qt.Key.Key_Return)
    assert (shapes(controller), begun(controller)) == ((), 0)
    assert f"The label H is {state}" in message(controller)
