"""Label maps of a series taken apart into connected regions, without a dense volume.

Each slice is taken apart into its pieces (8-neighbourhood), and the pieces of neighbouring slices
that touch at a side or a corner (26-neighbourhood) are joined.  Nothing is connected over the
time points of a 4-D series, nor over a slice that is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Point
from medseg_desktop.core.raster import LabelMap

#: Slice index -> modality values (rows, columns), or None where they cannot be had.
Values = Callable[[int], npt.NDArray[np.generic] | None]
_Indices = npt.NDArray[np.int64]
_NEIGHBOURS = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0)]
#: Two piece numbers in one integer.
_HIGH = 32


@dataclass(slots=True)
class Piece:
    """A region of one label in one slice.

    Attributes:
        index: of the slice.
        box: (left, top, width, height).
        centroid: (x, y), corner coordinates.
        places: its pixels (N,) as indices into the flattened slice, ascending.
        intensity: sum of its modality values, NaN where they are unknown.
    """

    index: int
    label: int
    box: tuple[int, int, int, int]
    centroid: Point
    places: _Indices
    intensity: float

    @property
    def pixels(self) -> int:
        return len(self.places)

    def region(self, columns: int) -> npt.NDArray[np.bool_]:
        """Its pixels in its own box; `columns` are those of the slice."""
        left, top, width, height = self.box
        inside = np.zeros((height, width), bool)
        inside[self.places // columns - top, self.places % columns - left] = True
        return inside


@dataclass(slots=True)
class _Slice:
    """The pieces of a slice: `numbers` (rows + 2, columns + 2), int32, holds 1 for the first.

    `places` (N,) are the flat indices into it that are not 0, in ascending order.
    """

    index: int
    numbers: npt.NDArray[np.int32]
    places: _Indices
    pieces: list[Piece]


def connected_pieces(
    label_maps: Mapping[int, LabelMap], positions: int, values: Values | None = None
) -> list[list[Piece]]:
    """The pieces of each lesion of a series in the order of the slices, the largest lesion first.

    Args:
        label_maps: slice index -> class indices (rows, columns), uint8, 0 is the background.
            A slice that is not there has no shapes.
        positions: slices of one time point (`Series.positions`); slice index = time point *
            positions + position.
        values: asked once for every slice with a lesion, in ascending order.

    Raises:
        ValueError: the label maps of neighbouring slices differ in size.
    """
    pieces: list[Piece] = []
    parents: list[int] = []
    before: _Slice | None = None
    for index in sorted(label_maps):
        now = _take_apart(index, label_maps[index], values)
        base = len(pieces)
        pieces += now.pieces
        parents += range(base, len(pieces))
        if before is not None and index == before.index + 1 and index % positions:
            for i, k in _touching(before, now):
                _join(parents, base - len(before.pieces) + i, base + k)
        before = now
    groups: dict[int, list[Piece]] = {}
    for i, piece in enumerate(pieces):
        groups.setdefault(_root(parents, i), []).append(piece)
    return sorted(groups.values(), key=lambda group: -sum(p.pixels for p in group))


def _take_apart(index: int, label_map: LabelMap, values: Values | None) -> _Slice:
    """A slice's pieces: by label, then from the top."""
    rows, columns = label_map.shape
    numbers = np.zeros((rows + 2, columns + 2), np.int32)
    left, top, width, height = cv2.boundingRect(label_map)
    part = label_map[top : top + height, left : left + width]
    numbered = numbers[1 + top : 1 + top + height, 1 + left : 1 + left + width]
    pieces: list[Piece] = []
    for label in np.flatnonzero(np.bincount(part.ravel(), minlength=1)[1:]) + 1:
        mask = (part == label).astype(np.uint8)
        count, regions, statistics, centroids = cv2.connectedComponentsWithStats(mask)
        numbered[mask > 0] = regions[mask > 0] + len(pieces)
        for number in range(1, count):
            x, y, w, h, _ = (int(v) for v in statistics[number])
            # OpenCV's centroid of a single pixel is its index; ours is its centre.
            centroid = (
                left + float(centroids[number, 0]) + 0.5,
                top + float(centroids[number, 1]) + 0.5,
            )
            box = (left + x, top + y, w, h)
            none_yet = np.zeros(0, np.int64)
            pieces.append(Piece(index, int(label), box, centroid, none_yet, float("nan")))
    found = _Slice(index, numbers, np.flatnonzero(numbers), pieces)
    if pieces:
        _look_inside(found, values(index) if values is not None else None)
    return found


def _look_inside(found: _Slice, values: npt.NDArray[np.generic] | None) -> None:
    """Gives every piece its pixels and the sum of its modality values."""
    columns = found.numbers.shape[1]
    flat = (found.places // columns - 1) * (columns - 2) + found.places % columns - 1
    numbers = found.numbers.ravel()[found.places]
    few = len(found.pieces) <= np.iinfo(np.uint16).max  # small integers are sorted much faster
    order = np.argsort(numbers.astype(np.uint16) if few else numbers, kind="stable")
    ends = np.cumsum(np.bincount(numbers)[1:])
    for piece, places in zip(found.pieces, np.split(flat[order], ends[:-1]), strict=True):
        piece.places = places
    if values is not None:
        sums = np.bincount(numbers, weights=values.ravel()[flat])[1:]
        for piece, intensity in zip(found.pieces, sums, strict=True):
            piece.intensity = float(intensity)


def _touching(before: _Slice, now: _Slice) -> list[tuple[int, int]]:
    """Pairs (piece of `before`, piece of `now`), from 0, of one label that touch."""
    if before.numbers.shape != now.numbers.shape:
        raise ValueError(
            f"Slices {before.index} and {now.index} have label maps of different sizes; "
            "lesions can only be found in slices of one size."
        )
    labels_before, labels_now = (
        np.array([0, *(p.label for p in item.pieces)], np.uint8) for item in (before, now)
    )
    there, here = before.numbers.ravel(), now.numbers.ravel()
    opposite = there[now.places]
    same = labels_before[opposite] == labels_now[here[now.places]]
    found = [_pairs(opposite[same], here[now.places[same]])]
    # A piece holds all neighbours of one label, so only the others' neighbours tell more.
    rest = now.places[~same]
    for down, right in _NEIGHBOURS:
        opposite = there[rest + down * now.numbers.shape[1] + right]
        same = labels_before[opposite] == labels_now[here[rest]]
        found.append(_pairs(opposite[same], here[rest[same]]))
    pairs = np.unique(np.concatenate(found))
    low = (1 << _HIGH) - 1
    return [(int(p >> _HIGH) - 1, int(p & low) - 1) for p in pairs]


def _pairs(first: npt.NDArray[np.int32], second: npt.NDArray[np.int32]) -> _Indices:
    """The different ones of many pairs of numbers, each as one integer."""
    return np.unique(first.astype(np.int64) << _HIGH | second)


def _root(parents: list[int], i: int) -> int:
    """The piece that stands for all that are joined with piece `i`; shortens the way to it."""
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


def _join(parents: list[int], i: int, k: int) -> None:
    """Joins two pieces; the earlier one stands for both, so lesions keep their order."""
    first, second = sorted((_root(parents, i), _root(parents, k)))
    parents[second] = first
