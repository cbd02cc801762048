"""Edits of one shape that work on its points: moving, inserting and removing vertices, moving
the whole, smoothing and simplifying.

Points are (x, y) in corner coordinates.  A vertex is told by its ring and its number in it (see
`core.shapes.rings`); a rectangle has its four corners, a circle its centre (0) and the point on
its rim that a drag moves (1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import MINIMUM_POINTS, Point, Shape, ShapeType
from medseg_desktop.core.raster import (
    bounds_of,
    outline_points,
    pixel_centre,
    pixel_index,
    without_straight_points,
)
from medseg_desktop.core.shapes.rings import Ring, rings_of, with_rings

#: Of the Gaussian that smooths an outline, in pixels along the line.
_SMOOTHING = 2.5
#: Behind the point of what was moved.
_DIGITS = 3
#: What smoothing may leave out afterwards, in pixels.
_SMOOTH_TOLERANCE = 0.15
_POINT_TYPES = (ShapeType.LINE, ShapeType.LINESTRIP, ShapeType.POINT, ShapeType.POINTS)


def handles(shape: Shape) -> tuple[Ring, ...]:
    """The points of a shape that can be taken, by ring; none of a labelme bitmap."""
    if shape.shape_type is ShapeType.MASK:
        return ()
    if shape.shape_type is ShapeType.CIRCLE or shape.shape_type in _POINT_TYPES:
        return (np.array(shape.points, dtype=np.float64),)
    return rings_of(shape)


def is_closed(shape: Shape) -> bool:
    """The last handle joins the first."""
    return shape.shape_type in (ShapeType.POLYGON, ShapeType.RECTANGLE)


def with_vertex(shape: Shape, ring: int, index: int, point: Point) -> Shape:
    """The shape with one vertex moved; a rectangle stays one, a circle's centre moves it all.

    What is called a rectangle and has other points than two corners becomes a polygon.
    """
    if shape.shape_type is ShapeType.RECTANGLE and len(shape.points) == 2:
        corners = np.array([outline_points(shape)[(index + 2) % 4], point])
        low, high = corners.min(axis=0), corners.max(axis=0)
        return replace(shape, points=(_point(low), _point(high)), rectangle_stored=())
    if shape.shape_type is ShapeType.CIRCLE and index == 0:
        (x, y) = shape.points[0]
        return translated(shape, point[0] - x, point[1] - y)
    rings = [np.array(r) for r in handles(shape)]
    rings[ring][index] = point
    return _rebuilt(shape, rings)


def with_inserted_vertex(shape: Shape, ring: int, index: int, point: Point) -> Shape:
    """The shape with a new vertex before vertex `index`; a rectangle becomes a polygon, a line a
    line strip."""
    rings = list(handles(shape))
    rings[ring] = np.insert(rings[ring], index, point, axis=0)
    if shape.shape_type is ShapeType.LINE:  # which has two points
        shape = replace(shape, shape_type=ShapeType.LINESTRIP)
    return _rebuilt(shape, rings)


def without_vertex(shape: Shape, ring: int, index: int) -> Shape | None:
    """The shape with one vertex less; None where nothing would be left of it.

    A hole that has three vertices goes with any of them.
    """
    if shape.shape_type is ShapeType.CIRCLE:
        return None
    rings = list(handles(shape))
    left = np.delete(rings[ring], index, axis=0)
    if is_closed(shape):
        if len(left) >= 3:
            rings[ring] = left
        elif ring == 0:
            return None
        else:
            del rings[ring]
    elif len(left) < MINIMUM_POINTS[shape.shape_type]:
        return None
    else:
        rings[ring] = left
    return _rebuilt(shape, rings)


def _rebuilt(shape: Shape, rings: Sequence[Ring]) -> Shape:
    if is_closed(shape):
        return with_rings(shape, rings)
    return replace(shape, points=tuple(_point(p) for p in rings[0]))


def translated(shape: Shape, dx: float, dy: float) -> Shape:
    """The shape moved; a labelme bitmap by whole pixels, others with `_DIGITS` behind the point,
    which is finer than anybody sees."""
    if shape.shape_type is ShapeType.MASK:
        dx, dy = round(dx), round(dy)
    points = _moved(np.array(shape.points, dtype=np.float64).reshape(-1, 2), dx, dy)
    moved = replace(shape, points=tuple(map(_point, points)), rectangle_stored=())
    rings = rings_of(shape) if shape.shape_type is ShapeType.POLYGON else ()
    if len(rings) < 2:
        return moved
    return with_rings(moved, [_moved(ring, dx, dy) for ring in rings])


def _moved(points: Ring, dx: float, dy: float) -> Ring:
    moved: Ring = np.round(points + np.array([dx, dy]), _DIGITS)
    return moved


def moved_look(shape: Shape, dx: float, dy: float) -> Shape:
    """How a shape looks while it is being moved; see `_look`."""
    if shape.shape_type is not ShapeType.POLYGON:
        return translated(shape, dx, dy)
    corners = np.array(bounds_of(shape)).reshape(2, 2)
    rings = tuple(_moved(ring, dx, dy) for ring in rings_of(shape))
    outline = rings[0] if len(rings) == 1 else _moved(outline_points(shape), dx, dy)
    look = _look(shape, rings, outline)
    look.derived["bounds"] = tuple(_moved(corners, dx, dy).ravel().tolist())
    return look


def vertex_look(shape: Shape, ring: int, index: int, point: Point) -> Shape:
    """How a shape looks while one of its vertices is being moved; see `_look`."""
    rings = handles(shape)
    if shape.shape_type is not ShapeType.POLYGON or len(rings) > 1:
        return with_vertex(shape, ring, index, point)
    outline = rings[0].copy()
    outline[index] = point
    return _look(shape, (outline,), outline)


def _look(shape: Shape, rings: tuple[Ring, ...], outline: Ring) -> Shape:
    """A polygon for drawing only: everything worked out of its points is as it will be, but the
    points are still those of before.

    A drag of hundreds of shapes, or of a large one, would have a hundred thousand new points at
    every move of the mouse.
    """
    look = replace(shape)
    look.derived.update(rings=rings, outline=outline)
    return look


def simplified(shape: Shape, tolerance: float) -> Shape:
    """A polygon with fewer vertices, none of those left out further than `tolerance` pixels from
    the new line (Douglas and Peucker 1973); other shapes stay."""
    if shape.shape_type is not ShapeType.POLYGON:
        return shape
    rings = [_simplified(ring, tolerance) for ring in rings_of(shape)]
    rings = [rings[0], *(ring for ring in rings[1:] if len(ring) >= 3)]
    if len(rings[0]) < 3 or sum(map(len, rings)) == sum(map(len, rings_of(shape))):
        return shape
    return with_rings(shape, rings)


def _simplified(ring: Ring, tolerance: float) -> Ring:
    approx = cv2.approxPolyDP(ring.astype(np.float32).reshape(-1, 1, 2), tolerance, True)
    return np.asarray(approx, np.float64).reshape(-1, 2)


def smoothed(shape: Shape, rows: int, columns: int) -> Shape:
    """A polygon whose outline is smoothed without shrinking; other shapes stay.

    Each ring is sampled once a pixel, blurred along itself by a Gaussian, and what the blur took
    off is given back once (the twicing of Tukey 1977, close to the two steps of Taubin 1995).

    Args:
        rows, columns: of the slice, which the outline leaves no further than it did.
    """
    if shape.shape_type is not ShapeType.POLYGON:
        return shape
    rings = []
    for k, ring in enumerate(rings_of(shape)):
        line = _sampled(ring)
        if len(line) < 8:
            if k == 0:
                return shape
            continue  # a hole of a pixel or two
        once = _blurred(line)
        low, high = np.minimum(ring.min(axis=0), 0), np.maximum(ring.max(axis=0), (columns, rows))
        smooth = np.clip(once + _blurred(line - once), low, high)
        slim = _simplified(smooth, _SMOOTH_TOLERANCE)
        rings.append(slim if len(slim) >= 3 else smooth)
    return with_rings(shape, rings)


def _sampled(ring: Ring) -> Ring:
    """A closed ring as points about one pixel apart."""
    closed = np.concatenate([ring, ring[:1]])
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    count = max(int(way[-1]), 3)
    at = np.arange(count) * way[-1] / count
    return np.stack([np.interp(at, way, closed[:, axis]) for axis in (0, 1)], axis=1)


def _blurred(line: Ring) -> Ring:
    """A Gaussian along a closed line of points one pixel apart."""
    half = int(np.ceil(3 * _SMOOTHING))
    offsets = np.arange(-half, half + 1)
    weights = np.exp(-0.5 * (offsets / _SMOOTHING) ** 2)
    weights /= weights.sum()
    blurred = np.zeros_like(line)
    for offset, weight in zip(offsets, weights, strict=True):
        blurred += weight * np.roll(line, offset, axis=0)
    return blurred


def enclosed(points: Sequence[Point], rows: int, columns: int) -> Sequence[Point]:
    """The outline of all that a line drawn freehand on a slice encloses.

    A hand seldom ends where it began.  Where the line overlaps itself, the polygon would be
    empty (even-odd), which leaves a notch: such a line is replaced by the outline of its pixels,
    any other one stays.
    """
    area = np.zeros((rows, columns), np.uint8)
    cv2.fillPoly(area, [pixel_index(points)], 1)
    contours, _ = cv2.findContours(area, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = cv2.drawContours(np.zeros_like(area), contours, -1, 1, cv2.FILLED)
    if len(contours) != 1 or np.array_equal(area, whole):
        return points
    ring = without_straight_points(np.asarray(contours[0], np.int32).reshape(-1, 2))
    return [_point(p) for p in pixel_centre(ring)]


def as_polygon(points: npt.NDArray[np.floating] | Sequence[Point], label: str) -> Shape:
    """A polygon of these points."""
    return Shape(label, tuple(_point(p) for p in points))


def _point(point: npt.NDArray[np.floating] | Sequence[float]) -> Point:
    return float(point[0]), float(point[1])
