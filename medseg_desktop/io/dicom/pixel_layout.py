"""How the pixels of a file are laid out: what its header says, checked before it is believed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.transfer_syntax import BIG_ENDIAN
from medseg_desktop.io.dicom.values import text

ROWS: Final = BaseTag(0x00280010)
COLUMNS: Final = BaseTag(0x00280011)

_MAXIMUM_SIDE = 16384
_MAXIMUM_FRAMES = 100_000
_MAXIMUM_FRAME_BYTES = 1 << 30
_UNDEFINED = 0xFFFFFFFF
_SAMPLES = BaseTag(0x00280002)
_FRAMES = BaseTag(0x00280008)
_BITS_ALLOCATED = BaseTag(0x00280100)
_BITS_STORED = BaseTag(0x00280101)
_PIXEL_REPRESENTATION = BaseTag(0x00280103)
#: Element number of group 7FE0 -> keyword.
_PIXEL_ELEMENTS = {0x0010: "PixelData", 0x0008: "FloatPixelData", 0x0009: "DoubleFloatPixelData"}
#: Value representations with a length of 32 bits (PS3.5 7.1.2).
_LONG_VRS = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN")


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """The Image Pixel module (PS3.3 C.7.6.3) of a file.

    Attributes:
        samples: values of a pixel, 1 or 3.
        bits_allocated, bits_stored: of one value.
        is_signed: Pixel Representation; None where the header has none, as with floats.
        photometric: Photometric Interpretation.
        frames: at least 1.
    """

    transfer_syntax: str
    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool | None
    photometric: str
    frames: int

    @property
    def values_per_frame(self) -> int:
        return self.rows * self.columns * self.samples

    @property
    def frame_bits(self) -> int:
        """Of one uncompressed frame; frames of 1-bit pixels follow each other without padding."""
        bits = self.values_per_frame * self.bits_allocated
        # Two pixels share their colour (PS3.3 C.7.6.3.1.2).
        return bits // 3 * 2 if self.photometric == "YBR_FULL_422" else bits

    @property
    def native_bytes(self) -> int:
        """Length of the uncompressed pixels of all frames."""
        return math.ceil(self.frame_bits * self.frames / 8)


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixels lie in a file.

    Attributes:
        vr: value representation; `OW` where the file does not tell.
        at: offset of the value.
        length: in bytes; None where it is undefined, as of encapsulated pixels.
    """

    keyword: str
    vr: str
    at: int
    length: int | None


def pixel_layout(ds: Dataset) -> PixelLayout:
    """The layout that a header declares.

    Raises:
        UnreadableSliceError: sizes that make no sense or would fill the memory.
    """
    rows, columns = _side(ds, "rows", ROWS), _side(ds, "columns", COLUMNS)
    samples = _whole(_stored(ds, _SAMPLES), 1)
    bits = _whole(_stored(ds, _BITS_ALLOCATED), 0)
    signed = _stored(ds, _PIXEL_REPRESENTATION)
    if samples not in (1, 3) or bits not in (1, 8, 16, 32, 64):
        raise UnreadableSliceError(f"{samples} samples of {bits} bits a pixel are not supported")
    if rows * columns * samples * bits > 8 * _MAXIMUM_FRAME_BYTES:
        raise UnreadableSliceError(f"{columns} x {rows} pixels of {bits} bits are too many")
    return PixelLayout(
        transfer_syntax=transfer_syntax_of(ds),
        rows=rows,
        columns=columns,
        samples=samples,
        bits_allocated=bits,
        bits_stored=_whole(_stored(ds, _BITS_STORED), bits),
        is_signed=bool(signed) if signed in (0, 1) else None,
        photometric=text(ds, "PhotometricInterpretation"),
        frames=_frame_count(ds),
    )


def transfer_syntax_of(ds: Dataset) -> str:
    """The transfer syntax UID of the file meta information; empty where there is none."""
    meta = getattr(ds, "file_meta", None)
    return text(meta, "TransferSyntaxUID") if meta else ""


def _stored(ds: Dataset, tag: BaseTag) -> Any:
    """The value of an element of 16 bits, without the detour over pydicom where it is sound.

    A series of a thousand files has ten thousand of them.
    """
    raw = ds.get_item(tag)
    if isinstance(raw, RawDataElement) and raw.VR in ("US", None) and len(raw.value or b"") == 2:
        return int.from_bytes(raw.value, "little" if raw.is_little_endian else "big")
    return ds[tag].value if tag in ds else None


def _side(ds: Dataset, name: str, tag: BaseTag) -> int:
    value = _stored(ds, tag)
    if not isinstance(value, int) or not 0 < value <= _MAXIMUM_SIDE:
        raise UnreadableSliceError(f"its {name} ({_short(value)}) make no sense")
    return value


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise


def _frame_count(ds: Dataset) -> int:
    value = ds[_FRAMES].value if _FRAMES in ds else None
    if value in (None, ""):
        return 1
    try:
        frames = int(value)
    except (TypeError, ValueError):
        frames = -1
    if not 0 <= frames <= _MAXIMUM_FRAMES:
        raise UnreadableSliceError(f"its number of frames ({_short(value)}) makes no sense")
    return max(frames, 1)


def _short(value: Any) -> str:
    said = str(value)
    return said if len(said) <= 40 else f"{said[:40]}..."


def locate_pixels(file: BinaryIO, header: Dataset) -> PixelElement | None:
    """Where the pixels lie, or None; `file` stands where reading the header stopped.

    Call it before any value of `header` was used: it asks the unconverted elements how they
    were encoded, because some files change to implicit encoding on their way.
    """
    stored = header.get_item(ROWS)
    order: Literal["big", "little"] = (
        "big" if transfer_syntax_of(header) == BIG_ENDIAN else "little"
    )
    at = file.tell()
    start = file.read(12)
    group, element = (int.from_bytes(start[i : i + 2], order) for i in (0, 2))
    if len(start) < 8 or group != 0x7FE0 or element not in _PIXEL_ELEMENTS:
        return None
    vr, length, offset = "OW", int.from_bytes(start[4:8], order), 8
    if not getattr(stored, "is_implicit_VR", False) and start[4:6].isalpha():
        vr = start[4:6].decode("ascii")
        is_long = start[4:6] in _LONG_VRS
        length = int.from_bytes(start[8:12] if is_long else start[6:8], order)
        offset = 12 if is_long else 8
    if length == 0:
        return None
    defined = length if length != _UNDEFINED else None
    return PixelElement(_PIXEL_ELEMENTS[element], vr, at + offset, defined)


def check_native_length(layout: PixelLayout, element: PixelElement, size: int) -> None:
    """Refuse uncompressed pixels that are fewer than the header says.

    Args:
        size: of the file, in bytes.

    Raises:
        UnreadableSliceError: says how many bytes are missing.
    """
    if element.length is None:
        raise UnreadableSliceError("its pixels have no length")
    missing = layout.native_bytes - min(element.length, size - element.at)
    if missing > 0:
        raise truncated(missing)


def truncated(missing: int = 0) -> UnreadableSliceError:
    """The refusal of a file that was cut off; `missing` bytes, 0 where that is not known."""
    if missing <= 0:
        return UnreadableSliceError("the file is truncated: the end of its pixels is missing")
    bytes_are = "byte of its pixels is" if missing == 1 else "bytes of its pixels are"
    return UnreadableSliceError(f"the file is truncated: {missing} {bytes_are} missing")
