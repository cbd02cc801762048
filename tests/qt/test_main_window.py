"""The frame of the window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.controller import Controller


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
