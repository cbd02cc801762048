"""A small table of a few rows with an own look: one row is chosen at a time."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

ROW_PX = 28


def tree_table(name: str, titles: Sequence[str], numbers: Sequence[int] = ()) -> QTreeWidget:
    """An empty table; its first column takes the room that is left.

    Args:
        name: what it is, for a screen reader.
        titles: of the columns.
        numbers: columns that are written at the right.
    """
    table = QTreeWidget()
    table.setProperty("framed", True)
    table.setProperty("well", True)
    table.setAccessibleName(name)
    table.setRootIsDecorated(False)
    table.setUniformRowHeights(True)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.setTextElideMode(Qt.TextElideMode.ElideRight)
    table.setHeaderLabels(list(titles))
    header = table.header()
    header.setStretchLastSection(False)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    for place in range(1, len(titles)):
        header.setSectionResizeMode(place, QHeaderView.ResizeMode.ResizeToContents)
    for place in numbers:
        align_right(table.headerItem(), place)
    return table


def align_right(item: QTreeWidgetItem, place: int) -> None:
    """Write a column of a row at the right."""
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    item.setTextAlignment(place, right)


def fit_height(table: QTreeWidget, most_rows: int) -> None:
    """As high as its rows, which are made equally high; at least one and at most so many."""
    for place in range(table.topLevelItemCount()):
        item = table.topLevelItem(place)
        if item is not None:
            item.setSizeHint(0, QSize(0, ROW_PX))
    rows = min(max(table.topLevelItemCount(), 1), most_rows)
    table.setFixedHeight(rows * ROW_PX + table.header().sizeHint().height() + 2)
