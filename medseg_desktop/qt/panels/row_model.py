"""Rows and columns behind a `RowTable`: rows are values, columns say what is shown of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

from medseg_desktop.qt.theme.icons import icon
from medseg_desktop.qt.theme.state import current_tokens

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
ROW_HEIGHT = 28
ICON = 16
_DOT = 12


@dataclass(frozen=True, slots=True)
class Column:
    """What is shown of a row; each function is given the row.

    Attributes:
        title, tip: of the header.
        text: what is written.
        dot: colour (`#rrggbb`) of a dot before the text.
        icon: name and token colour of an icon instead of a text; None for none.
        tooltip: of the cell.
        number: written at the right.
        muted: written in the secondary colour.
        most: widest it may become in pixels, where its text may be cut off.
        stretches: takes the room that is left; one column of a table does.
        optional: shown only where enough room is left for the one that stretches.
    """

    title: str
    text: Callable[[Any], str] = lambda row: ""
    tip: str = ""
    dot: Callable[[Any], str] | None = None
    icon: Callable[[Any], tuple[str, str] | None] | None = None
    tooltip: Callable[[Any], str] | None = None
    number: bool = False
    muted: bool = False
    most: int | None = None
    stretches: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One column of the copied table; `text` is given the row."""

    title: str
    text: Callable[[Any], str]


class RowModel(QAbstractTableModel):
    """Rows and columns as Qt asks for them."""

    def __init__(self, columns: Sequence[Column], parent: QObject) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self.rows: tuple[Any, ...] = ()

    def set_rows(self, rows: tuple[Any, ...], keeps_places: bool) -> None:
        """Shows other rows; with `keeps_places` the selection and what is current stay."""
        if not keeps_places:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return
        self.rows = rows
        if rows:
            last = self.index(len(rows) - 1, len(self.columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Other titles and texts for the same number of columns."""
        self.columns = tuple(columns)
        last = len(self.columns) - 1
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, last)

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == Qt.ItemDataRole.DecorationRole:
            if column.dot is not None:
                return dot_icon(column.dot(row))
            shown = None if column.icon is None else column.icon(row)
            return None if shown is None else icon(*shown)
        if role == Qt.ItemDataRole.ToolTipRole or (
            role == Qt.ItemDataRole.AccessibleTextRole and column.icon is not None
        ):
            return None if column.tooltip is None else column.tooltip(row) or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole and column.muted:
            return QColor(current_tokens().muted)
        if role == Qt.ItemDataRole.SizeHintRole:
            return QSize(0, ROW_HEIGHT)
        return None


def _alignment(column: Column) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.number else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


@lru_cache(maxsize=256)
def dot_icon(colour: str) -> QIcon:
    """A small rounded square in a label's colour (`#rrggbb`)."""
    result = QPixmap(2 * ICON, 2 * ICON)
    result.setDevicePixelRatio(2)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(0, (ICON - _DOT) // 2, _DOT, _DOT, 3, 3)
    painter.end()
    dot = QIcon(result)
    # A selected row must not tint the colour that the shape has on the slice.
    dot.addPixmap(result, QIcon.Mode.Selected)
    return dot
