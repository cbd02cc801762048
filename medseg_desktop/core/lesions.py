"""The lesions of a series: regions of one label, connected over its slices.

Two pixels of one label belong together where they touch at a side or a corner, in one slice or in
two neighbouring ones (26-neighbourhood).  Nothing is connected over the time points of a 4-D
series, nor over a slice without shapes.

No dense volume is made: each slice is taken apart into its pieces (8-neighbourhood), of which a
few numbers are kept, and the pieces of neighbouring slices that touch are joined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from math import hypot

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Point
from medseg_desktop.core.measures import (
    Diameter,
    Spacing,
    longest_diameter,
    perpendicular_diameter,
)
from medseg_desktop.core.raster import LabelMap

#: Slice index -> modality values (rows, columns), or None where they cannot be had.
Values = Callable[[int], npt.NDArray[np.generic] | None]
_Indices = npt.NDArray[np.int64]
_NEIGHBOURS = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0)]
#: Two piece numbers in one integer.
_HIGH = 32


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion of a series.

    Attributes:
        number: 1 for the largest of the series, then 2, ...
        label: class index.
        slices: indices of the slices it lies in, ascending.
        pixels: its pixels in each of `slices`.
        volume_ml: None where the volume of a voxel is unknown; then `voxels` tells the size.
        largest_slice: index of the slice with most of its pixels.
        diameter_slice: index of the slice with its longest diameter, in which both diameters lie.
        longest, perpendicular: see `core.measures`; of a lesion that lies in a slice in several
            pieces, the diameters of one piece, so that no healthy tissue is measured.
        centroid: (x, y), corner coordinates, of the piece that the diameters were measured in.
        mean_intensity: of the modality values of all its voxels; None where any is unknown.
    """

    number: int
    label: int
    slices: tuple[int, ...]
    pixels: tuple[int, ...]
    volume_ml: float | None
    largest_slice: int
    diameter_slice: int
    longest: Diameter
    perpendicular: Diameter
    centroid: Point
    mean_intensity: float | None = None

    @property
    def voxels(self) -> int:
        """Number of its pixels in all slices."""
        return sum(self.pixels)


@dataclass(slots=True)
class _Piece:
    """A region of one label in one slice; `box` is (left, top, width, height).

    `first` is the place of its first pixel, as an index into the flattened slice, and
    `intensity` the sum of its modality values, NaN where they are unknown.
    """

    index: int
    label: int
    pixels: int
    box: tuple[int, int, int, int]
    centroid: Point
    first: int
    intensity: float


@dataclass(slots=True)
class _Slice:
    """The pieces of a slice: `numbers` (rows + 2, columns + 2), int32, holds 1 for the first.

    `places` (N,) are the flat indices into it that are not 0, in ascending order.
    """

    index: int
    numbers: npt.NDArray[np.int32]
    places: _Indices
    pieces: list[_Piece]


def find_lesions(
    label_maps: Mapping[int, LabelMap],
    positions: int,
    spacing_mm: Spacing | None = None,
    voxel_ml: float | None = None,
    values: Values | None = None,
) -> tuple[Lesion, ...]:
    """The lesions of a series, largest first.

    Args:
        label_maps: slice index -> class indices (rows, columns), uint8, 0 is the background.
            A slice that is not there has no shapes.
        positions: slices of one time point (`Series.positions`); slice index = time point *
            positions + position.
        spacing_mm: (between rows, between columns), or None where it is unknown.
        voxel_ml: `Series.voxel_ml`.
        values: asked once for every slice with a lesion, in ascending order; without it no
            intensity is measured.

    Raises:
        ValueError: the label maps of neighbouring slices differ in size.
    """
    pieces: list[_Piece] = []
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
    groups: dict[int, list[_Piece]] = {}
    for i, piece in enumerate(pieces):
        groups.setdefault(_root(parents, i), []).append(piece)
    by_size = sorted(groups.values(), key=lambda group: -sum(p.pixels for p in group))
    return tuple(
        _lesion(i + 1, group, label_maps, spacing_mm, voxel_ml) for i, group in enumerate(by_size)
    )


def total_ml(lesions: Iterable[Lesion]) -> float | None:
    """Volume of all lesions together; None where one is unknown."""
    volumes = [lesion.volume_ml for lesion in lesions]
    known = [v for v in volumes if v is not None]
    return sum(known) if len(known) == len(volumes) else None


