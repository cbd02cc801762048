"""A row of small pictures of what a training will see."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import SPACE_S

SAMPLES = 4
_SIDE = 68


class SampleStrip(QWidget):
    """Up to four pictures side by side; always as high as one of them, so nothing jumps."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pictures: tuple[QImage, ...] = ()
        self.setFixedHeight(_SIDE)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def pictures(self) -> tuple[QImage, ...]:
        """What is shown, from left to right."""
        return self._pictures

    def set_pictures(self, pictures: Sequence[QImage]) -> None:
        """Replaces the pictures; further ones than four are left out."""
        self._pictures = tuple(pictures[:SAMPLES])
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(SAMPLES * _SIDE + (SAMPLES - 1) * SPACE_S, _SIDE)

    def minimumSizeHint(self) -> QSize:
        return QSize(_SIDE, _SIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        side = min(_SIDE, (self.width() - (SAMPLES - 1) * SPACE_S) // SAMPLES)
        for position, picture in enumerate(self._pictures):
            frame = QRect(position * (side + SPACE_S), 0, side, side)
            painter.fillRect(frame, QColor(current_tokens().canvas))
            size = picture.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(0, 0, size.width(), size.height())
            target.moveCenter(frame.center())
            painter.drawImage(target, picture)
