"""What lies under the pointer: the vertex, edge or area of a shape that is nearest.

Distances are measured as on the screen: in columns, a row counting `aspect` times as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Point, Shape
from medseg_desktop.core.raster import outline_points
from medseg_desktop.core.shapes.patches import is_area
from medseg_desktop.core.shapes.rings import Ring
from medseg_desktop.core.shapes.vertices import handles, is_closed

#: Neighbouring vertices that have a bounding box of their own; of a long outline only those
#: are looked at whose box is near.
_BLOCK = 64
_Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Vertex:
    """A vertex that can be taken: shape, ring, number (see `core.shapes.vertices`), and where it
    is."""

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
        before: what was worked out for an earlier state of the slice; shapes that have stayed
            are not looked at again.
    """

    def __init__(
        self,
        shapes: Sequence[Shape],
        usable: Iterable[int],
        aspect: float = 1.0,
        before: HitMap | None = None,
    ) -> None:
        self._aspect = aspect
        known = before._known if before else {}
        self._known: dict[int, _Target] = {}
        self._targets: dict[int, _Target] = {}
        for i in usable:
            shape = shapes[i]
            if shape.points:
                target = known.get(id(shape)) or _Target(shape)
                self._known[id(shape)] = self._targets[i] = target
        self._numbers = np.fromiter(self._targets, np.intp, len(self._targets))
        boxes = [target.box for target in self._targets.values()]
        self._boxes = np.array(boxes, np.float64).reshape(-1, 4)

    def vertex(
        self, at: Point, tolerance: float, among: Sequence[int] | None = None
    ) -> Vertex | None:
        """The nearest vertex within `tolerance` columns, of some shapes only if `among` says."""
        best, found = tolerance, None
        for i in self._near(at, tolerance, among):
            for k, line in enumerate(self._targets[i].lines):
                numbers = line.near(at, tolerance, tolerance / self._aspect)
                if not len(numbers):
                    continue
                distance = self._distance(line.points[numbers], at)
                nearest = int(distance.argmin())
                if distance[nearest] <= best:
                    best = float(distance[nearest])
                    found = Vertex(i, k, int(numbers[nearest]), _point(line, numbers[nearest]))
        return found

    def edge(self, at: Point, tolerance: float, among: Sequence[int] | None = None) -> Edge | None:
        """The nearest place on an edge within `tolerance` columns; circles have no edges."""
        best, found = tolerance, None
        for i in self._near(at, tolerance, among):
            for k, line in enumerate(self._targets[i].lines):
                numbers = line.edges(line.near(at, tolerance, tolerance / self._aspect))
                if not len(numbers):
                    continue
                starts, ends = line.points[numbers], line.points[(numbers + 1) % len(line.points)]
                places = _nearest_places(starts, ends, at, self._aspect)
                distance = self._distance(places, at)
                nearest = int(distance.argmin())
                if distance[nearest] <= best:
                    best = float(distance[nearest])
                    x, y = places[nearest]
                    found = Edge(i, k, int(numbers[nearest]) + 1, (float(x), float(y)))
        return found

    def shape(self, at: Point, tolerance: float) -> int | None:
        """The topmost shape that covers a point, or the one whose line is within reach.

        A smaller area on or under a larger one is found where it is: of all that cover the
        point the one with the smallest box.
        """
        covering = [i for i in self._near(at, 0.0) if self._targets[i].covers(at)]
        if covering:
            return min(reversed(covering), key=lambda i: self._targets[i].box_area)
        edge = self.edge(at, tolerance)
        if edge is not None:
            return edge.shape
        vertex = self.vertex(at, tolerance)
        return vertex.shape if vertex else None

    def covers(self, shape: int, at: Point) -> bool:
        """Whether a point lies in a shape; holes are left out."""
        target = self._targets.get(shape)
        return target is not None and target.covers(at)

    def extent(self, shape: int) -> float:
        """The shorter side of a shape's bounding box in columns, as on the screen."""
        x0, y0, x1, y1 = self._targets[shape].box
        return min(x1 - x0, (y1 - y0) * self._aspect)

    def inside(self, low: Point, high: Point) -> tuple[int, ...]:
        """The shapes that lie wholly in a box."""
        boxes = self._boxes
        whole = (
            (boxes[:, 0] >= low[0])
            & (boxes[:, 1] >= low[1])
            & (boxes[:, 2] <= high[0])
            & (boxes[:, 3] <= high[1])
        )
        return tuple(int(i) for i in self._numbers[whole])

    def _near(self, at: Point, tolerance: float, among: Sequence[int] | None = None) -> list[int]:
        near = _meets(self._boxes, at, tolerance, tolerance / self._aspect)
        numbers: list[int] = self._numbers[near].tolist()
        if among is None or not numbers:
            return numbers
        wanted = set(among)
        return [i for i in numbers if i in wanted]

    def _distance(self, points: Ring, at: Point) -> npt.NDArray[np.float64]:
        away = points - np.array(at)
        distance: npt.NDArray[np.float64] = np.hypot(away[:, 0], away[:, 1] * self._aspect)
        return distance


