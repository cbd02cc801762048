"""Shapes and label maps of one slice as what the canvas draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.raster import draw_label_map, outline_points, shapes_from_label_map
from medseg_desktop.core.volume import Series
from medseg_desktop.qt.canvas.outline import Outline
from medseg_desktop.qt.panels.overlay_panel import ShapeRow

LabelMap = npt.NDArray[np.uint8]
_OPEN = (ShapeType.LINE, ShapeType.LINESTRIP, ShapeType.POINTS)


def hex_color(color: Sequence[int]) -> str:
    """(R, G, B) -> #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def label_color(table: LabelTable, name: str) -> str:
    """The colour of a label as #rrggbb."""
    index = table.index_of(name)
    return hex_color(table.labels[index].color if index is not None else (255, 255, 255))


class ShapeOutlines:
    """Outlines of shapes; a shape that was there the last time keeps its outline.

    The canvas draws again only what has new points.
    """

    def __init__(self) -> None:
        # By the identity of a shape, which its outline keeps alive: shapes are never changed.
        self._known: dict[int, tuple[Shape, Outline]] = {}

    def of(
        self, shapes: Iterable[Shape], table: LabelTable, hidden: frozenset[int]
    ) -> list[Outline]:
        """Outlines of the shapes whose label is not hidden."""
        known, self._known = self._known, {}
        outlines = []
        for shape in shapes:
            if shape.shape_type is ShapeType.MASK or table.index_of(shape.label) in hidden:
                continue
            colour = label_color(table, shape.label)
            _, outline = known.get(id(shape), (None, None))
            if outline is None or outline.colour != colour:
                closed = shape.shape_type not in _OPEN
                points = outline_points(shape) if outline is None else outline.points
                outline = Outline(points, colour, closed=closed, label=shape.label)
            self._known[id(shape)] = (shape, outline)
            outlines.append(outline)
        return outlines


def prediction_outlines(label_map: LabelMap, table: LabelTable, color: str) -> list[Outline]:
    """Dashed outlines of a predicted label map."""
    return [
        Outline(outline_points(shape), color, dashed=True)
        for shape in shapes_from_label_map(label_map, table)
    ]


def visible_label_map(
    shapes: Sequence[Shape], table: LabelTable, hidden: frozenset[int], rows: int, columns: int
) -> LabelMap:
    """The label map of the slice without hidden labels."""
    label_map = draw_label_map(shapes, table, rows, columns)
    if hidden:
        label_map[np.isin(label_map, list(hidden))] = 0
    return label_map


def shape_rows(shapes: Sequence[Shape], table: LabelTable, series: Series) -> list[ShapeRow]:
    """The shapes of a slice for the table, areas by the one rasteriser."""
    rows = []
    for i, shape in enumerate(shapes):
        pixels = int(np.count_nonzero(draw_label_map([shape], table, series.rows, series.columns)))
        if series.spacing_mm:
            area = f"{pixels * series.spacing_mm[0] * series.spacing_mm[1]:,.0f} mm²"
        else:
            area = f"{pixels:,} px"
        color = label_color(table, shape.label)
        rows.append(ShapeRow(i, shape.label, color, area, is_from_model(shape)))
    return rows


def is_from_model(shape: Shape) -> bool:
    """The shape carries a model's provenance."""
    ours = shape.extra.get("medseg")
    return isinstance(ours, dict) and str(ours.get("provenance", "")).startswith("model")
