"""Shapes and label maps of one slice as what the canvas draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.label_colors import Color, outline_color
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.shapes.rings import rings_of
from medseg_desktop.core.shapes.slice_pixels import SlicePixels
from medseg_desktop.qt.canvas.outline import Outline

LabelMap = npt.NDArray[np.uint8]
_OPEN = (ShapeType.LINE, ShapeType.LINESTRIP, ShapeType.POINTS)


def hex_color(color: Sequence[int]) -> str:
    """(R, G, B) -> #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def label_color(table: LabelTable, name: str) -> str:
    """The colour of a label's lines on the slice as #rrggbb: bright enough for thin ones."""
    return hex_color(outline_color(_own_color(table, name)))


def swatch_color(table: LabelTable, name: str) -> str:
    """The label's own colour as #rrggbb, as in the label map and in lists."""
    return hex_color(_own_color(table, name))


def _own_color(table: LabelTable, name: str) -> Color:
    index = table.index_of(name)
    return table.labels[index].color if index is not None else (255, 255, 255)


def hidden_names(table: LabelTable) -> frozenset[str]:
    """Names of the labels that are not shown."""
    return frozenset(label.name for label in table.foreground if not label.visible)


class ShapeOutlines:
    """Outlines of shapes; a shape that was there the last time keeps its points, and one that
    also looks the same its outline.

    The canvas draws again only what has new points.
    """

    def __init__(self) -> None:
        # By the identity of a shape, which is kept alive with it: shapes are never changed.
        self._known: dict[int, tuple[Shape, Outline]] = {}

    def of(
        self,
        shapes: Iterable[tuple[int, Shape]],
        table: LabelTable,
        selected: Iterable[int] = (),
        hovered: int | None = None,
        proposed: int | None = None,
        model_color: str = "",
    ) -> list[Outline]:
        """Outlines of the shapes whose label is shown.

        Args:
            shapes: with their numbers.
            selected, hovered: numbers of shapes that are marked.
            proposed: the first number that is a model's proposal: those are dashed and in
                `model_color`.
        """
        hidden, chosen = hidden_names(table), set(selected)
        # The only label there is says nothing beside every shape.
        says_name = len(table.foreground) > 1
        colors = {label.name: label_color(table, label.name) for label in table.foreground}
        known, self._known = self._known, {}
        outlines = []
        for number, shape in shapes:
            label = shape.label
            if shape.shape_type is ShapeType.MASK or label in hidden:
                continue
            if label not in colors:
                colors[label] = label_color(table, label)
            is_proposal = proposed is not None and number >= proposed
            entry = known.get(id(shape))
            outline = _looking(
                entry[1] if entry else _outline(shape),
                model_color if is_proposal else colors[label],
                is_proposal,
                label if says_name and not is_proposal else "",
                number in chosen,
                number == hovered,
            )
            self._known[id(shape)] = (shape, outline)
            outlines.append(outline)
        return outlines


def _looking(
    outline: Outline, color: str, dashed: bool, label: str, highlighted: bool, hovered: bool
) -> Outline:
    """The outline itself where it looks so already."""
    if (
        outline.colour == color
        and outline.dashed == dashed
        and outline.label == label
        and outline.highlighted == highlighted
        and outline.hovered == hovered
    ):
        return outline
    return Outline(
        outline.points,
        color,
        outline.closed,
        dashed,
        label,
        highlighted,
        outline.holes,
        hovered,
        outline.fill,
    )


def _outline(shape: Shape) -> Outline:
    points, *holes = rings_of(shape)
    return Outline(points, "#ffffff", closed=shape.shape_type not in _OPEN, holes=tuple(holes))


def visible_label_map(pixels: SlicePixels, table: LabelTable) -> LabelMap:
    """The label map (rows, columns) of a slice without hidden labels; not to be written to."""
    label_map = pixels.label_map(table)
    hidden = [label.index for label in table.foreground if not label.visible]
    if not hidden:
        return label_map
    shown = np.arange(256, dtype=np.uint8)
    shown[hidden] = 0
    return shown[label_map]
