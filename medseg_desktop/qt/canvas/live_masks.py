"""Masks on the slice: a brush stroke in its colour, and those that are filled with a pattern."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPixmap

from medseg_desktop.qt.canvas.live_drawing import LiveMask
from medseg_desktop.qt.canvas.picture_layer import ViewArea, empty_image, image_bytes

_HATCH_PX = 8


class MaskImage:
    """The part of a mask that is not empty, as an image in one colour."""

    def __init__(self, mask: LiveMask, colour: QColor) -> None:
        bits = np.ascontiguousarray(mask.pixels).view(np.uint8)
        column, row, columns, rows = cv2.boundingRect(bits) if bits.size else (0, 0, 0, 0)
        self.bounds = QRectF(mask.left + column, mask.top + row, columns, rows)
        self._image: QImage | None = None
        if columns:
            part = bits[row : row + rows, column : column + columns]
            self._pixels = part * np.uint32(colour.rgba())  # the image only points into it
            kind = QImage.Format.Format_ARGB32_Premultiplied
            self._image = QImage(self._pixels.data, columns, rows, 4 * columns, kind)

    def paint(self, painter: QPainter) -> None:
        """Draws it in corner coordinates, pixels as hard squares."""
        if self._image is not None:
            painter.drawImage(self.bounds, self._image)


class PlainMask:
    """A mask in its colour and opacity."""

    def __init__(self) -> None:
        self._image: MaskImage | None = None
        self._opacity = 0.0

    def set(self, mask: LiveMask | None) -> None:
        """Reads the mask; None shows nothing."""
        self._image = None if mask is None else MaskImage(mask, QColor(mask.colour))
        self._opacity = 0.0 if mask is None else min(max(mask.opacity, 0.0), 1.0)

    def paint(self, painter: QPainter) -> None:
        """Draws it in corner coordinates."""
        if self._image is not None:
            painter.save()
            painter.setOpacity(self._opacity)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            self._image.paint(painter)
            painter.restore()


@dataclass(frozen=True, slots=True)
class MaskEdge:
    """A line along the edge of a mask, within it: colour (`#rrggbb`) and logical pixels."""

    colour: str
    width_px: float


class PatternedMask:
    """A mask filled with a pattern of constant size on the screen; its picture is kept.

    Args:
        tile: the pattern, for so many device pixels of one logical one; it repeats itself.
    """

    def __init__(self, tile: Callable[[float], QPixmap], edge: MaskEdge | None = None) -> None:
        self._tile, self._edge = tile, edge
        self._mask: LiveMask | None = None
        self._image: MaskImage | None = None
        self._picture: tuple[ViewArea, QPointF, QImage] | None = None

    def set(self, mask: LiveMask | None) -> None:
        """Reads the mask if it is another one; None shows nothing."""
        if mask is not self._mask:
            self._mask, self._picture = mask, None
            self._image = None if mask is None else MaskImage(mask, QColor(Qt.GlobalColor.black))

    def paint(self, painter: QPainter, area: ViewArea) -> None:
        """Draws it into the area."""
        if self._image is None or self._image.bounds.isEmpty():
            return
        if self._picture is None or self._picture[0] != area:
            self._picture = (area, *self._patterned(self._image, area))
        _, at, image = self._picture
        painter.save()
        painter.resetTransform()
        painter.drawImage(at, image)
        painter.restore()

    def _patterned(self, mask: MaskImage, area: ViewArea) -> tuple[QPointF, QImage]:
        """The pattern in the mask, and where it lies in logical pixels."""
        crop = area.crop(mask.bounds)
        image = empty_image(crop.size())
        if not crop.isEmpty():
            painter = QPainter(image)
            painter.translate(-crop.x(), -crop.y())
            painter.setTransform(area.to_device, combine=True)
            mask.paint(painter)
            painter.resetTransform()
            edge = _edge_of(image, self._edge, area.ratio) if self._edge is not None else None
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
            # The pattern moves with the slice.
            origin = area.to_device.map(QPointF(0, 0)) - QPointF(crop.topLeft())
            painter.setBrushOrigin(origin.toPoint())
            painter.fillRect(image.rect(), QBrush(self._tile(area.ratio)))
            if edge is not None:
                painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
                painter.drawImage(0, 0, edge)
            painter.end()
        image.setDevicePixelRatio(area.ratio)
        return QPointF(crop.topLeft()) / area.ratio, image


def _edge_of(mask: QImage, edge: MaskEdge, ratio: float) -> QImage:
    """The edge of what is opaque in a picture."""
    alpha = image_bytes(mask)[..., 3]
    side = 2 * max(round(edge.width_px * ratio), 1) + 1
    # What the edge of the picture cuts off goes on beyond it: there is no line.
    inside = cv2.erode(np.ascontiguousarray(alpha), np.ones((side, side), np.uint8))
    line = empty_image(mask.size())
    image_bytes(line).view(np.uint32)[..., 0][alpha > inside] = QColor(edge.colour).rgba()
    return line


def stripes(ratio: float) -> QPixmap:
    """A tile of diagonal stripes, white beside black so that they are seen on any grey."""
    period = round(_HATCH_PX * ratio)
    row, column = np.indices((period, period))
    phase = (row + column) % period
    width = max(period // 6, 1)
    tile = np.zeros((period, period), np.uint32)
    tile[phase < 2 * width] = 0xFF000000
    tile[phase < width] = 0xFFFFFFFF
    kind = QImage.Format.Format_ARGB32_Premultiplied
    return QPixmap.fromImage(QImage(tile.data, period, period, 4 * period, kind).copy())
