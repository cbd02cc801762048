"""The layer on top of the outlines that changes with every move of the mouse."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QTransform
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from medseg_desktop.qt.canvas.corner_text import halo_text
from medseg_desktop.qt.canvas.line_layer import LineLayer
from medseg_desktop.qt.canvas.live_drawing import CursorRing, LiveDrawing
from medseg_desktop.qt.canvas.live_masks import PatternedMask, PlainMask, stripes
from medseg_desktop.qt.canvas.outline import Outline, Points
from medseg_desktop.qt.canvas.overlay_items import EVERYWHERE
from medseg_desktop.qt.canvas.picture_layer import ViewArea
from medseg_desktop.qt.canvas.rings import finite_points, keep_one_per_cell

_PATH_PX = 1.8
_HANDLE_PX, _MIDPOINT_PX = 7, 5
_TICK_PX = 5.0
_TEXT_GAP_PX = 8.0
#: Handles are smaller where neighbours are usually nearer than this: they would hide the outline.
_CROWDED_PX, _CROWDED_HANDLE_PX = 14.0, 5
#: With more handles in sight, those that would cover each other are left out.
_MANY_HANDLES = 300
#: More than the screen has side by side.
_MOST_CELLS = 1e6
_WHITE, _BLACK = QColor(255, 255, 255), QColor(0, 0, 0)


class LiveItem(QGraphicsItem):
    """Draws a `LiveDrawing`."""

    def __init__(self) -> None:
        super().__init__()
        self._drawing = LiveDrawing()
        self._path = LineLayer(_PATH_PX)
        self._mask = PlainMask()
        self._overlap = PatternedMask(stripes)
        self._font = QFont()

    def set_font(self, font: QFont) -> None:
        """The font of the lengths."""
        self._font = font
        self.update()

    def set_live(self, drawing: LiveDrawing) -> None:
        """Replaces everything that is drawn."""
        self._drawing = drawing
        self._path.set(_path_outlines(drawing))
        self._mask.set(drawing.mask)
        self._overlap.set(drawing.overlap)
        self.update()

    def boundingRect(self) -> QRectF:
        return EVERYWHERE

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        drawing = self._drawing
        area = ViewArea.of(painter, widget)
        self._mask.paint(painter)
        self._overlap.paint(painter, area)
        self._path.paint(painter, area)
        if drawing.cursor_ring is not None:
            _paint_ring(painter, drawing.cursor_ring, area.ratio)
        painter.save()
        painter.resetTransform()
        if drawing.calipers:
            _paint_calipers(painter, drawing.calipers, area.to_view)
            painter.setFont(self._font)
            _paint_lengths(painter, drawing, area.to_view)
        # Squares on whole pixels are sharp and all of the same size.
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(_BLACK, 1))
        _paint_midpoints(painter, _in_sight(drawing.midpoints, area))
        painter.setBrush(_WHITE)
        side = _handle_side(drawing.handles, area.to_view)
        painter.drawRects(_squares(_in_sight(drawing.handles, area), side))
        if drawing.active is not None and 0 <= drawing.active < len(drawing.handles):
            active = _mapped(drawing.handles[drawing.active][None], area.to_view)
            painter.setBrush(QColor(drawing.colour))
            painter.setPen(QPen(_WHITE, 1))
            painter.drawRects(_squares(active, _HANDLE_PX))
        painter.restore()


def _path_outlines(drawing: LiveDrawing) -> list[Outline]:
    """The path so far and the dashed line that would close it."""
    path, cursor = drawing.path, drawing.cursor
    if len(path) == 0:
        return []
    if cursor is None:
        return [Outline(path, drawing.colour, closed=drawing.closed)]
    outlines = [Outline(np.vstack([path, cursor]), drawing.colour, closed=False)]
    if drawing.closed and len(path) > 1:
        closing = np.vstack([cursor, path[:1]])
        outlines.append(Outline(closing, drawing.colour, closed=False, dashed=True))
    return outlines


def _paint_ring(painter: QPainter, ring: CursorRing, ratio: float) -> None:
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width_px in ((_BLACK, 3.0), (_WHITE, 1.0)):
        pen = QPen(colour, width_px * ratio)
        pen.setCosmetic(True)  # counts device pixels
        painter.setPen(pen)
        painter.drawEllipse(QPointF(ring.x, ring.y), ring.radius, ring.radius)
    painter.restore()


def _paint_calipers(painter: QPainter, calipers: tuple[Points, ...], to_view: QTransform) -> None:
    """Lines with a tick across each end."""
    lines = []
    for segment in calipers:
        (x0, y0), (x1, y1) = _mapped(segment, to_view).tolist()
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        across = QPointF(y0 - y1, x1 - x0) * (_TICK_PX / length)
        start, end = QPointF(x0, y0), QPointF(x1, y1)
        lines.append(QLineF(start, end))
        lines += [QLineF(at - across, at + across) for at in (start, end)]
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for colour, width_px in ((_BLACK, 3.4), (_WHITE, 1.4)):
        painter.setPen(QPen(colour, width_px))
        painter.drawLines(lines)


def _paint_lengths(painter: QPainter, drawing: LiveDrawing, to_view: QTransform) -> None:
    """The text of each caliper beyond its end, in the direction of the line."""
    metrics = QFontMetricsF(painter.font())
    for segment, text in zip(drawing.calipers, drawing.caliper_texts, strict=False):
        (x0, y0), (x1, y1) = _mapped(segment, to_view).tolist()
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        width = metrics.horizontalAdvance(text)
        away = _TEXT_GAP_PX + abs(dx) * width / 2 + abs(dy) * metrics.height() / 2
        middle = QPointF(x1 + dx * away, y1 + dy * away)
        baseline = (metrics.ascent() - metrics.descent()) / 2
        halo_text(painter, middle + QPointF(-width / 2, baseline), text)


def _handle_side(handles: Points, to_view: QTransform) -> int:
    """How large handles are drawn, in logical pixels."""
    places = _mapped(finite_points(handles), to_view)
    if len(places) < 3:
        return _HANDLE_PX
    apart = np.hypot(*np.diff(places, axis=0).T)
    return _CROWDED_HANDLE_PX if float(np.median(apart)) < _CROWDED_PX else _HANDLE_PX


def _paint_midpoints(painter: QPainter, places: npt.NDArray[np.float64]) -> None:
    """Hollow squares, white within black so that they are seen on any grey."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRects(_squares(places, _MIDPOINT_PX))
    painter.save()
    painter.setPen(QPen(_WHITE, 1))
    painter.drawRects(_squares(places, _MIDPOINT_PX - 2))
    painter.restore()


