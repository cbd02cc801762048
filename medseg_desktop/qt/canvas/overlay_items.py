"""Outlines on the slice, with their labels, in corner coordinates.

In these coordinates (x = column, y = row) the pixel (r, c) covers [c, c + 1) x [r, r + 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QPainter, QTransform
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from medseg_desktop.core.label_colors import relative_luminance
from medseg_desktop.qt.canvas.corner_text import halo_text
from medseg_desktop.qt.canvas.line_layer import FillLayer, LineLayer
from medseg_desktop.qt.canvas.outline import Outline, Points
from medseg_desktop.qt.canvas.picture_layer import ViewArea
from medseg_desktop.qt.canvas.rings import finite_points

#: Bounds of an item that is always painted: labels and handles reach beyond the points by pixels
#: of the screen, so their place in slice coordinates changes with the zoom.
EVERYWHERE = QRectF(-1e6, -1e6, 2e6, 2e6)
_MOST_LABELS = 60
#: 7.7 : 1 on the black rim of the letters.
_TEXT_LUMINANCE = 0.335
_PALER_STEPS = 20
_PLAIN_PX, _HOVERED_PX, _HIGHLIGHTED_PX = 1.5, 2.1, 2.6


class OutlineItem(QGraphicsItem):
    """All outlines of the slice in one item."""

    def __init__(self) -> None:
        super().__init__()
        self._fills = FillLayer()
        self._plain = LineLayer(_PLAIN_PX)
        self._hovered = LineLayer(_HOVERED_PX)
        self._highlighted = LineLayer(_HIGHLIGHTED_PX)
        self._labelled: list[tuple[Points, Outline]] = []
        self._font = QFont()

    def set_outlines(self, outlines: Sequence[Outline]) -> None:
        """Replaces everything that is drawn."""
        shown = [outline for outline in outlines if len(outline.points)]
        self._fills.set([o for o in shown if o.fill > 0 and len(o.points) > 2])
        # A hovered outline is drawn again on top: the picture of all others stays as it is while
        # the pointer wanders about.
        self._plain.set([o for o in shown if not o.highlighted])
        self._hovered.set([o for o in shown if o.hovered and not o.highlighted])
        self._highlighted.set([o for o in shown if o.highlighted])
        self._labelled = _labelled(shown)
        self.update()

    def set_font(self, font: QFont) -> None:
        """The font of the labels."""
        self._font = font
        self.update()

    def boundingRect(self) -> QRectF:
        return EVERYWHERE

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        area = ViewArea.of(painter, widget)
        for layer in (self._fills, self._plain, self._hovered, self._highlighted):
            layer.paint(painter, area)
        painter.save()
        painter.resetTransform()
        painter.setFont(self._font)
        for points, outline in self._labelled:
            at = area.to_view.map(_topmost(points, area.to_view)) + QPointF(6, -6)
            halo_text(painter, at, outline.label, QColor(text_colour(outline.colour)))
        painter.restore()


@cache
def text_colour(colour: str) -> str:
    """`colour` (`#rrggbb`) as pale as thin letters need to be to be read on grey tissue."""
    shown = QColor(colour)
    parts = (shown.red(), shown.green(), shown.blue())
    for step in range(_PALER_STEPS + 1):
        share = step / _PALER_STEPS
        red, green, blue = (round(part + (255 - part) * share) for part in parts)
        if relative_luminance((red, green, blue)) >= _TEXT_LUMINANCE:
            break
    return f"#{red:02x}{green:02x}{blue:02x}"


def _labelled(outlines: Sequence[Outline]) -> list[tuple[Points, Outline]]:
    """Those whose labels are drawn, with their points: too many would cover the slice."""
    labelled = [o for o in outlines if o.label]
    if len(labelled) > _MOST_LABELS:
        labelled = [o for o in labelled if o.highlighted or o.hovered]
    placed = [(finite_points(o.points), o) for o in labelled[:_MOST_LABELS]]
    return [(points, outline) for points, outline in placed if len(points)]


def _topmost(points: Points, to_view: QTransform) -> QPointF:
    """The point (x, y) that lies highest on the screen, where the slice may be turned."""
    heights = points[:, 0] * to_view.m12() + points[:, 1] * to_view.m22()
    x, y = points[int(np.argmin(heights))]
    return QPointF(float(x), float(y))
