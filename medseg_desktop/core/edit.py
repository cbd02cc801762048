"""Edits of the shapes of one slice that work on pixels: brush, eraser, cut.

Each takes the shapes of the slice and returns new ones; those it does not touch are the same
objects, in the same order.  Pixel sets are bool arrays (rows, columns), and what comes out fills
exactly the pixels that the operation says (see `core.rings`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.provenance import Author
from medseg_desktop.core.raster import fill_shape, outline_points, pixel_index, regions
from medseg_desktop.core.rings import region_shapes

Pixels = npt.NDArray[np.bool_]
Shapes = tuple[Shape, ...]
#: Whether an edit may change a shape (its label is neither locked nor hidden).
Editable = Callable[[Shape], bool]

AREA_TYPES = frozenset({ShapeType.POLYGON, ShapeType.RECTANGLE, ShapeType.CIRCLE, ShapeType.MASK})
_NEIGHBOURS = np.ones((3, 3), np.uint8)


def is_area(shape: Shape) -> bool:
    """The shape is filled, unlike lines and points."""
    return shape.shape_type in AREA_TYPES


def shape_pixels(shape: Shape, rows: int, columns: int) -> Pixels:
    """The pixels (rows, columns) of one shape, by the program's one rasteriser."""
    label_map = np.zeros((rows, columns), np.uint8)
    fill_shape(label_map, shape, 1)
    return label_map.view(np.bool_)


def pixel_count(shape: Shape, rows: int, columns: int) -> int:
    """How many pixels of a slice a shape fills; quick for a small one on a large slice."""
    if shape.shape_type is ShapeType.MASK or not shape.points:
        return int(shape_pixels(shape, rows, columns).sum())
    outline = pixel_index(outline_points(shape))
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    if left < 0 or top < 0 or right >= columns or bottom >= rows or not is_area(shape):
        return int(shape_pixels(shape, rows, columns).sum())
    box = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    return int(cv2.fillPoly(box, [outline - np.array([left, top], np.int32)], 1).sum())


def painted(
    shapes: Shapes,
    stroke: Pixels,
    label: str,
    author: Author,
    keys: Mapping[str, Any],
    editable: Editable,
) -> Shapes:
    """Add a stroke to a label: shapes of it that the stroke touches become one with it.

    The new shape takes the place of the last of these; where a later shape of another label
    would cover the stroke, and where there is none of these, it comes last.

    Args:
        keys: further keys of a shape that has no source.
    """
    if not stroke.any():
        return shapes
    near = cv2.dilate(stroke.astype(np.uint8), _NEIGHBOURS).view(np.bool_)
    touched = {
        i: pixels
        for i, pixels in _areas(shapes, near, editable)
        if shapes[i].label == label and (pixels & near).any()
    }
    union = stroke.copy()
    for pixels in touched.values():
        union |= pixels
    if len(touched) == 1 and np.array_equal(union, next(iter(touched.values()))):
        return shapes  # the stroke lies inside
    sources = [shapes[i] for i in touched]
    extra = _kept_keys(sources[-1]) if sources else dict(keys)
    made = _made(label, union, extra, sources, author)
    place = max(touched) if touched else len(shapes)
    if any(i > place and shapes[i].label != label for i, p in _areas(shapes, stroke, _any)
           if (p & stroke).any()):  # fmt: skip
        place = len(shapes)
    return _replaced(shapes, set(touched), place, made)


def erased(shapes: Shapes, stroke: Pixels, author: Author, editable: Editable) -> Shapes:
    """Take the pixels of a stroke away from every editable area; what is left of one shape may
    be several."""
    result: list[Shape] = []
    hit = dict(_areas(shapes, stroke, editable))
    for i, shape in enumerate(shapes):
        pixels = hit.get(i)
        if pixels is None or not (pixels & stroke).any():
            result.append(shape)
        else:
            result += _made(shape.label, pixels & ~stroke, _kept_keys(shape), [shape], author)
    return tuple(result)


