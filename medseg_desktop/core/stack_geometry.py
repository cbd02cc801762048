"""How the slices of a stack lie to one another, and what to say where they lie oddly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medseg_desktop.core.volume import Slice, slice_normal

#: Slices that lie closer than this, in mm, lie at one position.
SAME_POSITION_MM = 1e-3
#: Cosine of the angle between normal and stack (2 degrees) up to which a stack is upright.
_UPRIGHT = 0.9994
#: Frames per position from which a repetition is meant, and no slip.
_REPEATED = 1.5


def position_indices(locations_mm: Sequence[float]) -> list[int]:
    """The place of every location along the stack, 0 for the lowest; equal ones share theirs."""
    indices = [0] * len(locations_mm)
    place, last = -1, -np.inf
    for i in sorted(range(len(locations_mm)), key=lambda i: locations_mm[i]):
        if locations_mm[i] - last >= SAME_POSITION_MM:
            place += 1
        last = locations_mm[i]
        indices[i] = place
    return indices


def stack_warnings(
    slices: Sequence[Slice], *, tolerance: float = 0.02, over_time: bool = False
) -> tuple[str, ...]:
    """Plain sentences about the positions of a sorted stack: none, repeated, gaps, uneven steps.

    A multi-frame file whose frames carry no positions of their own says nothing about its
    spacing, so nothing is said about it either.

    Args:
        slices: of one time point, without copies of the same slice.
        tolerance: by which steps may differ: in mm, or as a share of the smallest step.
        over_time: slices at one position follow one another in time, as is usual for a film.
    """
    located = [s.location_mm for s in slices if s.location_mm is not None]
    if len(located) < 2:
        return ()
    if len(located) < len(slices):
        missing = len(slices) - len(located)
        have = "has" if missing == 1 else "have"
        return (
            f"{missing} of {len(slices)} slices {have} no position; "
            "all are sorted by instance number.",
        )
    steps = np.abs(np.diff(np.asarray(located)))
    repeated = int((steps < SAME_POSITION_MM).sum())
    if repeated == len(steps):
        which = "Both" if len(slices) == 2 else f"All {len(slices)}"
        return () if over_time else (f"{which} slices lie at one position.",)
    warnings = [_repetition(repeated, len(slices))] if repeated else []
    steps = steps[steps >= SAME_POSITION_MM]
    if steps.max() - steps.min() > max(tolerance, tolerance * steps.min()):
        warnings.append(_unevenness(steps))
    return tuple(warnings)


def tilt_degrees(slices: Sequence[Slice], orientation: tuple[float, ...] | None) -> float | None:
    """The angle between the normal of the slices and their stack, where it is a tilt (2 degrees
    or more): neighbouring slices are shifted in plane, and the stack is no upright block."""
    positions = [s.position_mm for s in slices if s.position_mm is not None]
    if orientation is None or len(positions) < 2:
        return None
    way = np.subtract(positions[-1], positions[0])
    along = float(abs(np.dot(slice_normal(orientation), way)))
    cosine = along / max(float(np.linalg.norm(way)), 1e-9)
    if along < SAME_POSITION_MM or cosine >= _UPRIGHT:
        return None
    return float(np.degrees(np.arccos(cosine)))


def _repetition(repeated: int, n: int) -> str:
    places = n - repeated
    if n >= _REPEATED * places:
        return (
            f"{n} slices lie at {places} positions, but not the same number at each; "
            "they are shown as one list."
        )
    share = "slice shares its" if repeated == 1 else "slices share their"
    return f"{repeated} {share} position with another slice."


def _unevenness(steps: np.ndarray) -> str:
    """What unequal steps mean: slices left out, groups far from one another, or neither."""
    usual = float(np.median(steps))
    n = steps.size + 1
    missing = int(np.round(steps / usual).sum()) - steps.size
    if missing >= n:
        groups = int((steps > 1.5 * usual).sum()) + 1
        return f"The slices lie in {groups} groups with wide gaps between them."
    if missing > 0:
        seem = "seems" if missing == 1 else "seem"
        return f"{missing} of {n + missing} slices {seem} to be missing."
    return f"The distances between slices are uneven ({steps.min():.1f} to {steps.max():.1f} mm)."
