"""Generated slices that two forms of a network are compared on where there is no dataset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.synthetic import synthetic_slice

_SIDE = 256


@dataclass(frozen=True, slots=True)
class GeneratedSlice:
    """Grey values and label map, uint8 (rows, columns)."""

    grey: npt.NDArray[np.uint8]
    label_map: npt.NDArray[np.uint8]


def generated_slices(count: int) -> list[GeneratedSlice]:
    """Always the same heads with lesions, 256 x 256 pixels, as `core.synthetic` draws them."""
    rng = np.random.default_rng(0)
    return [GeneratedSlice(*synthetic_slice(rng, _SIDE)) for _ in range(count)]
