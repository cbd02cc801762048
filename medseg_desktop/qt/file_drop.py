"""Dropping files on the window: what is taken, and what is shown while it hovers."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel, QWidget


def local_paths(data: QMimeData) -> list[Path]:
    """The files and folders of this computer and its network; web addresses are left out."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def accept_copy(event: QDropEvent) -> bool:
    """Take files and addresses, and never as a move: a file manager deletes what it has moved.

    Returns:
        Whether the event was accepted.
    """
    action = Qt.DropAction.CopyAction
    if not event.possibleActions() & action:
        action = Qt.DropAction.LinkAction
    is_taken = event.mimeData().hasUrls() and bool(event.possibleActions() & action)
    if is_taken:
        event.setDropAction(action)
        event.accept()
    else:
        event.ignore()
    return is_taken


def leave_drops_to(window: QWidget) -> None:
    """Let drops pass through every widget of a window; text fields and scenes would take them."""
    for child in window.findChildren(QWidget):
        child.setAcceptDrops(False)


class DropHint(QLabel):
    """A quiet sentence over a part of a window while something hovers over the window."""

    def __init__(self, window: QWidget, covered: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("dropHint")
        self.setText(self.tr("Drop to open"))
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        self._covered = covered

    def begin(self) -> None:
        """Show it, as large as the part now is."""
        self.setGeometry(self._covered.geometry())
        self.show()
        self.raise_()
