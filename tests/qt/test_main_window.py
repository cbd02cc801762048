"""The frame of the window."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QScrollArea, QToolButton
from pytestqt.qtbot import QtBot

from medseg_desktop.core.display import PixelFormat, Window
from medseg_desktop.qt.canvas.slice_view import Rendering
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.main_window import MainWindow
from tests.builders import write_study
from tests.qt.viewing import opened


def test_the_whole_toolbar_is_there_in_narrow_windows(controller: Controller, qtbot: QtBot) -> None:
    window = controller.window
    window.setMinimumSize(0, 0)
    window.show()
    window.resize(1440, 700)
    made = window.toolbar.widgetForAction(window.actions_by_key["invert"])
    assert isinstance(made, QToolButton)
    with_texts = window.toolbar.sizeHint().width()
    for width in (with_texts - 1, with_texts, with_texts - 60):
        window.resize(width, 700)
        qtbot.waitUntil(lambda: window.model_chooser.isVisible(), timeout=5000)
        assert window.width() == width
        has_text = made.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        assert has_text == (width >= with_texts)


def test_every_tool_is_in_sight_in_the_smallest_window(
    controller: Controller, qtbot: QtBot
) -> None:
    window = controller.window
    window.resize(1280, 720)
    window.messages.show_message("A sentence above the slice that takes a line of its own.")
    qtbot.waitUntil(lambda: window.messages.isVisible(), timeout=5000)
    strip = window.tool_strip
    shown = [*strip.buttons.values(), window.brush_button]
    qtbot.waitUntil(lambda: max(b.geometry().bottom() for b in shown) < strip.height())
    places = sorted((b.geometry().top(), b.geometry().bottom()) for b in shown)
    assert all(a[1] < b[0] for a, b in pairwise(places))


def test_what_an_annotator_needs_is_in_sight_without_scrolling(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    window = controller.window
    window.resize(1280, 720)
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",), slices=3))
    foot = window.tabs.mapToGlobal(window.tabs.rect().bottomLeft()).y()
    for panel in (window.slice_panel, window.labels_panel, window.shapes_panel):
        assert panel.isVisible()
        assert panel.mapToGlobal(panel.rect().bottomLeft()).y() < foot
    lesions = window.lesions_panel
    assert lesions.mapToGlobal(lesions.rect().bottomLeft()).y() < foot
    tab = window.tabs.widget(0)
    assert tab is not None
    (area,) = tab.findChildren(QScrollArea)
    assert not area.isAncestorOf(window.slice_panel)


def test_what_was_folded_is_folded_the_next_time(qtbot: QtBot, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    first = MainWindow()
    qtbot.addWidget(first)
    first.restore_geometry(settings)
    assert first.lesions_panel.section.is_open
    first.lesions_panel.section.header.click()
    first.save_geometry(settings)
    second = MainWindow()
    qtbot.addWidget(second)
    second.restore_geometry(settings)
    assert not second.lesions_panel.section.is_open
    assert second.lesions_panel.section.content.isHidden()
    assert second.shapes_panel.section.is_open
    for window in (first, second):
        window.allow_close()


def test_a_new_label_is_named_in_a_list_that_was_folded(controller: Controller) -> None:
    panel = controller.window.labels_panel
    panel.section.header.click()
    assert not panel.list.isVisible()
    panel.add_button.click()
    assert panel.section.is_open
    assert panel.list.is_editing


def test_a_message_lies_over_the_slice_and_does_not_move_it(qtbot: QtBot) -> None:
    window = MainWindow()
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    view = window.slice_view
    view.set_slice(np.zeros((64, 64), np.uint16), Rendering(PixelFormat(), Window(1, 2)))
    before = view.mapTo(window, view.widget_position(20, 30))
    size = view.size()
    window.messages.show_message("Something was done. " * 30)
    qtbot.waitUntil(lambda: view._stage.top_inset_px >= 34)
    assert view.mapTo(window, view.widget_position(20, 30)) == before
    assert view.size() == size
    window.messages.clear()
    qtbot.waitUntil(lambda: view._stage.top_inset_px == 0)
