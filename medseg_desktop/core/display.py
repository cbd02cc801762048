"""Stored values to what is seen on the screen.

Order: modality LUT or rescale -> VOI (window or LUT) -> inversion -> 8-bit grey (DICOM PS3.3
C.11.1 and C.11.2).  Colour samples take the same way, each for itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.lut import Lut, Palette

#: Widths below these are none (PS3.3 C.11.2.1.2.1 and C.11.2.1.3).
_SMALLEST_WIDTH = 1e-6


class VoiFunction(StrEnum):
    """VOI LUT Function (0028,1056)."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Window:
    """Window centre (level) and width in modality units; width is at least 1e-6."""

    center: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR

    @property
    def low(self) -> float:
        """The value shown as black (of a sigmoid: where its middle slope would reach black).

        LINEAR, PS3.3 C.11.2.1.2.1: centre - 0.5 - (width - 1) / 2; else centre - width / 2.
        """
        return self._middle - self._range / 2

    @property
    def high(self) -> float:
        """The value shown as white."""
        return self._middle + self._range / 2

    @property
    def _middle(self) -> float:
        return self.center - 0.5 if self.function is VoiFunction.LINEAR else self.center

    @property
    def _range(self) -> float:
        return max(self.width - 1, 0.0) if self.function is VoiFunction.LINEAR else self.width


#: What chooses the values of interest: a window, or a table.
Voi = Window | Lut


@dataclass(frozen=True, slots=True)
class VoiChoice:
    """One of the windows or tables that a file offers, with the name it gives it (or "")."""

    name: str
    voi: Voi


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """What turns stored values into modality values and says how they are meant to be shown.

    Attributes:
        slope, intercept: Rescale Slope and Intercept; 1 and 0 where absent.
        modality_lut: stands in place of the rescale.
        inverted: MONOCHROME1, or Presentation LUT Shape INVERSE.
        voi: the file's own windows and tables, the one to begin with first.
        palette: stored values are places in this table of colours.
        bits: Bits Stored, at least 1; samples of colour go from 0 to 2**bits - 1.
        units: what modality values count ("HU", ...); empty where the file does not say.
        padding: lowest and highest stored value that stands for no pixel at all, or None.
    """

    slope: float = 1.0
    intercept: float = 0.0
    inverted: bool = False
    voi: tuple[VoiChoice, ...] = ()
    modality_lut: Lut | None = None
    palette: Palette | None = None
    bits: int = 8
    units: str = ""
    padding: tuple[int, int] | None = None

    @property
    def default_voi(self) -> Voi | None:
        """The file's first window or table."""
        return self.voi[0].voi if self.voi else None

    @property
    def keeps_stored(self) -> bool:
        """Modality values are the stored values."""
        return self.modality_lut is None and self.slope == 1.0 and self.intercept == 0.0

    def of_colour(self, bits: int) -> PixelFormat:
        """The format of samples of colour: only grey values have a modality (PS3.3 C.11.1).

        Args:
            bits: of a sample.
        """
        return PixelFormat(bits=bits)


def modality_values(stored: npt.NDArray[np.generic], fmt: PixelFormat) -> npt.NDArray[np.generic]:
    """Stored values of any shape -> modality values (PS3.3 C.11.1).

    Returns:
        The array itself where nothing changes; else float32, or float64 for stored values of
        more than 16 bits, which float32 cannot tell apart; uint16 through a modality LUT.
    """
    if fmt.keeps_stored:
        return stored
    if fmt.modality_lut is not None:
        return fmt.modality_lut.apply(stored)
    if stored.dtype.itemsize <= 2:
        return (stored.astype(np.float32) * fmt.slope + fmt.intercept).astype(np.float32)
    return stored.astype(np.float64) * fmt.slope + fmt.intercept


def modality_range(low: float, high: float, fmt: PixelFormat) -> tuple[float, float]:
    """Range of the modality values of stored values from `low` to `high`."""
    if fmt.modality_lut is not None:
        first, last = fmt.modality_lut.first, fmt.modality_lut.last
        begin, end = (int(min(max(value, first), last)) for value in (low, high))
        table = fmt.modality_lut.apply(np.arange(begin, end + 1))
        return float(table.min()), float(table.max())
    ends = (low * fmt.slope + fmt.intercept, high * fmt.slope + fmt.intercept)
    return min(ends), max(ends)


