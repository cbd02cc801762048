"""Uncompressed pixels: the bytes of just one frame, in the fastest way that is safe."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import as_pixel_options
from pydicom.uid import UID

from medseg_desktop.io.dicom.pixel_layout import (
    check_native_length,
)
from medseg_desktop.io.dicom.plain_pixels import plain_pixels
from medseg_desktop.io.pixels.frame_file import FrameFile


def read_native(file: BinaryIO, info: FrameFile, frame: int) -> npt.NDArray[np.generic]:
    """Stored values of one frame, (rows, columns) or (rows, columns, 3), as pydicom gives them.

    Raises:
        UnreadableSliceError: the file is shorter than its pixels, or has no such frame.
        Exception: what pydicom raises on layouts that it does not know.
    """
    info.check_frame(frame)
    check_native_length(info.layout, info.element, info.size)
    plain = plain_pixels(info.layout, info.element, frame)
    if plain is not None:
        with info.pixels(file) as source:
            return plain.read(source)
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