class _Target:
    """What is worked out of one shape, when it is asked for."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape  # holds it, so that its id stays its own
        outline = outline_points(shape)
        (x0, y0), (x1, y1) = outline.min(axis=0), outline.max(axis=0)
        self.box = (float(x0), float(y0), float(x1), float(y1))
        self.box_area = float((x1 - x0) * (y1 - y0))

    @cached_property
    def lines(self) -> tuple[_Line, ...]:
        """The rings of the handles."""
        closed, has_edges = is_closed(self.shape), _has_edges(self.shape)
        return tuple(_Line(ring, closed, has_edges) for ring in handles(self.shape))

    @cached_property
    def _borders(self) -> tuple[_Line, ...]:
        """The rings of the area."""
        if is_closed(self.shape):
            return self.lines
        return (_Line(outline_points(self.shape), True, True),)

    def covers(self, at: Point) -> bool:
        shape = self.shape
        if not is_area(shape):
            return False
        if shape.bitmap is not None:
            column = int(np.floor(at[0] - shape.points[0][0]))
            row = int(np.floor(at[1] - shape.points[0][1]))
            rows, columns = shape.bitmap.shape
            return 0 <= row < rows and 0 <= column < columns and bool(shape.bitmap[row, column])
        return sum(line.crossings(at) for line in self._borders) % 2 == 1


class _Line:
    """A ring, or an open line, with bounding boxes of its blocks.

    Attributes:
        points: (N, 2) as (x, y).
    """

    def __init__(self, points: Ring, closed: bool, has_edges: bool) -> None:
        self.points = points
        self._closed, self._has_edges = closed, has_edges
        count = len(points)
        self._starts = np.arange(0, count, _BLOCK)
        # A block holds its last edge too, which ends at the first vertex of the next.
        after = self._starts + _BLOCK
        ends = points[after % count if closed else np.minimum(after, count - 1)]
        if closed and count:
            ends[-1] = points[0]
        low = np.minimum(np.minimum.reduceat(points, self._starts), ends) if count else points
        high = np.maximum(np.maximum.reduceat(points, self._starts), ends) if count else points
        self._boxes = np.concatenate([low, high], axis=1)

    def near(self, at: Point, reach_x: float, reach_y: float) -> _Numbers:
        """The vertices, in order, of all blocks that come near a point."""
        return self._vertices(_meets(self._boxes, at, reach_x, reach_y))

    def edges(self, numbers: _Numbers) -> _Numbers:
        """Of some vertices those at which an edge begins."""
        if not self._has_edges:
            return numbers[:0]
        return numbers if self._closed else numbers[numbers < len(self.points) - 1]

    def crossings(self, at: Point) -> int:
        """How many edges of the ring lie to the right of a point, in its row."""
        boxes = self._boxes
        beside = (boxes[:, 1] <= at[1]) & (at[1] <= boxes[:, 3]) & (boxes[:, 2] >= at[0])
        numbers = self._vertices(beside)
        x0, y0 = self.points[numbers].T
        x1, y1 = self.points[(numbers + 1) % len(self.points)].T
        crosses = (y0 > at[1]) != (y1 > at[1])
        x0, y0, x1, y1 = x0[crosses], y0[crosses], x1[crosses], y1[crosses]
        where = x0 + (at[1] - y0) / (y1 - y0) * (x1 - x0)
        return int((where > at[0]).sum())

    def _vertices(self, blocks: npt.NDArray[np.bool_]) -> _Numbers:
        if blocks.all():
            return np.arange(len(self.points))
        numbers = (self._starts[blocks][:, None] + np.arange(_BLOCK)).ravel()
        return numbers[numbers < len(self.points)]


def _meets(
    boxes: npt.NDArray[np.float64], at: Point, reach_x: float, reach_y: float
) -> npt.NDArray[np.bool_]:
    """Which boxes (N, 4) of left, top, right, bottom come near a point."""
    near: npt.NDArray[np.bool_] = (
        (boxes[:, 0] - reach_x <= at[0])
        & (at[0] <= boxes[:, 2] + reach_x)
        & (boxes[:, 1] - reach_y <= at[1])
        & (at[1] <= boxes[:, 3] + reach_y)
    )
    return near


def _point(line: _Line, number: np.intp) -> Point:
    x, y = line.points[number]
    return float(x), float(y)


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
