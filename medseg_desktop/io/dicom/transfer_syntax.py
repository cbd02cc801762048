"""The transfer syntaxes that this program reads (PS3.5 annex A, PS3.6 table A-1)."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from pydicom.uid import UID

from medseg_desktop.core.errors import UnreadableSliceError


class Family(Enum):
    """Kinds of codestreams, by the way they declare their size."""

    RLE = auto()
    JPEG = auto()
    JPEG_2000 = auto()


DEFLATED: Final = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_NATIVE = {
    "1.2.840.10008.1.2": "Implicit VR Little Endian",
    "1.2.840.10008.1.2.1": "Explicit VR Little Endian",
    DEFLATED: "Deflated Explicit VR Little Endian",
    BIG_ENDIAN: "Explicit VR Big Endian",
}
#: Of JPEG-LS the codestreams are made as JPEG's.
_COMPRESSED = {
    "1.2.840.10008.1.2.5": ("RLE Lossless", Family.RLE),
    "1.2.840.10008.1.2.4.50": ("JPEG Baseline", Family.JPEG),
    "1.2.840.10008.1.2.4.51": ("JPEG Extended", Family.JPEG),
    "1.2.840.10008.1.2.4.57": ("JPEG Lossless", Family.JPEG),
    "1.2.840.10008.1.2.4.70": ("JPEG Lossless SV1", Family.JPEG),
    "1.2.840.10008.1.2.4.80": ("JPEG-LS Lossless", Family.JPEG),
    "1.2.840.10008.1.2.4.81": ("JPEG-LS Near-lossless", Family.JPEG),
    "1.2.840.10008.1.2.4.90": ("JPEG 2000 Lossless", Family.JPEG_2000),
    "1.2.840.10008.1.2.4.91": ("JPEG 2000", Family.JPEG_2000),
    "1.2.840.10008.1.2.4.201": ("HTJ2K Lossless", Family.JPEG_2000),
    "1.2.840.10008.1.2.4.202": ("HTJ2K Lossless RPCL", Family.JPEG_2000),
    "1.2.840.10008.1.2.4.203": ("HTJ2K", Family.JPEG_2000),
}
#: Those that always change the values; of others Lossy Image Compression tells.
_LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81")
#: UIDs of those whose pixels have to be decoded.
COMPRESSED: Final = tuple(_COMPRESSED)


def syntax_name(uid: str) -> str:
    """A readable name of a transfer syntax; the UID itself where it is unknown."""
    return _COMPRESSED[uid][0] if uid in _COMPRESSED else _NATIVE.get(uid, uid)


def family_of(uid: str) -> Family:
    """How the codestreams of a compressed transfer syntax are made."""
    return _COMPRESSED[uid][1]


def is_native(uid: str) -> bool:
    """Pixel data lies uncompressed in the file."""
    return uid in _NATIVE


def is_lossy(uid: str) -> bool:
    """Its values are never exactly those that were measured."""
    return uid in _LOSSY


def check_syntax(uid: str) -> None:
    """Raise UnreadableSliceError for a transfer syntax that this program does not decode."""
    if not uid:
        raise UnreadableSliceError("the file does not say how its pixels are stored")
    if uid not in _NATIVE and uid not in _COMPRESSED:
        name = UID(uid).name
        known = f"{name} ({uid})" if name != uid else uid
        raise UnreadableSliceError(f"pixels stored as {known} cannot be decoded")
