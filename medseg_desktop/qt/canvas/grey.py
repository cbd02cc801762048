"""Stored values -> 8-bit grey or colour for one slice, fast enough for every mouse move.

Samples of up to 16 bits go through one table over all values they can have, which holds the
whole way from stored value to grey; others take that way themselves.  Both give exactly
`core.display.to_grey(modality_values(...))`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.display import PixelFormat, Voi, modality_values, to_grey

#: Grey level -> 0xffRRGGBB.
_GREY_PIXELS = np.arange(256, dtype=np.uint32) * 0x010101 | np.uint32(0xFF000000)


@dataclass(frozen=True, slots=True)
class Rendering:
    """How stored values are shown.

    Attributes:
        fmt: of the slice; only its modality transformation is used.
        voi: the window or table.
        inverted: swap black and white.
    """

    fmt: PixelFormat
    voi: Voi
    inverted: bool = False


class GreyMapper:
    """Maps slices to grey and remembers the table of the last rendering."""

    def __init__(self) -> None:
        self._key: tuple[np.dtype[np.generic], Rendering] | None = None
        self._table: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)

    def grey(self, stored: npt.NDArray[np.generic], rendering: Rendering) -> npt.NDArray[np.uint8]:
        """Grey of the same shape, C-contiguous.

        Args:
            stored: any shape; integers, bool or floats.  NaN is shown as the lowest value.
        """
        stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
        if stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2:
            unsigned = stored.view(f"u{stored.dtype.itemsize}")
            return self._table_for(stored.dtype, rendering).take(np.ascontiguousarray(unsigned))
        return np.ascontiguousarray(_grey(stored, rendering))

    def screen_pixels(
        self, stored: npt.NDArray[np.generic], rendering: Rendering
    ) -> npt.NDArray[np.uint32] | npt.NDArray[np.uint8]:
        """What `PixelItem.set_slice` draws: 0xffRRGGBB (rows, columns), uint32, or of colour
        (rows, columns, 3), uint8."""
        grey = self.grey(stored, rendering)
        return grey if stored.ndim == 3 else _GREY_PIXELS.take(grey)

    def _table_for(
        self, dtype: np.dtype[np.generic], rendering: Rendering
    ) -> npt.NDArray[np.uint8]:
        key = (dtype, rendering)
        if key != self._key:
            # Entry i is the grey of the value whose bits are i, so signed types need no offset.
            bits = np.arange(1 << (8 * dtype.itemsize), dtype=f"u{dtype.itemsize}")
            self._table = _grey(bits.view(dtype), rendering)
            self._key = key
        return self._table


def _grey(stored: npt.NDArray[np.generic], rendering: Rendering) -> npt.NDArray[np.uint8]:
    values = modality_values(stored, rendering.fmt)
    return to_grey(values, rendering.voi, rendering.inverted)
