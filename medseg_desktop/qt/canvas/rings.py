"""Many rings as one path that has no more vertices than the screen can show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainterPath, QTransform

from medseg_desktop.qt.canvas.outline import Outline, Points

Cell = tuple[float, float]
# Pixels; sixteenth parts of them fit into the integers of OpenCV.
_FAR = 2.0**26


class Rings:
    """Rings and open lines that are drawn together.

    Args:
        outlines: their points and holes, in corner coordinates.
    """

    def __init__(self, outlines: Iterable[Outline]) -> None:
        rings: list[Points] = []
        closed: list[bool] = []
        for outline in outlines:
            rings += (outline.points, *outline.holes)
            closed += (outline.closed, *(True for _ in outline.holes))
        self._xy, self._starts = _joined(rings, closed)
        if not np.isfinite(self._xy).all():
            self._xy, self._starts = _joined([finite_points(r) for r in rings], closed)
        self._path: tuple[Cell, QPainterPath] | None = None

    def bounds(self) -> QRectF:
        """The smallest rectangle around all points."""
        if self._xy.shape[1] == 0:
            return QRectF()
        left, top = self._xy.min(axis=1).tolist()
        right, bottom = self._xy.max(axis=1).tolist()
        return QRectF(left, top, right - left, bottom - top)

    def path(self, cell: Cell) -> QPainterPath:
        """All rings, kept until another cell size is asked for.

        Args:
            cell: width and height in slice pixels; of neighbours in one cell only the first is
                kept, beside the ends of the ring.
        """
        if self._path is None or self._path[0] != cell:
            keep = keep_one_per_cell(self._xy, cell) | self._starts[:-1] | self._starts[1:]
            joined = ~self._starts[1:][keep]
            # One ring alone is made much faster.
            connect = "all" if joined[:-1].all() else joined.astype(np.int32)
            x, y = self._xy[0, keep], self._xy[1, keep]
            path: QPainterPath = pg.arrayToQPath(x, y, connect, finiteCheck=False)
            self._path = (cell, path)
        return self._path[1]

    def mapped(
        self, to_picture: QTransform, size: QSize, parts: int
    ) -> list[npt.NDArray[np.int32]]:
        """The rings as OpenCV fills them.

        Args:
            to_picture: corner coordinates -> pixels of the picture.
            size: of the picture; what lies beside it is left out where that changes no inside.
            parts: of a pixel, to which points are rounded.

        Returns:
            (N, 2) of x and y in parts of a pixel for each ring, N >= 1.
        """
        x, y = self._xy
        mapped = np.empty((2, len(x)))
        mapped[0] = x * to_picture.m11() + y * to_picture.m21() + to_picture.dx()
        mapped[1] = x * to_picture.m12() + y * to_picture.m22() + to_picture.dy()
        ends = self._starts[:-1] | self._starts[1:]
        keep = _matters(mapped, (size.width(), size.height())) | ends
        rounded = np.rint(np.clip(mapped[:, keep], -_FAR, _FAR) * parts).astype(np.int32)
        starts = self._starts[:-1][keep]
        rings = np.split(np.ascontiguousarray(rounded.T), np.flatnonzero(starts[1:]) + 1)
        return [ring for ring in rings if len(ring)]


def _matters(xy: npt.NDArray[np.float64], size: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """The points (2, N) that do not lie beyond the same edge as both of their neighbours.

    Without the others, a ring has the same inside within (0, 0) to `size` (width, height).
    """
    beyond = np.zeros(xy.shape[1], np.uint8)
    for axis in (0, 1):
        beyond[xy[axis] < 0] = 1 + 2 * axis
        beyond[xy[axis] > size[axis]] = 2 + 2 * axis
    matters = np.ones(len(beyond), bool)
    same = (beyond[1:] == beyond[:-1]) & (beyond[1:] > 0)
    matters[1:-1] = ~(same[:-1] & same[1:])
    return matters


def finite_points(points: Points) -> Points:
    """The points (N, 2) whose coordinates are both numbers; files hold others too."""
    if np.isfinite(points).all():
        return points
    return points[np.isfinite(points).all(axis=1)]


def _joined(
    rings: Sequence[Points], closed: Sequence[bool]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """All rings in one array (x and y, N), and where each of them starts.

    Closed rings end with their first point.  The second array is one longer than N, so that from
    its second element on it tells where a ring ends.
    """
    pieces: list[Points] = []
    lengths = [0]
    for ring, is_closed in zip(rings, closed, strict=True):
        pieces.append(ring)
        lengths.append(len(ring))
        if is_closed and len(ring) > 2:
            pieces.append(ring[:1])
            lengths[-1] += 1
    points = np.concatenate(pieces) if pieces else np.empty((0, 2))
    starts = np.zeros(len(points) + 1, bool)
    starts[np.cumsum(lengths)] = True
    return np.ascontiguousarray(points.T, np.float64), starts


def keep_one_per_cell(xy: npt.NDArray[np.float64], cell: Cell) -> npt.NDArray[np.bool_]:
    """The points that do not lie in the same cell of a grid as the point before them.

    Args:
        xy: (2, N), x and y.
        cell: width and height of a cell in the same unit.

    Returns:
        (N,) bool.
    """
    keep = np.ones(xy.shape[1], bool)
    column, row = np.floor(xy[0] * (1 / cell[0])), np.floor(xy[1] * (1 / cell[1]))
    keep[1:] = (column[1:] != column[:-1]) | (row[1:] != row[:-1])
    return keep


def cell_of(to_device: QTransform) -> Cell:
    """Width and height in slice pixels of a cell of half to one device pixel.

    A power of two, so that paths are kept while the view moves or zooms a little.
    """
    across = math.hypot(to_device.m11(), to_device.m12())
    down = math.hypot(to_device.m21(), to_device.m22())
    return (2.0 ** -math.ceil(math.log2(across)), 2.0 ** -math.ceil(math.log2(down)))