def cut(
    shapes: Shapes,
    path: npt.NDArray[np.floating],
    rows: int,
    columns: int,
    author: Author,
    editable: Editable,
) -> Shapes:
    """Part areas along a line; each pixel goes to the part that is nearest.

    Args:
        path: points (N, 2) as (x, y) of an open line; N >= 2.
    """
    barrier = np.zeros((rows, columns), np.uint8)
    cv2.polylines(barrier, [pixel_index(path)], isClosed=False, color=1, lineType=cv2.LINE_4)
    crossed = dict(_areas(shapes, barrier.view(np.bool_), editable))
    result: list[Shape] = []
    for i, shape in enumerate(shapes):
        parts = _parted(crossed[i], barrier.view(np.bool_)) if i in crossed else []
        if len(parts) < 2:
            result.append(shape)
            continue
        for part in parts:
            result += _made(shape.label, part, _kept_keys(shape), [shape], author)
    return tuple(result)


def _parted(pixels: Pixels, barrier: Pixels) -> list[Pixels]:
    """The parts of an area on either side of a barrier, whose pixels go to the nearest."""
    rest = pixels & ~barrier
    count, numbered = cv2.connectedComponents(rest.astype(np.uint8), connectivity=8)
    if count < 3:  # the background is one of them
        return []
    away = np.where(rest, 0, 255).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        away, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP
    )
    # OpenCV numbers the parts in its own way; one pixel of each tells which is which.
    names = {i: nearest[numbered == i][0] for i in range(1, count)}
    return [pixels & (nearest == name) for name in dict.fromkeys(names.values())]


def merged(
    shapes: Shapes, chosen: Sequence[int], rows: int, columns: int, author: Author
) -> Shapes:
    """Make areas one, with the label of the first; nothing where all lie outside the slice."""
    areas = [i for i in chosen if is_area(shapes[i])]
    if len(areas) < 2:
        return shapes
    union = np.zeros((rows, columns), np.bool_)
    for i in areas:
        union |= shape_pixels(shapes[i], rows, columns)
    if not union.any():
        return shapes
    sources = [shapes[i] for i in areas]
    made = _made(sources[0].label, union, _kept_keys(sources[0]), sources, author)
    return _replaced(shapes, set(areas), max(areas), made)


def _any(_shape: Shape) -> bool:
    return True


def _areas(shapes: Shapes, near: Pixels, editable: Editable) -> Iterator[tuple[int, Pixels]]:
    """The editable areas whose bounding box meets that of a pixel set, with their pixels."""
    rows, columns = near.shape
    left, top, width, height = cv2.boundingRect(near.view(np.uint8))
    for i, shape in enumerate(shapes):
        if not is_area(shape) or not editable(shape):
            continue
        if shape.shape_type is not ShapeType.MASK:
            outline = pixel_index(outline_points(shape))
            (x0, y0), (x1, y1) = outline.min(axis=0), outline.max(axis=0)
            if x1 < left or y1 < top or x0 >= left + width or y0 >= top + height:
                continue
        yield i, shape_pixels(shape, rows, columns)


def _kept_keys(shape: Shape) -> dict[str, Any]:
    """The keys of a shape that hold for what is made of it."""
    return {key: value for key, value in shape.extra.items() if key not in ("medseg", "mask")}


def _made(
    label: str, pixels: Pixels, extra: Mapping[str, Any], sources: Sequence[Shape], author: Author
) -> list[Shape]:
    """Signed shapes that fill exactly these pixels."""
    shapes = region_shapes(label, regions(pixels.astype(np.uint8)), extra)
    return [author.edited(shape, sources) if sources else author.drawn(shape) for shape in shapes]


def _replaced(shapes: Shapes, gone: set[int], place: int, made: Sequence[Shape]) -> Shapes:
    """Shapes without some of them, and new ones where the one at `place` was."""
    before = [s for i, s in enumerate(shapes[:place]) if i not in gone]
    after = [s for i, s in enumerate(shapes[place:], place) if i not in gone]
    return (*before, *made, *after)


def overlap(shapes: Shapes, rows: int, columns: int) -> Pixels:
    """The pixels (rows, columns) that areas of different labels share.

    The label map gives them to the later shape (see `raster.draw_label_map`).
    """
    names = {name: i + 1 for i, name in enumerate(dict.fromkeys(s.label for s in shapes))}
    first = np.zeros((rows, columns), np.uint16)
    shared = np.zeros((rows, columns), np.bool_)
    if len(names) < 2:
        return shared
    for name, number in names.items():
        own = np.zeros((rows, columns), np.uint8)
        for shape in shapes:
            if shape.label == name and is_area(shape):
                fill_shape(own, shape, 1)
        shared |= (own > 0) & (first > 0)
        first[own > 0] = number
    return shared
