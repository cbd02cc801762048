"""What a compressed frame says about itself, compared with the header before it is decoded.

Decoders return other pixels, take all memory or never come back where the two disagree.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.pixel_layout import PixelLayout
from medseg_desktop.io.dicom.transfer_syntax import Family, family_of
from medseg_desktop.io.pixels.rle import check_rle

_DAMAGED = "its pixels are damaged"
_JP2_SIGNATURE = b"\0\0\0\x0cjP  "
_MAXIMUM_TILES = 4096
#: Start of frame of every JPEG process, and of JPEG-LS (ITU-T T.81 B.1.1.3, T.87 C.1.1).
_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA


@dataclass(frozen=True, slots=True)
class CodestreamSize:
    """Size of a picture, its components and the bits of their values."""

    rows: int
    columns: int
    samples: int
    precision: int


def check_codestream(codestream: bytes, layout: PixelLayout) -> None:
    """Refuse a frame whose codestream is not what the header declares.

    Raises:
        UnreadableSliceError: says both sizes.
    """
    family = family_of(layout.transfer_syntax)
    if family is Family.RLE:
        check_rle(codestream, layout)
        return
    size = jpeg2000_size(codestream) if family is Family.JPEG_2000 else jpeg_size(codestream)
    if (size.rows, size.columns) != (layout.rows, layout.columns):
        raise UnreadableSliceError(
            f"its pixels are {size.columns} x {size.rows}, "
            f"but its header says {layout.columns} x {layout.rows}"
        )
    if size.samples != layout.samples:
        raise UnreadableSliceError(
            f"its pixels have {size.samples} samples, but its header says {layout.samples}"
        )
    if size.precision > layout.bits_allocated:
        raise UnreadableSliceError(
            f"its pixels have {size.precision} bits, "
            f"but its header has room for {layout.bits_allocated}"
        )


def jpeg_size(data: bytes) -> CodestreamSize:
    """From the frame header of JPEG or JPEG-LS (ITU-T T.81 B.2.2)."""
    if data[:2] != b"\xff\xd8":
        raise UnreadableSliceError(_DAMAGED)
    at = 2
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _START_OF_FRAME:
            precision, rows, columns, samples = struct.unpack_from(">BHHB", data, at + 4)
            return CodestreamSize(rows, columns, samples, precision)
        elif marker == _START_OF_SCAN:
            break
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise UnreadableSliceError(_DAMAGED)


def jpeg2000_size(data: bytes) -> CodestreamSize:
    """From the SIZ marker, which follows SOC at once (ISO/IEC 15444-1 A.5.1)."""
    at = _skip_boxes(data)
    if data[at : at + 4] != b"\xff\x4f\xff\x51" or len(data) < at + 45:
        raise UnreadableSliceError(_DAMAGED)
    x1, y1, x0, y0, tile_x, tile_y, tile_x0, tile_y0, samples = struct.unpack_from(
        ">8IH", data, at + 8
    )
    components = data[at + 42 : at + 42 + 3 * samples]
    if not 0 < samples <= 4 or len(components) < 3 * samples or not tile_x or not tile_y:
        raise UnreadableSliceError(_DAMAGED)
    tiles = -(-(x1 - tile_x0) // tile_x) * -(-(y1 - tile_y0) // tile_y)
    if tiles > _MAXIMUM_TILES:
        raise UnreadableSliceError(_DAMAGED)
    sizes = {
        (_component_side(y0, y1, step_y), _component_side(x0, x1, step_x))
        for step_x, step_y in zip(components[1::3], components[2::3], strict=True)
    }
    if len(sizes) > 1:
        raise UnreadableSliceError("its pixels have components of different sizes")
    rows, columns = sizes.pop()
    if rows <= 0 or columns <= 0:
        raise UnreadableSliceError(_DAMAGED)
    return CodestreamSize(rows, columns, samples, max((b & 0x7F) + 1 for b in components[::3]))


def _component_side(low: int, high: int, step: int) -> int:
    """ISO/IEC 15444-1 B-12."""
    return -(-high // step) + (-low // step) if step else 0


def _skip_boxes(data: bytes) -> int:
    """Offset of the codestream; behind boxes where an encoder wrapped it as a JP2 file.

    pydicom would turn for ever on a box without length.
    """
    if not data.startswith(_JP2_SIGNATURE):
        return 0
    at = len(_JP2_SIGNATURE) + 4
    while at + 8 <= len(data):
        if data[at + 4 : at + 8] == b"jp2c":
            return at + 8
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8:
            break
        at += length
    raise UnreadableSliceError(_DAMAGED)
