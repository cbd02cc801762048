"""Grey values that lie in a file as in memory: where they begin, and what they mean.

A scan has seen the header of every file; what is kept of it here spares the reader a second look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from medseg_desktop.core.display import PixelFormat
from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.pixel_format import pixel_format
from medseg_desktop.io.dicom.pixel_layout import PixelElement, PixelLayout, truncated
from medseg_desktop.io.dicom.transfer_syntax import BIG_ENDIAN, is_native

_GREY: Final = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")


@dataclass(frozen=True, slots=True)
class PlainPixels:
    """One frame of grey values that lie in the file as in memory.

    Attributes:
        at: where they begin in the file.
        unused_bits: of each value, above those that mean something.
    """

    at: int
    rows: int
    columns: int
    dtype: np.dtype[np.generic]
    unused_bits: int

    def read(self, file: BinaryIO) -> npt.NDArray[np.generic]:
        """Stored values, (rows, columns).

        Raises:
            UnreadableSliceError: the file ends before them.
        """
        pixels = np.empty((self.rows, self.columns), self.dtype)
        file.seek(self.at)
        view = pixels.data.cast("B")
        read = 0
        while read < pixels.nbytes:
            count = file.readinto(view[read:])  # type: ignore[attr-defined]
            if not count:
                raise truncated(pixels.nbytes - read)
            read += count
        if self.unused_bits:  # they may hold anything (PS3.5 8.1.1), e.g. an overlay
            np.left_shift(pixels, self.unused_bits, out=pixels)
            np.right_shift(pixels, self.unused_bits, out=pixels)
        return pixels


def plain_pixels(layout: PixelLayout, element: PixelElement, frame: int) -> PlainPixels | None:
    """Where a frame lies whose bytes can be taken as they are; None for every other kind."""
    if (
        not is_native(layout.transfer_syntax)
        or layout.transfer_syntax == BIG_ENDIAN
        or layout.samples != 1
        or layout.bits_allocated not in (8, 16, 32)
        or not 1 <= layout.bits_stored <= layout.bits_allocated
        or layout.is_signed is None
        or element.keyword != "PixelData"
        or layout.photometric not in _GREY
    ):
        return None
    dtype = np.dtype(f"<{'ui'[layout.is_signed]}{layout.bits_allocated // 8}")
    return PlainPixels(
        element.at + frame * layout.rows * layout.columns * dtype.itemsize,
        layout.rows,
        layout.columns,
        dtype,
        layout.bits_allocated - layout.bits_stored,
    )


@dataclass(frozen=True, slots=True)
class PlainFile:
    """A file whose only frame can be read without looking at its header again.

    Attributes:
        stamp: of the file when its header was read (see `io.dicom.guard.stamp_of`).
    """

    stamp: tuple[int, int]
    pixels: PlainPixels
    format: PixelFormat


def plain_file(
    header: Dataset, layout: PixelLayout, element: PixelElement, stamp: tuple[int, int]
) -> PlainFile | None:
    """What a header says of its only frame; None where the frame needs more than that.

    Args:
        header: with the elements of `io.dicom.pixel_format`.
    """
    if layout.frames != 1 or layout.photometric == "PALETTE COLOR":
        return None
    pixels = plain_pixels(layout, element, 0)
    try:
        return PlainFile(stamp, pixels, pixel_format(header)) if pixels is not None else None
    except UnreadableSliceError:  # the reader says so of the slice
        return None
