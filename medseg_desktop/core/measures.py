"""Numbers of one region of a slice: area, longest and perpendicular diameter, mean intensity.

A region is an array (rows, columns), bool or the label map of one shape; what is not zero belongs
to it.  The diameters are those of RECIST 1.1 (Eisenhauer et al., Eur J Cancer 2009) and of WHO
(Miller et al., Cancer 1981) before it, drawn on the slice:

- The longest diameter is the largest distance between any two points of the region.  A pixel is
  a rectangle, so its ends are outer corners of pixels; between them it may leave a bent region.
- The perpendicular diameter is the longest straight line at right angles to it that lies inside
  the region all the way.  Lines at every place along the longest diameter are looked at, not
  only through its middle, and a line that crosses a gap counts as two.

Lengths are measured, and angles are right, in millimetres with the spacing of rows and of columns;
without spacing in pixels.  The ends are always in corner coordinates (x = column, y = row).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Point

Region = npt.NDArray[np.bool_] | npt.NDArray[np.uint8]
#: Distance between rows, between columns, in millimetres.
Spacing = tuple[float, float]
_Points = npt.NDArray[np.float64]

#: Of a region so ragged that its lines cross the border more often than this, only evenly spread
#: lines are looked at: a speckled slice of 512 x 512 would need a hundred million.
_MOST_CROSSINGS = 200_000
#: Corners whose places along the longest diameter differ by less lie on one line.
_SAME_PLACE = 9
#: Lines that differ by less are equally long; the one nearest to the middle is shown.
_SAME_LENGTH = 1e-9


@dataclass(frozen=True, slots=True)
class Diameter:
    """A straight line across a region; its ends are (x, y) in corner coordinates, upper one first.

    Attributes:
        length_mm: None where the spacing of the pixels is unknown.
    """

    start: Point
    end: Point
    length_mm: float | None

    @property
    def length_px(self) -> float:
        """Length where every pixel counts as a square of side 1; for unknown spacing."""
        return hypot(self.end[0] - self.start[0], self.end[1] - self.start[1])


@dataclass(frozen=True, slots=True)
class Measures:
    """The numbers of one region.

    Attributes:
        pixels: how many pixels belong to it.
        area_mm2: pixels x row spacing x column spacing; None where the spacing is unknown.
        longest, perpendicular: see the module; None for a region without pixels.
        mean_intensity: mean of the modality values; None without values or without pixels.
    """

    pixels: int
    area_mm2: float | None
    longest: Diameter | None
    perpendicular: Diameter | None
    mean_intensity: float | None


def measure(
    region: Region,
    spacing_mm: Spacing | None,
    values: npt.NDArray[np.generic] | None = None,
) -> Measures:
    """All numbers of a region.

    Args:
        region: (rows, columns); may be the whole slice.
        spacing_mm: (between rows, between columns), or None where it is unknown.
        values: modality values (rows, columns) of the same slice.
    """
    inside, (left, top) = _cropped(region)
    pixels = int(np.count_nonzero(inside))
    area_mm2 = area_of(pixels, spacing_mm)
    if not pixels:
        return Measures(0, area_mm2, None, None, None)
    corner = (float(left), float(top))
    longest = longest_diameter(inside, spacing_mm, corner)
    perpendicular = perpendicular_diameter(inside, longest, spacing_mm, corner)
    mean = None
    if values is not None:
        rows, columns = inside.shape
        mean = mean_intensity(inside, values[top : top + rows, left : left + columns])
    return Measures(pixels, area_mm2, longest, perpendicular, mean)


def area_of(pixels: int, spacing_mm: Spacing | None) -> float | None:
    """Area of so many pixels in mm²; None where the spacing is unknown."""
    return None if spacing_mm is None else pixels * spacing_mm[0] * spacing_mm[1]


def mean_intensity(region: Region, values: npt.NDArray[np.generic]) -> float | None:
    """Mean of the modality values (rows, columns) over a region; None for an empty one."""
    chosen = values[region != 0]
    return float(chosen.mean(dtype=np.float64)) if chosen.size else None


def longest_diameter(
    region: Region, spacing_mm: Spacing | None, corner: Point = (0.0, 0.0)
) -> Diameter:
    """The largest distance between two outer corners of a region's pixels.

    Of equally long ones the first from the top, then from the left, is taken.

    Args:
        region: (rows, columns), at least one pixel.
        corner: (x, y) of the region's first pixel on the slice, where `region` is a part of it.

    Raises:
        ValueError: the region has no pixel.
    """
    hull = _hull(region)
    apart = (hull[:, None, :] - hull[None, :, :]) * _scale(spacing_mm)
    squared = (apart**2).sum(axis=2)
    first, second = np.unravel_index(int(squared.argmax()), squared.shape)
    return _diameter(hull[first], hull[second], spacing_mm, corner)


def perpendicular_diameter(
    region: Region,
    longest: Diameter,
    spacing_mm: Spacing | None,
    corner: Point = (0.0, 0.0),
) -> Diameter:
    """The longest line inside a region at right angles to its longest diameter.

    Its length is the least upper bound over all lines that do not run exactly through a corner of
    a pixel, so pixels that only touch at their corners are not crossed.

    Args:
        region, spacing_mm, corner: as given to `longest_diameter`, which gave `longest`.
    """
    scale = _scale(spacing_mm)
    along = (np.asarray(longest.end) - np.asarray(longest.start)) * scale
    along = along / np.hypot(*along)
    # Columns: how far along the longest diameter, how far at right angles to it.
    axes = np.array([[along[0], -along[1]], [along[1], along[0]]])
    starts, ends = (side * scale @ axes for side in _border(region))
    middle = (np.asarray(longest.start) + longest.end) / 2 - corner
    place, low, high = _longest_line(starts, ends, float((middle * scale @ axes)[0]))
    line = np.array([[place, low], [place, high]]) @ axes.T / scale
    return _diameter(line[0], line[1], spacing_mm, corner)


def _longest_line(starts: _Points, ends: _Points, middle: float) -> tuple[float, float, float]:
    """The longest line of constant place inside a border: (place, from, to).

    Between two neighbouring corners the same edges of the border are crossed, in the same order,
    and the length of a line between two of them changes linearly: it is longest at an end.

    Args:
        starts, ends: the border's edges (N, 2), as (place along, across).
        middle: of lines of one length the one nearest to this place is taken.
    """
    corners = np.concatenate([starts[:, 0], ends[:, 0]]).round(_SAME_PLACE)
    places, at = np.unique(corners, return_inverse=True)
    first, second = at[: len(starts)], at[len(starts) :]
    low, high = np.minimum(first, second), np.maximum(first, second)
    step = 1 + int((high - low).sum()) // _MOST_CROSSINGS
    strips = np.arange(0, len(places) - 1, step)
    low, high = np.searchsorted(strips, low), np.searchsorted(strips, high)
    count = high - low
    edge = np.repeat(np.arange(len(starts)), count)
    nth = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    strip = strips[low[edge] + nth]
    begin, width = starts[edge, 1], places[second[edge]] - places[first[edge]]
    slope = (ends[edge, 1] - begin) / width
    across = [begin + slope * (places[strip + k] - places[first[edge]]) for k in (0, 1)]
    # The border of a region is closed: it is entered and left in turn.
    order = np.lexsort((across[0] + across[1], strip))
    enter, leave = order[0::2], order[1::2]
    length = np.concatenate([side[leave] - side[enter] for side in across])
    place = np.concatenate([places[strip[enter] + k] for k in (0, 1)])
    longest = np.flatnonzero(length >= length.max() * (1 - _SAME_LENGTH))
    best = int(longest[np.abs(place[longest] - middle).argmin()])
    side, pair = across[best // len(enter)], best % len(enter)
    return float(place[best]), float(side[enter[pair]]), float(side[leave[pair]])


def _border(region: Region) -> tuple[_Points, _Points]:
    """The sides of pixels between inside and outside: starts and ends (N, 2), corners (x, y)."""
    inside = np.pad(region != 0, 1)
    row, column = np.nonzero(inside[1:, 1:-1] != inside[:-1, 1:-1])
    lying = np.stack([column, row], axis=1)
    row, column = np.nonzero(inside[1:-1, 1:] != inside[1:-1, :-1])
    standing = np.stack([column, row], axis=1)
    starts = np.concatenate([lying, standing]).astype(np.float64)
    ends = np.concatenate([lying + np.array([1, 0]), standing + np.array([0, 1])]).astype(
        np.float64
    )
    return starts, ends


def _hull(region: Region) -> _Points:
    """Corners (N, 2), (x, y), of the convex hull of a region's pixels, from the top."""
    inside = region != 0
    rows = np.flatnonzero(inside.any(axis=1))
    if not len(rows):
        raise ValueError("A region without pixels has no diameter.")
    inside = inside[rows]
    corners = np.empty((2, 2, len(rows), 2), np.int32)  # left or right, upper or lower
    corners[0, :, :, 0] = inside.argmax(axis=1)
    corners[1, :, :, 0] = inside.shape[1] - inside[:, ::-1].argmax(axis=1)
    corners[:, 0, :, 1] = rows
    corners[:, 1, :, 1] = rows + 1
    hull = np.asarray(cv2.convexHull(corners.reshape(-1, 2))).reshape(-1, 2)
    return hull[np.lexsort((hull[:, 0], hull[:, 1]))].astype(np.float64)


def _cropped(region: Region) -> tuple[npt.NDArray[np.bool_], tuple[int, int]]:
    """A region's own frame, and the (column, row) of its first pixel."""
    inside = np.ascontiguousarray(region != 0)
    left, top, width, height = cv2.boundingRect(inside.view(np.uint8))
    return inside[top : top + height, left : left + width], (int(left), int(top))


def _scale(spacing_mm: Spacing | None) -> _Points:
    """What a step of one in (x, y) measures."""
    between_rows, between_columns = spacing_mm or (1.0, 1.0)
    return np.array([between_columns, between_rows])


def _diameter(one: _Points, other: _Points, spacing_mm: Spacing | None, corner: Point) -> Diameter:
    """A line between two points of the region's own frame, upper end first."""
    ends = [(x + corner[0], y + corner[1]) for x, y in (one.tolist(), other.tolist())]
    start, end = sorted(ends, key=lambda point: (point[1], point[0]))
    if spacing_mm is None:
        return Diameter(start, end, None)
    dx, dy = end[0] - start[0], end[1] - start[1]
    return Diameter(start, end, hypot(dx * spacing_mm[1], dy * spacing_mm[0]))
