"""A plugin of pydicom: RLE and JPEG frames decoded by imagecodecs.

pydicom imports it when `io.pixels.codecs` adds it to a decoder, and calls everything in it.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import imagecodecs
import numpy as np
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    RLELossless,
)

from medseg_desktop.io.pixels.rle import rle_segments

_LOSSLESS = (JPEGLossless, JPEGLosslessSV1)

#: What each syntax needs.
DECODER_DEPENDENCIES = {
    uid: ("imagecodecs",) for uid in (RLELossless, JPEGBaseline8Bit, JPEGExtended12Bit, *_LOSSLESS)
}


def is_available(uid: str) -> bool:
    """Whether this plugin can decode a transfer syntax."""
    return uid in DECODER_DEPENDENCIES and importlib.util.find_spec("imagecodecs") is not None


def decode_rle_frame(src: bytes, runner: DecodeRunner) -> bytearray:
    """One RLE codestream -> little-endian samples, colour by plane.

    Segments hold the bytes of a value apart, the highest first (PS3.5 G.2); `io.pixels.rle` has
    checked that they are as many and as long as the header says.
    """
    plane = runner.rows * runner.columns
    size = runner.bits_allocated // 8
    pixels = np.empty((runner.samples_per_pixel, plane, size), np.uint8)
    for i, segment in enumerate(rle_segments(src)):
        values = np.frombuffer(imagecodecs.packbits_decode(segment), np.uint8)
        pixels[i // size, :, size - 1 - i % size] = values[:plane]
    runner.set_option("planar_configuration", 1)
    return bytearray(pixels.tobytes())


def decode_jpeg_frame(src: bytes, runner: DecodeRunner) -> bytearray:
    """One JPEG codestream -> little-endian samples, colour by pixel.

    Colours are returned as they are stored; pydicom converts YBR to RGB afterwards.
    """
    options: dict[str, Any] = {}
    if runner.transfer_syntax not in _LOSSLESS and runner.samples_per_pixel == 3:
        space = imagecodecs.JPEG8.CS.RGB if _is_rgb(src) else imagecodecs.JPEG8.CS.YCbCr
        options = {"colorspace": space, "outcolorspace": space}
    if runner.transfer_syntax in _LOSSLESS and runner.samples_per_pixel == 1:
        pixels = imagecodecs.ljpeg_decode(src)
    else:
        pixels = imagecodecs.jpeg8_decode(src, **options)
    if runner.samples_per_pixel > 1:
        runner.set_option("planar_configuration", 0)
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    return bytearray(np.ascontiguousarray(pixels).tobytes())


def _is_rgb(codestream: bytes) -> bool:
    """Whether an Adobe marker says that the samples are RGB (transform 0)."""
    at = codestream.find(b"Adobe", 0, 4096)
    return at > 0 and len(codestream) > at + 11 and codestream[at + 11] == 0
