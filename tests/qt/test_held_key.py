from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.panels.overlay_panel import Layer
from tests.builders import lesion_slice, write_dicom, write_study
from tests.qt.viewing import WAIT_MS, opened, view

KEY = Qt.Key.Key_H


def focus(qtbot: QtBot, widget: QWidget) -> None:
    widget.window().activateWindow()
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus, timeout=WAIT_MS)


@pytest.mark.parametrize("name", ["slice_view", "tree", "preset", "check", "tab", "slider"])
def test_overlays_are_hidden_while_h_is_held(
    controller: Controller, qtbot: QtBot, tmp_path: Path, name: str
) -> None:
    w = controller.window
    folder = write_study(tmp_path / "s", ("A", "B"))
    # Its title begins with the letter, which a list would search for.
    write_dicom(
        folder / "h.dcm", lesion_slice(), patient="H", elements={"SeriesDescription": "HASTE"}
    )
    opened(qtbot, controller, folder)
    before, stage = view(controller), w.slice_view._stage
    target: QWidget = {
        "slice_view": w.slice_view,
        "tree": w.worklist.tree,
        "preset": w.preset_chooser,
        "check": w.overlay_panel.layers[Layer.OUTLINES].check,
        "tab": w.tabs.tabBar(),
        "slider": w.window_panel.width_slider.slider,
    }[name]
    focus(qtbot, target)
    QTest.keyPress(target, KEY)
    assert not stage.outlines.isVisible()
    assert not stage.label_map.isVisible()
    w.slice_view.setFocus()  # the release goes to what has the focus by then
    QTest.keyRelease(w.slice_view, KEY)
    assert stage.outlines.isVisible()
    assert stage.label_map.isVisible()
    assert view(controller) == before


def test_overlays_come_back_when_another_window_may_get_the_release(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    focus(qtbot, controller.window.slice_view)
    QTest.keyPress(controller.window.slice_view, KEY)
    assert not controller.window.slice_view._stage.outlines.isVisible()
    other = QWidget()
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    qtbot.waitUntil(controller.window.slice_view._stage.outlines.isVisible, timeout=WAIT_MS)
