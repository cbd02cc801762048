"""The edit tool in the window: selecting, moving, vertices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.shapes.provenance import Provenance, proposed_by
from medseg_desktop.core.shapes.vertices import handles
from medseg_desktop.qt.controller import Controller
from tests.mouse import Pen
from tests.qt.drawing import (
    ALT,
    CTRL,
    FAR_SQUARE,
    SHIFT,
    SQUARE,
    desk,
    go,
    pixels,
    put,
    shapes,
    undo,
    write_slices,
)
from tests.qt.viewing import key, view

MIDDLE, FAR_MIDDLE, NOWHERE = (26.0, 26.0), (50.0, 26.0), (38.0, 50.0)


@pytest.fixture
def pen(qtbot: QtBot, controller: Controller, tmp_path: Path) -> Pen:
    held = desk(qtbot, controller, write_slices(tmp_path))
    put(controller, SQUARE, FAR_SQUARE)
    return held


def selected(controller: Controller) -> tuple[int, ...]:
    return controller.drawing.selection


def moved(points: tuple[tuple[float, float], ...], dx: float, dy: float) -> list[list[float]]:
    return [[x + dx, y + dy] for x, y in points]


def test_a_click_selects_and_a_click_on_nothing_clears(pen: Pen, controller: Controller) -> None:
    pen.click(*MIDDLE)
    assert selected(controller) == (0,)
    pen.click(*FAR_MIDDLE)
    assert selected(controller) == (1,)
    pen.click(*NOWHERE)
    assert selected(controller) == ()
    assert controller.annotations.stack.count() == 1  # clicks change nothing


@pytest.mark.parametrize("keys", [SHIFT, CTRL])
def test_shift_and_ctrl_add_to_the_selection_and_take_from_it(
    pen: Pen, controller: Controller, keys: Qt.KeyboardModifier
) -> None:
    pen.click(*MIDDLE)
    pen.click(*FAR_SQUARE[0], keys=keys)  # on a vertex too
    assert selected(controller) == (0, 1)
    pen.click(*MIDDLE, keys=keys)
    assert selected(controller) == (1,)
    pen.click(*NOWHERE, keys=keys)
    assert selected(controller) == (1,)


def test_a_box_selects_what_lies_in_it(pen: Pen, controller: Controller) -> None:
    pen.drag((16, 16), (36, 36))
    assert selected(controller) == (0,)
    pen.drag((40, 16), (60, 36), keys=SHIFT)
    assert selected(controller) == (0, 1)
    pen.drag((16, 16), (30, 36))
    assert selected(controller) == ()


def test_a_drag_moves_the_shape_under_it(pen: Pen, controller: Controller) -> None:
    pen.drag(MIDDLE, (30, 36))
    np.testing.assert_allclose(shapes(controller)[0].points, moved(SQUARE, 4, 10), atol=0.2)
    assert shapes(controller)[1].points == FAR_SQUARE
    assert controller.annotations.stack.undoText() == "move shape"
    assert selected(controller) == (0,)
    undo(controller)
    assert shapes(controller)[0].points == SQUARE


def test_a_drag_moves_all_that_is_selected_by_one_step(pen: Pen, controller: Controller) -> None:
    key(controller, Qt.Key.Key_A, CTRL)
    pen.drag(MIDDLE, (26, 36))
    for shape, before in zip(shapes(controller), (SQUARE, FAR_SQUARE), strict=True):
        np.testing.assert_allclose(shape.points, moved(before, 0, 10), atol=0.2)
    assert selected(controller) == (0, 1)
    undo(controller)
    assert [s.points for s in shapes(controller)] == [SQUARE, FAR_SQUARE]


def test_a_shape_cannot_be_moved_out_of_the_slice(pen: Pen, controller: Controller) -> None:
    count = pixels(controller).sum()
    pen.drag(FAR_MIDDLE, (90, 90))
    assert pixels(controller).sum() == count
    assert pixels(controller)[63, 79]


def test_a_vertex_is_dragged(pen: Pen, controller: Controller) -> None:
    pen.drag(SQUARE[2], (36, 40))
    points = shapes(controller)[0].points
    assert points[:2] + points[3:] == SQUARE[:2] + SQUARE[3:]
    np.testing.assert_allclose(points[2], (36, 40), atol=0.2)
    assert controller.annotations.stack.undoText() == "move vertex"


def test_a_dragged_vertex_goes_to_one_of_another_shape(pen: Pen, controller: Controller) -> None:
    pen.drag(SQUARE[1], (43.6, 20.4))
    assert shapes(controller)[0].points[1] == FAR_SQUARE[0]
    undo(controller)
    controller.drawing.set_snaps(False)
    pen.drag(SQUARE[1], (43.6, 20.4))
    assert shapes(controller)[0].points[1] != FAR_SQUARE[0]


def test_a_vertex_dragged_beside_the_slice_stays_on_its_edge(
    pen: Pen, controller: Controller
) -> None:
    pen.drag(FAR_SQUARE[1], (95, -10))
    x, y = shapes(controller)[1].points[1]
    assert 79 < x < 80
    assert y == 0


def test_a_drag_of_an_edge_of_a_selected_shape_puts_in_a_vertex(
    pen: Pen, controller: Controller
) -> None:
    pen.click(*MIDDLE)
    pen.drag((26, 20), (26, 12))
    points = shapes(controller)[0].points
    assert len(points) == 5
    np.testing.assert_allclose(points[1], (26, 12), atol=0.2)
    assert controller.annotations.stack.undoText() == "insert vertex"


def test_a_click_on_an_edge_puts_in_nothing(pen: Pen, controller: Controller) -> None:
    pen.click(*MIDDLE)
    pen.click(26, 20)
    assert len(shapes(controller)[0].points) == 4


def test_a_drag_of_an_edge_of_another_shape_moves_that(pen: Pen, controller: Controller) -> None:
    pen.drag((26, 20), (26, 30))
    np.testing.assert_allclose(shapes(controller)[0].points, moved(SQUARE, 0, 10), atol=0.2)


@pytest.mark.parametrize("way", ["alt", "delete", "backspace"])
def test_a_vertex_is_removed(pen: Pen, controller: Controller, way: str) -> None:
    pen.click(*MIDDLE)
    if way == "alt":
        pen.click(*SQUARE[0], keys=ALT)
    else:
        pen.move(*SQUARE[0])
        key(controller, Qt.Key.Key_Delete if way == "delete" else Qt.Key.Key_Backspace)
    assert shapes(controller)[0].points == SQUARE[1:]
    assert selected(controller) == (0,)


def test_delete_away_from_a_vertex_removes_the_selected_shapes(
    pen: Pen, controller: Controller
) -> None:
    pen.click(*MIDDLE)
    key(controller, Qt.Key.Key_Delete)
    assert [s.points for s in shapes(controller)] == [FAR_SQUARE]
    assert controller.annotations.stack.undoText() == "delete shape"
    key(controller, Qt.Key.Key_Delete)  # nothing is selected now
    assert len(shapes(controller)) == 1
    undo(controller)
    assert [s.points for s in shapes(controller)] == [SQUARE, FAR_SQUARE]


@pytest.mark.parametrize(
    ("shape", "at"),
    [
        (Shape("H", ((10.0, 50.0), (18.0, 58.0)), ShapeType.RECTANGLE), (10, 50)),
        (Shape("H", ((14.0, 54.0), (18.0, 54.0)), ShapeType.CIRCLE), (14, 54)),
        (Shape("H", ((10.0, 50.0), (18.0, 50.0), (10.0, 58.0))), (18, 50)),
    ],
    ids=["corner", "centre", "triangle"],
)
def test_delete_over_a_point_that_cannot_go_alone_removes_the_shape(
    pen: Pen, controller: Controller, shape: Shape, at: tuple[float, float]
) -> None:
    put(controller, shape)
    controller.drawing.select([2])
    pen.move(*at)
    key(controller, Qt.Key.Key_Delete)
    assert [s.points for s in shapes(controller)] == [SQUARE, FAR_SQUARE]


def test_a_small_shape_can_be_taken_in_its_middle(pen: Pen, controller: Controller) -> None:
    """Its vertices are all within reach on the screen, and yet it is the shape that is meant."""
    reach = controller.window.slice_view.pixels_to_columns(5)
    x, y = 10.0, 50.0
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    small = tuple((x + reach * across, y + reach * down) for across, down in signs)
    put(controller, small)
    pen.drag((x, y), (x + 10, y))
    np.testing.assert_allclose(shapes(controller)[2].points, moved(small, 10, 0), atol=0.2)
    key(controller, Qt.Key.Key_Delete)
    assert len(shapes(controller)) == 2


@pytest.mark.parametrize("corner", range(4))
def test_a_corner_of_a_rectangle_is_shown_where_it_is_dragged_to(
    pen: Pen, controller: Controller, corner: int
) -> None:
    rectangle = Shape("H", ((10.0, 40.0), (30.0, 56.0)), ShapeType.RECTANGLE)
    put(controller, rectangle)
    start = tuple(handles(rectangle)[0][corner])
    end = (35.0, 60.0) if corner == 2 else (21.0, 47.0)
    pen.hold((float(start[0]), float(start[1])), end)
    vertex = controller.drawing.drawing.vertex
    assert vertex is not None
    np.testing.assert_allclose(vertex.point, end, atol=0.2)
    pen.release(*end)
    (low, high) = shapes(controller)[2].points
    assert low[0] < high[0]
    assert low[1] < high[1]


@pytest.mark.parametrize("start", [MIDDLE, SQUARE[2], (26.0, 20.0), NOWHERE])
@pytest.mark.parametrize("way", ["escape", "undo", "delete"])
def test_a_drag_that_is_broken_off_leaves_everything(
    pen: Pen, controller: Controller, start: tuple[float, float], way: str
) -> None:
    pen.click(*MIDDLE)
    pen.hold(start, (start[0] + 10, start[1] + 4))
    match way:
        case "escape":
            key(controller, Qt.Key.Key_Escape)
        case "undo":
            undo(controller)
        case _:
            key(controller, Qt.Key.Key_Delete)
    pen.move(start[0] + 20, start[1] + 8)
    pen.release(start[0] + 20, start[1] + 8)
    assert [s.points for s in shapes(controller)] == [SQUARE, FAR_SQUARE]
    assert controller.annotations.stack.count() == 1


def test_escape_drops_the_selection_then_the_tool(pen: Pen, controller: Controller) -> None:
    pen.click(*MIDDLE)
    key(controller, Qt.Key.Key_Escape)
    assert selected(controller) == ()
    assert controller.drawing.tool is not None
    key(controller, Qt.Key.Key_Escape)
    assert controller.drawing.tool is None


def test_arrows_scroll_slices_whatever_is_selected(pen: Pen, controller: Controller) -> None:
    pen.click(*MIDDLE)
    key(controller, Qt.Key.Key_Down)
    assert view(controller).index == 1
    assert selected(controller) == ()
    key(controller, Qt.Key.Key_Up)
    assert view(controller).index == 0
    assert shapes(controller)[0].points == SQUARE


@pytest.mark.parametrize("state", ["locked", "hidden"])
def test_shapes_of_a_locked_or_hidden_label_are_out_of_reach(
    pen: Pen, controller: Controller, state: str
) -> None:
    pen.click(*MIDDLE)
    labels = controller.annotations.labels
    other = labels.with_locked(1, True) if state == "locked" else labels.with_visible(1, False)
    controller.annotations.show_labels(other)
    assert selected(controller) == ()
    pen.click(*MIDDLE)
    pen.drag((10, 10), (70, 60))
    key(controller, Qt.Key.Key_A, CTRL)
    assert selected(controller) == ()
    pen.drag(SQUARE[0], (10, 10))
    pen.drag(MIDDLE, (40, 40))
    controller.drawing.select([0])  # as the list does
    key(controller, Qt.Key.Key_Delete)
    assert [s.points for s in shapes(controller)] == [SQUARE, FAR_SQUARE]


def test_what_lies_under_the_pointer_is_found_anew_on_another_slice(
    pen: Pen, controller: Controller, qtbot: QtBot
) -> None:
    pen.click(*MIDDLE)
    pen.move(*SQUARE[0])
    assert controller.drawing.drawing.vertex is not None
    go(qtbot, controller, 1)
    assert controller.drawing.drawing.vertex is None
    assert controller.drawing.drawing.hovered is None
    go(qtbot, controller, 0)
    assert controller.drawing.drawing.vertex is not None
    key(controller, Qt.Key.Key_A, CTRL)
    undo(controller)  # there are no shapes any more
    key(controller, Qt.Key.Key_A, CTRL)
    key(controller, Qt.Key.Key_Delete)
    assert shapes(controller) == ()


def test_an_edited_shape_is_signed_and_a_proposal_counts_as_edited(
    pen: Pen, controller: Controller
) -> None:
    points = tuple((x, y + 28) for x, y in SQUARE)
    put(controller, Shape("H", points, extra={"medseg": proposed_by("flair-v3")}))
    pen.drag((26, 54), (30, 54))
    pen.drag(MIDDLE, (30, 26))
    own, _, model = map(Provenance.of, shapes(controller))
    assert (own.model, own.time != "") == ("", True)
    assert (model.model, model.edited) == ("flair-v3", True)
    assert model.dice is not None
    assert 0.5 < model.dice < 1
