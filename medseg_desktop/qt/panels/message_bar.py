"""A quiet line across the window for warnings and errors."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QWidget

from medseg_desktop.qt.messages import Level, Message, Messages
from medseg_desktop.qt.panels.controls import label, row, set_role, tool_button
from medseg_desktop.qt.theme.icons import pixmap
from medseg_desktop.qt.theme.state import current_tokens

__all__ = ["Level", "Message", "MessageBar"]

#: How long news stay in front of everything else.
_FRESH_MS = 8000
_COLOUR = {
    Level.INFO: "accent",
    Level.SUCCESS: "good",
    Level.WARNING: "caution",
    Level.ERROR: "bad",
}


class MessageBar(QFrame):
    """One message at a time: icon, selectable text, an optional action and a close button.

    Which one is decided by `messages.Messages`; how many wait behind it is told beside it.
    Hidden while there is none.

    Signals:
        action_requested(str): the key of the action that was given with the message.
        closed(): the user closed the message.
    """

    action_requested = Signal(str)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messageBar")
        self._messages = Messages()
        self._shown: Message | None = None
        self._fresh = QTimer(self)
        self._fresh.setSingleShot(True)
        self._fresh.timeout.connect(self._settle)
        self._icon = QLabel()
        self._icon.setFixedSize(18, 18)
        self.text = label(wrap=True)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        # Not a stop of the Tab key: there is nothing to press in it.
        self.text.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.behind = label("", "muted")
        self.behind.setToolTip(self.tr("Shown when this message is closed"))
        self.action, self.other_action = QPushButton(), QPushButton()
        for link in (self.action, self.other_action):
            link.setProperty("link", True)
        self.close_button = tool_button("close", self.tr("Close this message"))
        # As high as its text needs at this width, and no higher.
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        layout = row(self)
        layout.setContentsMargins(12, 4, 4, 4)
        layout.addWidget(self._icon)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.behind)
        layout.addWidget(self.action)
        layout.addWidget(self.other_action)
        layout.addWidget(self.close_button)
        self.action.clicked.connect(self._request_action)
        self.other_action.clicked.connect(self._request_other)
        self.close_button.clicked.connect(self._close)
        self._update()

    def show_message(
        self,
        text: str,
        level: Level = Level.WARNING,
        action_text: str = "",
        action_key: str = "",
    ) -> None:
        """Tells what has just happened, in front of what is there already.

        Args:
            text: one sentence, plain text.
            action_text: a verb for the link at the right; empty for none.
            action_key: what `action_requested` tells when it is pressed.
        """
        self.tell(Message(text, level, action_text, action_key))

    def tell(self, message: Message) -> None:
        """Tells what has just happened, as `show_message` does; a message may have two links."""
        self._messages.tell(message)
        self._fresh.start(_FRESH_MS)
        self._update()

    def set_standing(self, place: str, message: Message | None) -> None:
        """Says what holds for what is on screen, until the place says something else.

        Args:
            place: where it comes from, "series" or "folder".
            message: None for nothing.
        """
        self._messages.stand(place, message)
        self._update()

    def withdraw(self, action_key: str) -> None:
        """Takes back news that offer this action."""
        self._messages.withdraw(action_key)
        self._update()

    def clear(self) -> None:
        """Takes back all news; what stands stays."""
        self._messages.clear_news()
        self._update()

    def showEvent(self, event: object) -> None:
        # The theme may have changed while the bar was hidden.
        self._draw_icon()

    def _update(self) -> None:
        behind = self._messages.behind
        self.behind.setText(self.tr("{n} more").format(n=behind))
        self.behind.setVisible(behind > 0)
        message = self._messages.shown
        if message == self._shown and message is not None:
            return  # what is selected of its text stays selected
        self._shown = message
        self.setVisible(message is not None)
        if message is None:
            self.text.clear()
            return
        self.text.setText(message.text)
        self.action.setText(message.action_text)
        self.action.setVisible(bool(message.action_text))
        self.other_action.setText(message.other_text)
        self.other_action.setVisible(bool(message.other_text))
        set_role(self, "level", message.level.value)
        self._draw_icon()

    def _draw_icon(self) -> None:
        if self._shown is not None:
            colour = getattr(current_tokens(), _COLOUR[self._shown.level])
            ratio = self.devicePixelRatioF()
            self._icon.setPixmap(pixmap(self._shown.level.value, colour, scale=ratio))

    def _settle(self) -> None:
        self._messages.settle()
        self._update()

    def _request_action(self) -> None:
        if self._shown is not None:
            self.action_requested.emit(self._shown.action_key)

    def _request_other(self) -> None:
        if self._shown is not None:
            self.action_requested.emit(self._shown.other_key)

    def _close(self) -> None:
        self._messages.dismiss()
        self._update()
        self.closed.emit()
