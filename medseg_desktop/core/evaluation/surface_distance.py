"""Distances between the surfaces of annotation and prediction, in millimetres and in 3-D."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.evaluation.reviewed_stack import ReviewedStack
from medseg_desktop.core.raster import LabelMap
from medseg_desktop.core.volume import Series, slice_normal

_Volume = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float64]
PERCENTILE = 95.0


def hd95_mm(stacks: Iterable[ReviewedStack], model: int = 0) -> float | None:
    """95th percentile of the Hausdorff distance between annotation and prediction of a patient.

    The surface of a side are its foreground voxels, of whatever label, with at least one of the
    six face neighbours outside; beyond the border of a slice, and beyond the first and the last
    reviewed slice, everything is outside.  From every surface voxel of the one side the distance
    to the nearest surface voxel of the other one is taken, from centre to centre.  The result is
    the larger one of the two directed 95th percentiles (linear between ranks), as Metrics Reloaded
    (L. Maier-Hein et al., Nat Methods 2024) and MONAI define it, after D. P. Huttenlocher et al.
    (IEEE PAMI 1993); programs that pool both directions before taking the percentile give
    another, mostly smaller number.

    Only reviewed slices count.  The neighbour of a slice is the next reviewed one of the same
    time point, however far it is, and every slice lies where its header says.  So a gap is as
    wide as it really is, and voxels inside of a lesion do not become surface because slices
    between were not reviewed (which would fill the percentile with zeros).  Time points of a 4-D
    series are measured each by itself.  The distances of all series and time points of the
    patient are pooled; one in which only one side has a lesion has no distance and adds none.

    Args:
        stacks: of one patient.
        model: whose prediction.

    Returns:
        None where no series has a lesion on both sides, or where a spacing or position that is
        needed is unknown.
    """
    to_predicted: list[_Floats] = []
    to_truth: list[_Floats] = []
    for stack in stacks:
        for indices in _time_points(stack.series, stack.truth):
            truth, predicted = _volumes(stack.truth, stack.predicted[model], indices)
            if not truth.any() or not predicted.any():
                continue
            places = _Places.of(stack.series, indices)
            if places is None:
                return None
            there, back = places.distances(_surface(truth), _surface(predicted))
            to_predicted.append(there)
            to_truth.append(back)
    if not to_predicted:
        return None
    directed = (np.concatenate(to_predicted), np.concatenate(to_truth))
    return max(float(np.percentile(d, PERCENTILE)) for d in directed)


def _time_points(series: Series, label_maps: Mapping[int, LabelMap]) -> Iterable[list[int]]:
    """The reviewed slices of each time point, in the order of the stack."""
    by_time: dict[int, list[int]] = {}
    for index in sorted(label_maps):
        by_time.setdefault(index // series.positions, []).append(index)
    return by_time.values()


def _volumes(
    truth: Mapping[int, LabelMap], predicted: Mapping[int, LabelMap], indices: Sequence[int]
) -> tuple[_Volume, _Volume]:
    """Foreground of both sides (slice, row, column), cut to the rows and columns that have any."""
    boxes = [cv2.boundingRect(maps[i]) for maps in (truth, predicted) for i in indices]
    boxes = [box for box in boxes if box[2]]
    left, top = (min((box[k] for box in boxes), default=0) for k in (0, 1))
    right, bottom = (max((box[k] + box[k + 2] for box in boxes), default=0) for k in (0, 1))
    first, second = (
        np.stack([maps[i][top:bottom, left:right] > 0 for i in indices])
        for maps in (truth, predicted)
    )
    return first, second


def _surface(volume: _Volume) -> _Volume:
    """The voxels with a face neighbour outside."""
    padded = np.pad(volume, 1)
    centre = slice(1, -1)
    inside = volume.copy()
    for axis in range(3):
        for shifted in (slice(None, -2), slice(2, None)):
            where = tuple(shifted if a == axis else centre for a in range(3))
            inside &= padded[where]
    return volume & ~inside


class _Places:
    """Where the voxels of some slices lie, in mm: across columns, across rows, along the normal.

    Args:
        origins: (slices, 3), of the first pixel of each slice.
        spacing_mm: (between rows, between columns).
    """

    def __init__(self, origins: _Floats, spacing_mm: tuple[float, float]) -> None:
        self._origins = origins
        self._step = np.array([spacing_mm[1], spacing_mm[0], 0.0])

    @classmethod
    def of(cls, series: Series, indices: Sequence[int]) -> _Places | None:
        """None where the spacing, or the distance of slices, is unknown."""
        if series.spacing_mm is None:
            return None
        origins = _origins(series, indices)
        return None if origins is None else cls(origins, series.spacing_mm)

    def distances(self, first: _Volume, second: _Volume) -> tuple[_Floats, _Floats]:
        """From each voxel of the one side to the nearest of the other, and back; neither is
        empty."""
        return self._directed(first, second), self._directed(second, first)

    def _directed(self, start: _Volume, end: _Volume) -> _Floats:
        from scipy.spatial import cKDTree

        away = start & ~end  # the others are there already
        zeros = np.zeros(np.count_nonzero(start) - np.count_nonzero(away))
        if not away.any():
            return zeros
        found, _ = cKDTree(self._points(end)).query(self._points(away))
        return np.concatenate([zeros, found])

    def _points(self, volume: _Volume) -> _Floats:
        at = np.argwhere(volume)
        return np.asarray(self._origins[at[:, 0]] + at[:, [2, 1, 0]] * self._step, np.float64)


def _origins(series: Series, indices: Sequence[int]) -> _Floats | None:
    """Where the first pixels of slices lie (slices, 3), in the directions of the slice itself.

    A tilted stack, whose slices are shifted in plane, is measured as it lies.  Slices without
    position lie as far from one another as their thickness says, which is also what the volume of
    a voxel goes by.
    """
    slices = [series.slices[i] for i in indices]
    origins = np.zeros((len(slices), 3))
    if len(slices) == 1:
        return origins
    locations = [s.location_mm for s in slices]
    if all(s.location_mm is None for s in series.slices):
        if not series.slice_distance_mm:
            return None
        origins[:, 2] = [i % series.positions * series.slice_distance_mm for i in indices]
    elif any(location is None for location in locations):
        return None
    elif series.orientation is None or any(s.position_mm is None for s in slices):
        origins[:, 2] = locations
    else:
        directions = series.orientation
        axes = np.array([directions[:3], directions[3:], slice_normal(directions)])
        positions = np.array([s.position_mm for s in slices])
        origins = (positions - positions[0]) @ axes.T
    return origins
