"""Edits of the shapes of one slice that work on pixels: brush, eraser, cut.

Each takes the shapes of the slice and returns new ones; those it does not touch are the same
objects, in the same order.  Pixel sets are bool arrays (rows, columns), and what comes out fills
exactly the pixels that the operation says (see `core.shapes.rings`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.raster import fill_shape, pixel_index, regions
from medseg_desktop.core.shapes.order import barriers, may_move, other_labels, uppermost
from medseg_desktop.core.shapes.patches import Box, Patch, Pixels, box_of, is_area, patch_of
from medseg_desktop.core.shapes.provenance import Author, is_open_proposal
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
    """Add a stroke to a label.

    In the label map every pixel of the stroke has the label afterwards, but those where a shape
    that is not editable lay uppermost; no other pixel changes.

    Shapes of the label that the stroke touches become one with it, at the place in the order
    where most of them can come together without covering or uncovering anything beside the
    stroke; the others stay as they are.  Of several such places it is one where no later shape
    of another label lies over the stroke, then the place of one of them, then the last.  Later
    areas of other labels lose the pixels of the stroke.  An open proposal is only worked on where
    the stroke touches none of a person's own shapes: these stay that person's.

    Args:
        keys: further keys of a shape that has no source.
    """
    rows, columns = stroke.shape
    brush = Patch.of(stroke & ~_closed(shapes, stroke, label, editable))
    if not brush.count:
        return shapes
    stroke = _on_slice(brush, rows, columns)
    touched = _own_first(shapes, _touched(shapes, stroke, brush.box, label, editable))
    around = reduce(Box.around, (patch.box for patch in touched.values()), brush.box)
    others = other_labels(shapes, label, around, rows, columns)
    over = barriers(stroke, others)
    place, joined = _place(shapes, stroke, touched, others, over, editable)
    union = np.zeros(around.size, np.bool_)
    for patch in (brush, *(touched[i] for i in joined)):
        patch.add_to(union, around)
    sources = [shapes[i] for i in joined]
    if len(joined) == 1 and np.count_nonzero(union) == touched[joined[0]].count:
        made = sources  # the stroke lies inside
    else:
        extra = _kept_keys(sources[-1]) if sources else dict(keys)
        made = _made(label, union, around, extra, sources, author)
    result: list[Shape] = []
    for i, shape in enumerate(shapes):
        result += made if i == place else ()
        if i in over and i >= place:
            result += _without(shape, others[i], stroke, author)
        elif i not in joined:
            result.append(shape)
    result += made if place == len(shapes) else ()
    is_same = len(result) == len(shapes) and all(map(operator.is_, result, shapes))
    return shapes if is_same else tuple(result)


def _closed(shapes: Shapes, stroke: Pixels, label: str, editable: Editable) -> Pixels:
    """Pixels (rows, columns) near a stroke where a shape of another label that must not be
    changed lies uppermost."""
    rows, columns = stroke.shape
    near = Patch.of(stroke).box
    patches = other_labels(shapes, label, near, rows, columns)
    closed = [i for i in patches if not editable(shapes[i])]
    if closed:
        own = (i for i, s in enumerate(shapes) if s.label == label and box_of(s).meets(near))
        patches |= {i: patch_of(shapes[i], rows, columns) for i in own}
    return uppermost(patches, closed, rows, columns)


def _touched(
    shapes: Shapes, stroke: Pixels, box: Box, label: str, editable: Editable
) -> dict[int, Patch]:
    """The editable areas of a label that share or adjoin a pixel of a stroke in a box."""
    rows, columns = stroke.shape
    near = cv2.dilate(stroke.view(np.uint8), _NEIGHBOURS).view(np.bool_)
    return {
        i: patch
        for i, patch in _areas(shapes, box.grown(1, rows, columns), rows, columns, editable)
        if shapes[i].label == label and patch.meets(near)
    }


def _place(
    shapes: Shapes,
    stroke: Pixels,
    touched: Mapping[int, Patch],
    others: Mapping[int, Patch],
    over: Sequence[int],
    editable: Editable,
) -> tuple[int, list[int]]:
    """Before which shape the painted one comes, and which of the touched ones it takes in."""
    # Lines and what must not be changed cannot lose pixels: the stroke has to lie above them.
    fixed = (i for i in over if not (is_area(shapes[i]) and editable(shapes[i])))
    lowest = max(fixed, default=-1) + 1
    beside = {
        i: barriers(_on_slice(patch, *stroke.shape) & ~stroke, others)
        for i, patch in touched.items()
    }

    def joined(place: int) -> list[int]:
        return [i for i in touched if may_move(i, place, beside[i])]

    def rank(place: int) -> tuple[int, bool, bool, int]:
        uncovered = not any(i >= place for i in over)
        return len(joined(place)), uncovered, place in touched, place

    place = max({lowest, len(shapes), *(i for i in touched if i > lowest)}, key=rank)
    return place, joined(place)


def erased(shapes: Shapes, stroke: Pixels, author: Author, editable: Editable) -> Shapes:
    """Take the pixels of a stroke away from every editable area; what is left of one shape may
    be several.  Open proposals count as for `painted`."""
    result: list[Shape] = []
    rows, columns = stroke.shape
    areas = _areas(shapes, Patch.of(stroke).box, rows, columns, editable)
    hit = _own_first(shapes, {i: patch for i, patch in areas if patch.meets(stroke)})
    for i, shape in enumerate(shapes):
        patch = hit.get(i)
        if patch is None:
            result.append(shape)
        else:
            result += _without(shape, patch, stroke, author)
    return tuple(result)


def _own_first(shapes: Shapes, touched: dict[int, Patch]) -> dict[int, Patch]:
    """Without open proposals, if any other shape is among them."""
    own = {i: patch for i, patch in touched.items() if not is_open_proposal(shapes[i])}
    return own or touched


def _without(shape: Shape, patch: Patch, stroke: Pixels, author: Author) -> list[Shape]:
    """What is left of an area beside a stroke (rows, columns)."""
    left = patch.pixels & ~patch.box.of(stroke)
    return _made(shape.label, left, patch.box, _kept_keys(shape), [shape], author)


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
    """Make areas one, with the label of the first; nothing where all lie outside the slice.

    What is seen of other shapes stays: the merged shape takes the last place of one of the areas
    where it neither covers nor uncovers any of them.  Where there is none, it takes the place of
    the last area, without the pixels of other labels that it would cover there.
    """
    areas = [i for i in chosen if is_area(shapes[i])]
    if len(areas) < 2:
        return shapes
    label = shapes[areas[0]].label
    patches = {i: patch_of(shapes[i], rows, columns) for i in areas}
    box = reduce(Box.around, (patch.box for patch in patches.values()))
    others = other_labels(shapes, label, box, rows, columns, areas)
    passed = {i: barriers(_on_slice(p, rows, columns), others) for i, p in patches.items()}
    free = [to for to in areas if all(may_move(i, to, passed[i]) for i in areas)]
    place = max(free or areas)
    union = np.zeros(box.size, np.bool_)
    for patch in patches.values():
        patch.add_to(union, box)
    if not free:
        below = {i: patch for i, patch in others.items() if i < place}
        union &= box.of(uppermost(patches | below, areas, rows, columns))
    if not union.any():
        return shapes
    sources = [shapes[i] for i in areas]
    made = _made(label, union, box, _kept_keys(sources[0]), sources, author)
    return _replaced(shapes, set(areas), place, made)


def _on_slice(patch: Patch, rows: int, columns: int) -> Pixels:
    """The pixels (rows, columns) of the whole slice."""
    pixels = np.zeros((rows, columns), np.bool_)
    patch.box.of(pixels)[patch.pixels] = True
    return pixels


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
