"""Shapes as rings: the outer outline and those of the holes.

A MedicalLabelMe polygon is one closed line.  Where a shape has holes, `points` is a line that
goes into each hole and back by a bridge, so that every program fills the right pixels; our own
key `medseg.rings` holds the outlines themselves, for drawing and editing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Point, Shape, ShapeType
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.raster import (
    LabelMap,
    Region,
    bridge,
    outline_points,
    pixel_centre,
    pixel_index,
    pixel_outline,
    regions,
)
from medseg_desktop.core.shapes.provenance import own_keys, with_own_keys

#: Points (N, 2) as (x, y) in corner coordinates; the last joins the first.
Ring = npt.NDArray[np.float64]


def rings_of(shape: Shape) -> tuple[Ring, ...]:
    """The outer outline of a shape, then those of its holes.

    Holes are only told where they fill the same pixels as the points; another program may have
    moved these.  Kept with the shape, so the arrays must not be written to.
    """
    known: tuple[Ring, ...] | None = shape.derived.get("rings")
    if known is None:
        known = shape.derived["rings"] = _rings_of(shape)
    return known


def _rings_of(shape: Shape) -> tuple[Ring, ...]:
    outline = outline_points(shape)
    if shape.shape_type is not ShapeType.POLYGON:
        return (outline,)
    rings = _stored(own_keys(shape).get("rings"))
    if len(rings) < 2 or not _fill_the_same(rings, pixel_outline(shape)):
        return (outline,)
    for ring in rings:
        ring.setflags(write=False)
    return rings


def _stored(value: object) -> tuple[Ring, ...]:
    if not isinstance(value, list | tuple):
        return ()
    try:
        rings = tuple(np.array(ring, dtype=np.float64) for ring in value)
    except (TypeError, ValueError):
        return ()
    usable = all(r.ndim == 2 and r.shape[1] == 2 and len(r) >= 3 for r in rings)
    return rings if usable and all(np.isfinite(r).all() for r in rings) else ()


def _fill_the_same(rings: Sequence[Ring], line: npt.NDArray[np.int32]) -> bool:
    vertices = [pixel_index(ring) for ring in rings]
    low, high = line.min(axis=0), line.max(axis=0)
    if any((v.min(axis=0) < low).any() or (v.max(axis=0) > high).any() for v in vertices):
        return False
    columns, rows = high - low + 1
    if int(columns) * int(rows) > 1 << 26:
        return False  # larger than any slice
    first, second = np.zeros((rows, columns), np.uint8), np.zeros((rows, columns), np.uint8)
    cv2.fillPoly(first, [v - low for v in vertices], 1)
    cv2.fillPoly(second, [line - low], 1)
    return bool(np.array_equal(first, second))


def with_rings(shape: Shape, rings: Sequence[Ring]) -> Shape:
    """The shape as a polygon with these rings, the outer one first."""
    outline = rings[0]
    for hole in rings[1:]:
        outline = bridge(outline, hole)
    return _polygon(shape, outline, rings)


def shapes_from_label_map(
    label_map: LabelMap, table: LabelTable, stop: Callable[[], bool] | None = None
) -> tuple[Shape, ...]:
    """Outlines of every connected region (8-neighbourhood) of each class, as polygons.

    They rasterise back to exactly the same pixels.  A region whose holes cannot be bridged
    exactly comes as neighbouring polygons.  Raises Cancelled when `stop` says so, see
    `core.raster.regions`.
    """
    shapes: list[Shape] = []
    for label in table.foreground:
        found = regions((label_map == label.index).astype(np.uint8), stop)
        shapes += region_shapes(label.name, found, {})
    return tuple(shapes)


def region_shapes(label: str, found: Iterable[Region], extra: Mapping[str, Any]) -> list[Shape]:
    """Polygons of regions, with vertices at pixel centres (see `raster.pixel_centre`)."""
    return [
        _polygon(
            Shape(label, (), extra=extra),
            pixel_centre(region.outline),
            [pixel_centre(ring) for ring in region.rings],
        )
        for region in found
    ]


def _polygon(shape: Shape, outline: Ring, rings: Sequence[Ring]) -> Shape:
    polygon = replace(
        shape,
        points=_points(outline),
        shape_type=ShapeType.POLYGON,
        rectangle_xywh=False,
        rectangle_stored=(),
        bitmap=None,
    )
    stored = [ring.tolist() for ring in rings] if len(rings) > 1 else None
    made = with_own_keys(polygon, rings=stored)
    # The points are these numbers, so nothing has to be worked out of them again.
    made.derived["outline"] = np.array(outline, np.float64)
    made.derived["outline"].setflags(write=False)
    return made


def _points(ring: Ring) -> tuple[Point, ...]:
    x, y = ring.T.tolist()
    return tuple(zip(x, y, strict=True))
