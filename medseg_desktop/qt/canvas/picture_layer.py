"""Pictures of outlines, drawn once and only copied to the screen afterwards."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QTransform
from PySide6.QtWidgets import QWidget

from medseg_desktop.qt.canvas.outline import Outline

# Room for the width of lines, rim and dots around the points.
_MARGIN_PX = 8
# Of scales and of pixels: far below what could be seen, far above what rounding does.
_SAME = 1e-7


@dataclass(frozen=True)
class ViewArea:
    """Where a picture is seen.

    Attributes:
        to_view: corner coordinates -> logical pixels of the viewport.
        width, height: of the viewport in logical pixels.
        ratio: device pixels of one logical pixel.
    """

    to_view: QTransform
    width: int
    height: int
    ratio: float

    @classmethod
    def of(cls, painter: QPainter, widget: QWidget | None) -> ViewArea:
        """The area that an item is being painted into."""
        device, ratio = painter.device(), painter.device().devicePixelRatio()
        if widget is not None:
            return cls(painter.transform(), widget.width(), widget.height(), ratio)
        width, height = round(device.width() / ratio), round(device.height() / ratio)
        return cls(painter.transform(), width, height, ratio)

    @property
    def to_device(self) -> QTransform:
        """Corner coordinates -> device pixels."""
        return self.to_view * QTransform.fromScale(self.ratio, self.ratio)

    @property
    def margin(self) -> int:
        """Device pixels that lines and dots reach beyond their points."""
        return math.ceil(_MARGIN_PX * self.ratio)

    def step(self, before: ViewArea) -> QPoint | None:
        """How many device pixels the view has moved since; None if it changed in another way."""
        now, then = self.to_device, before.to_device
        if (self.width, self.height, self.ratio) != (before.width, before.height, before.ratio):
            return None
        linear = zip(_linear(now), _linear(then), strict=True)
        if any(abs(a - b) > _SAME for a, b in linear):
            return None
        x, y = now.dx() - then.dx(), now.dy() - then.dy()
        if abs(x - round(x)) > _SAME or abs(y - round(y)) > _SAME:
            return None
        return QPoint(round(x), round(y))

    def crop(self, bounds: QRectF) -> QRect:
        """The device pixels that what lies within `bounds` can touch; empty out of sight."""
        margin = self.margin
        # Far away points do not fit into the integers of a rectangle.
        screen = QRectF(0, 0, self.width * self.ratio, self.height * self.ratio)
        touched = self.to_device.mapRect(bounds).adjusted(-margin, -margin, margin, margin)
        return (touched & screen).toAlignedRect()


class PictureLayer(ABC):
    """Outlines and their picture, which is kept until they or the view change."""

    def __init__(self) -> None:
        self._outlines: Sequence[Outline] = ()
        self._bounds = QRectF()
        self._area: ViewArea | None = None
        # What of the screen is drawn, in device pixels; its picture may have a margin around it.
        self._crop = QRect()
        self._picture, self._origin = QImage(), QPoint()

    def set(self, outlines: Sequence[Outline]) -> None:
        """Replaces the outlines; nothing is drawn again if they look the same."""
        before = self._outlines
        self._outlines = outlines
        if len(before) == len(outlines) and all(map(self._alike, before, outlines)):
            return
        self._area = None
        self._bounds = self._prepare(outlines)

    def paint(self, painter: QPainter, area: ViewArea) -> None:
        """Copies the picture to where the outlines lie, drawing it first if need be."""
        if not self._outlines:
            return
        if area != self._area:
            self._redraw(area)
        if not self._crop.isEmpty():
            painter.save()
            painter.resetTransform()
            painter.drawImage(QPointF(self._origin) / area.ratio, self._picture)
            painter.restore()

    def _redraw(self, area: ViewArea) -> None:
        """Draws the picture; where the view has only moved, no more than came into sight."""
        crop = area.crop(self._bounds)
        step = None if self._area is None or self._changes_at_edges() else area.step(self._area)
        kept = QRect() if step is None else self._crop.translated(step) & crop
        if kept.isEmpty() or step is None:
            if not crop.isEmpty():
                self._picture, self._origin = self._draw_part(crop, area)
        else:
            picture, origin = self._picture, self._origin + step
            picture.setDevicePixelRatio(1.0)
            self._picture, self._origin = empty_image(crop.size()), crop.topLeft()
            painter = QPainter(self._picture)
            painter.translate(-crop.topLeft())
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
            painter.drawImage(kept, picture, kept.translated(-origin))
            for part in _around(kept, crop):
                drawn, at = self._draw_part(part, area)
                painter.drawImage(part, drawn, part.translated(-at))
            painter.end()
        self._picture.setDevicePixelRatio(area.ratio)
        self._area, self._crop = area, crop

    def _draw_part(self, part: QRect, area: ViewArea) -> tuple[QImage, QPoint]:
        """A part of the screen with a margin around it, and where the margin begins."""
        margin = area.margin
        # Lines just outside reach into the part with their width and rim.
        more = part.adjusted(-margin, -margin, margin, margin)
        to_part = area.to_device * QTransform.fromTranslate(-more.x(), -more.y())
        return self._draw(more.size(), to_part, area.ratio), more.topLeft()

    def _changes_at_edges(self) -> bool:
        """What is drawn depends on where the edge of the view is."""
        return False

    def _alike(self, one: Outline, other: Outline) -> bool:
        return one.draws_like(other)

    @abstractmethod
    def _prepare(self, outlines: Sequence[Outline]) -> QRectF:
        """Takes new outlines; returns the rectangle around them in corner coordinates."""

    @abstractmethod
    def _draw(self, size: QSize, to_picture: QTransform, ratio: float) -> QImage:
        """A picture of this size in device pixels, but for a margin at its edges."""


def _linear(transform: QTransform) -> tuple[float, float, float, float]:
    return transform.m11(), transform.m12(), transform.m21(), transform.m22()


def _around(inner: QRect, outer: QRect) -> list[QRect]:
    """The parts of a rectangle beside another one that lies within it."""
    if inner.isEmpty():
        return [outer]
    width, height = outer.width(), inner.height()
    parts = (
        QRect(outer.left(), outer.top(), width, inner.top() - outer.top()),
        QRect(outer.left(), inner.bottom() + 1, width, outer.bottom() - inner.bottom()),
        QRect(outer.left(), inner.top(), inner.left() - outer.left(), height),
        QRect(inner.right() + 1, inner.top(), outer.right() - inner.right(), height),
    )
    return [part for part in parts if not part.isEmpty()]


def empty_image(size: QSize) -> QImage:
    """A transparent image in the format that is copied fastest."""
    image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    return image


def image_bytes(image: QImage) -> npt.NDArray[np.uint8]:
    """The bytes (rows, columns, 4) of such an image: blue, green, red, alpha; not copied."""
    shape = (image.height(), image.width(), 4)
    pixels: npt.NDArray[np.uint8] = np.frombuffer(image.bits(), np.uint8).reshape(shape)
    return pixels
