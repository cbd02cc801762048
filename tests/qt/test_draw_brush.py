"""Brush, eraser and cut in the window, by mouse and keys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medseg_desktop.core.shapes.rings import rings_of
from medseg_desktop.core.shapes.stroke import Stroke
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.tools.tool import ToolName
from tests.mouse import Pen
from tests.qt.drawing import (
    CTRL,
    FAR_SQUARE,
    SHIFT,
    SQUARE,
    desk,
    is_manual,
    message,
    pixels,
    put,
    shapes,
    undo,
    write_slices,
)
from tests.qt.viewing import key, view


@pytest.fixture
def pen(qtbot: QtBot, controller: Controller, tmp_path: Path) -> Pen:
    return desk(qtbot, controller, write_slices(tmp_path), ToolName.BRUSH)


def test_a_stroke_covers_what_the_brush_went_over(pen: Pen, controller: Controller) -> None:
    pen.drag((20.5, 20.8), (40.5, 20.8))
    expected = Stroke(64, 80, controller.drawing.brush_radius)
    expected.move_to((20.5, 20.8))
    expected.move_to((40.5, 20.8))
    assert (pixels(controller) ^ expected.pixels).sum() <= 6  # by the rounding to screen pixels
    assert len(shapes(controller)) == 1
    assert is_manual(shapes(controller)[0])
    assert controller.annotations.stack.count() == 1


def test_painting_on_grows_a_shape_that_the_stroke_touches(
    pen: Pen, controller: Controller
) -> None:
    pen.drag((20, 20), (30, 20))
    pen.drag((30, 20), (30, 40))
    pen.drag((60, 50), (65, 50))
    assert len(shapes(controller)) == 2


def test_a_stroke_that_touches_two_shapes_makes_them_one(pen: Pen, controller: Controller) -> None:
    put(controller, SQUARE, FAR_SQUARE)
    before = pixels(controller)
    pen.drag((30, 26), (46, 26))
    assert len(shapes(controller)) == 1
    assert (pixels(controller) & before).sum() == before.sum()


def test_another_label_stays_a_shape_of_its_own(pen: Pen, controller: Controller) -> None:
    put(controller, SQUARE)
    key(controller, Qt.Key.Key_2)
    pen.drag((26, 26), (40, 26))
    assert [s.label for s in shapes(controller)] == ["H", "edema"]


def test_the_eraser_makes_an_exact_hole(pen: Pen, controller: Controller) -> None:
    put(controller, SQUARE)
    before = pixels(controller)
    key(controller, Qt.Key.Key_E)
    pen.click(26.5, 26.5)
    stroke = Stroke(64, 80, controller.drawing.brush_radius)
    at = controller.window.slice_view.pointer_place()
    assert at is not None
    stroke.move_to((at.x(), at.y()))
    np.testing.assert_array_equal(pixels(controller), before & ~stroke.pixels)
    assert len(rings_of(shapes(controller)[0])) == 2
    undo(controller)
    assert shapes(controller)[0].points == SQUARE


def test_ctrl_swaps_brush_and_eraser(pen: Pen, controller: Controller) -> None:
    put(controller, SQUARE)
    count = pixels(controller).sum()
    pen.drag((22, 26), (30, 26), keys=CTRL)
    less = pixels(controller).sum()
    assert less < count
    key(controller, Qt.Key.Key_E)
    pen.drag((22, 26), (30, 26), keys=CTRL)
    assert pixels(controller).sum() > less


def test_an_erased_bridge_leaves_two_shapes(pen: Pen, controller: Controller) -> None:
    put(controller, ((10.0, 20.0), (60.0, 20.0), (60.0, 26.0), (10.0, 26.0)))
    key(controller, Qt.Key.Key_E)
    pen.drag((35, 10), (35, 36))
    assert len(shapes(controller)) == 2


def test_brackets_and_shift_wheel_change_the_size(pen: Pen, controller: Controller) -> None:
    first = controller.drawing.brush_radius
    key(controller, Qt.Key.Key_BracketRight)
    larger = controller.drawing.brush_radius
    key(controller, Qt.Key.Key_BracketLeft)
    assert controller.drawing.brush_radius < larger
    assert larger > first
    before = controller.drawing.brush_radius
    pen.wheel(-2, SHIFT)
    assert controller.drawing.brush_radius > before
    pen.wheel(4, SHIFT)
    assert controller.drawing.brush_radius < before
    assert view(controller).index == 0


def test_the_size_can_change_within_a_stroke(pen: Pen, controller: Controller) -> None:
    controller.drawing.set_brush_radius(2)
    pen.hold((10, 32), (20, 32))
    pen.wheel(-8, SHIFT)
    radius = controller.drawing.brush_radius
    pen.move(60, 32)
    pen.release(60, 32)
    painted = pixels(controller)
    assert painted[:, 10].sum() <= 5
    assert painted[:, 60].sum() >= 2 * radius - 1


def test_the_ring_follows_the_pointer_and_the_size(pen: Pen, controller: Controller) -> None:
    pen.move(30, 30)
    ring = controller.drawing.drawing.ring
    assert ring is not None
    np.testing.assert_allclose(ring[0], (30, 30), atol=0.2)
    key(controller, Qt.Key.Key_BracketRight)
    grown = controller.drawing.drawing.ring
    assert grown is not None
    assert grown[1] > ring[1]


def test_the_ring_is_there_as_soon_as_the_brush_is_taken(pen: Pen, controller: Controller) -> None:
    key(controller, Qt.Key.Key_V)
    pen.move(30, 30)
    assert controller.drawing.drawing.ring is None
    key(controller, Qt.Key.Key_E)
    ring = controller.drawing.drawing.ring
    assert ring is not None
    np.testing.assert_allclose(ring[0], (30, 30), atol=0.2)


def test_the_ring_follows_a_drag_of_the_window(pen: Pen, controller: Controller) -> None:
    pen.hold((30, 30), (50, 40), button=Qt.MouseButton.RightButton)
    ring = controller.drawing.drawing.ring
    assert ring is not None
    np.testing.assert_allclose(ring[0], (50, 40), atol=0.2)
    pen.release(50, 40)
    assert shapes(controller) == ()


def test_quick_dabs_at_one_place_all_count(pen: Pen, controller: Controller) -> None:
    pen.click(30, 30)
    pen.press_again(30, 30)
    pen.move(50, 30)
    pen.release(50, 30)
    assert pixels(controller)[30, 50]


def test_the_smallest_brush_paints_the_pixel_under_the_pointer(
    pen: Pen, controller: Controller
) -> None:
    controller.drawing.set_brush_radius(0.5)
    pen.click(30.5, 20.5)
    assert np.argwhere(pixels(controller)).tolist() == [[20, 30]]


def test_escape_and_undo_drop_a_stroke_that_goes_on(pen: Pen, controller: Controller) -> None:
    put(controller, SQUARE)
    for modifiers, k in ((None, Qt.Key.Key_Escape), (CTRL, Qt.Key.Key_Z)):
        pen.hold((50, 50), (60, 50))
        key(controller, k, modifiers)
        pen.move(70, 50)
        pen.release(70, 50)
        assert len(shapes(controller)) == 1
        assert controller.drawing.tool is ToolName.BRUSH


def test_a_locked_shape_is_neither_erased_nor_painted(pen: Pen, controller: Controller) -> None:
    put(controller, SQUARE)
    controller.annotations.show_labels(controller.annotations.labels.with_locked(1, True))
    pen.drag((26, 26), (50, 26))
    assert "locked" in message(controller)
    key(controller, Qt.Key.Key_E)
    pen.drag((26, 26), (50, 26))
    assert [s.points for s in shapes(controller)] == [SQUARE]


def test_a_line_drawn_across_a_shape_cuts_it(pen: Pen, controller: Controller) -> None:
    put(controller, SQUARE)
    before = pixels(controller)
    key(controller, Qt.Key.Key_K)
    pen.drag((26, 14), (27, 26), (26, 40))
    assert len(shapes(controller)) == 2
    np.testing.assert_array_equal(pixels(controller), before)
    undo(controller)
    assert [s.points for s in shapes(controller)] == [SQUARE]


def test_two_clicks_cut_straight(pen: Pen, controller: Controller) -> None:
    put(controller, SQUARE, FAR_SQUARE)
    key(controller, Qt.Key.Key_K)
    pen.click_each((26, 14), (26, 40))
    assert len(shapes(controller)) == 3


def test_two_clicks_at_one_place_do_not_cut_yet(pen: Pen, controller: Controller) -> None:
    put(controller, SQUARE)
    key(controller, Qt.Key.Key_K)
    pen.double_click(26, 14)
    pen.click(26, 40)
    assert len(shapes(controller)) == 2


def test_a_line_that_parts_nothing_is_said(pen: Pen, controller: Controller) -> None:
    put(controller, SQUARE)
    key(controller, Qt.Key.Key_K)
    pen.drag((26, 14), (26, 24))
    assert len(shapes(controller)) == 1
    assert "parts no shape" in message(controller)


def test_escape_in_the_middle_of_a_cut_leaves_everything(pen: Pen, controller: Controller) -> None:
    put(controller, SQUARE)
    key(controller, Qt.Key.Key_K)
    pen.hold((26, 14), (26, 26))
    key(controller, Qt.Key.Key_Escape)
    pen.move(26, 50)
    pen.release(26, 50)
    assert len(shapes(controller)) == 1
