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
        self._pixels: npt.NDArray[np.uint32] = np.zeros(0, np.uint32)

    def grey(self, stored: npt.NDArray[np.generic], rendering: Rendering) -> npt.NDArray[np.uint8]:
        """Grey of the same shape, C-contiguous.

        Args:
            stored: any shape; integers, bool or floats.  NaN is shown as the lowest value.
        """
        if _has_table(stored):
            table = self._table_for(stored.dtype.newbyteorder("="), rendering)
            return table.take(_bits(stored))
        return np.ascontiguousarray(_grey(stored, rendering))

    def screen_pixels(
        self, stored: npt.NDArray[np.generic], rendering: Rendering
    ) -> npt.NDArray[np.uint32] | npt.NDArray[np.uint8]:
        """What `PixelItem.set_slice` draws: 0xffRRGGBB (rows, columns), uint32, or of colour
        (rows, columns, 3), uint8."""
        if stored.ndim == 3:
            return self.grey(stored, rendering)
        if not _has_table(stored):
            return _GREY_PIXELS.take(self.grey(stored, rendering))
        self._table_for(stored.dtype.newbyteorder("="), rendering)
        return self._pixels.take(_bits(stored))

    def _table_for(
        self, dtype: np.dtype[np.generic], rendering: Rendering
    ) -> npt.NDArray[np.uint8]:
        key = (dtype, rendering)
        if key != self._key:
            # Entry i is the grey of the value whose bits are i, so signed types need no offset.
            bits = np.arange(1 << (8 * dtype.itemsize), dtype=f"u{dtype.itemsize}")
            self._table = _grey(bits.view(dtype), rendering)
            self._pixels = _GREY_PIXELS.take(self._table)
            self._key = key
        return self._table


def _has_table(stored: npt.NDArray[np.generic]) -> bool:
    return stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2


def _bits(stored: npt.NDArray[np.generic]) -> npt.NDArray[np.unsignedinteger]:
    """The places of stored values in the table, C-contiguous."""
    native = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    return np.ascontiguousarray(native.view(f"u{native.dtype.itemsize}"))


def _grey(stored: npt.NDArray[np.generic], rendering: Rendering) -> npt.NDArray[np.uint8]:
    values = modality_values(stored, rendering.fmt)
    return to_grey(values, rendering.voi, rendering.inverted)
