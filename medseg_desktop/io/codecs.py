"""Which decoder reads which transfer syntax: one pinned for each, all permissively licensed.

Decoders disagree on odd files, so a slice must not depend on what else is installed.  JPEG
(baseline, extended, lossless) goes through imagecodecs, which this module registers as a
plugin of pydicom; it is itself the plugin module.
"""

from __future__ import annotations

import importlib.util
from enum import Enum, auto
from typing import Any

from pydicom.pixels.decoders.base import Decoder, DecodeRunner, get_decoder
from pydicom.uid import UID

from medseg_desktop.core.errors import UnreadableSliceError

_IMAGECODECS = "imagecodecs"


class Family(Enum):
    """Kinds of codestreams, by the way they declare their size."""

    RLE = auto()
    JPEG = auto()
    JPEG_2000 = auto()


_FAMILIES = {"pydicom": Family.RLE, "pylibjpeg": Family.JPEG_2000}

DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
_NATIVE = {
    "1.2.840.10008.1.2": "Implicit VR Little Endian",
    "1.2.840.10008.1.2.1": "Explicit VR Little Endian",
    DEFLATED: "Deflated Explicit VR Little Endian",
    BIG_ENDIAN: "Explicit VR Big Endian",
}
#: Transfer syntax UID -> (name, pydicom plugin, package that must be installed).
_COMPRESSED = {
    "1.2.840.10008.1.2.5": ("RLE Lossless", "pydicom", "pydicom"),
    "1.2.840.10008.1.2.4.50": ("JPEG Baseline", _IMAGECODECS, "imagecodecs"),
    "1.2.840.10008.1.2.4.51": ("JPEG Extended", _IMAGECODECS, "imagecodecs"),
    "1.2.840.10008.1.2.4.57": ("JPEG Lossless", _IMAGECODECS, "imagecodecs"),
    "1.2.840.10008.1.2.4.70": ("JPEG Lossless SV1", _IMAGECODECS, "imagecodecs"),
    "1.2.840.10008.1.2.4.80": ("JPEG-LS Lossless", "pyjpegls", "jpeg_ls"),
    "1.2.840.10008.1.2.4.81": ("JPEG-LS Near-lossless", "pyjpegls", "jpeg_ls"),
    "1.2.840.10008.1.2.4.90": ("JPEG 2000 Lossless", "pylibjpeg", "openjpeg"),
    "1.2.840.10008.1.2.4.91": ("JPEG 2000", "pylibjpeg", "openjpeg"),
    "1.2.840.10008.1.2.4.201": ("HTJ2K Lossless", "pylibjpeg", "openjpeg"),
    "1.2.840.10008.1.2.4.202": ("HTJ2K Lossless RPCL", "pylibjpeg", "openjpeg"),
    "1.2.840.10008.1.2.4.203": ("HTJ2K", "pylibjpeg", "openjpeg"),
}
_JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")

#: Read by pydicom when the plugin is added: what each syntax needs.
DECODER_DEPENDENCIES = {
    UID(uid): ("imagecodecs",) for uid, (_, plugin, _m) in _COMPRESSED.items()
    if plugin == _IMAGECODECS
}  # fmt: skip


def is_available(uid: str) -> bool:
    """Whether this plugin can decode `uid` (called by pydicom)."""
    return uid in DECODER_DEPENDENCIES and importlib.util.find_spec("imagecodecs") is not None


def syntax_name(uid: str) -> str:
    """A readable name of a transfer syntax; the UID itself where it is unknown."""
    if uid in _COMPRESSED:
        return _COMPRESSED[uid][0]
    return _NATIVE.get(uid, uid)


def undecodable(uid: str, reason: str) -> str:
    """The sentence for pixels of a transfer syntax that its decoder did not decode."""
    return f"its pixels ({syntax_name(uid)}) cannot be decoded: {reason}"


def family_of(uid: str) -> Family:
    """How the codestreams of a compressed transfer syntax are made; JPEG-LS is of JPEG's kind."""
    return _FAMILIES.get(_COMPRESSED[uid][1], Family.JPEG)


def is_native(uid: str) -> bool:
    """Pixel data lies uncompressed in the file."""
    return uid in _NATIVE


def missing_decoders() -> dict[str, str]:
    """Names of transfer syntaxes whose decoder is not installed -> the missing package."""
    return {
        name: package
        for name, _, package in _COMPRESSED.values()
        if importlib.util.find_spec(package) is None
    }


def check_syntax(uid: str) -> None:
    """Raise UnreadableSliceError for a transfer syntax that this program does not decode."""
    if not uid:
        raise UnreadableSliceError("the file does not say how its pixels are stored")
    if uid not in _NATIVE and uid not in _COMPRESSED:
        name = UID(uid).name
        known = f"{name} ({uid})" if name != uid else uid
        raise UnreadableSliceError(f"pixels stored as {known} cannot be decoded")


def decoder_for(uid: str) -> tuple[Decoder, str]:
    """pydicom's decoder for a transfer syntax and the name of the plugin to use ("" for native).

    Raises:
        UnreadableSliceError: the syntax is not supported, or its decoder is not installed.
    """
    check_syntax(uid)
    decoder = get_decoder(UID(uid))
    if uid in _NATIVE:
        return decoder, ""
    name, plugin, package = _COMPRESSED[uid]
    if importlib.util.find_spec(package) is None:
        raise UnreadableSliceError(f"pixels stored as {name} need the package {package}")
    if plugin == _IMAGECODECS and _IMAGECODECS not in decoder.available_plugins:
        decoder.add_plugin(_IMAGECODECS, (__name__, "decode_jpeg_frame"))
    return decoder, plugin


def decode_jpeg_frame(src: bytes, runner: DecodeRunner) -> bytearray:
    """One JPEG codestream -> little-endian samples, colour by pixel (called by pydicom).

    Colours are returned as they are stored; pydicom converts YBR to RGB afterwards.
    """
    import imagecodecs
    import numpy as np

    options: dict[str, Any] = {}
    if str(runner.transfer_syntax) not in _JPEG_LOSSLESS and runner.samples_per_pixel == 3:
        space = imagecodecs.JPEG8.CS.RGB if _is_rgb(src) else imagecodecs.JPEG8.CS.YCbCr
        options = {"colorspace": space, "outcolorspace": space}
    if str(runner.transfer_syntax) in _JPEG_LOSSLESS and runner.samples_per_pixel == 1:
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
