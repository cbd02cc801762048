"""Shapes to label maps and back: the one rasteriser of the program.

Everything that counts pixels (training label maps, preview, areas, evaluation, export) goes
through `fill_shape`, so a pixel is either in a lesion everywhere or nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Point, Shape, ShapeType
from medseg_desktop.core.errors import Cancelled
from medseg_desktop.core.labels import LabelTable

LabelMap = npt.NDArray[np.uint8]
_Number = TypeVar("_Number", np.int32, np.float64)

#: Points of a circle's outline: 64 chords deviate less than 0.1 pixel up to a radius of 80.
_CIRCLE_POINTS = 64
_MANY_POINTS = 256
#: As many distances are worked out at a time.
_DISTANCES = 1 << 17
#: A region with more holes, or whose holes take more distances, is cut in two: noise has
#: thousands, and a line with so many bridges is seldom exact.
_MOST_HOLES = 64
_MOST_DISTANCES = 1 << 23
#: int32 corner coordinates are clipped here, far outside any slice, so nothing overflows.
COORDINATE_LIMIT = 1_000_000


def pixel_centre(columns_rows: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Pixel indices (N, 2) as (column, row) -> points (x, y) at the pixels' centres.

    The inverse is truncation, which is what the rasteriser does, so outlines the program
    makes itself rasterise back to exactly the pixels they came from.
    """
    return np.asarray(columns_rows, dtype=np.float64) + 0.5


def pixel_index(points: Sequence[Point] | npt.NDArray[np.floating]) -> npt.NDArray[np.int32]:
    """Points (N, 2) as (x, y) -> the pixels (column, row) they lie in, by truncation (int32)."""
    array = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    return np.clip(array, -COORDINATE_LIMIT, COORDINATE_LIMIT).astype(np.int32)


def outline_points(shape: Shape) -> npt.NDArray[np.float64]:
    """The closed or open outline of a shape as points (N, 2), (x, y), for drawing and filling.

    Kept with the shape, so it cannot be written to; so are `pixel_outline` and `bounds_of`.
    """
    known: npt.NDArray[np.float64] | None = shape.derived.get("outline")
    if known is None:
        known = _outline_points(shape)
        known.setflags(write=False)
        shape.derived["outline"] = known
    return known


def pixel_outline(shape: Shape) -> npt.NDArray[np.int32]:
    """The pixels (column, row) that the points of the outline lie in, (N, 2), N >= 1.

    Of very many points, those that lie in the same pixel as the one before are left out: they
    draw nothing that the others do not.
    """
    known: npt.NDArray[np.int32] | None = shape.derived.get("pixels")
    if known is None:
        points = outline_points(shape)
        is_near = len(points) > 0 and max(map(abs, bounds_of(shape))) < COORDINATE_LIMIT
        known = points.astype(np.int32) if is_near else pixel_index(points)
        if len(known) > _MANY_POINTS:
            moves = (known[1:] != known[:-1]).any(axis=1)
            known = known[np.concatenate([[True], moves])]
        known.setflags(write=False)
        shape.derived["pixels"] = known
    return known


