"""A table that stays quick with thousands of rows, cuts off no number, and can be copied."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from math import ceil
from typing import Any

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QPoint, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeView

from medseg_desktop.qt.panels.row_model import ICON, ROW_HEIGHT, Column, Field, RowModel
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import SECONDARY_PX, SPACE_S

_HEADER_HEIGHT = 24
_BORDERS = 2
#: Room beside the text of a cell: the stylesheet's padding and the style's own margin.
_CELL_PADDING = 14
_HEADER_PADDING = 14
_DOT_GAP = 4
#: What a column that stretches keeps at most before an optional one is shown.
_MOST_KEPT = 120
#: Of more different texts than this only the ones with most letters are measured.
_MEASURED_TEXTS = 200


class RowTable(QTreeView):
    """Rows are told by a key, an integer of their own.

    Signals:
        keys_selected(tuple[int, ...]): the user chose other rows; in the order of the table.
        key_clicked(int): with the left button.
        key_activated(int): double click or Enter.
        menu_requested(QPoint): right click or the menu key, in coordinates of the screen.
    """

    keys_selected = Signal(tuple)
    key_clicked = Signal(int)
    key_activated = Signal(int)
    menu_requested = Signal(QPoint)

    def __init__(
        self,
        columns: Sequence[Column],
        copied: Sequence[Field],
        key: Callable[[Any], int],
        heights: tuple[int, int],
    ) -> None:
        """Makes an empty table.

        Args:
            columns: what is shown.
            copied: the columns of the table as text.
            key: a row -> its key.
            heights: fewest and most rows that the table is high.
        """
        super().__init__()
        self._copied = tuple(copied)
        self._key = key
        self._heights = heights
        self._silent = False
        self._empty_text = ""
        #: Ctrl+C is the table's own while it has the focus, and no shortcut of the window.
        self.keeps_copy_key = True
        self._widths: list[int] = []
        self._rows = RowModel(columns, self)
        self.setModel(self._rows)
        self.setProperty("well", True)  # so that room below few rows is seen to be the table's
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setUniformRowHeights(True)
        self.setIconSize(QSize(ICON, ICON))
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._set_up_header()
        self.selectionModel().selectionChanged.connect(self._tell_selection)
        self.clicked.connect(lambda index: self.key_clicked.emit(self.keys[index.row()]))
        self.doubleClicked.connect(lambda index: self.key_activated.emit(self.keys[index.row()]))
        self._fit()

    # Setters -------------------------------------------------------------------------------------

    def set_rows(self, rows: Sequence[Any]) -> None:
        """Replaces the rows; emits nothing.  The selection stays where all keys stay."""
        new = tuple(rows)
        if new == self._rows.rows:
            return
        with self._quiet():
            self._rows.set_rows(new, [self._key(row) for row in new] == self.keys)
        self._fit()

    def set_columns(self, columns: Sequence[Column], copied: Sequence[Field]) -> None:
        """Other titles and texts for the same columns, for example in another unit."""
        self._copied = tuple(copied)
        self._rows.set_columns(columns)
        self._fit()

    def set_empty_text(self, text: str) -> None:
        """What is written where there are no rows."""
        self._empty_text = text
        self.viewport().update()

    def select(self, keys: Iterable[int]) -> None:
        """Marks these rows and brings the first into view; emits nothing."""
        wanted = set(keys)
        places = [i for i, key in enumerate(self.keys) if key in wanted] if wanted else []
        if places == self._selected_places():
            return
        last = len(self._rows.columns) - 1
        selection = QItemSelection()
        for first, end in _runs(places):
            selection.select(self._rows.index(first, 0), self._rows.index(end, last))
        flags = QItemSelectionModel.SelectionFlag
        with self._quiet():
            self.selectionModel().select(selection, flags.ClearAndSelect)
            if places:
                index = self._rows.index(places[0], 0)
                self.selectionModel().setCurrentIndex(index, flags.NoUpdate)
                self.scrollTo(index)

    @property
    def keys(self) -> list[int]:
        """Keys of all rows, from the top."""
        return [self._key(row) for row in self._rows.rows]

    @property
    def selected_keys(self) -> tuple[int, ...]:
        """Keys of the marked rows, from the top."""
        return tuple(self._key(self._rows.rows[i]) for i in self._selected_places())

    def table_text(self) -> str:
        """The whole table as text: a header, tabs between columns, a line end after each row."""
        lines = [[field.title for field in self._copied]]
        lines += [[field.text(row) for field in self._copied] for row in self._rows.rows]
        return "".join("\t".join(" ".join(cell.split()) for cell in line) + "\n" for line in lines)

    def copy_table(self) -> None:
        """Puts the whole table on the clipboard, for a spreadsheet."""
        QGuiApplication.clipboard().setText(self.table_text())

    # Inside --------------------------------------------------------------------------------------

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """What changes inside was not done by the user.

        The selection model's own signals are not blocked: the view needs them to redraw.
        """
        before, self._silent = self._silent, True
        try:
            yield
        finally:
            self._silent = before

    def _selected_places(self) -> list[int]:
        selection = self.selectionModel().selection()
        ranges = [selection.at(i) for i in range(selection.count())]
        return sorted({i for part in ranges for i in range(part.top(), part.bottom() + 1)})

    def _tell_selection(self) -> None:
        if not self._silent:
            self.keys_selected.emit(self.selected_keys)

    def _set_up_header(self) -> None:
        header = self.header()
        header.setObjectName("rowTable")  # its titles stand as far in as the texts of the cells
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(8)
        header.setSectionsMovable(False)
        header.setFixedHeight(_HEADER_HEIGHT)
        modes = QHeaderView.ResizeMode
        for i, column in enumerate(self._rows.columns):
            header.setSectionResizeMode(i, modes.Stretch if column.stretches else modes.Fixed)

    def _fit(self) -> None:
        """Columns as wide as their texts, the table as high as its rows."""
        columns, rows = self._rows.columns, self._rows.rows
        self._widths = [self._width(c, rows) for c in columns]
        fewest, most = self._heights
        has_titles = any(column.title for column in columns)
        self.setHeaderHidden(not rows or not has_titles)
        head = _HEADER_HEIGHT if has_titles else 0
        self.setFixedHeight(min(max(len(rows), fewest), most) * ROW_HEIGHT + head + _BORDERS)
        self._show_columns()

    def _show_columns(self) -> None:
        """Hides columns without content, and optional ones for which there is no room."""
        columns = self._rows.columns
        needed = sum(
            min(w, _MOST_KEPT) if c.stretches else w
            for c, w in zip(columns, self._widths, strict=True)
            if not c.optional
        )
        room = self.viewport().width() - needed
        for i, (column, width) in enumerate(zip(columns, self._widths, strict=True)):
            if column.stretches:
                continue
            shown = width > 0 and (not column.optional or width <= room)
            if shown and column.optional:
                room -= width
            self.setColumnHidden(i, not shown)
            if shown:
                self.header().resizeSection(i, width)

    def _width(self, column: Column, rows: Sequence[Any]) -> int:
        """What the texts of a column need in pixels; 0 where there is nothing in it."""
        if column.icon is not None:
            return ICON + _CELL_PADDING if any(column.icon(row) for row in rows) else 0
        texts = {column.text(row) for row in rows}
        if not any(texts):
            return 0
        if len(texts) > _MEASURED_TEXTS:
            texts = set(sorted(texts, key=len)[-_MEASURED_TEXTS:])
        metrics = QFontMetricsF(self.font())
        width = ceil(max(metrics.horizontalAdvance(text) for text in texts)) + _CELL_PADDING
        width += ICON + _DOT_GAP if column.dot is not None else 0
        if column.most is not None:
            width = min(width, column.most)
        title = QFontMetricsF(self._small_font()).horizontalAdvance(column.title)
        return max(width, ceil(title) + _HEADER_PADDING)

    def _small_font(self) -> QFont:
        result = QFont(self.font())
        result.setPixelSize(SECONDARY_PX)
        return result

    # Events --------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        if (
            self.keeps_copy_key
            and event.type() is QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.matches(QKeySequence.StandardKey.Copy)
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_table()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            # Not `activated`: some desktops emit it for a single click.
            if self.currentIndex().isValid():
                self.key_activated.emit(self.keys[self.currentIndex().row()])
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        place = event.globalPos()
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            row = self.visualRect(self.currentIndex())
            place = self.viewport().mapToGlobal(row.center())
        self.menu_requested.emit(place)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_columns()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._rows.rows or not self._empty_text:
            return
        painter = QPainter(self.viewport())
        painter.setFont(self._small_font())
        painter.setPen(QColor(current_tokens().muted))
        area = self.viewport().rect().adjusted(SPACE_S, SPACE_S, -SPACE_S, -SPACE_S)
        painter.drawText(area, Qt.TextFlag.TextWordWrap, self._empty_text)
        painter.end()


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first, last) of every run of consecutive ascending numbers."""
    if not numbers:
        return
    first = numbers[0]
    for one, other in pairwise([*numbers, numbers[-1] + 2]):
        if other != one + 1:
            yield first, one
            first = other
