"""Documents that could be restored instead of what is open, for example unsaved work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medseg_desktop.qt.panels.controls import label
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M


@dataclass(frozen=True, slots=True)
class RestoreRow:
    """One document.

    Attributes:
        key: tells it in signals.
        title: the slice or file that it belongs to.
        unsaved, saved: what either says, for example "3 shapes".
        time: of the last unsaved change; empty where nobody knows.
        note: a warning, for example that the file was changed since; else empty.  Such a row
            has no tick at first, so that nothing newer is replaced by a quick click.
    """

    key: str
    title: str
    unsaved: str
    saved: str
    time: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class RestoreWords:
    """What the dialog says.

    Attributes:
        title: of the window.
        text: what has happened.
        other: heading of what could be restored.
        discard: the button that gives it up.
    """

    title: str
    text: str
    other: str
    discard: str


class RestoreDialog(QDialog):
    """Lists documents with a tick each.

    Signals:
        restore_requested(list[str]), discard_requested(list[str]): keys of the ticked rows.
    """

    restore_requested = Signal(list)
    discard_requested = Signal(list)

    def __init__(
        self, words: RestoreWords, rows: Sequence[RestoreRow], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(words.title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(760, 360)
        self.text = label(words.text, wrap=True)
        self.list = QTreeWidget()
        self.list.setRootIsDecorated(False)
        self.list.setProperty("framed", True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # both ends tell slices apart
        self.list.setHeaderLabels(
            [self.tr("Slice"), words.other, self.tr("In the file"), self.tr("Changed")]
        )
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2, 3):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        for entry in rows:
            self._add(entry)
        self.restore = QPushButton(self.tr("Restore"))
        self.restore.setProperty("primary", True)
        self.restore.setDefault(True)
        self.discard = QPushButton(words.discard)
        self.later = QPushButton(self.tr("Decide later"))
        foot = QHBoxLayout()
        foot.addWidget(self.discard)
        foot.addStretch(1)
        foot.addWidget(self.later)
        foot.addWidget(self.restore)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_L, SPACE_L, SPACE_L, SPACE_L)
        layout.setSpacing(SPACE_M)
        layout.addWidget(self.text)
        layout.addWidget(self.list, 1)
        layout.addLayout(foot)
        self.restore.clicked.connect(lambda: self._finish(self.restore_requested))
        self.discard.clicked.connect(lambda: self._finish(self.discard_requested))
        self.later.clicked.connect(self.reject)
        self.list.itemChanged.connect(lambda *_: self._enable())
        self._enable()

    def _add(self, entry: RestoreRow) -> None:
        # A warning on a line of its own: at the end of a long title it would be cut off.
        title = f"{entry.title}\n{entry.note}" if entry.note else entry.title
        item = QTreeWidgetItem(self.list, [title, entry.unsaved, entry.saved, entry.time])
        item.setData(0, Qt.ItemDataRole.UserRole, entry.key)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        state = Qt.CheckState.Unchecked if entry.note else Qt.CheckState.Checked
        item.setCheckState(0, state)
        item.setToolTip(0, title)

    @property
    def ticked(self) -> list[str]:
        """Keys of the ticked rows."""
        items = [self.list.topLevelItem(i) for i in range(self.list.topLevelItemCount())]
        return [
            str(item.data(0, Qt.ItemDataRole.UserRole))
            for item in items
            if item is not None and item.checkState(0) == Qt.CheckState.Checked
        ]

    def _enable(self) -> None:
        for widget in (self.restore, self.discard):
            widget.setEnabled(bool(self.ticked))

    def _finish(self, signal: object) -> None:
        signal.emit(self.ticked)  # type: ignore[attr-defined]
        self.accept()