def meant_pixels(stored: npt.NDArray[np.generic], fmt: PixelFormat) -> npt.NDArray[np.generic]:
    """Stored values that are finite and no padding, (N,)."""
    flat = stored.reshape(-1)
    if fmt.padding is not None:
        numbers = flat.astype(np.float64)
        flat = flat[(numbers < fmt.padding[0]) | (numbers > fmt.padding[1])]
    return flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat


def meant_values(stored: npt.NDArray[np.generic], fmt: PixelFormat) -> npt.NDArray[np.generic]:
    """Modality values of the finite pixels that are no padding, (N,)."""
    return modality_values(meant_pixels(stored, fmt), fmt)


def percentile_window(values: npt.NDArray[np.generic], low: float, high: float) -> Window:
    """A window from two percentiles (0..100) of finite values: they are black and white."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values.ravel()
    if finite.size == 0:
        return window_between(0, 1)
    bottom, top = (float(v) for v in np.percentile(finite, [low, high]))
    if top <= bottom:
        bottom, top = float(finite.min()), float(finite.max())
    return window_between(bottom, top)


def window_between(black: float, white: float) -> Window:
    """The window that shows `black` as black and `white`, if it is larger, as white.

    LINEAR counts whole grey steps (PS3.3 C.11.2.1.2.1), which values with a range far below 1
    (an ADC map in mm2/s) do not have.
    """
    white = white if white > black else black + 1
    return Window((black + white) / 2, white - black, VoiFunction.LINEAR_EXACT)


def as_window(voi: Voi) -> Window:
    """A window that can be moved: the one itself, or one over the values that a table covers."""
    return voi if isinstance(voi, Window) else window_between(voi.first, voi.last)


def moved_window(voi: Voi, center: float, width: float) -> Window:
    """The same kind of window elsewhere; LINEAR ends at a width of 1 (PS3.3 C.11.2.1.2.1)."""
    moved = replace(as_window(voi), center=center, width=width)
    is_narrow = moved.function is VoiFunction.LINEAR and width < 1
    return replace(moved, function=VoiFunction.LINEAR_EXACT) if is_narrow else moved


def range_of_values(low: float, high: float) -> tuple[float, float]:
    """A range that is not empty, for scales: `high` is raised where it is not above `low`."""
    return low, high if high > low else low + max(abs(low), 1.0) * 1e-6


def shows_something(voi: Voi, low: float, high: float) -> bool:
    """Whether values from `low` to `high` are not all black or all white (some files say so)."""
    return isinstance(voi, Lut) or high <= low or (voi.low < high and voi.high > low)


def full_window(fmt: PixelFormat) -> Window:
    """Shows every sample of a colour slice as it is stored."""
    return window_between(0, (1 << fmt.bits) - 1)


def voi_output(values: npt.NDArray[np.generic], voi: Voi) -> npt.NDArray[np.floating]:
    """Modality values of any shape -> 0 (black) .. 1 (white), float64.

    LINEAR: PS3.3 C.11.2.1.2.1; SIGMOID and LINEAR_EXACT: C.11.2.1.3; table: C.11.2.1.1.
    Not-a-number is black.
    """
    if isinstance(voi, Lut):
        return voi.apply(values) / voi.highest
    x = values.astype(np.float64)
    if values.dtype.kind == "f":
        x = np.nan_to_num(x, copy=False, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    width = max(voi.width, _SMALLEST_WIDTH)
    if voi.function is VoiFunction.SIGMOID:
        # Beyond 700 the exponential function leaves the range of float64.
        return 1 / (1 + np.exp(np.clip(-4 * (x - voi.center) / width, -700, 700)))
    center = voi.center
    if voi.function is VoiFunction.LINEAR:
        center, width = center - 0.5, width - 1
    if width <= 0:
        return np.where(x <= center, 0.0, 1.0)
    return np.clip((x - center) / width + 0.5, 0.0, 1.0)


def to_grey(
    values: npt.NDArray[np.generic], voi: Voi, inverted: bool = False
) -> npt.NDArray[np.uint8]:
    """Modality values of any shape -> 8-bit grey, rounded to the nearest level."""
    grey: npt.NDArray[np.uint8] = np.rint(voi_output(values, voi) * 255).astype(np.uint8)
    return np.uint8(255) - grey if inverted else grey