def bounds_of(shape: Shape) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of the outline of a shape with points."""
    known: tuple[float, float, float, float] | None = shape.derived.get("bounds")
    if known is None:
        points = outline_points(shape)
        left, top = np.minimum.reduce(points).tolist()
        right, bottom = np.maximum.reduce(points).tolist()
        known = shape.derived["bounds"] = (left, top, right, bottom)
    return known


def _outline_points(shape: Shape) -> npt.NDArray[np.float64]:
    # Much faster than an array of tuples: a shape may have 50,000 points.
    numbers = np.fromiter(chain.from_iterable(shape.points), np.float64)
    points = numbers.reshape(-1, 2)
    if shape.shape_type is ShapeType.RECTANGLE and len(points) == 2:
        (x0, y0), (x1, y1) = points[0], points[1]
        return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    if shape.shape_type is ShapeType.CIRCLE and len(points) >= 2:
        (cx, cy), radius = points[0], float(np.hypot(*(points[1] - points[0])))
        angle = np.linspace(0, 2 * np.pi, _CIRCLE_POINTS, endpoint=False)
        return np.stack([cx + radius * np.cos(angle), cy + radius * np.sin(angle)], axis=1)
    return points


def fill_shape(label_map: LabelMap, shape: Shape, index: int) -> None:
    """Draw one shape into a label map (rows, columns), in place, with a class index.

    Areas (polygon, rectangle, circle) are filled; lines are one pixel wide; points are single
    pixels; a labelme `mask` shape is pasted at its top-left corner.
    """
    if shape.shape_type is ShapeType.MASK:
        _paste_mask(label_map, shape, index)
        return
    vertices = pixel_outline(shape)
    if shape.shape_type in (ShapeType.LINE, ShapeType.LINESTRIP):
        cv2.polylines(label_map, [vertices], isClosed=False, color=index)
    elif shape.shape_type in (ShapeType.POINT, ShapeType.POINTS):
        rows, columns = label_map.shape
        for column, row in vertices:
            if 0 <= row < rows and 0 <= column < columns:
                label_map[row, column] = index
    else:
        cv2.fillPoly(label_map, [vertices], index)


def _paste_mask(label_map: LabelMap, shape: Shape, index: int) -> None:
    """Paste the bitmap of a labelme mask shape at its top-left corner, clipped to the slice."""
    bitmap = shape.bitmap
    if bitmap is None or not shape.points:
        return
    column, row = pixel_index(shape.points[:1])[0]
    top, left = max(row, 0), max(column, 0)
    part = bitmap[top - row :, left - column :]
    area = label_map[top : top + part.shape[0], left : left + part.shape[1]]
    area[part[: area.shape[0], : area.shape[1]]] = index


def draw_label_map(shapes: Sequence[Shape], table: LabelTable, rows: int, columns: int) -> LabelMap:
    """All shapes of a slice as a label map (rows, columns) of class indices, uint8.

    Where shapes overlap, the later one in the list wins.  Labels that the table does not
    have are left out; callers that must not lose any check `table.index_of` first.
    """
    label_map = np.zeros((rows, columns), np.uint8)
    for shape in shapes:
        index = table.index_of(shape.label)
        if index:
            fill_shape(label_map, shape, index)
    return label_map


def overlap_pixels(shapes: Sequence[Shape], table: LabelTable, rows: int, columns: int) -> int:
    """Pixels of a slice that shapes of different labels share; labels: see `draw_label_map`."""
    by_label: dict[int, list[Shape]] = {}
    for shape in shapes:
        if index := table.index_of(shape.label):
            by_label.setdefault(index, []).append(shape)
    if len(by_label) < 2:
        return 0
    covered = np.zeros((rows, columns), np.uint8)
    for own in by_label.values():
        one = np.zeros((rows, columns), np.uint8)
        for shape in own:
            fill_shape(one, shape, 1)
        covered += one
    return int(np.count_nonzero(covered > 1))


def region_outlines(mask: LabelMap) -> list[npt.NDArray[np.int32]]:
    """Outlines (N, 2) as (column, row), N >= 3, that fill back to exactly `mask` (0 and 1)."""
    return [region.outline for region in regions(mask)]


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A connected region of a label map, or a part of one.

    Attributes:
        outline: (N, 2) as (column, row), N >= 3; holes are bridged into it, and it fills back to
            exactly the region.
        rings: the outer contour and those of the holes, (N, 2) each; the pixels of a hole's
            contour belong to the region.
    """

    outline: npt.NDArray[np.int32]
    rings: tuple[npt.NDArray[np.int32], ...]

    def shifted(self, column: int, row: int) -> Region:
        corner = np.array([column, row], np.int32)
        return Region(self.outline + corner, tuple(ring + corner for ring in self.rings))


def regions(mask: LabelMap, stop: Callable[[], bool] | None = None) -> list[Region]:
    """The connected regions (8-neighbourhood) of `mask` (rows, columns) of 0 and 1.

    A region for which no bridged outline is exact comes as several neighbouring parts.

    Args:
        stop: asked before each region whether nobody waits for them any more.

    Raises:
        Cancelled: nobody does.
    """
    count, numbered, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    found: list[Region] = []
    for i in range(1, count):
        if stop is not None and stop():
            raise Cancelled
        # Each region in its own small frame: many specks in a large slice stay cheap.
        left, top, width, height = (int(v) for v in boxes[i, :4])
        part = (numbered[top : top + height, left : left + width] == i).astype(np.uint8)
        found += [region.shifted(left, top) for region in _exact_regions(part, stop)]
    return found


