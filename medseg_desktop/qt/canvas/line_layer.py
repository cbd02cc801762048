"""Lines and insides of outlines as pictures.

Qt draws lines of one pixel fifty times as fast as wider ones.  So all lines are drawn thin, and
then the whole picture is made wider, and its alpha wider still for the dark rim: the cost of
both depends on the size of the view and not on the number of lines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen, QTransform

from medseg_desktop.qt.canvas.outline import Outline
from medseg_desktop.qt.canvas.picture_layer import PictureLayer, empty_image, image_bytes
from medseg_desktop.qt.canvas.rings import Rings, cell_of

_RIM_PX = 0.9
_RIM = QColor(0, 0, 0, 150)
_DASHES_PX = (6.0, 4.4)
# Of a device pixel, to which the corners of insides are rounded.
_PARTS = 16


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

    def _draw(self, size: QSize, to_picture: QTransform, ratio: float) -> QImage:
        image = empty_image(size)
        self._draw_thin(image, to_picture, ratio)
        _widen(image, (self._width_px * ratio - 1) / 2)
        _add_rim(image, _RIM_PX * ratio)
        if self._dots:
            self._draw_dots(image, to_picture, ratio)
        return image

    def _changes_at_edges(self) -> bool:
        # Qt counts dashes from where a line comes into sight.
        return any(dashed for _, dashed, _ in self._pens)

    def _draw_thin(self, image: QImage, to_picture: QTransform, ratio: float) -> None:
        cell = cell_of(to_picture)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setTransform(to_picture)
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

    def _draw_dots(self, image: QImage, to_picture: QTransform, ratio: float) -> None:
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        radius = (self._width_px + 1.4) * ratio
        for dot in self._dots:
            at = to_picture.map(QPointF(*map(float, dot.points[0])))
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

    def _draw(self, size: QSize, to_picture: QTransform, ratio: float) -> QImage:
        image = empty_image(size)
        pixels = image_bytes(image)
        for outline, rings in zip(self._outlines, self._rings, strict=True):
            colour = QColor(outline.colour)
            alpha = min(max(outline.fill, 0.0), 1.0)
            shades = (colour.blue(), colour.green(), colour.red(), 255)
            # Lines cover the edges, so these need not be smooth.
            cv2.fillPoly(
                pixels,
                rings.mapped(to_picture, size, _PARTS),
                [alpha * shade for shade in shades],
                shift=_PARTS.bit_length() - 1,
            )
        return image


def _union(rects: Sequence[QRectF]) -> QRectF:
    union = QRectF()
    for rect in rects:
        union = union.united(rect)
    return union


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
    pixels = image_bytes(image)
    alpha = cv2.extractChannel(pixels, 3)
    rim = cv2.convertScaleAbs(cv2.filter2D(alpha, -1, disc), alpha=_RIM.alphaF())
    # Black changes nothing but the alpha of premultiplied colours.
    under = cv2.multiply(255 - alpha, rim, scale=1 / 255)
    cv2.insertChannel(cv2.add(alpha, under), pixels, 3)
