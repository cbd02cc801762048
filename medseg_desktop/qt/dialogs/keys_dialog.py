"""What mouse and keys do, from the same table that the menus are made of."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QKeySequence
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

from medseg_desktop.qt.actions import ACTIONS
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M


class KeysDialog(QDialog):
    """Two groups: the mouse on the slice, and every action that has a key."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Keys and mouse"))
        self.resize(560, 640)
        self.list = QTreeWidget()
        self.list.setRootIsDecorated(False)
        self.list.setHeaderLabels([self.tr("Does"), self.tr("With")])
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setStretchLastSection(False)
        self._add(self.tr("Mouse on the slice"), self._mouse())
        self._add(self.tr("Keys"), [*_action_rows(), self._digits()])
        self.list.expandAll()
        close = QPushButton(self.tr("Close"))
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_L, SPACE_L, SPACE_L, SPACE_L)
        layout.setSpacing(SPACE_M)
        layout.addWidget(self.list, 1)
        layout.addLayout(foot)

    def _add(self, title: str, rows: list[tuple[str, str]]) -> None:
        group = QTreeWidgetItem(self.list, [title])
        font = group.font(0)
        font.setBold(True)
        group.setFont(0, font)
        group.setFirstColumnSpanned(True)
        for does, how in rows:
            QTreeWidgetItem(group, [does, how])

    def _mouse(self) -> list[tuple[str, str]]:
        return [
            (self.tr("Window and level"), self.tr("left drag")),
            (self.tr("Window and level, fine or coarse"), self.tr("Shift or Ctrl + left drag")),
            (self.tr("Move the slice"), self.tr("middle drag")),
            (self.tr("Zoom"), self.tr("right drag, or Ctrl + wheel")),
            (self.tr("Menu of the slice"), self.tr("right click")),
            (self.tr("Next or previous slice"), self.tr("wheel")),
            (self.tr("Next or previous time point"), self.tr("Alt + wheel")),
            (self.tr("Show the whole slice"), self.tr("double click")),
        ]

    def _digits(self) -> tuple[str, str]:
        return (self.tr("Window presets, in the order of their list"), self.tr("1 to 9"))


def _action_rows() -> list[tuple[str, str]]:
    native = QKeySequence.SequenceFormat.NativeText
    return [
        (
            QCoreApplication.translate("Actions", info.text).rstrip("…"),
            ", ".join(QKeySequence(s).toString(native) for s in info.shortcuts),
        )
        for info in ACTIONS
        if info.shortcuts
    ]
