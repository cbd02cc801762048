"""Which decoder reads which transfer syntax: one pinned for each, all permissively licensed.

Decoders disagree on odd files, so a slice must not depend on what else is installed.  RLE and
JPEG (baseline, extended, lossless) go through imagecodecs, a plugin of our own for pydicom.
"""

from __future__ import annotations

import importlib.util
from enum import Enum, auto
from typing import NamedTuple

from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.uid import UID

from medseg_desktop.core.errors import UnreadableSliceError

_IMAGECODECS = "imagecodecs"


class Family(Enum):
    """Kinds of codestreams, by the way they declare their size."""

    RLE = auto()
    JPEG = auto()
    JPEG_2000 = auto()


class _Compressed(NamedTuple):
    """A transfer syntax: pydicom's plugin, and the package that must be installed for it."""

    name: str
    family: Family
    plugin: str
    package: str


def _imagecodecs(name: str, family: Family = Family.JPEG) -> _Compressed:
    return _Compressed(name, family, _IMAGECODECS, "imagecodecs")


def _jpeg_ls(name: str) -> _Compressed:
    return _Compressed(name, Family.JPEG, "pyjpegls", "jpeg_ls")


def _jpeg_2000(name: str) -> _Compressed:
    return _Compressed(name, Family.JPEG_2000, "pylibjpeg", "openjpeg")


DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
_NATIVE = {
    "1.2.840.10008.1.2": "Implicit VR Little Endian",
    "1.2.840.10008.1.2.1": "Explicit VR Little Endian",
    DEFLATED: "Deflated Explicit VR Little Endian",
    BIG_ENDIAN: "Explicit VR Big Endian",
}
_COMPRESSED = {
    "1.2.840.10008.1.2.5": _imagecodecs("RLE Lossless", Family.RLE),
    "1.2.840.10008.1.2.4.50": _imagecodecs("JPEG Baseline"),
    "1.2.840.10008.1.2.4.51": _imagecodecs("JPEG Extended"),
    "1.2.840.10008.1.2.4.57": _imagecodecs("JPEG Lossless"),
    "1.2.840.10008.1.2.4.70": _imagecodecs("JPEG Lossless SV1"),
    "1.2.840.10008.1.2.4.80": _jpeg_ls("JPEG-LS Lossless"),
    "1.2.840.10008.1.2.4.81": _jpeg_ls("JPEG-LS Near-lossless"),
    "1.2.840.10008.1.2.4.90": _jpeg_2000("JPEG 2000 Lossless"),
    "1.2.840.10008.1.2.4.91": _jpeg_2000("JPEG 2000"),
    "1.2.840.10008.1.2.4.201": _jpeg_2000("HTJ2K Lossless"),
    "1.2.840.10008.1.2.4.202": _jpeg_2000("HTJ2K Lossless RPCL"),
    "1.2.840.10008.1.2.4.203": _jpeg_2000("HTJ2K"),
}


def syntax_name(uid: str) -> str:
    """A readable name of a transfer syntax; the UID itself where it is unknown."""
    if uid in _COMPRESSED:
        return _COMPRESSED[uid].name
    return _NATIVE.get(uid, uid)


def undecodable(uid: str, reason: str) -> str:
    """The sentence for pixels of a transfer syntax that its decoder did not decode."""
    return f"its pixels ({syntax_name(uid)}) cannot be decoded: {reason}"


def family_of(uid: str) -> Family:
    """How the codestreams of a compressed transfer syntax are made; JPEG-LS is of JPEG's kind."""
    return _COMPRESSED[uid].family


def is_native(uid: str) -> bool:
    """Pixel data lies uncompressed in the file."""
    return uid in _NATIVE


def missing_decoders() -> dict[str, str]:
    """Names of transfer syntaxes whose decoder is not installed -> the missing package."""
    return {
        syntax.name: syntax.package
        for syntax in _COMPRESSED.values()
        if importlib.util.find_spec(syntax.package) is None
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
    name, family, plugin, package = _COMPRESSED[uid]
    if importlib.util.find_spec(package) is None:
        raise UnreadableSliceError(f"pixels stored as {name} need the package {package}")
    if plugin == _IMAGECODECS and _IMAGECODECS not in decoder.available_plugins:
        from medseg_desktop.io import imagecodecs_plugin  # slow to load, seldom needed

        function = "decode_rle_frame" if family is Family.RLE else "decode_jpeg_frame"
        decoder.add_plugin(_IMAGECODECS, (imagecodecs_plugin.__name__, function))
    return decoder, plugin
