"""The strip of tools at the left of the slice."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QToolButton, QVBoxLayout, QWidget

from medseg_desktop.qt.panels.controls import separator
from medseg_desktop.qt.theme.tokens import SPACE_XS

_WIDTH = 40
_SIDE = 32


class ToolStrip(QFrame):
    """One square button an action, always in the same place; groups are parted by a line."""

    def __init__(self, groups: list[list[QAction]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("toolStrip")
        self.setFixedWidth(_WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_XS, SPACE_XS, SPACE_XS, SPACE_XS)
        layout.setSpacing(SPACE_XS)
        self.buttons: dict[str, QToolButton] = {}
        for number, group in enumerate(groups):
            if number:
                layout.addWidget(separator())
            for action in group:
                button = QToolButton()
                button.setDefaultAction(action)
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
                button.setFixedSize(_SIDE, _SIDE)
                button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keys stay with the slice
                button.setAccessibleName(action.text())
                layout.addWidget(button)
                self.buttons[action.objectName()] = button
        layout.addStretch(1)
