"""Shapes to label maps and back: the one rasteriser of the program.

Everything that counts pixels (training label maps, preview, areas, evaluation, export) goes
through `fill_shape`, so a pixel is either in a lesion everywhere or nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Point, Shape, ShapeType
from medseg_desktop.core.labels import LabelTable

LabelMap = npt.NDArray[np.uint8]

#: Points of a circle's outline: 64 chords deviate less than 0.1 pixel up to a radius of 80.
_CIRCLE_POINTS = 64
#: int32 corner coordinates are clipped here, far outside any slice, so nothing overflows.
_COORDINATE_LIMIT = 1_000_000


def pixel_centre(columns_rows: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Pixel indices (N, 2) as (column, row) -> points (x, y) at the pixels' centres.

    The inverse is truncation, which is what the rasteriser does, so outlines the program
    makes itself rasterise back to exactly the pixels they came from.
    """
    return np.asarray(columns_rows, dtype=np.float64) + 0.5


def pixel_index(points: Sequence[Point] | npt.NDArray[np.floating]) -> npt.NDArray[np.int32]:
    """Points (N, 2) as (x, y) -> the pixels (column, row) they lie in, by truncation (int32)."""
    array = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    return np.clip(array, -_COORDINATE_LIMIT, _COORDINATE_LIMIT).astype(np.int32)


def outline_points(shape: Shape) -> npt.NDArray[np.float64]:
    """The closed or open outline of a shape as points (N, 2), (x, y), for drawing and filling."""
    points = np.asarray(shape.points, dtype=np.float64).reshape(-1, 2)
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
    vertices = pixel_index(outline_points(shape))
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


def shapes_from_label_map(label_map: LabelMap, table: LabelTable) -> tuple[Shape, ...]:
    """Outlines of every connected region (8-neighbourhood) of each class, as polygons.

    Vertices lie at pixel centres, so the polygons rasterise back to exactly the same pixels.
    A hole is bridged into the outline; a region for which no such bridge is exact is cut into
    neighbouring polygons.
    """
    shapes: list[Shape] = []
    for label in table.foreground:
        mask = (label_map == label.index).astype(np.uint8)
        for outline in region_outlines(mask):
            points = tuple((float(x), float(y)) for x, y in pixel_centre(outline))
            shapes.append(Shape(label.name, points))
    return tuple(shapes)


def region_outlines(mask: LabelMap) -> list[npt.NDArray[np.int32]]:
    """Outlines (N, 2) as (column, row), N >= 3, that fill back to exactly `mask` (0 and 1)."""
    count, regions, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    outlines: list[npt.NDArray[np.int32]] = []
    for i in range(1, count):
        # Each region in its own small frame: many specks in a large slice stay cheap.
        left, top, width, height = (int(v) for v in boxes[i, :4])
        region = (regions[top : top + height, left : left + width] == i).astype(np.uint8)
        corner = np.array([left, top], np.int32)
        outlines += [outline + corner for outline in _exact_outlines(region)]
    return outlines


def _exact_outlines(region: LabelMap) -> list[npt.NDArray[np.int32]]:
    """Outlines of one connected region; cut in two where a single one is not exact."""
    outline = _bridged_outline(region)
    if np.array_equal(cv2.fillPoly(np.zeros_like(region), [outline], 1), region):
        return [outline]
    columns = np.flatnonzero(region.any(axis=0))
    rows = np.flatnonzero(region.any(axis=1))
    first, second = region.copy(), region.copy()
    if len(columns) >= len(rows):
        middle = int(columns[len(columns) // 2])
        first[:, middle:], second[:, :middle] = 0, 0
    else:
        middle = int(rows[len(rows) // 2])
        first[middle:], second[:middle] = 0, 0
    return region_outlines(first) + region_outlines(second)


def _bridged_outline(region: LabelMap) -> npt.NDArray[np.int32]:
    """The outer contour of one region with every hole joined to it at the nearest pixels."""
    contours, hierarchy = cv2.findContours(region, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    links = hierarchy.reshape(-1, 4)
    outer = next(i for i in range(len(contours)) if links[i][3] == -1)
    holes = [c for i, c in enumerate(contours) if links[i][3] != -1]
    if not holes:
        simple, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        return _at_least_three(_vertices(simple[0]))
    outline = _vertices(contours[outer])
    for hole in holes:
        outline = _bridge(outline, _vertices(hole))
    return _at_least_three(outline)


def _vertices(contour: npt.NDArray[np.generic]) -> npt.NDArray[np.int32]:
    """A contour as OpenCV gives it, (N, 1, 2), as (N, 2)."""
    return np.asarray(contour, np.int32).reshape(-1, 2)


def _bridge(outline: npt.NDArray[np.int32], hole: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Join a hole's contour to an outline through their nearest pair of vertices."""
    distance = ((outline[:, None, :] - hole[None, :, :]) ** 2).sum(axis=2)
    i, j = np.unravel_index(int(distance.argmin()), distance.shape)
    return np.concatenate([outline[: i + 1], hole[j:], hole[: j + 1], outline[i:]])


def _at_least_three(outline: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Repeat the last vertex of a one- or two-pixel region, so that it is a polygon."""
    while len(outline) < 3:
        outline = np.concatenate([outline, outline[-1:]])
    return outline
