"""Lookup tables of DICOM images: modality LUT, VOI LUT and palette colour (PS3.3 C.11, C.7.9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Lut:
    """A table from values to values.

    Attributes:
        first: the value that the first entry is for (LUT Descriptor, second value).
        bits: depth of the entries (third value): they go from 0 to 2**bits - 1.
        data: the entries as little-endian 16-bit numbers; bytes, so that tables compare.
    """

    first: int
    bits: int
    data: bytes

    @classmethod
    def of(cls, first: int, bits: int, entries: npt.ArrayLike) -> Lut:
        """A table from numbers (N,), 0..65535."""
        return cls(first, bits, np.asarray(entries).astype("<u2").tobytes())

    @property
    def last(self) -> int:
        """The value that the last entry is for."""
        return self.first + len(self.data) // 2 - 1

    @property
    def highest(self) -> int:
        """The largest value that an entry may have."""
        return (1 << self.bits) - 1

    def apply(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint16]:
        """Entries for values of any shape; below the first and above the last the table's ends.

        PS3.3 C.11.1.1.1 and C.11.2.1.1.  Values between whole numbers are rounded.
        """
        entries = np.frombuffer(self.data, "<u2").astype(np.uint16, copy=False)
        places = np.nan_to_num(values) if values.dtype.kind == "f" else values
        places = np.rint(np.clip(places, self.first, self.last)).astype(np.int64) - self.first
        found: npt.NDArray[np.uint16] = entries[places]
        return found


@dataclass(frozen=True, slots=True)
class Palette:
    """A palette colour table (PS3.3 C.7.6.3.1.5 and C.7.6.3.1.6).

    Attributes:
        first: the stored value that the first entry is for.
        data: red, green, blue of each entry, 8 bit, entry by entry.
    """

    first: int
    data: bytes

    def apply(self, stored: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
        """Stored values (rows, columns) -> RGB (rows, columns, 3), 8 bit.

        Values below the first entry get the first colour, values above the last the last.
        """
        colours = np.frombuffer(self.data, np.uint8).reshape(-1, 3)
        places = np.clip(stored.astype(np.int64) - self.first, 0, len(colours) - 1)
        return colours[places]
