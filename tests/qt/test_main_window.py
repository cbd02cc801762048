"""The frame of the window, and the menu of the slice."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QToolButton
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.panels.overlay_panel import Layer
from tests.builders import write_study
from tests.mouse import begin_drag, drag, surface
from tests.qt.viewing import opened, view


@pytest.mark.parametrize("width", [1024, 1440])
def test_the_whole_toolbar_is_there_in_narrow_windows(
    width: int, controller: Controller, qtbot: QtBot
) -> None:
    window = controller.window
    window.show()
    for size in (1440, 1024, width):
        window.resize(size, 700)
        qtbot.wait(20)
    assert window.width() == width
    assert window.model_chooser.isVisible()
    assert window.preset_chooser.isVisible()
    made = window.toolbar.widgetForAction(window.actions_by_key["invert"])
    assert isinstance(made, QToolButton)
    has_text = made.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextBesideIcon
    assert has_text == (width == 1440)


def slice_menu(controller: Controller) -> QMenu | None:
    menu = controller.window.slice_menu
    return menu if menu.isVisible() else None


def test_a_right_click_offers_what_can_be_done_with_the_slice(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    at = surface(controller.window.slice_view).rect().center()
    QTest.mouseClick(surface(controller.window.slice_view), Qt.MouseButton.RightButton, pos=at)
    menu = slice_menu(controller)
    assert menu is not None
    offered = {a.objectName() for a in menu.actions() if a.isEnabled()}
    assert offered >= {"reset_window", "invert", "fit", "flip_vertical", "identity", "outlines"}
    assert controller.window.preset_menu in [a.menu() for a in menu.actions()]
    stage = controller.window.slice_view._stage
    for name in ("outlines", "label_map"):
        action = next(a for a in menu.actions() if a.objectName() == name)
        assert action.isChecked()
        action.trigger()
        assert not getattr(view(controller).layers, name).visible
        controller.window.overlay_panel.layers[Layer(name)].check.click()
        assert action.isChecked()
    assert stage.outlines.isVisible()
    QTest.keyClick(menu, Qt.Key.Key_Escape)
    assert slice_menu(controller) is None


def test_the_menu_key_opens_the_menu_of_the_slice(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    slice_view = controller.window.slice_view
    middle = slice_view.rect().center()

    def press_menu_key() -> None:
        event = QContextMenuEvent(
            QContextMenuEvent.Reason.Keyboard, middle, slice_view.mapToGlobal(middle)
        )
        QApplication.sendEvent(slice_view, event)

    press_menu_key()
    assert slice_menu(controller) is None  # there is no slice yet
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    press_menu_key()
    menu = slice_menu(controller)
    assert menu is not None
    menu.close()


def test_a_right_drag_and_a_right_click_within_a_left_drag_open_no_menu(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    slice_view = controller.window.slice_view
    drag(slice_view, QPoint(0, -40), button=Qt.MouseButton.RightButton)
    assert slice_menu(controller) is None
    begin_drag(slice_view, QPoint(20, 0))
    QTest.mouseClick(surface(slice_view), Qt.MouseButton.RightButton)
    assert slice_menu(controller) is None
