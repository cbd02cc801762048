"""A validation slice with the reference and what the network made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from medseg_desktop.core.raster import regions
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import CORNER

_FILL_OPACITY = 0.3
_LINE_PX = 1.5
Grey = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PreviewPicture:
    """What is drawn of one preview, in corner coordinates of the slice.

    Attributes:
        grey: the slice.
        reference, prediction: outlines of all labels.
    """

    grey: QImage
    reference: QPainterPath
    prediction: QPainterPath


def preview_picture(grey: Grey, reference: Grey, prediction: Grey) -> PreviewPicture:
    """Grey values and class indices, each (rows, columns), uint8; in any thread."""
    rows, columns = grey.shape
    data = np.ascontiguousarray(grey)
    image = QImage(data.data, columns, rows, columns, QImage.Format.Format_Grayscale8).copy()
    return PreviewPicture(image, _outlines(reference), _outlines(prediction))


def _outlines(label_map: Grey) -> QPainterPath:
    """The outlines of every label, holes included, through the centres of the border pixels."""
    path = QPainterPath()
    for index in np.unique(label_map[label_map > 0]):
        mask = np.ascontiguousarray((label_map == index).astype(np.uint8))
        for ring in (ring for region in regions(mask) for ring in region.rings):
            path.addPolygon(QPolygonF([QPointF(x + 0.5, y + 0.5) for x, y in ring.tolist()]))
            path.closeSubpath()
    return path


class PreviewSliceView(QAbstractButton):
    """Draws one picture as large as it is itself; the empty state is a dark square.

    Signals:
        clicked(): of QAbstractButton.
    """

    hovered = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: PreviewPicture | None = None
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    @property
    def picture(self) -> PreviewPicture | None:
        """What is drawn."""
        return self._picture

    def set_picture(self, picture: PreviewPicture | None) -> None:
        """Draws another picture; None for an empty square."""
        if picture is not self._picture:
            self._picture = picture
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(96, 96)

    def minimumSizeHint(self) -> QSize:
        return QSize(48, 48)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setFixedHeight(self.width())  # a square; a scroll area asks for no height of a width

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()  # the two clicks of it have opened and closed; a third would surprise

    def paintEvent(self, event: QPaintEvent) -> None:
        t = current_tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = QRectF(self.rect())
        clip = QPainterPath()
        clip.addRoundedRect(frame, CORNER, CORNER)
        painter.setClipPath(clip)
        painter.fillRect(frame, QColor(t.canvas))
        if self._picture is not None:
            self._paint_picture(painter, self._picture, frame)
        painter.setClipping(False)
        if self.isChecked() or self.hasFocus():
            painter.setPen(QPen(QColor(t.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(frame.adjusted(1, 1, -1, -1), CORNER, CORNER)

    @staticmethod
    def _paint_picture(painter: QPainter, picture: PreviewPicture, frame: QRectF) -> None:
        t = current_tokens()
        size = picture.grey.size()
        scale = min(frame.width() / size.width(), frame.height() / size.height())
        painter.save()
        painter.translate(frame.center())
        painter.scale(scale, scale)
        painter.translate(-size.width() / 2, -size.height() / 2)
        painter.drawImage(0, 0, picture.grey)
        fill = QColor(t.model)
        fill.setAlphaF(_FILL_OPACITY)
        painter.fillPath(picture.prediction, fill)
        for path, colour in ((picture.prediction, t.model), (picture.reference, t.mine)):
            pen = QPen(QColor(colour), _LINE_PX)
            pen.setCosmetic(True)
            painter.strokePath(path, pen)
        painter.restore()
