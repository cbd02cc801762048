"""A small histogram with the window drawn on it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from medseg_desktop.core.display import range_of_values
from medseg_desktop.qt.theme.state import current_tokens

_HEIGHT = 64
_BAR = 6


class HistogramStrip(QWidget):
    """Shows counts over the value range; below them the grey ramp of the window."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._heights: npt.NDArray[np.float64] = np.zeros(0)
        self._outline = QPolygonF()  # of the heights, at the size that it was drawn with last
        self._outline_size = QSize()
        self._range = (0.0, 1.0)
        self._window = (0.0, 1.0)
        self._inverted = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_counts(self, counts: npt.ArrayLike) -> None:
        """Counts in equal bins over the range; shown on a root scale."""
        heights = np.sqrt(np.asarray(counts, dtype=np.float64).ravel())
        # The air around the head would flatten everything else.
        top = float(np.percentile(heights, 98)) if heights.size else 0.0
        top = top or float(heights.max(initial=0.0))
        self._heights = np.clip(heights / top, 0.0, 1.0) if top > 0 else np.zeros(0)
        self._outline_size = QSize()
        self.update()

    def set_range(self, low: float, high: float) -> None:
        """Values at the left and right end."""
        self._range = range_of_values(low, high)
        self.update()

    def set_window(self, low: float, high: float, inverted: bool) -> None:
        """Values shown as black and as white."""
        self._window = (low, high)
        self._inverted = inverted
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, _HEIGHT)

    def _x(self, value: float) -> float:
        low, high = self._range
        return (value - low) / (high - low) * self.width()

    def paintEvent(self, event: QPaintEvent) -> None:
        t = current_tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(0, 0, self.width(), self.height() - _BAR - 4)
        left = min(max(self._x(self._window[0]), 0.0), area.width())
        right = min(max(self._x(self._window[1]), 0.0), area.width())
        band = QColor(t.accent)
        band.setAlpha(34)
        painter.fillRect(QRectF(left, 0, right - left, area.height()), band)
        if self._heights.size > 1:
            self._paint_counts(painter, area, QColor(t.muted))
        painter.setPen(QPen(QColor(t.accent), 1.4))
        for x in (left, right):
            x = min(max(x, 0.7), area.width() - 0.7)
            painter.drawLine(QPointF(x, 0), QPointF(x, area.height()))
        self._paint_ramp(painter, left, right)

    def _paint_counts(self, painter: QPainter, area: QRectF, colour: QColor) -> None:
        if self._outline_size != self.size():
            self._outline_size = self.size()
            across = area.width() / (self._heights.size - 1)
            foot, tall = area.bottom(), area.height() - 2
            line = [
                QPointF(i * across, foot - float(h) * tall) for i, h in enumerate(self._heights)
            ]
            ends = (QPointF(0, foot), QPointF(area.width(), foot))
            self._outline = QPolygonF([ends[0], *line, ends[1]])
        fill = QColor(colour)
        fill.setAlpha(110)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawPolygon(self._outline)

    def _paint_ramp(self, painter: QPainter, left: float, right: float) -> None:
        ends = [QColor("#000000"), QColor("#ffffff")]
        if self._inverted:
            ends.reverse()
        ramp = QLinearGradient(QPointF(left, 0), QPointF(max(right, left + 1), 0))
        ramp.setColorAt(0, ends[0])
        ramp.setColorAt(1, ends[1])
        painter.setPen(QPen(QColor(current_tokens().line), 1))
        painter.setBrush(ramp)
        bar = QRectF(0.5, self.height() - _BAR - 0.5, self.width() - 1, _BAR)
        painter.drawRoundedRect(bar, 2, 2)
