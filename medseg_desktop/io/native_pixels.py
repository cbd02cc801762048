"""Uncompressed pixels: the bytes of just one frame, in the fastest way that is safe."""

from __future__ import annotations

from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import as_pixel_options
from pydicom.uid import UID

from medseg_desktop.io.codecs import BIG_ENDIAN
from medseg_desktop.io.frame_file import FrameFile
from medseg_desktop.io.pixel_layout import check_native_length, truncated

_GREY: Final = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")


def read_native(file: BinaryIO, info: FrameFile, frame: int) -> npt.NDArray[np.generic]:
    """Stored values of one frame, (rows, columns) or (rows, columns, 3), as pydicom gives them.

    Raises:
        UnreadableSliceError: the file is shorter than its pixels, or has no such frame.
        Exception: what pydicom raises on layouts that it does not know.
    """
    info.check_frame(frame)
    check_native_length(info.layout, info.element, info.size)
    dtype = _plain_dtype(info)
    if dtype is not None:
        return _read_plain(file, info, frame, dtype)
    options = as_pixel_options(
        info.header,
        number_of_frames=info.layout.frames,
        pixel_keyword=info.element.keyword,
        pixel_vr=info.element.vr,
    )
    decoder = get_decoder(UID(info.layout.transfer_syntax))
    # pydicom 3.0 cuts a frame short that begins within a byte, but not all of them together.
    is_aligned = info.layout.frame_bits % 8 == 0 or info.layout.frames == 1
    with info.pixels(file) as source:
        pixels, _ = decoder.as_array(source, index=frame if is_aligned else None, **options)
    return pixels if is_aligned else pixels[frame].copy()


def _plain_dtype(info: FrameFile) -> np.dtype[np.generic] | None:
    """The type of grey values that lie in the file as in memory; None for everything else."""
    layout = info.layout
    if (
        layout.transfer_syntax == BIG_ENDIAN
        or layout.samples != 1
        or layout.bits_allocated not in (8, 16, 32)
        or not 1 <= layout.bits_stored <= layout.bits_allocated
        or layout.is_signed is None
        or info.element.keyword != "PixelData"
        or layout.photometric not in _GREY
    ):
        return None
    return np.dtype(f"<{'ui'[layout.is_signed]}{layout.bits_allocated // 8}")


def _read_plain(
    file: BinaryIO, info: FrameFile, frame: int, dtype: np.dtype[np.generic]
) -> npt.NDArray[np.generic]:
    layout = info.layout
    pixels = np.empty((layout.rows, layout.columns), dtype)
    with info.pixels(file) as source:
        source.seek(frame * pixels.nbytes, 1)
        view = pixels.data.cast("B")
        read = 0
        while read < pixels.nbytes:
            count = source.readinto(view[read:])  # type: ignore[attr-defined]
            if not count:
                raise truncated(pixels.nbytes - read)
            read += count
    unused = layout.bits_allocated - layout.bits_stored
    if unused:  # they may hold anything (PS3.5 8.1.1), e.g. an overlay
        np.left_shift(pixels, unused, out=pixels)
        np.right_shift(pixels, unused, out=pixels)
    return pixels
