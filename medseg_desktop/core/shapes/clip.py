"""Shapes that reach outside their slice, and the same limited to it.

What counts are the pixels that a shape fills on a label map of the slice's own size; clipping
never changes one of them.  A larger map is no measure: OpenCV cuts an edge at the border of the
map before it picks the edge's pixels, so that near the border a larger map may show others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Point, Shape, ShapeType
from medseg_desktop.core.raster import (
    bounds_of,
    fill_shape,
    outline_points,
    pixel_centre,
    pixel_index,
    region_outlines,
)

_LINES = (ShapeType.LINE, ShapeType.LINESTRIP)
_POINTS = (ShapeType.POINT, ShapeType.POINTS)


def reaches_outside(shape: Shape, rows: int, columns: int) -> bool:
    """Whether a vertex of the outline lies outside [0, columns] x [0, rows].

    Of a circle those are the points it is drawn with, of a `mask` the corners of its bitmap.
    """
    if not shape.points:
        return False
    left, top, right, bottom = bounds_of(shape)
    if shape.bitmap is not None:
        (left, top), (height, width) = pixel_index(shape.points[:1])[0].tolist(), shape.bitmap.shape
        right, bottom = left + width, top + height
    # Asked this way, a number that is none lies outside.
    return not (left >= 0 and top >= 0 and right <= columns and bottom <= rows)


def clipped(shape: Shape, rows: int, columns: int) -> tuple[Shape, ...]:
    """The part of a shape that lies in its slice: nothing, one shape or several.

    On a label map (rows, columns) they fill exactly the pixels of the shape.  What does not
    reach outside comes back as it is.  Areas become polygons; a line is cut where it leaves the
    slice; of points those inside are left.  Label and further keys are kept, but for what would
    still describe the old outline: the bitmap of a `mask`, and `medseg.rings`.
    """
    if not reaches_outside(shape, rows, columns):
        return (shape,)
    if shape.shape_type in _LINES:
        parts = _line_parts(shape, rows, columns)
        return tuple(replace(shape, points=part) for part in parts)
    if shape.shape_type in _POINTS:
        points = _points_inside(shape, rows, columns)
        return (replace(shape, points=points),) if points else ()
    label_map = np.zeros((rows, columns), np.uint8)
    fill_shape(label_map, shape, 1)
    return tuple(
        replace(
            shape,
            points=_as_points(pixel_centre(outline)),
            shape_type=ShapeType.POLYGON,
            extra=_without_outline(shape),
            rectangle_xywh=False,
            rectangle_stored=(),
            bitmap=None,
        )
        for outline in region_outlines(label_map)
    )


def _is_inside(vertices: npt.NDArray[np.float64], rows: int, columns: int) -> npt.NDArray[np.bool_]:
    """For each vertex (N, 2); one that is not a number lies outside."""
    inside: npt.NDArray[np.bool_] = np.all((vertices >= 0) & (vertices <= (columns, rows)), axis=1)
    return inside


def _without_outline(shape: Shape) -> Mapping[str, Any]:
    """The further keys without those that describe the outline a second time."""
    extra = dict(shape.extra)
    if shape.shape_type is ShapeType.MASK:
        extra.pop("mask", None)
    ours = extra.get("medseg")
    if isinstance(ours, Mapping) and "rings" in ours:
        extra["medseg"] = {k: v for k, v in ours.items() if k != "rings"}
    return extra


def _points_inside(shape: Shape, rows: int, columns: int) -> tuple[Point, ...]:
    vertices = outline_points(shape)
    pixels = pixel_index(vertices)
    is_kept = _is_inside(vertices, rows, columns)
    is_drawn = np.all((pixels >= 0) & (pixels < (columns, rows)), axis=1)
    # Just above and left of the slice truncation still leads to a pixel of it.
    return tuple(
        point if kept else _as_points(pixel_centre(pixels[i : i + 1]))[0]
        for i, (point, kept) in enumerate(zip(shape.points, is_kept, strict=True))
        if kept or is_drawn[i]
    )


def _line_parts(shape: Shape, rows: int, columns: int) -> list[tuple[Point, ...]]:
    """The stretches of a line within the slice.

    Each segment is cut by OpenCV's own rule, which is also the one it draws by; so what is left
    goes through the same pixels.
    """
    vertices = outline_points(shape)
    pixels = pixel_index(vertices)
    is_kept = _is_inside(vertices, rows, columns)
    parts: list[list[Point]] = []
    is_open = False  # the last segment ended within the slice, at its own end
    for i in range(len(pixels) - 1):
        start, end = _pair(pixels[i]), _pair(pixels[i + 1])
        seen, first, last = cv2.clipLine((0, 0, columns, rows), start, end)
        if not seen:
            is_open = False
            continue
        keeps_first = is_kept[i] and tuple(first) == start
        keeps_last = is_kept[i + 1] and tuple(last) == end
        if not (is_open and tuple(first) == start):
            parts.append([shape.points[i] if keeps_first else _centre(first)])
        parts[-1].append(shape.points[i + 1] if keeps_last else _centre(last))
        is_open = tuple(last) == end
    return [tuple(part) for part in parts]


def _pair(pixel: npt.NDArray[np.int32]) -> tuple[int, int]:
    return int(pixel[0]), int(pixel[1])


def _centre(pixel: Sequence[int]) -> Point:
    return _as_points(pixel_centre(np.array([pixel])))[0]


def _as_points(array: npt.NDArray[np.float64]) -> tuple[Point, ...]:
    return tuple((float(x), float(y)) for x, y in array)
