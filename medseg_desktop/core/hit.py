"""What lies under the pointer: the vertex, edge or area of a shape that is nearest.

Distances are measured as on the screen: in columns, a row counting `aspect` times as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Point, Shape
from medseg_desktop.core.patches import is_area
from medseg_desktop.core.raster import bounds_of, outline_points
from medseg_desktop.core.rings import Ring
from medseg_desktop.core.vertices import handles, is_closed


@dataclass(frozen=True, slots=True)
class Vertex:
    """A vertex that can be taken (see `core.vertices`): shape, ring, number, and where it is."""

    shape: int
    ring: int
    index: int
    point: Point


@dataclass(frozen=True, slots=True)
class Edge:
    """A place on an edge; a vertex put in at it gets the number `index`."""

    shape: int
    ring: int
    index: int
    point: Point


class HitMap:
    """The shapes of a slice, ready to be asked for what is near a point.

    Args:
        shapes: told by their number in this sequence; later ones lie on top.
        usable: numbers of those that can be hit.
        aspect: height of a pixel divided by its width.
    """

    def __init__(self, shapes: Sequence[Shape], usable: Sequence[int], aspect: float = 1.0) -> None:
        self._shapes, self._aspect = shapes, aspect
        self._numbers = [i for i in usable if len(shapes[i].points)]
        boxes = [bounds_of(shapes[i]) for i in self._numbers]
        self._boxes = np.array(boxes, np.float64).reshape(-1, 4)

    def vertex(
        self, at: Point, tolerance: float, among: Sequence[int] | None = None
    ) -> Vertex | None:
        """The nearest vertex within `tolerance` columns, of some shapes only if `among` says."""
        best, found = tolerance, None
        for i in self._near(at, tolerance, among):
            for k, ring in enumerate(self._rings(i)):
                distance = self._distance(ring, at)
                nearest = int(distance.argmin())
                if distance[nearest] <= best:
                    best = float(distance[nearest])
                    x, y = ring[nearest]
                    found = Vertex(i, k, nearest, (float(x), float(y)))
        return found

    def edge(self, at: Point, tolerance: float, among: Sequence[int] | None = None) -> Edge | None:
        """The nearest place on an edge within `tolerance` columns; circles have no edges."""
        best, found = tolerance, None
        for i in self._near(at, tolerance, among):
            shape = self._shapes[i]
            if not (is_closed(shape) or len(shape.points) > 1) or not _has_edges(shape):
                continue
            for k, ring in enumerate(self._rings(i)):
                starts = ring if is_closed(shape) else ring[:-1]
                ends = np.roll(ring, -1, axis=0)[: len(starts)]
                places = _nearest_places(starts, ends, at, self._aspect)
                distance = self._distance(places, at)
                nearest = int(distance.argmin())
                if distance[nearest] <= best:
                    best = float(distance[nearest])
                    x, y = places[nearest]
                    found = Edge(i, k, nearest + 1, (float(x), float(y)))
        return found

    def shape(self, at: Point, tolerance: float) -> int | None:
        """The topmost shape that covers a point, or the one whose line is within reach.

        A smaller area on or under a larger one is found where it is: of all that cover the
        point the one with the smallest box.
        """
        covering = [i for i in self._near(at, 0.0) if self._covers(i, at)]
        if covering:
            sizes = dict(zip(self._numbers, _areas(self._boxes), strict=True))
            return min(reversed(covering), key=lambda i: sizes[i])
        edge = self.edge(at, tolerance)
        if edge is not None:
            return edge.shape
        vertex = self.vertex(at, tolerance)
        return vertex.shape if vertex else None

    def inside(self, low: Point, high: Point) -> tuple[int, ...]:
        """The shapes that lie wholly in a box."""
        boxes = self._boxes
        whole = (
            (boxes[:, 0] >= low[0])
            & (boxes[:, 1] >= low[1])
            & (boxes[:, 2] <= high[0])
            & (boxes[:, 3] <= high[1])
        )
        return tuple(self._numbers[k] for k in np.flatnonzero(whole))

    def _near(self, at: Point, tolerance: float, among: Sequence[int] | None = None) -> list[int]:
        boxes, reach_y = self._boxes, tolerance / self._aspect
        near = (
            (boxes[:, 0] - tolerance <= at[0])
            & (at[0] <= boxes[:, 2] + tolerance)
            & (boxes[:, 1] - reach_y <= at[1])
            & (at[1] <= boxes[:, 3] + reach_y)
        )
        numbers = [self._numbers[k] for k in np.flatnonzero(near)]
        if among is None or not numbers:
            return numbers
        wanted = set(among)
        return [i for i in numbers if i in wanted]

    def _rings(self, i: int) -> tuple[Ring, ...]:
        return handles(self._shapes[i])

    def _distance(self, points: Ring, at: Point) -> npt.NDArray[np.float64]:
        away = points - np.array(at)
        distance: npt.NDArray[np.float64] = np.hypot(away[:, 0], away[:, 1] * self._aspect)
        return distance

    def _covers(self, i: int, at: Point) -> bool:
        shape = self._shapes[i]
        if not is_area(shape):
            return False
        if shape.bitmap is not None:
            column, row = int(at[0] - shape.points[0][0]), int(at[1] - shape.points[0][1])
            rows, columns = shape.bitmap.shape
            return 0 <= row < rows and 0 <= column < columns and bool(shape.bitmap[row, column])
        rings = self._rings(i) if is_closed(shape) else (outline_points(shape),)
        return sum(_winds_around(ring, at) for ring in rings) % 2 == 1


def _areas(boxes: npt.NDArray[np.float64]) -> list[float]:
    return [float(a) for a in (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])]


def _has_edges(shape: Shape) -> bool:
    return is_closed(shape) or shape.shape_type in ("line", "linestrip")


def _nearest_places(starts: Ring, ends: Ring, at: Point, aspect: float) -> Ring:
    """On each edge the place nearest to a point."""
    scale = np.array([1.0, aspect])
    way, to = (ends - starts) * scale, (np.array(at) - starts) * scale
    length = (way**2).sum(axis=1)
    share = np.divide((to * way).sum(axis=1), length, out=np.zeros(len(way)), where=length > 0)
    places: Ring = starts + np.clip(share, 0, 1)[:, None] * (ends - starts)
    return places


def _winds_around(ring: Ring, at: Point) -> int:
    """Whether a point lies inside a ring, by the number of edges to its right (even-odd)."""
    x0, y0 = ring.T
    x1, y1 = np.roll(ring, -1, axis=0).T
    crosses = (y0 > at[1]) != (y1 > at[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        where = x0 + (at[1] - y0) / (y1 - y0) * (x1 - x0)
    return int((crosses & (where > at[0])).sum()) % 2
