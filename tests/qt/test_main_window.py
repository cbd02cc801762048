"""The frame of the window."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.controller import Controller


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
        qtbot.waitUntil(lambda: window.model_chooser.isVisible(), timeout=1000)
        assert window.width() == width
        has_text = made.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        assert has_text == (width >= with_texts)
