"""An action that lasts as long as its key is held."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication


class HeldKey(QObject):
    """Tells when the shortcut of an action is pressed and when it is let go.

    As a shortcut the key works whatever widget of the window has the focus, is kept from what
    that widget would do with it (a list would search for the letter), and can still be typed
    into a text field.  Qt tells of a shortcut's press only, so the release is looked for in the
    whole application, because the focus may have moved; only until it has come.

    Signals:
        changed(bool): the key is held; it is no longer, or another window may get its release.
    """

    changed = Signal(bool)

    def __init__(self, action: QAction, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._action = action
        self._held = False
        action.setAutoRepeat(False)
        action.triggered.connect(lambda: self._set_held(True))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Sees every event of the application while the key is held, and takes none."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyRelease:
            # Without the modifiers, which may have been pressed meanwhile.
            key = QKeySequence(event.key())
            if key in self._action.shortcuts() and not event.isAutoRepeat():
                self._set_held(False)
        elif event.type() == QEvent.Type.WindowDeactivate:
            self._set_held(False)
        return False

    def _set_held(self, held: bool) -> None:
        app = QApplication.instance()
        if held == self._held or app is None:
            return
        self._held = held
        if held:
            app.installEventFilter(self)
        else:
            app.removeEventFilter(self)
        self.changed.emit(held)
