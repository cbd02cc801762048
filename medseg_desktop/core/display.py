"""Stored values to grey values on the screen.

Order: modality rescale -> window (VOI) -> inversion -> 8-bit grey (DICOM PS3.3 C.11.1, C.11.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Window:
    """Window centre (level) and width in modality units; width is at least 1e-6."""

    center: float
    width: float

    @property
    def low(self) -> float:
        """The value shown as black (PS3.3 C.11.2.1.2.1: centre - 0.5 - (width - 1) / 2)."""
        return self.center - 0.5 - max(self.width - 1, 0.0) / 2

    @property
    def high(self) -> float:
        """The value shown as white."""
        return self.center - 0.5 + max(self.width - 1, 0.0) / 2


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """What turns stored values into modality values and says how they are meant to be shown.

    Attributes:
        slope, intercept: Rescale Slope and Intercept; 1 and 0 where absent.
        inverted: MONOCHROME1, or Presentation LUT Shape INVERSE.
        window: the file's own first window, or None.
    """

    slope: float = 1.0
    intercept: float = 0.0
    inverted: bool = False
    window: Window | None = None


def modality_values(stored: npt.NDArray[np.generic], fmt: PixelFormat) -> npt.NDArray[np.generic]:
    """Stored values -> modality values; the array itself where slope is 1 and intercept 0."""
    if fmt.slope == 1.0 and fmt.intercept == 0.0:
        return stored
    return (stored.astype(np.float32) * fmt.slope + fmt.intercept).astype(np.float32)


def percentile_window(values: npt.NDArray[np.generic], low: float, high: float) -> Window:
    """A window from two percentiles (0..100) of finite values: they are black and white.

    The window function counts whole grey steps (PS3.3 C.11.2.1.2.1), so its width is the
    range and 1; that way values with a range far below 1 (an ADC map in mm2/s) show too.
    """
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values.ravel()
    if finite.size == 0:
        return Window(0.5, 1.0)
    bottom, top = (float(v) for v in np.percentile(finite, [low, high]))
    if top <= bottom:
        bottom, top = float(finite.min()), float(finite.max())
    return Window((bottom + top) / 2 + 0.5, top - bottom + 1)


def to_grey(
    values: npt.NDArray[np.generic], window: Window, inverted: bool = False
) -> npt.NDArray[np.uint8]:
    """Modality values of any shape -> 8-bit grey through a linear window.

    Follows the LINEAR function of PS3.3 C.11.2.1.2.1 with output range 0..255.
    """
    x = values.astype(np.float32)
    if values.dtype.kind == "f":
        # Not-a-number is shown as black (or as white, where inverted).
        x = np.nan_to_num(x, copy=False, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    if window.width <= 1:
        y = np.where(x <= window.center - 0.5, 0.0, 255.0)
    else:
        y = ((x - (window.center - 0.5)) / (window.width - 1) + 0.5) * 255.0
    grey = np.clip(y, 0, 255).astype(np.uint8)
    return 255 - grey if inverted else grey
