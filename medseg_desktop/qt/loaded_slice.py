"""One slice that was read: its pixels, what they mean, and what is asked of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.ma  # else np.percentile imports it while somebody waits for the first slice
import numpy.typing as npt

from medseg_desktop.core.display import (
    PixelFormat,
    Voi,
    full_window,
    meant_pixels,
    meant_values,
    modality_range,
    modality_values,
    percentile_window,
    shows_something,
)
from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.core.preprocessing import Preprocessing, preprocess
from medseg_desktop.core.view import ResolvedView, SeriesFacts

SeriesKey = tuple[str, int]
#: Black and white of a series whose files name no window.
_BEGIN_PERCENTILES = (0.5, 99.8)
#: So many pixels tell percentiles and histogram as well as millions do.
_SAMPLE_PIXELS = 1 << 18
#: Weights of red, green and blue in brightness (ITU-R BT.601).
_BRIGHTNESS = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, eq=False)
class LoadedSlice:
    """Pixels of one slice.

    Attributes:
        stored: as in the file, (rows, columns), or (rows, columns, 3) for RGB; of a palette
            image its colours.
        low, high: range of the modality values.
        preview: what the slice was prepared with, as a model sees it; `stored` is then 8-bit
            grey.  None for the slice as it is.
    """

    series_key: SeriesKey
    index: int
    stored: npt.NDArray[np.generic]
    fmt: PixelFormat
    low: float
    high: float
    preview: Preprocessing | None = None

    @classmethod
    def of(
        cls,
        key: SeriesKey,
        index: int,
        stored: npt.NDArray[np.generic],
        fmt: PixelFormat,
        preview: Preprocessing | None = None,
    ) -> LoadedSlice:
        """A slice from what the file holds.

        Raises:
            UnreadableSliceError: pixels of an unknown layout, or colour for a preview.
        """
        if fmt.palette is not None:
            stored, fmt = fmt.palette.apply(stored), fmt.of_colour(bits=8)
        if stored.ndim not in (2, 3) or stored.shape[2:] not in ((), (3,)) or not stored.size:
            raise UnreadableSliceError("its pixels have an unknown layout")
        if preview is not None:
            if stored.ndim == 3:
                raise UnreadableSliceError("it is in colour, and models see grey slices only")
            stored, fmt = preprocess(stored, fmt, preview), PixelFormat()
        elif stored.ndim == 3:
            fmt = fmt.of_colour(fmt.bits)
        if stored.ndim == 3 or preview is not None:
            window = full_window(fmt)
            return cls(key, index, stored, fmt, window.low, window.high, preview)
        return cls(key, index, stored, fmt, *_value_range(stored, fmt), preview)

    def is_of(self, view: ResolvedView) -> bool:
        """This is the slice that a view shows."""
        shown = (view.series.key, view.index, view.preview)
        return (self.series_key, self.index, self.preview) == shown

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.stored.shape[0], self.stored.shape[1]

    @property
    def is_colour(self) -> bool:
        return self.stored.ndim == 3

    @cached_property
    def facts(self) -> SeriesFacts:
        """The first facts of a series, from this slice."""
        return SeriesFacts(self.fmt, self.low, self.high, self._first_voi(), self.is_colour)

    def _first_voi(self) -> Voi:
        if self.is_colour or self.preview is not None:
            return full_window(self.fmt)
        own = self.fmt.default_voi
        if own is not None and shows_something(own, self.low, self.high):
            return own
        return percentile_window(self.brightness(), *_BEGIN_PERCENTILES)

    def brightness(self, area: tuple[slice, slice] | None = None) -> npt.NDArray[np.generic]:
        """Values of the pixels that mean something, (N,): modality values, or of colour its
        brightness; of a large slice those of every second, third, ... row and column.

        Args:
            area: rows and columns to look at; None for all.
        """
        pixels = self.stored if area is None else self.stored[area]
        step = math.ceil(math.sqrt(pixels.shape[0] * pixels.shape[1] / _SAMPLE_PIXELS)) or 1
        pixels = pixels[::step, ::step]
        if pixels.ndim == 3:
            return (pixels.astype(np.float32) @ _BRIGHTNESS).reshape(-1)
        return meant_values(pixels, self.fmt)

    def stored_at(self, row: int, column: int) -> tuple[float, ...] | None:
        """One stored value, or three of colour; None outside."""
        rows, columns = self.shape
        if not (0 <= row < rows and 0 <= column < columns):
            return None
        return tuple(float(v) for v in np.ravel(self.stored[row, column]))

    def modality_at(self, row: int, column: int) -> float | None:
        """The modality value of a pixel; None outside, of colour, or where it is the stored."""
        rows, columns = self.shape
        if self.is_colour or self.fmt.keeps_stored:
            return None
        if not (0 <= row < rows and 0 <= column < columns):
            return None
        return float(modality_values(self.stored[row : row + 1, column], self.fmt)[0])

    @property
    def nbytes(self) -> int:
        return self.stored.nbytes


def _value_range(stored: npt.NDArray[np.generic], fmt: PixelFormat) -> tuple[float, float]:
    """Lowest and highest modality value of the pixels that mean something."""
    pixels = stored if stored.dtype.kind in "iub" and fmt.padding is None else None
    if pixels is None:
        pixels = meant_pixels(stored, fmt)
    if not pixels.size:
        return 0.0, 0.0
    return modality_range(float(pixels.min()), float(pixels.max()), fmt)
