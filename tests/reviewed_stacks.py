"""Reviewed series of small label maps, for tests of what is measured on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.evaluation.reviewed_stack import ReviewedStack
from medseg_desktop.core.volume import Patient, Series, Slice, Vector

Volume = npt.NDArray[np.uint8]


def series(
    locations_mm: Sequence[float | None],
    *,
    size: tuple[int, int] = (8, 8),
    spacing_mm: tuple[float, float] | None = (1.0, 1.0),
    positions_mm: Sequence[Vector] | None = None,
    uid: str = "1.2.3",
    **more: Any,
) -> Series:
    """A series whose slices lie at these places along the normal."""
    slices = tuple(
        Slice(
            path=f"/s/{i}.dcm",
            frame=0,
            frames=1,
            sop_uid=f"{uid}.{i}",
            instance_number=i,
            position_mm=positions_mm[i] if positions_mm else None,
            location_mm=location,
        )
        for i, location in enumerate(locations_mm)
    )
    return Series(
        uid=uid,
        stack=0,
        path="s",
        patient=Patient("P", "0" * 16),
        study_uid="1.2",
        study_date="",
        study_description="",
        number=1,
        description="",
        modality="MR",
        rows=size[0],
        columns=size[1],
        slices=slices,
        spacing_mm=spacing_mm,
        **more,
    )


def reviewed(
    truth: Volume | Mapping[int, Volume],
    *predicted: Volume | Mapping[int, Volume],
    of: Series | None = None,
    step_mm: float = 1.0,
    spacing_mm: tuple[float, float] | None = (1.0, 1.0),
) -> ReviewedStack:
    """Label maps (slice, row, column), or those of some slices by their indices, in a series.

    Args:
        of: the series; by default one with slices `step_mm` apart.
    """
    maps = [
        dict(enumerate(v)) if isinstance(v, np.ndarray) else dict(v) for v in (truth, *predicted)
    ]
    if of is None:
        rows, columns = next(iter(maps[0].values())).shape
        places = [i * step_mm for i in range(max(maps[0]) + 1)]
        of = series(places, size=(rows, columns), spacing_mm=spacing_mm)
    return ReviewedStack(of, maps[0], tuple(maps[1:]))


def blank(slices: int = 1, size: tuple[int, int] = (8, 8)) -> Volume:
    """Label maps without anything (slice, row, column)."""
    return np.zeros((slices, *size), np.uint8)
