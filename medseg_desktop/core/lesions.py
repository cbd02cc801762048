"""The lesions of a series: regions of one label, connected over its slices.

Two pixels of one label belong together where they touch at a side or a corner, in one slice or in
two neighbouring ones (26-neighbourhood).  Nothing is connected over the time points of a 4-D
series, nor over a slice without shapes.  See `core.lesion_pieces` for how they are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from math import hypot

import numpy as np

from medseg_desktop.core.annotation import Point
from medseg_desktop.core.lesion_pieces import Piece, Values, connected_pieces
from medseg_desktop.core.measures import (
    Diameter,
    Spacing,
    longest_diameter,
    perpendicular_diameter,
)
from medseg_desktop.core.raster import LabelMap


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
    return tuple(
        _lesion(i + 1, group, label_maps[group[0].index].shape[1], spacing_mm, voxel_ml)
        for i, group in enumerate(connected_pieces(label_maps, positions, values))
    )


def total_ml(lesions: Iterable[Lesion]) -> float | None:
    """Volume of all lesions together; None where one is unknown."""
    volumes = [lesion.volume_ml for lesion in lesions]
    known = [v for v in volumes if v is not None]
    return sum(known) if len(known) == len(volumes) else None


def _lesion(
    number: int,
    group: list[Piece],
    columns: int,
    spacing_mm: Spacing | None,
    voxel_ml: float | None,
) -> Lesion:
    """The numbers of a lesion from its pieces, which are in the order of the slices."""
    per_slice = {i: sum(p.pixels for p in ps) for i, ps in groupby(group, lambda p: p.index)}
    voxels = sum(per_slice.values())
    piece, longest = _widest(group, columns, spacing_mm)
    corner = (float(piece.box[0]), float(piece.box[1]))
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
        perpendicular=perpendicular_diameter(piece.region(columns), longest, spacing_mm, corner),
        centroid=piece.centroid,
        mean_intensity=None if np.isnan(intensity) else intensity / voxels,
    )


def _widest(group: list[Piece], columns: int, spacing_mm: Spacing | None) -> tuple[Piece, Diameter]:
    """The piece with the longest diameter (the first of equals), and that diameter.

    No piece is longer than the diagonal of its box, so few have to be measured.
    """
    between_rows, between_columns = spacing_mm or (1.0, 1.0)

    def length(diameter: Diameter) -> float:
        return diameter.length_px if diameter.length_mm is None else diameter.length_mm

    def diagonal(piece: Piece) -> float:
        return hypot(piece.box[2] * between_columns, piece.box[3] * between_rows)

    best: tuple[Piece, Diameter] | None = None
    for piece in sorted(group, key=lambda p: -diagonal(p)):
        if best is not None and diagonal(piece) <= length(best[1]):
            break
        corner = (float(piece.box[0]), float(piece.box[1]))
        diameter = longest_diameter(piece.region(columns), spacing_mm, corner)
        if best is None or length(diameter) > length(best[1]):
            best = piece, diameter
    assert best is not None  # a lesion has at least one piece
    return best
