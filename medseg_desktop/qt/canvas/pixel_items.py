"""Pixels on the slice view: the slice itself and label maps, in corner coordinates.

In these coordinates (x = column, y = row) the pixel (r, c) covers [c, c + 1) x [r, r + 1).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

_OPAQUE = 0xFF000000


class PixelItem(QGraphicsItem):
    """An array of pixels, rows down; smooth or as hard squares.

    Drawn from an image in the format of the screen: Qt would convert any other at every paint.
    """

    def __init__(self) -> None:
        super().__init__()
        self._smooth = False
        self._image: QImage | None = None
        self._pixels: npt.NDArray[np.generic] | None = None  # the image only points into it
        self._origin = QPointF(0, 0)

    def set_smooth(self, smooth: bool) -> None:
        """Interpolate between pixels when zoomed in."""
        if smooth != self._smooth:
            self._smooth = smooth
            self.update()

    def clear(self) -> None:
        """Shows nothing."""
        self._show(None, None)

    def set_slice(self, pixels: npt.NDArray[np.uint32] | npt.NDArray[np.uint8]) -> None:
        """Shows a slice.

        Args:
            pixels: (rows, columns) uint32 0xffRRGGBB, or (rows, columns, 3) uint8 RGB.
        """
        rows, columns = pixels.shape[:2]
        kind = QImage.Format.Format_RGB32 if pixels.ndim == 2 else QImage.Format.Format_RGB888
        kept = np.ascontiguousarray(pixels)
        self._show(QImage(kept.data, columns, rows, kept.strides[0], kind), kept)

    def set_label_map(
        self, label_map: npt.NDArray[np.uint8], colours: Sequence[Sequence[int]]
    ) -> None:
        """Shows the labelled part of a label map.

        Args:
            label_map: (rows, columns) of class indices; 0 is transparent.
            colours: (red, green, blue) by class index; indices beyond them are transparent.
        """
        column, row, columns, rows = cv2.boundingRect(label_map)
        if columns == 0:
            self.clear()
            return
        table = np.zeros(256, np.uint32)
        for index, (red, green, blue) in enumerate(colours):
            table[index] = _OPAQUE | red << 16 | green << 8 | blue
        table[0] = 0
        pixels = table.take(label_map[row : row + rows, column : column + columns])
        kind = QImage.Format.Format_ARGB32_Premultiplied
        image = QImage(pixels.data, columns, rows, pixels.strides[0], kind)
        self._show(image, pixels, QPointF(column, row))

    def _show(
        self,
        image: QImage | None,
        pixels: npt.NDArray[np.generic] | None,
        origin: QPointF | None = None,
    ) -> None:
        self.prepareGeometryChange()
        self._image, self._pixels = image, pixels
        self._origin = origin or QPointF(0, 0)
        self.update()

    def boundingRect(self) -> QRectF:
        if self._image is None:
            return QRectF()
        return QRectF(self._origin, self._image.size().toSizeF())

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        if self._image is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._smooth)
            painter.drawImage(self.boundingRect(), self._image)
