"""Stored or modality values -> 8-bit grey for one slice, fast enough for every mouse move.

Integer slices go through a table over the type's values (built once for each window), float
slices through the window function itself; both give exactly `core.display.to_grey`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.display import Window, to_grey


def window_of(low: float, high: float) -> Window:
    """The window whose black is `low` and whose white is `high`."""
    return Window((low + high) / 2 + 0.5, max(high - low, 0.0) + 1)


class GreyMapper:
    """Maps slices to grey and remembers the table of the last window."""

    def __init__(self) -> None:
        self._key: tuple[np.dtype[np.generic], float, float, bool] | None = None
        self._table: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)

    def grey(
        self,
        values: npt.NDArray[np.generic],
        low: float,
        high: float,
        inverted: bool,
    ) -> npt.NDArray[np.uint8]:
        """Grey of the same shape, C-contiguous.

        Args:
            values: any shape; 8- and 16-bit integers, other integers, bool or floats.  NaN is
                shown as the lowest value.
            low, high: values shown as black and as white.
        """
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
            unsigned = values.view(f"u{values.dtype.itemsize}")
            table = self._table_for(values.dtype, low, high, inverted)
            return table.take(np.ascontiguousarray(unsigned))
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
        return np.ascontiguousarray(to_grey(values, window_of(low, high), inverted))

    def _table_for(
        self, dtype: np.dtype[np.generic], low: float, high: float, inverted: bool
    ) -> npt.NDArray[np.uint8]:
        key = (dtype, low, high, inverted)
        if key != self._key:
            # Entry i is the grey of the value whose bits are i, so signed types need no offset.
            bits = np.arange(1 << (8 * dtype.itemsize), dtype=f"u{dtype.itemsize}")
            self._table = to_grey(bits.view(dtype), window_of(low, high), inverted)
            self._key = key
        return self._table
