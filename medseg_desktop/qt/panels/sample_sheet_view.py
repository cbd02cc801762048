"""The sheet of training slices, small in the panel and large in a window of its own."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from medseg_desktop.core.sample_sheet import COLUMNS, GAP, TILE
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import CONTROL_HEIGHT, CORNER, SPACE_XS

#: As long as there is no sheet, room for two rows of tiles is kept, so that nothing jumps.
_LINES = 2
_EMPTY = QSize(COLUMNS * (TILE + GAP) - GAP, _LINES * (TILE + GAP) - GAP)


class SampleSheetView(QWidget):
    """Shows the sheet as wide as it has room; a click or Enter asks for the large one.

    Signals:
        opened(QImage): show it large.
    """

    opened = Signal(QImage)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sheet: QImage | None = None
        self._waiting = ""
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(self.tr("Training slices as the network sees them"))

    @property
    def sheet(self) -> QImage | None:
        """What is shown."""
        return self._sheet

    def set_sheet(self, sheet: QImage | None, waiting: str = "") -> None:
        """Replaces the sheet; without one the text says what is waited for."""
        self._sheet, self._waiting = sheet, waiting
        there = sheet is not None
        hand = Qt.CursorShape.PointingHandCursor if there else Qt.CursorShape.ArrowCursor
        self.setCursor(hand)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if there else Qt.FocusPolicy.NoFocus)
        self.setToolTip(self.tr("Show large") if there else "")
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        size = self._size()
        return max(CONTROL_HEIGHT, round(width * size.height() / size.width()))

    def sizeHint(self) -> QSize:
        return QSize(280, self.heightForWidth(280))

    def minimumSizeHint(self) -> QSize:
        return QSize(40, CONTROL_HEIGHT)

    def _size(self) -> QSize:
        return _EMPTY if self._sheet is None else self._sheet.size()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        inside = self.rect().contains(event.position().toPoint())
        if event.button() is Qt.MouseButton.LeftButton and inside:
            self._open()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._open()
        else:
            super().keyPressEvent(event)

    def _open(self) -> None:
        if self._sheet is not None:
            self.opened.emit(self._sheet)

    def paintEvent(self, event: QPaintEvent) -> None:
        t = current_tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = QPainterPath()
        frame.addRoundedRect(QRectF(self.rect()), CORNER, CORNER)
        painter.setClipPath(frame)
        if self._sheet is None:
            painter.fillRect(self.rect(), QColor(t.raised))
            painter.setPen(QColor(t.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._waiting)
            return
        painter.fillRect(self.rect(), QColor(t.canvas))
        painter.drawImage(self._target(), self._sheet)
        if self.hasFocus():
            painter.setPen(QPen(QColor(t.accent), SPACE_XS))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(frame)

    def _target(self) -> QRect:
        assert self._sheet is not None
        size = self._sheet.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(0, 0, size.width(), size.height())
        target.moveCenter(self.rect().center())
        return target