def _take_apart(index: int, label_map: LabelMap, values: Values | None) -> _Slice:
    """A slice's pieces: by label, then from the top."""
    rows, columns = label_map.shape
    numbers = np.zeros((rows + 2, columns + 2), np.int32)
    left, top, width, height = cv2.boundingRect(label_map)
    part = label_map[top : top + height, left : left + width]
    numbered = numbers[1 + top : 1 + top + height, 1 + left : 1 + left + width]
    pieces: list[_Piece] = []
    for label in np.flatnonzero(np.bincount(part.ravel(), minlength=1)[1:]) + 1:
        mask = (part == label).astype(np.uint8)
        count, regions, statistics, centroids = cv2.connectedComponentsWithStats(mask)
        numbered[mask > 0] = regions[mask > 0] + len(pieces)
        for number in range(1, count):
            x, y, w, h, pixels = (int(v) for v in statistics[number])
            # OpenCV's centroid of a single pixel is its index; ours is its centre.
            centroid = (
                left + float(centroids[number, 0]) + 0.5,
                top + float(centroids[number, 1]) + 0.5,
            )
            box = (left + x, top + y, w, h)
            pieces.append(_Piece(index, int(label), pixels, box, centroid, -1, float("nan")))
    places = np.flatnonzero(numbers)
    found = _Slice(index, numbers, places, pieces)
    if pieces:
        _look_inside(found, values(index) if values is not None else None)
    return found


def _look_inside(found: _Slice, values: npt.NDArray[np.generic] | None) -> None:
    """Notes of every piece where it begins and the sum of its modality values."""
    columns = found.numbers.shape[1]
    flat = (found.places // columns - 1) * (columns - 2) + found.places % columns - 1
    numbers = found.numbers.ravel()[found.places]
    _, firsts = np.unique(numbers, return_index=True)
    for piece, first in zip(found.pieces, flat[firsts], strict=True):
        piece.first = int(first)
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


def _lesion(
    number: int,
    group: list[_Piece],
    label_maps: Mapping[int, LabelMap],
    spacing_mm: Spacing | None,
    voxel_ml: float | None,
) -> Lesion:
    """The numbers of a lesion from its pieces, which are in the order of the slices."""
    per_slice = {i: sum(p.pixels for p in ps) for i, ps in groupby(group, lambda p: p.index)}
    voxels = sum(per_slice.values())
    piece, longest = _widest(group, label_maps, spacing_mm)
    corner = (float(piece.box[0]), float(piece.box[1]))
    region = _region(piece, label_maps[piece.index])
    intensity = sum(p.intensity for p in group)
    return Lesion(
        number=number,
        label=piece.label,
        slices=tuple(per_slice),
        pixels=tuple(per_slice.values()),
        volume_ml=None if voxel_ml is None else voxels * voxel_ml,
        largest_slice=max(per_slice, key=per_slice.__getitem__),
        diameter_slice=piece.index,
        longest=longest,
        perpendicular=perpendicular_diameter(region, longest, spacing_mm, corner),
        centroid=piece.centroid,
        mean_intensity=None if np.isnan(intensity) else intensity / voxels,
    )


def _widest(
    group: list[_Piece], label_maps: Mapping[int, LabelMap], spacing_mm: Spacing | None
) -> tuple[_Piece, Diameter]:
    """The piece with the longest diameter (the first of equals), and that diameter.

    No piece is longer than the diagonal of its box, so few have to be measured.
    """
    between_rows, between_columns = spacing_mm or (1.0, 1.0)

    def length(diameter: Diameter) -> float:
        return diameter.length_px if diameter.length_mm is None else diameter.length_mm

    def diagonal(piece: _Piece) -> float:
        return hypot(piece.box[2] * between_columns, piece.box[3] * between_rows)

    best: tuple[_Piece, Diameter] | None = None
    for piece in sorted(group, key=lambda p: -diagonal(p)):
        if best is not None and diagonal(piece) <= length(best[1]):
            break
        corner = (float(piece.box[0]), float(piece.box[1]))
        diameter = longest_diameter(_region(piece, label_maps[piece.index]), spacing_mm, corner)
        if best is None or length(diameter) > length(best[1]):
            best = piece, diameter
    assert best is not None  # a lesion has at least one piece
    return best


def _region(piece: _Piece, label_map: LabelMap) -> npt.NDArray[np.bool_]:
    """A piece's pixels in its own box, without what else of its label lies in there."""
    left, top, width, height = piece.box
    inside: npt.NDArray[np.bool_] = (
        label_map[top : top + height, left : left + width] == piece.label
    )
    if np.count_nonzero(inside) == piece.pixels:
        return inside
    _, regions = cv2.connectedComponents(inside.astype(np.uint8))
    row, column = divmod(piece.first, label_map.shape[1])
    own: npt.NDArray[np.bool_] = regions == regions[row - top, column - left]
    return own
