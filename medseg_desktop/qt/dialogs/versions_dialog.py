"""What was saved of a document before."""

from __future__ import annotations

from collections.abc import Sequence

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


class VersionsDialog(QDialog):
    """Lists versions by their time, newest first.

    Signals:
        chosen(int): the place of the version in the list that was given.
    """

    chosen = Signal(int)

    def __init__(
        self, title: str, rows: Sequence[tuple[str, str]], parent: QWidget | None = None
    ) -> None:
        """List `rows`: the time of a version, and what it says."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Earlier versions"))
        self.resize(460, 300)
        self.list = QTreeWidget()
        self.list.setRootIsDecorated(False)
        self.list.setProperty("framed", True)
        self.list.setHeaderLabels([self.tr("Replaced"), self.tr("Holds")])
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setStretchLastSection(False)
        for place, (time, holds) in enumerate(rows):
            item = QTreeWidgetItem(self.list, [time, holds])
            item.setData(0, Qt.ItemDataRole.UserRole, place)
        text = self.tr("Saved of {name} before:").format(name=title)
        if not rows:
            text = self.tr("Nothing was saved of {name} before.").format(name=title)
        self.restore = QPushButton(self.tr("Restore this version"))
        self.restore.setProperty("primary", True)
        self.restore.setEnabled(False)
        close = QPushButton(self.tr("Close"))
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(close)
        foot.addWidget(self.restore)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_L, SPACE_L, SPACE_L, SPACE_L)
        layout.setSpacing(SPACE_M)
        layout.addWidget(label(text, wrap=True))
        layout.addWidget(self.list, 1)
        layout.addLayout(foot)
        for widget in (self.list, self.restore):
            widget.setVisible(bool(rows))
        if not rows:
            self.resize(460, 0)
        self.list.currentItemChanged.connect(lambda now, _: self.restore.setEnabled(bool(now)))
        self.list.itemActivated.connect(lambda *_: self._choose())
        self.restore.clicked.connect(self._choose)
        close.clicked.connect(self.reject)

    def _choose(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self.chosen.emit(item.data(0, Qt.ItemDataRole.UserRole))
            self.accept()
