"""What a `RowTable` shows, and which of its texts have too little room."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetricsF
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from medseg_desktop.qt.panels.row_table import RowTable
from medseg_desktop.qt.theme.tokens import SECONDARY_PX

#: As the stylesheet says.
_TITLE_PADDING = 7


def shown(table: RowTable) -> list[list[str]]:
    """The texts of all cells, row by row, hidden columns too."""
    model = table.model()
    columns = range(model.columnCount())
    return [
        [model.index(r, c).data(Qt.ItemDataRole.DisplayRole) for c in columns]
        for r in range(model.rowCount())
    ]


def cut_off(table: RowTable) -> list[tuple[int, str]]:
    """(column, text) of cells and titles whose text does not fit."""
    model, style = table.model(), table.style()
    margin = style.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, None, table) + 1
    titles = QFont(table.font())
    titles.setPixelSize(SECONDARY_PX)
    found = []
    for c in range(model.columnCount()):
        if table.isColumnHidden(c):
            continue
        for r in range(model.rowCount()):
            index = model.index(r, c)
            option = QStyleOptionViewItem()
            option.initFrom(table)
            table.itemDelegate().initStyleOption(option, index)
            option.rect = table.visualRect(index)
            room = style.subElementRect(
                QStyle.SubElement.SE_ItemViewItemText, option, table
            ).width()
            if QFontMetricsF(table.font()).horizontalAdvance(option.text) > room - 2 * margin:
                found.append((c, option.text))
        title = str(model.headerData(c, Qt.Orientation.Horizontal))
        needed = QFontMetricsF(titles).horizontalAdvance(title) + 2 * _TITLE_PADDING
        if not table.isHeaderHidden() and needed > table.header().sectionSize(c):
            found.append((c, title))
    right = table.header().length()
    if right > table.viewport().width():
        found.append((model.columnCount(), f"{right - table.viewport().width()} px of the table"))
    return found
