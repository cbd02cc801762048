"""The strip of tools at the left of the slice."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QToolButton, QVBoxLayout, QWidget

from medseg_desktop.qt.panels.controls import separator
from medseg_desktop.qt.theme.tokens import ICON_SIZE, SPACE_XS

_WIDTH = 40
_BUTTON = QSize(32, 28)


class ToolStrip(QFrame):
    """One button an action, always in the same place; groups are parted by a line.

    Args:
        groups: the actions of each group, from the top.
        switches: keys of actions that are on or off beside the tool, which is always one.
    """

    def __init__(
        self,
        groups: list[list[QAction]],
        switches: tuple[str, ...] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("toolStrip")
        self.setFixedWidth(_WIDTH)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(SPACE_XS, SPACE_XS, SPACE_XS - 1, SPACE_XS)
        self._layout.setSpacing(SPACE_XS)
        self.buttons: dict[str, QToolButton] = {}
        for number, group in enumerate(groups):
            if number:
                self._layout.addWidget(separator())
            for action in group:
                button = self._button(action)
                button.setProperty("switch", action.objectName() in switches)
                self.buttons[action.objectName()] = button
        self._layout.addStretch(1)

    def add_below(self, key: str, button: QToolButton) -> None:
        """Puts a button of another kind below that of an action."""
        button.setFixedSize(_BUTTON)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._layout.insertWidget(self._layout.indexOf(self.buttons[key]) + 1, button)

    def _button(self, action: QAction) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(action)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        button.setFixedSize(_BUTTON)
        button.setIconSize(QSize(ICON_SIZE, ICON_SIZE))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keys stay with the slice
        button.setAccessibleName(action.text())
        self._layout.addWidget(button)
        return button
