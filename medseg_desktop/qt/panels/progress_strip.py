"""How far a work is, as a thin bar."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from medseg_desktop.qt.theme.state import current_tokens

_HEIGHT = 6
_STEP_MS = 50
_STEPS = 40
_SHARE = 0.3


class ProgressStrip(QWidget):
    """A bar that is filled from the left, or whose segment wanders where nobody knows the end.

    In place of QProgressBar, whose `setValue` paints everything that waits to be painted in the
    whole window, at once: a slice and all panels for each slice that was read.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._done, self._total = 0, 0
        self._step = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_STEP_MS)
        self._timer.timeout.connect(self._wander)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_progress(self, done: int, total: int) -> None:
        """`done` of `total`; with 0 in all nobody knows how much it is."""
        if (done, total) != (self._done, self._total):
            self._done, self._total = done, total
            self._run()
            self.update()

    @property
    def done(self) -> int:
        """What is done of `total`."""
        return self._done

    @property
    def total(self) -> int:
        """All there is to do; 0 where nobody knows."""
        return self._total

    def sizeHint(self) -> QSize:
        return QSize(140, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, _HEIGHT)

    def _run(self) -> None:
        """The timer runs only while something wanders in sight."""
        if self._total <= 0 and self.isVisible():
            self._timer.start()
        else:
            self._timer.stop()

    def _wander(self) -> None:
        self._step = (self._step + 1) % _STEPS
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._run()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def paintEvent(self, event: QPaintEvent) -> None:
        t = current_tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        width, radius = float(self.width()), _HEIGHT / 2
        top = (self.height() - _HEIGHT) / 2
        painter.setBrush(QColor(t.track))
        painter.drawRoundedRect(QRectF(0, top, width, _HEIGHT), radius, radius)
        if self._total > 0:
            left, filled = 0.0, width * min(max(self._done / self._total, 0.0), 1.0)
        else:
            filled = width * _SHARE
            left = (width - filled) * self._step / (_STEPS - 1)
        if filled >= 1:
            painter.setBrush(QColor(t.accent))
            painter.drawRoundedRect(QRectF(left, top, filled, _HEIGHT), radius, radius)
