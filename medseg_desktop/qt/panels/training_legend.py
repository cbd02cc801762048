"""What the lines of a plot are: colour, name, value, and whether they are drawn."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from medseg_desktop.qt.panels.controls import clear_layout
from medseg_desktop.qt.panels.flow_layout import FlowLayout
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import SECONDARY_PX, SPACE_M, SPACE_XS

_DARK_LINES = (
    "#4cb5f5",
    "#4cc38a",
    "#f2a33c",
    "#c58af9",
    "#f0625d",
    "#e3d05a",
    "#5fd3d6",
    "#e58fc0",
)
_LIGHT_LINES = (
    "#0b6bb0",
    "#1a7346",
    "#a35200",
    "#7a3fc0",
    "#bb2d26",
    "#6b6200",
    "#0a6f78",
    "#a2337a",
)
_HEIGHT, _SWATCH, _LONGEST_NAME_PX = 20, 12, 150
NO_VALUE = "–"  # noqa: RUF001


def line_colour(position: int) -> str:
    """A colour for a line, at least 3 : 1 on the panel of either theme; they repeat."""
    colours = _DARK_LINES if current_tokens().name == "dark" else _LIGHT_LINES
    return colours[position % len(colours)]


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One line of a plot.

    Attributes:
        key: tells it from the others.
        colour: position for `line_colour`.
        dashed: of another run.
        has_value: it is one line, whose value can be told.
    """

    key: Hashable
    text: str
    colour: int
    shown: bool = True
    dashed: bool = False
    has_value: bool = True


class _Item(QAbstractButton):
    """A check box whose mark is the line itself."""

    def __init__(self, entry: LegendEntry) -> None:
        super().__init__()
        self.entry = entry
        self.value = NO_VALUE
        self.setCheckable(True)
        self.setChecked(entry.shown)
        self.setText(entry.text)
        self.setToolTip(entry.text)
        self.setAccessibleName(entry.text)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        font = self.font()
        font.setPixelSize(SECONDARY_PX)
        self.setFont(font)

    def set_value(self, text: str) -> None:
        if text != self.value:
            self.value = text
            self.update()

    def _name_px(self) -> int:
        width = math.ceil(QFontMetricsF(self.font()).horizontalAdvance(self.text())) + 2
        return min(width, _LONGEST_NAME_PX)

    def _value_px(self) -> int:
        # As wide as any value, so that nothing moves while they change.
        return math.ceil(QFontMetricsF(self.font()).horizontalAdvance("0.0e-00"))

    @property
    def _shows_value(self) -> bool:
        return self.entry.has_value and self.isChecked()

    def sizeHint(self) -> QSize:
        width = _SWATCH + SPACE_XS + self._name_px() + 4
        value = SPACE_XS + self._value_px() if self._shows_value else 0
        return QSize(width + value, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        t = current_tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_mark(painter)
        on = self.isChecked()
        left, name = 2 + _SWATCH + SPACE_XS, self._name_px()
        painter.setPen(QColor(t.text if on or self.underMouse() else t.muted))
        text = QFontMetricsF(self.font()).elidedText(self.text(), Qt.TextElideMode.ElideRight, name)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(left, 0, name + 1, _HEIGHT), middle, text)
        if self._shows_value:
            painter.setPen(QColor(t.muted))
            left += name + SPACE_XS
            painter.drawText(QRectF(left, 0, self._value_px(), _HEIGHT), middle, self.value)
        if self.hasFocus():
            painter.setPen(QPen(QColor(t.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)

    def _paint_mark(self, painter: QPainter) -> None:
        colour = QColor(line_colour(self.entry.colour))
        box = QRectF(2.5, (_HEIGHT - _SWATCH) / 2 + 0.5, _SWATCH - 1, _SWATCH - 1)
        pen = QPen(colour, 1.4)
        if self.entry.dashed:
            pen.setDashPattern([2, 1.4])
        painter.setPen(pen)
        if self.isChecked():
            fill = QColor(colour)
            fill.setAlpha(90 if self.entry.dashed else 255)
            painter.setBrush(fill)
        painter.drawRoundedRect(box, 3, 3)


class CurveLegend(QWidget):
    """The lines of a plot with their latest values, to be switched on and off.

    Signals:
        toggled(key, bool): the user wants a line, or not.
    """

    toggled = Signal(object, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: tuple[LegendEntry, ...] = ()
        self.items: dict[Hashable, _Item] = {}
        self._flow = FlowLayout(self, SPACE_M, 0)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def set_entries(self, entries: Sequence[LegendEntry]) -> None:
        """Which lines there are; those that are there already stay, with the focus."""
        if tuple(entries) == self._entries:
            return
        before, self._entries = self._entries, tuple(entries)
        if [_without_state(e) for e in before] == [_without_state(e) for e in entries]:
            for entry in entries:
                self.items[entry.key].setChecked(entry.shown)
        else:
            clear_layout(self._flow)
            self.items = {entry.key: self._item(entry) for entry in entries}
        self._flow.invalidate()
        self._fit()

    def _item(self, entry: LegendEntry) -> _Item:
        item = _Item(entry)
        item.clicked.connect(lambda on, key=entry.key: self.toggled.emit(key, on))
        self._flow.addWidget(item)
        return item

    def _fit(self) -> None:
        """As high as the lines are; a scroll area asks no layout for the height of a width."""
        self.setFixedHeight(self._flow.height_at(self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def set_value(self, key: Hashable, value: float | None) -> None:
        """What a line has at the cursor, or last."""
        item = self.items.get(key)
        if item is not None:
            item.set_value(value_text(value))


def _without_state(entry: LegendEntry) -> LegendEntry:
    return replace(entry, shown=True)


def value_text(value: float | None) -> str:
    """Three figures behind the point; small ones with an exponent."""
    if value is None:
        return NO_VALUE
    return f"{value:.3f}" if value == 0 or 0.01 <= abs(value) < 100 else f"{value:.1e}"
