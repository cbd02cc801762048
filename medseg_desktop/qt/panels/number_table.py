"""Numbers in columns, and sentences with an icon."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from medseg_desktop.qt.panels.controls import clear_layout, label, row
from medseg_desktop.qt.theme.icons import pixmap
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import SPACE_S, SPACE_XS

_ICON = 16
#: Least width of each of several columns, so that tables below one another are in line.
_COLUMN = 58


class NumberTable(QWidget):
    """Captions at the left, right-aligned texts beside them."""

    def __init__(self, parent: QWidget | None = None, column_px: int = _COLUMN) -> None:
        super().__init__(parent)
        self._column_px = column_px
        self._shown: tuple[object, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(SPACE_S)
        self._grid.setVerticalSpacing(SPACE_XS)
        self._grid.setColumnStretch(0, 1)

    def set_rows(self, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Replaces everything: heads of the columns, and (caption, texts) of each row."""
        wanted = (tuple(columns), tuple((caption, tuple(texts)) for caption, texts in rows))
        if wanted == self._shown:
            return
        self._shown = wanted
        clear_layout(self._grid)
        texts_a_row = max((len(texts) for _, texts in rows), default=0)
        for position in range(1, max(self._grid.columnCount(), texts_a_row + 1)):
            wide = self._column_px if 1 < texts_a_row >= position else 0
            self._grid.setColumnMinimumWidth(position, wide)
        for position, text in enumerate(columns, start=1):
            self._cell(0, position, text, "muted")
        for line, (caption, texts) in enumerate(rows, start=1):
            self._cell(line, 0, caption, "muted")
            for position, text in enumerate(texts, start=1):
                self._cell(line, position, text, "")
        self.setVisible(bool(rows))

    def _cell(self, line: int, position: int, text: str, role: str) -> None:
        if position == 0:  # the name of a label may be long
            self._grid.addWidget(label(text, role, wrap=True), line, 0)
        else:
            side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom
            self._grid.addWidget(label(text, role), line, position, side)


class IconLine(QWidget):
    """A sentence with an icon before it, and perhaps a muted one below it."""

    def __init__(self, text: str = "", icon: str = "info", token: str = "muted", below: str = ""):
        super().__init__()
        self._icon = (icon, token)
        self.mark = QLabel()
        self.text = label("", wrap=True)
        self.below = label("", "muted", wrap=True)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(self.text)
        texts.addWidget(self.below)
        layout = row(self, 0, SPACE_S)
        layout.addWidget(self.mark, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(texts, 1)
        self.set_line(text, icon, token, below)

    def set_line(self, text: str, icon: str, token: str, below: str = "") -> None:
        """Another sentence; `token` is the colour of its icon."""
        self.text.setText(text)
        self.below.setText(below)
        self.below.setVisible(bool(below))
        self._icon = (icon, token)
        self._draw_mark()

    def _draw_mark(self) -> None:
        """In the theme's colour, at the middle of the first line of the text."""
        icon, token = self._icon
        colour = str(getattr(current_tokens(), token))
        self.mark.setPixmap(pixmap(icon, colour, _ICON, self.devicePixelRatioF()))
        self.mark.setFixedHeight(max(self.text.fontMetrics().height(), _ICON))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange and hasattr(self, "mark"):
            self._draw_mark()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw_mark()  # only now the text has the font of its role