def _exact_regions(part: LabelMap, stop: Callable[[], bool] | None) -> list[Region]:
    """One connected region; cut in two where a single outline is not exact."""
    region = _bridged(part)
    if region is not None and np.array_equal(
        cv2.fillPoly(np.zeros_like(part), [region.outline], 1), part
    ):
        return [region]
    columns = np.flatnonzero(part.any(axis=0))
    rows = np.flatnonzero(part.any(axis=1))
    first, second = part.copy(), part.copy()
    if len(columns) >= len(rows):
        middle = int(columns[len(columns) // 2])
        first[:, middle:], second[:, :middle] = 0, 0
    else:
        middle = int(rows[len(rows) // 2])
        first[middle:], second[:middle] = 0, 0
    return regions(first, stop) + regions(second, stop)


def _bridged(part: LabelMap) -> Region | None:
    """The outer contour of one region with every hole joined to it at the nearest pixels.

    None where that would take too long.
    """
    contours, hierarchy = cv2.findContours(part, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    links = hierarchy.reshape(-1, 4)
    outer = next(_vertices(c) for i, c in enumerate(contours) if links[i][3] == -1)
    holes = [_vertices(c) for i, c in enumerate(contours) if links[i][3] != -1]
    inner = sum(map(len, holes))
    if len(holes) > _MOST_HOLES or (len(outer) + inner) * inner > _MOST_DISTANCES:
        return None
    outline = outer
    for hole in holes:
        outline = bridge(outline, hole)
    rings = tuple(_at_least_three(without_straight_points(ring)) for ring in (outer, *holes))
    return Region(_at_least_three(without_straight_points(outline)) if holes else rings[0], rings)


def _vertices(contour: npt.NDArray[np.generic]) -> npt.NDArray[np.int32]:
    """A contour as OpenCV gives it, (N, 1, 2), as (N, 2)."""
    return np.asarray(contour, np.int32).reshape(-1, 2)


def bridge(outline: npt.NDArray[_Number], hole: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """Join a hole's contour (M, 2) to an outline (N, 2) through their nearest vertices."""
    i, j = _nearest(outline, hole)
    return np.concatenate([outline[: i + 1], hole[j:], hole[: j + 1], outline[i:]])


def _nearest(outline: npt.NDArray[_Number], hole: npt.NDArray[_Number]) -> tuple[int, int]:
    """The vertices of two rings that are nearest to each other; of equals the first.

    Only those of the outline whose distance to the box around the hole allows it are compared,
    some at a time: all distances of two long rings would not fit into memory.
    """
    points, others = outline.astype(np.float64), hole.astype(np.float64)
    x, y = others.T
    beside_x = np.maximum(np.maximum(x.min() - points[:, 0], points[:, 0] - x.max()), 0)
    beside_y = np.maximum(np.maximum(y.min() - points[:, 1], points[:, 1] - y.max()), 0)
    least = beside_x**2 + beside_y**2
    column, row = points[least.argmin()]
    possible = np.flatnonzero(least <= ((x - column) ** 2 + (y - row) ** 2).min())
    step = max(_DISTANCES // len(hole), 1)
    best, nearest = np.inf, (0, 0)
    for start in range(0, len(possible), step):
        part = points[possible[start : start + step]]
        distance = (part[:, :1] - x) ** 2 + (part[:, 1:] - y) ** 2
        k = int(distance.argmin())
        i, j = divmod(k, len(hole))
        if distance[i, j] < best:
            best, nearest = float(distance[i, j]), (int(possible[start + i]), j)
    return nearest


def without_straight_points(ring: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """A closed chain of neighbouring pixels (N, 2) without those inside a straight run.

    A run goes along a row, a column or a diagonal, so the line between its ends is drawn
    through the same pixels.
    """
    if len(ring) < 4:
        return ring
    steps = np.diff(ring, axis=0, append=ring[:1])  # from each to the next
    turns = (steps != np.concatenate([steps[-1:], steps[:-1]])).any(axis=1)
    return ring[turns] if turns.sum() >= 3 else ring


def _at_least_three(outline: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Repeat the last vertex of a one- or two-pixel region, so that it is a polygon."""
    while len(outline) < 3:
        outline = np.concatenate([outline, outline[-1:]])
    return outline
