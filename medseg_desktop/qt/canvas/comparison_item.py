"""Who marks what, as areas in colours and patterns of constant size on the screen.

Colours alone would not do: every category also has a pattern of its own, which the legend shows
too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from medseg_desktop.qt.canvas.live_drawing import LiveMask
from medseg_desktop.qt.canvas.live_masks import MaskEdge, PatternedMask
from medseg_desktop.qt.canvas.overlay_items import EVERYWHERE
from medseg_desktop.qt.canvas.picture_layer import ViewArea

_PERIOD_PX = 8
#: Of the stripes of a pattern and of their shadows, which show them on bright tissue; of the
#: ground between them, through which the tissue is seen.
_STRIPE_ALPHA, _SHADOW_ALPHA, _GROUND_ALPHA = 1.0, 0.5, 0.3
_EDGE_PX = 1.5

_BLACK = "#000000"

_Cells = npt.NDArray[np.integer]


class Pattern(Enum):
    """How an area is filled; each tells of a pixel of the tile whether it is on a stripe."""

    PLAIN = "plain"
    RISING = "rising"
    FALLING = "falling"
    DOTS = "dots"
    BARS = "bars"
    POSTS = "posts"
    GRID = "grid"
    CHEQUERS = "chequers"


_STRIPES: dict[Pattern, Callable[[_Cells, _Cells, int], npt.NDArray[np.bool_]]] = {
    Pattern.PLAIN: lambda row, column, period: row < 0,
    Pattern.RISING: lambda row, column, period: (row + column) % period < period // 4,
    Pattern.FALLING: lambda row, column, period: (row - column) % period < period // 4,
    Pattern.DOTS: lambda row, column, period: (
        (row % period < period // 2) & (column % period < period // 2)
    ),
    Pattern.BARS: lambda row, column, period: row % period < 3 * period // 8,
    Pattern.POSTS: lambda row, column, period: column % period < 3 * period // 8,
    Pattern.GRID: lambda row, column, period: (
        (row % period < period // 4) | (column % period < period // 4)
    ),
    Pattern.CHEQUERS: lambda row, column, period: (
        (row % period < period // 2) == (column % period < period // 2)
    ),
}


@dataclass(frozen=True, slots=True)
class AreaStyle:
    """How an area looks: the colour (`#rrggbb`) of its ground and that of its stripes."""

    ground: str
    stripes: str
    pattern: Pattern


@dataclass(frozen=True, eq=False)
class ComparisonLayer:
    """Areas of a slice.

    Attributes:
        areas: (rows, columns) of numbers, uint8; must not be changed afterwards.
        styles: number -> how its area looks; other numbers are not drawn.
    """

    areas: npt.NDArray[np.uint8]
    styles: Mapping[int, AreaStyle]


@lru_cache(maxsize=64)
def tile(style: AreaStyle, ratio: float) -> QPixmap:
    """The pattern, to be repeated, for so many device pixels of one logical one."""
    period = max(round(_PERIOD_PX * ratio), 3)
    row, column = np.indices((period, period))
    on = _STRIPES[style.pattern](row, column, period)
    shadow = (np.roll(on, 1, axis=0) | np.roll(on, 1, axis=1)) & ~on
    pixels = np.full((period, period), _premultiplied(style.ground, _GROUND_ALPHA), np.uint32)
    pixels[shadow] = _premultiplied(_BLACK, _SHADOW_ALPHA)
    pixels[on] = _premultiplied(style.stripes, _STRIPE_ALPHA)
    kind = QImage.Format.Format_ARGB32_Premultiplied
    return QPixmap.fromImage(QImage(pixels.data, period, period, 4 * period, kind).copy())


def _premultiplied(colour: str, alpha: float) -> int:
    shown = QColor(colour)
    red, green, blue = (round(alpha * x) for x in (shown.red(), shown.green(), shown.blue()))
    return round(255 * alpha) << 24 | red << 16 | green << 8 | blue


def _masks(layer: ComparisonLayer) -> list[PatternedMask]:
    masks = []
    for number, style in layer.styles.items():
        pixels = layer.areas == number
        if pixels.any():
            edge = MaskEdge(style.stripes, _EDGE_PX)
            masks.append(PatternedMask(partial(tile, style), edge))
            masks[-1].set(LiveMask(pixels))
    return masks


class ComparisonItem(QGraphicsItem):
    """Draws a `ComparisonLayer`."""

    def __init__(self) -> None:
        super().__init__()
        self._masks: list[PatternedMask] = []

    def set_layer(self, layer: ComparisonLayer | None) -> None:
        """Replaces everything that is drawn; None draws nothing."""
        self._masks = [] if layer is None else _masks(layer)
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
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        for mask in self._masks:
            mask.paint(painter, area)
        painter.restore()
