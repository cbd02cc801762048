"""Edits of the shapes of one slice that work on pixels: brush, eraser, cut.

Each takes the shapes of the slice and returns new ones; those it does not touch are the same
objects, in the same order.  Pixel sets are bool arrays (rows, columns), and what comes out fills
exactly the pixels that the operation says (see `core.shapes.rings`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.raster import fill_shape, pixel_index, regions
from medseg_desktop.core.shapes.patches import Box, Patch, Pixels, box_of, is_area, patch_of
from medseg_desktop.core.shapes.provenance import Author
from medseg_desktop.core.shapes.rings import region_shapes

Shapes = tuple[Shape, ...]
#: Whether an edit may change a shape (its label is neither locked nor hidden).
Editable = Callable[[Shape], bool]

_NEIGHBOURS = np.ones((3, 3), np.uint8)


def shape_pixels(shape: Shape, rows: int, columns: int) -> Pixels:
    """The pixels (rows, columns) of one shape, by the program's one rasteriser."""
    label_map = np.zeros((rows, columns), np.uint8)
    fill_shape(label_map, shape, 1)
    return label_map.view(np.bool_)


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
    rows, columns = stroke.shape
    brush = Patch.of(stroke)
    if not brush.count:
        return shapes
    near = cv2.dilate(stroke.view(np.uint8), _NEIGHBOURS).view(np.bool_)
    reach = brush.box.grown(1, rows, columns)
    touched = {
        i: patch
        for i, patch in _areas(shapes, reach, rows, columns, editable)
        if shapes[i].label == label and patch.meets(near)
    }
    box = reduce(Box.around, (patch.box for patch in touched.values()), brush.box)
    union = np.zeros(box.size, np.bool_)
    for patch in (brush, *touched.values()):
        patch.add_to(union, box)
    if len(touched) == 1 and np.count_nonzero(union) == next(iter(touched.values())).count:
        return shapes  # the stroke lies inside
    sources = [shapes[i] for i in touched]
    extra = _kept_keys(sources[-1]) if sources else dict(keys)
    made = _made(label, union, box, extra, sources, author)
    place = max(touched) if touched else len(shapes)
    if any(
        i > place and shapes[i].label != label and patch.meets(stroke)
        for i, patch in _areas(shapes, brush.box, rows, columns, _any)
    ):
        place = len(shapes)
    return _replaced(shapes, set(touched), place, made)


def erased(shapes: Shapes, stroke: Pixels, author: Author, editable: Editable) -> Shapes:
    """Take the pixels of a stroke away from every editable area; what is left of one shape may
    be several."""
    result: list[Shape] = []
    rows, columns = stroke.shape
    hit = dict(_areas(shapes, Patch.of(stroke).box, rows, columns, editable))
    for i, shape in enumerate(shapes):
        patch = hit.get(i)
        if patch is None or not patch.meets(stroke):
            result.append(shape)
            continue
        left = patch.pixels & ~patch.box.of(stroke)
        result += _made(shape.label, left, patch.box, _kept_keys(shape), [shape], author)
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
    line = np.zeros((rows, columns), np.uint8)
    cv2.polylines(line, [pixel_index(path)], isClosed=False, color=1, lineType=cv2.LINE_4)
    barrier = line.view(np.bool_)
    crossed = dict(_areas(shapes, Patch.of(barrier).box, rows, columns, editable))
    result: list[Shape] = []
    for i, shape in enumerate(shapes):
        patch = crossed.get(i)
        parts = _parted(patch, barrier) if patch is not None and patch.meets(barrier) else []
        if patch is None or len(parts) < 2:
            result.append(shape)
            continue
        for part in parts:
            result += _made(shape.label, part, patch.box, _kept_keys(shape), [shape], author)
    return tuple(result)


def _parted(area: Patch, barrier: Pixels) -> list[Pixels]:
    """The parts of an area on either side of a barrier, whose pixels go to the nearest; each in
    the area's box."""
    rest = area.pixels & ~area.box.of(barrier)
    count, numbered = cv2.connectedComponents(rest.astype(np.uint8), connectivity=8)
    if count < 3:  # the background is one of them
        return []
    away = np.where(rest, 0, 255).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        away, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP
    )
    # OpenCV numbers the parts in its own way; one pixel of each tells which is which.
    names = {i: nearest[numbered == i][0] for i in range(1, count)}
    return [area.pixels & (nearest == name) for name in dict.fromkeys(names.values())]


def merged(
    shapes: Shapes, chosen: Sequence[int], rows: int, columns: int, author: Author
) -> Shapes:
    """Make areas one, with the label of the first; nothing where all lie outside the slice."""
    areas = [i for i in chosen if is_area(shapes[i])]
    if len(areas) < 2:
        return shapes
    patches = [patch_of(shapes[i], rows, columns) for i in areas]
    box = reduce(Box.around, (patch.box for patch in patches))
    union = np.zeros(box.size, np.bool_)
    for patch in patches:
        patch.add_to(union, box)
    if not union.any():
        return shapes
    sources = [shapes[i] for i in areas]
    made = _made(sources[0].label, union, box, _kept_keys(sources[0]), sources, author)
    return _replaced(shapes, set(areas), max(areas), made)


def _any(_shape: Shape) -> bool:
    return True


def _areas(
    shapes: Shapes, near: Box, rows: int, columns: int, editable: Editable
) -> Iterator[tuple[int, Patch]]:
    """The editable areas whose box meets another one, with their pixels."""
    for i, shape in enumerate(shapes):
        if is_area(shape) and box_of(shape).meets(near) and editable(shape):
            yield i, patch_of(shape, rows, columns)


def _kept_keys(shape: Shape) -> dict[str, Any]:
    """The keys of a shape that hold for what is made of it."""
    return {key: value for key, value in shape.extra.items() if key not in ("medseg", "mask")}


def _made(
    label: str,
    pixels: Pixels,
    box: Box,
    extra: Mapping[str, Any],
    sources: Sequence[Shape],
    author: Author,
) -> list[Shape]:
    """Signed shapes that fill exactly these pixels, which lie in a box of the slice."""
    found = [r.shifted(box.left, box.top) for r in regions(pixels.astype(np.uint8))]
    shapes = region_shapes(label, found, extra)
    return [author.edited(shape, sources) if sources else author.drawn(shape) for shape in shapes]


def _replaced(shapes: Shapes, gone: set[int], place: int, made: Sequence[Shape]) -> Shapes:
    """Shapes without some of them, and new ones where the one at `place` was."""
    before = [s for i, s in enumerate(shapes[:place]) if i not in gone]
    after = [s for i, s in enumerate(shapes[place:], place) if i not in gone]
    return (*before, *made, *after)
