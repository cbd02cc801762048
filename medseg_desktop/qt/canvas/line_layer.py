"""Outlines drawn once into pictures that are only copied to the screen afterwards.

Qt draws lines of one pixel fifty times as fast as wider ones.  So all lines are drawn thin, and
then the whole picture is made wider, and its alpha wider still for the dark rim: the cost of
both depends on the size of the view and not on the number of lines.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen, QTransform
from PySide6.QtWidgets import QWidget

from medseg_desktop.qt.canvas.outline import Outline
from medseg_desktop.qt.canvas.rings import Rings, cell_of

_RIM_PX = 0.9
_RIM = QColor(0, 0, 0, 150)
_DASHES_PX = (6.0, 4.4)
# Room for the width of lines, rim and dots around the points.
_MARGIN_PX = 8
# Of a device pixel, to which the corners of insides are rounded.
_PARTS = 16


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

    def crop(self, bounds: QRectF) -> QRect:
        """The device pixels that what lies within `bounds` can touch; empty out of sight."""
        margin = math.ceil(_MARGIN_PX * self.ratio)
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
        self._picture: tuple[QPointF, QImage] | None = None

    def set(self, outlines: Sequence[Outline]) -> None:
        """Replaces the outlines; nothing is drawn again if they look the same."""
        before = self._outlines
        self._outlines = outlines
        if len(before) == len(outlines) and all(map(self._alike, before, outlines)):
            return
        self._area = self._picture = None
        self._bounds = self._prepare(outlines)

    def paint(self, painter: QPainter, area: ViewArea) -> None:
        """Copies the picture to where the outlines lie, drawing it first if need be."""
        if not self._outlines:
            return
        if area != self._area:
            self._area = area
            crop = area.crop(self._bounds)
            self._picture = None
            if not crop.isEmpty():
                to_crop = area.to_device * QTransform.fromTranslate(-crop.x(), -crop.y())
                image = self._draw(crop, to_crop, area.ratio)
                image.setDevicePixelRatio(area.ratio)
                self._picture = (QPointF(crop.topLeft()) / area.ratio, image)
        if self._picture is not None:
            painter.save()
            painter.resetTransform()
            painter.drawImage(*self._picture)
            painter.restore()

    def _alike(self, one: Outline, other: Outline) -> bool:
        return one.draws_like(other)

    @abstractmethod
    def _prepare(self, outlines: Sequence[Outline]) -> QRectF:
        """Takes new outlines; returns the rectangle around them in corner coordinates."""

    @abstractmethod
    def _draw(self, crop: QRect, to_crop: QTransform, ratio: float) -> QImage:
        """A picture of the size of `crop`."""


class LineLayer(PictureLayer):
    """Lines of one width with a dark rim, and dots where there is only one point.

    Args:
        width_px: of the lines without the rim, in logical pixels; at least 1.
    """

    def __init__(self, width_px: float) -> None:
        super().__init__()
        self._width_px = width_px
        self._pens: list[tuple[str, bool, Rings]] = []
        self._dots: list[Outline] = []

    def _prepare(self, outlines: Sequence[Outline]) -> QRectF:
        groups: dict[tuple[str, bool], list[Outline]] = {}
        self._dots = []
        for outline in outlines:
            if len(outline.points) == 1:
                if np.isfinite(outline.points).all():
                    self._dots.append(outline)
            else:
                groups.setdefault((outline.colour, outline.dashed), []).append(outline)
        self._pens = [(*pen, Rings(group)) for pen, group in groups.items()]
        # A rectangle without width or height counts for nothing in a union.
        bounds = [rings.bounds() for *_, rings in self._pens]
        bounds += [Rings([dot]).bounds() for dot in self._dots]
        return _union([rect.adjusted(-1, -1, 1, 1) for rect in bounds])

    def _draw(self, crop: QRect, to_crop: QTransform, ratio: float) -> QImage:
        image = _empty(crop.size())
        self._draw_thin(image, to_crop, ratio)
        _widen(image, (self._width_px * ratio - 1) / 2)
        _add_rim(image, _RIM_PX * ratio)
        if self._dots:
            self._draw_dots(image, to_crop, ratio)
        return image

    def _draw_thin(self, image: QImage, to_crop: QTransform, ratio: float) -> None:
        cell = cell_of(to_crop)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setTransform(to_crop)
        for colour, dashed, rings in self._pens:
            path = rings.path(cell)
            if dashed:  # the gaps are as dark as the rim
                painter.setPen(_thin_pen(_RIM))
                painter.drawPath(path)
            pen = _thin_pen(QColor(colour))
            if dashed:
                pen.setDashPattern([length * ratio for length in _DASHES_PX])
            painter.setPen(pen)
            painter.drawPath(path)
        painter.end()

    def _draw_dots(self, image: QImage, to_crop: QTransform, ratio: float) -> None:
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        radius = (self._width_px + 1.4) * ratio
        for dot in self._dots:
            at = to_crop.map(QPointF(*map(float, dot.points[0])))
            for colour, more in ((_RIM, 1.5 * ratio), (QColor(dot.colour), 0.0)):
                painter.setBrush(colour)
                painter.drawEllipse(at, radius + more, radius + more)
        painter.end()


class FillLayer(PictureLayer):
    """The insides of outlines, each in its own colour and opacity."""

    def __init__(self) -> None:
        super().__init__()
        self._rings: list[Rings] = []

    def _alike(self, one: Outline, other: Outline) -> bool:
        return one.fill == other.fill and one.draws_like(other)

    def _prepare(self, outlines: Sequence[Outline]) -> QRectF:
        # Filled one by one: together, insides that overlap would cancel each other.
        self._rings = [Rings([outline]) for outline in outlines]
        return _union([rings.bounds() for rings in self._rings])

    def _draw(self, crop: QRect, to_crop: QTransform, ratio: float) -> QImage:
        image = _empty(crop.size())
        pixels = _pixels(image)
        for outline, rings in zip(self._outlines, self._rings, strict=True):
            colour = QColor(outline.colour)
            alpha = min(max(outline.fill, 0.0), 1.0)
            shades = (colour.blue(), colour.green(), colour.red(), 255)
            # Lines cover the edges, so these need not be smooth.
            cv2.fillPoly(
                pixels,
                rings.mapped(to_crop, _PARTS),
                [alpha * shade for shade in shades],
                shift=_PARTS.bit_length() - 1,
            )
        return image


def _union(rects: Sequence[QRectF]) -> QRectF:
    union = QRectF()
    for rect in rects:
        union = union.united(rect)
    return union


def _pixels(image: QImage) -> npt.NDArray[np.uint8]:
    """The bytes (rows, columns, 4) of an image: blue, green, red, alpha."""
    shape = (image.height(), image.width(), 4)
    pixels: npt.NDArray[np.uint8] = np.frombuffer(image.bits(), np.uint8).reshape(shape)
    return pixels


def _empty(size: QSize) -> QImage:
    image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    return image


def _thin_pen(colour: QColor) -> QPen:
    pen = QPen(QBrush(colour), 1.0)
    pen.setCosmetic(True)
    # With square caps, Qt draws thin slanting lines up to half a pixel beside their place.
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen


def _widen(image: QImage, by_px: float) -> None:
    """Makes everything wider by `by_px` device pixels to each side, in place."""
    other = QImage(image.size(), image.format())
    for source, target, dx, dy in ((image, other, 1, 0), (other, image, 0, 1)):
        target.fill(Qt.GlobalColor.transparent)
        painter = QPainter(target)
        for step in range(math.ceil(by_px), 0, -1):
            painter.setOpacity(min(by_px - step + 1, 1.0))
            painter.drawImage(step * dx, step * dy, source)
            painter.drawImage(-step * dx, -step * dy, source)
        painter.setOpacity(1.0)
        painter.drawImage(0, 0, source)
        if source is image:
            # Again, or a line between two rows of pixels would be fainter than one in a row.
            painter.drawImage(0, 0, source)
        painter.end()


def _add_rim(image: QImage, by_px: float) -> None:
    """Lays black of some opacity, wider by `by_px` device pixels, under everything, in place."""
    reach = math.ceil(by_px)
    offset = np.arange(-reach, reach + 1)
    disc = np.clip(by_px + 0.9 - np.hypot(offset, offset[:, None]), 0.0, 1.0).astype(np.float32)
    pixels = _pixels(image)
    alpha = cv2.extractChannel(pixels, 3)
    rim = cv2.convertScaleAbs(cv2.filter2D(alpha, -1, disc), alpha=_RIM.alphaF())
    # Black changes nothing but the alpha of premultiplied colours.
    under = cv2.multiply(255 - alpha, rim, scale=1 / 255)
    cv2.insertChannel(cv2.add(alpha, under), pixels, 3)