def _mapped(points: Points, to_view: QTransform) -> npt.NDArray[np.float64]:
    """Corner coordinates (N, 2) -> logical pixels of the viewport (N, 2)."""
    linear = np.array([[to_view.m11(), to_view.m12()], [to_view.m21(), to_view.m22()]])
    offset = np.array([to_view.dx(), to_view.dy()])
    mapped: npt.NDArray[np.float64] = np.asarray(points, np.float64) @ linear + offset
    return mapped


def _in_sight(points: Points, area: ViewArea) -> npt.NDArray[np.float64]:
    """Where the points lie on the screen, (N, 2) in logical pixels; not more than are useful."""
    places = _mapped(finite_points(points), area.to_view)
    room = _HANDLE_PX
    seen = (places > -room).all(axis=1) & (places < (area.width + room, area.height + room)).all(1)
    places = places[seen]
    if len(places) > _MANY_HANDLES:
        # Neighbours first, which is quick; a rough edge comes back to a cell again and again.
        size = _HANDLE_PX + 1
        places = places[keep_one_per_cell(places.T, (size, size))]
        _, first = np.unique(np.floor(places / size) @ (1.0, _MOST_CELLS), return_index=True)
        places = places[first]
    return places


def _squares(places: npt.NDArray[np.float64], side_px: int) -> list[QRectF]:
    """Squares of `side_px` with their pen of 1 pixel, on whole pixels."""
    reach = side_px // 2
    return [QRectF(x - reach, y - reach, side_px - 1, side_px - 1) for x, y in np.floor(places)]
