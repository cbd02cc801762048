"""The toolbar of the window: actions at the left, prediction and model at the right."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QSizePolicy, QToolBar, QToolButton, QWidget

from medseg_desktop.qt.actions import TOOLBAR_ICONS, TOOLBAR_LEFT, TOOLBAR_RIGHT


class MainToolBar(QToolBar):
    """Shows what `qt.actions` lists for it; its texts go where they have no room.

    Args:
        actions_by_key: all actions.
        choosers: what stands for the keys in the lists that are no actions.
    """

    def __init__(
        self,
        actions_by_key: Mapping[str, QAction],
        choosers: Mapping[str, QComboBox],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Tools"))
        self.setObjectName("toolbar")
        self.setMovable(False)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self._actions, self._choosers = actions_by_key, choosers
        self._texts_px = 0
        self._fill(TOOLBAR_LEFT)
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(space)
        self._fill(TOOLBAR_RIGHT)

    def fit(self, width_px: int) -> None:
        """Buttons lose their texts where the window is too narrow for all of the toolbar."""
        # Measured with the texts; once they are gone it is too late.
        self._texts_px = self._texts_px or self.sizeHint().width()
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        if width_px < self._texts_px:
            style = Qt.ToolButtonStyle.ToolButtonIconOnly
        for key in (*TOOLBAR_LEFT, *TOOLBAR_RIGHT):
            action = self._actions.get(key)
            made = self.widgetForAction(action) if action is not None else None
            if isinstance(made, QToolButton) and key not in TOOLBAR_ICONS:
                made.setToolButtonStyle(style)

    def _fill(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            if key == "-":
                self.addSeparator()
            elif key in self._choosers:
                self.addWidget(self._choosers[key])
            else:
                self.addAction(self._actions[key])
                made = self.widgetForAction(self._actions[key])
                if key in TOOLBAR_ICONS and isinstance(made, QToolButton):
                    made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
