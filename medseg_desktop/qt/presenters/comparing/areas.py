"""How the areas of compare mode look, and when they can be drawn."""

from __future__ import annotations

from collections.abc import Mapping

from medseg_desktop.core.comparison_map import OTHER_LABEL, CategoryMap, Side, category_map
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.shapes.proposal_book import same_shapes
from medseg_desktop.core.shapes.slice_pixels import SlicePixels
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.qt.canvas.comparison_item import AreaStyle, ComparisonLayer, Pattern
from medseg_desktop.qt.comparisons import Comparisons, SliceSides
from medseg_desktop.qt.theme.tokens import DARK

#: Outlines with more points take too long to fill while somebody waits for the slice; those of a
#: noisy prediction come from the background.
_MOST_VERTICES = 20_000

_MINE, _MODEL, _OTHER = DARK.only_mine, DARK.only_model, DARK.model
_AGREED = AreaStyle(DARK.mine, DARK.mine, Pattern.PLAIN)
_ALONE = AreaStyle(DARK.model, DARK.model, Pattern.PLAIN)
_STYLES: Mapping[int, AreaStyle] = {
    Side.MINE: AreaStyle(_MINE, _MINE, Pattern.RISING),
    Side.MODEL: AreaStyle(_MODEL, _MODEL, Pattern.FALLING),
    Side.OTHER: AreaStyle(_OTHER, _OTHER, Pattern.DOTS),
    # Two of three: in the colours of both.
    Side.MINE | Side.MODEL: AreaStyle(_MINE, _MODEL, Pattern.BARS),
    Side.MINE | Side.OTHER: AreaStyle(_MINE, _OTHER, Pattern.POSTS),
    Side.MODEL | Side.OTHER: AreaStyle(_MODEL, _OTHER, Pattern.GRID),
    OTHER_LABEL: AreaStyle(DARK.canvas, DARK.text, Pattern.CHEQUERS),
}


def area_styles(asked: Side, said: Side | None = None) -> dict[int, AreaStyle]:
    """How each category looks, the agreed one first.

    Args:
        asked: the sides that are compared.
        said: those of them that say something of the slice; one alone agrees with nobody.
    """
    if said is not None and said.bit_count() < 2:
        return {int(said): _ALONE}
    own = {int(asked): _AGREED}
    parts = (c for c in _STYLES if c != OTHER_LABEL and c & asked == c and c != asked)
    return own | {int(c): _STYLES[c] for c in parts} | {OTHER_LABEL: _STYLES[OTHER_LABEL]}


class CompareAreas:
    """Areas of the slice on screen; the same ones as long as nothing about them has changed."""

    def __init__(self, comparisons: Comparisons) -> None:
        self._comparisons = comparisons
        self._last: tuple[SliceSides, SlicePixels, Side] | None = None
        self._layer: ComparisonLayer | None = None

    def of(
        self, now: ResolvedView, pixels: SlicePixels, labels: LabelTable
    ) -> ComparisonLayer | None:
        """The areas; None where compare mode is off, or what it needs is not known yet.

        Args:
            pixels: of a person's shapes as they are seen now, also while they are being moved.
        """
        if not now.comparison.visible or self._comparisons.pending(now.series, now.index):
            return None
        sides, asked = self._comparisons.sides_of(now.series, now.index), self._comparisons.asked
        if not sides.sides & ~Side.MINE:
            return None  # no model has said anything
        last = self._last
        if (
            last is not None
            and self._layer is not None
            and sides.is_same(last[0])
            and pixels is last[1]
            and asked == last[2]
        ):
            return self._layer
        categories = self._categories(now, sides, pixels, labels)
        self._last = (sides, pixels, asked)
        self._layer = None
        if categories is not None:
            self._layer = ComparisonLayer(categories, area_styles(asked, sides.sides))
        return self._layer

    def _categories(
        self, now: ResolvedView, sides: SliceSides, pixels: SlicePixels, labels: LabelTable
    ) -> CategoryMap | None:
        drawn = sides.mine
        if drawn is None or same_shapes(pixels.shapes, drawn):
            kept = self._comparisons.categories(now.series, now.index)
            if kept is not None:
                return kept
        if sides.vertices > _MOST_VERTICES:
            return None
        size = now.series.rows, now.series.columns
        mine = pixels.label_map(labels) if drawn is not None else None
        return category_map(sides.label_maps(*size, mine))
