"""What mouse and keys do, from the same table that the menus are made of."""

from __future__ import annotations

from collections.abc import Iterable

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

from medseg_desktop.qt.actions import ACTIONS, MENUS
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M


class KeysDialog(QDialog):
    """The mouse in either mode, and every action that has a key, in the order of the menus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Keys and mouse"))
        self.resize(560, 640)
        self.list = QTreeWidget()
        self.list.setRootIsDecorated(False)
        self.list.setProperty("framed", True)
        self.list.setHeaderLabels([self.tr("Does"), self.tr("With")])
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setStretchLastSection(False)
        self._add(self.tr("Mouse while browsing"), self._browse_mouse())
        self._add(self.tr("Mouse while drawing"), self._draw_mouse())
        self._add(self.tr("Keys while drawing"), self._draw_keys())
        for title, rows in _action_groups(self.tr("More keys")):
            self._add(title, rows)
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

    def _browse_mouse(self) -> list[tuple[str, str]]:
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

    def _draw_mouse(self) -> list[tuple[str, str]]:
        return [
            (self.tr("Use the tool"), self.tr("left button")),
            (self.tr("Window and level"), self.tr("right drag")),
            (self.tr("Move the slice"), self.tr("middle drag, or Space + left drag")),
            (self.tr("Close the polygon"), self.tr("double click, right click or Enter")),
            (self.tr("Menu of the shapes"), self.tr("right click")),
            (self.tr("Select a further shape"), self.tr("Shift or Ctrl + click")),
            (self.tr("Select the shapes in a box"), self.tr("left drag beside the shapes")),
            (self.tr("Add a vertex to a selected shape"), self.tr("click or drag its edge")),
            (self.tr("Remove a vertex"), self.tr("Alt + click")),
            (self.tr("Square instead of rectangle"), self.tr("Shift + left drag")),
            (self.tr("Erase with the brush, paint with the eraser"), self.tr("Ctrl + left drag")),
            (self.tr("Size of the brush"), self.tr("Shift + wheel")),
        ]

    def _draw_keys(self) -> list[tuple[str, str]]:
        return [
            (self.tr("Label of new shapes, by its digit"), self.tr("0 to 9")),
            (self.tr("Complete what is being drawn"), self.tr("Enter")),
            (self.tr("Take back the last vertex"), self.tr("Backspace, or Ctrl + Z")),
            (self.tr("Window presets, in the order of their list (while browsing)"),
             self.tr("1 to 9")),
        ]  # fmt: skip


def _action_groups(others: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Of every menu the actions that have keys; those of no menu last.

    Args:
        others: the title of the last group.
    """
    listed: set[str] = set()
    groups = []
    for title, keys in MENUS:
        shown = QCoreApplication.translate("Actions", title).replace("&", "")
        groups.append((shown, _rows(key for key in keys if key not in listed)))
        listed.update(keys)
    groups.append((others, _rows(info.key for info in ACTIONS if info.key not in listed)))
    return [(title, rows) for title, rows in groups if rows]


def _rows(keys: Iterable[str]) -> list[tuple[str, str]]:
    """Name and keys of those actions that have keys."""
    native = QKeySequence.SequenceFormat.NativeText
    infos = {info.key: info for info in ACTIONS}
    return [
        (
            QCoreApplication.translate("Actions", infos[key].text).rstrip("…"),
            ", ".join(QKeySequence(s).toString(native) for s in infos[key].shortcuts),
        )
        for key in keys
        if key in infos and infos[key].shortcuts
    ]
