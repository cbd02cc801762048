"""What is known of a series when models are compared with its annotation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from medseg_desktop.core.raster import LabelMap
from medseg_desktop.core.volume import Series


@dataclass(frozen=True, slots=True)
class ReviewedStack:
    """The reviewed slices of a series: slice index -> label map (rows, columns), uint8.

    Attributes:
        truth: of the annotation; every reviewed slice is there, also without lesion.
        predicted: of each model, on the same slices.
    """

    series: Series
    truth: Mapping[int, LabelMap]
    predicted: tuple[Mapping[int, LabelMap], ...]
