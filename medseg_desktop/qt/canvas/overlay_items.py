"""Outlines on the slice, in corner coordinates.

In these coordinates (x = column, y = row) the pixel (r, c) covers [c, c + 1) x [r, r + 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QPainter, QPainterPath, QPen, QTransform
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from medseg_desktop.qt.canvas.corner_text import halo_text


@dataclass(frozen=True, eq=False)
class Outline:
    """One outline on the slice.

    Attributes:
        points: (N, 2) floats, x = column and y = row, in corner coordinates; N >= 1.  A single
            point is drawn as a dot.
        colour: `#rrggbb`.
        closed: the last point joins the first.
        dashed: for predictions, so that colour is not the only difference.
        label: text beside the topmost point; empty for none.
        highlighted: drawn thicker.
    """

    points: npt.NDArray[np.floating]
    colour: str
    closed: bool = True
    dashed: bool = False
    label: str = ""
    highlighted: bool = False


class OutlineItem(QGraphicsItem):
    """All outlines of the slice in one item."""

    def __init__(self) -> None:
        super().__init__()
        self._bounds = QRectF()
        self._drawn: list[tuple[QPainterPath, Outline]] = []
        self._font = QFont()

    def set_outlines(self, outlines: Sequence[Outline]) -> None:
        """Replaces everything that is drawn."""
        self.prepareGeometryChange()
        self._drawn = []
        bounds = QRectF()
        for outline in outlines:
            if len(outline.points) == 0:
                continue
            path = _path(outline)
            self._drawn.append((path, outline))
            bounds = bounds.united(path.boundingRect().adjusted(-1, -1, 1, 1))
        # Room for pens and labels, whose size in pixels does not depend on the zoom.
        self._bounds = bounds.adjusted(-64, -64, 256, 64) if self._drawn else QRectF()
        self.update()

    def set_font(self, font: QFont) -> None:
        """The font of the labels."""
        self._font = font
        self.update()

    def boundingRect(self) -> QRectF:
        return self._bounds

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        to_view = painter.transform()
        # The width of a cosmetic pen counts device pixels.
        ratio = painter.device().devicePixelRatio()
        for path, outline in self._drawn:
            if len(outline.points) == 1:
                _paint_dot(painter, outline, ratio)
                continue
            width = (2.6 if outline.highlighted else 1.6) * ratio
            painter.setBrush(Qt.BrushStyle.NoBrush)
            # A dark line below keeps the colour visible on bright tissue.
            painter.setPen(_pen(QColor(0, 0, 0, 150), width + 1.8 * ratio))
            painter.drawPath(path)
            painter.setPen(_pen(QColor(outline.colour), width, outline.dashed))
            painter.drawPath(path)
        painter.save()
        painter.resetTransform()
        painter.setFont(self._font)
        for _, outline in self._drawn:
            if outline.label:
                at = to_view.map(_topmost(outline.points, to_view)) + QPointF(6, -6)
                halo_text(painter, at, outline.label, QColor(outline.colour))
        painter.restore()


def _topmost(points: npt.NDArray[np.floating], to_view: QTransform) -> QPointF:
    """The point (x, y) that lies highest on the screen, where the slice may be turned."""
    heights = points[:, 0] * to_view.m12() + points[:, 1] * to_view.m22()
    x, y = points[int(np.argmin(heights))]
    return QPointF(float(x), float(y))


def _path(outline: Outline) -> QPainterPath:
    x, y = np.array(outline.points, dtype=np.float64).T.copy()
    path: QPainterPath = pg.arrayToQPath(x, y, connect="all")
    if outline.closed and len(x) > 2:
        path.closeSubpath()
    return path


def _pen(colour: QColor, width_px: float, dashed: bool = False) -> QPen:
    pen = QPen(QBrush(colour), width_px)
    pen.setCosmetic(True)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if dashed:
        pen.setDashPattern([4.0, 2.5])
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen


def _paint_dot(painter: QPainter, outline: Outline, ratio: float) -> None:
    x, y = (float(v) for v in outline.points[0])
    for colour, width_px in ((QColor(0, 0, 0, 170), 9.0), (QColor(outline.colour), 6.0)):
        pen = _pen(colour, width_px * ratio)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawPoint(QPointF(x, y))
