"""The slice with what is said about it over its upper edge."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from medseg_desktop.qt.canvas.slice_view import SliceView


class SliceArea(QWidget):
    """Messages lie over the slice, so that it never moves under the pointer when one comes.

    The texts in the corners make room for them.
    """

    def __init__(self, view: SliceView, messages: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view, self._messages = view, messages
        for widget in (view, messages):
            widget.setParent(self)
        messages.raise_()
        messages.installEventFilter(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._view.setGeometry(self.rect())
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kinds = (QEvent.Type.Show, QEvent.Type.Hide, QEvent.Type.LayoutRequest)
        if event.type() in kinds:
            self._place()
        return False

    def _place(self) -> None:
        bar = self._messages
        width = self.width()
        height = bar.heightForWidth(width) if bar.hasHeightForWidth() else bar.sizeHint().height()
        bar.setGeometry(0, 0, width, height)
        # Not `isVisible`, which is false as long as the window is.
        self._view.set_top_inset(0 if bar.isHidden() else height)
