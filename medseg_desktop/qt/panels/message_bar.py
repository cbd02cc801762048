"""A quiet line across the window for warnings and errors."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QWidget

from medseg_desktop.qt.panels.controls import label, row, set_role, tool_button
from medseg_desktop.qt.theme.icons import pixmap
from medseg_desktop.qt.theme.state import current_tokens


class Level(StrEnum):
    """How serious a message is."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


_COLOUR = {
    Level.INFO: "accent",
    Level.SUCCESS: "good",
    Level.WARNING: "caution",
    Level.ERROR: "bad",
}


class MessageBar(QFrame):
    """One message at a time: icon, selectable text, an optional action and a close button.

    Hidden until `show_message`.

    Signals:
        action_requested(str): the key of the action that was given with the message.
        closed(): the user closed the message.
    """

    action_requested = Signal(str)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messageBar")
        self._level = Level.INFO
        self._action_key = ""
        self._icon = QLabel()
        self._icon.setFixedSize(18, 18)
        self.text = label(wrap=True)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        # Not a stop of the Tab key: there is nothing to press in it.
        self.text.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.action = QPushButton()
        self.action.setProperty("link", True)
        self.close_button = tool_button("close", self.tr("Close this message"))
        # As high as its text needs at this width, and no higher.
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        layout = row(self)
        layout.setContentsMargins(12, 4, 4, 4)
        layout.addWidget(self._icon)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.action)
        layout.addWidget(self.close_button)
        self.action.clicked.connect(lambda: self.action_requested.emit(self._action_key))
        self.close_button.clicked.connect(self._close)
        self.hide()

    def show_message(
        self,
        text: str,
        level: Level = Level.WARNING,
        action_text: str = "",
        action_key: str = "",
    ) -> None:
        """Shows `text`, replacing the message before.

        Args:
            text: one sentence, plain text.
            action_text: a verb for the link at the right; empty for none.
            action_key: what `action_requested` tells when it is pressed.
        """
        self._level = level
        self._action_key = action_key
        self.text.setText(text)
        self.action.setText(action_text)
        self.action.setVisible(bool(action_text))
        set_role(self, "level", level.value)
        self._draw_icon()
        self.show()

    @property
    def action_key(self) -> str:
        """Key of the action of the message that is shown; empty for none."""
        return self._action_key

    def clear(self) -> None:
        """Hides the message without a signal."""
        self.hide()
        self._action_key = ""
        self.text.clear()

    def showEvent(self, event: object) -> None:
        # The theme may have changed while the bar was hidden.
        self._draw_icon()

    def _draw_icon(self) -> None:
        colour = getattr(current_tokens(), _COLOUR[self._level])
        ratio = self.devicePixelRatioF()
        self._icon.setPixmap(pixmap(self._level.value, colour, scale=ratio))

    def _close(self) -> None:
        self.clear()
        self.closed.emit()
