"""The pixels that a brush covers on its way."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Point

Pixels = npt.NDArray[np.bool_]
_Centres = npt.NDArray[np.floating]


class Stroke:
    """Grows while a brush moves over a slice.

    A pixel belongs to it when its centre is no further than the radius from the brush's way, or
    when the brush's centre has moved through it, so that the smallest brush leaves no gaps.

    Attributes:
        pixels: (rows, columns), bool.
        radius: in columns; may be changed on the way.
    """

    def __init__(self, rows: int, columns: int, radius: float, aspect: float = 1.0) -> None:
        """Begin nowhere.

        Args:
            radius: in columns.
            aspect: height of a pixel divided by its width; the brush is round on the screen.
        """
        self.pixels: Pixels = np.zeros((rows, columns), np.bool_)
        self.radius, self._aspect = radius, aspect
        self._last: Point | None = None

    def move_to(self, point: Point) -> tuple[int, int, int, int]:
        """Draw on to a point (x, y) in corner coordinates.

        Returns:
            (left, top, right, bottom) of the pixels that were looked at, half-open.
        """
        start, self._last = self._last or point, point
        rows, columns = self.pixels.shape
        reach_x, reach_y = self.radius + 1, self.radius / self._aspect + 1
        left = _within(min(start[0], point[0]) - reach_x, columns)
        right = _within(max(start[0], point[0]) + reach_x + 1, columns)
        top = _within(min(start[1], point[1]) - reach_y, rows)
        bottom = _within(max(start[1], point[1]) + reach_y + 1, rows)
        y = (np.arange(top, bottom) + 0.5)[:, None]
        x = (np.arange(left, right) + 0.5)[None, :]
        near = self._distance(x, y, start, point) <= self.radius
        self.pixels[top:bottom, left:right] |= near
        self._mark_way(start, point)
        return left, top, right, bottom

    def _mark_way(self, start: Point, end: Point) -> None:
        """The pixels that the brush's centre moves through, one for each step along the longer
        side of the way."""
        rows, columns = self.pixels.shape
        count = int(np.ceil(max(abs(end[0] - start[0]), abs(end[1] - start[1])))) + 1
        way = np.linspace(start, end, max(count, 2))
        column, row = np.floor(way).astype(np.intp).T
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        self.pixels[row[inside], column[inside]] = True

    def _distance(self, x: _Centres, y: _Centres, start: Point, end: Point) -> _Centres:
        """Of pixel centres to a straight way, in columns."""
        way_x, way_y = end[0] - start[0], (end[1] - start[1]) * self._aspect
        to_x, to_y = x - start[0], (y - start[1]) * self._aspect
        length = way_x**2 + way_y**2
        share = (to_x * way_x + to_y * way_y) / length if length else np.zeros(1)
        share = np.clip(share, 0, 1)
        distance: _Centres = np.hypot(to_x - share * way_x, to_y - share * way_y)
        return distance


def _within(value: float, size: int) -> int:
    return int(min(max(np.floor(value), 0), size))
