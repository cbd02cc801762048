"""What is looked at before a file is believed to be a DICOM image: content, kind and length."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, Literal

from pydicom.dataset import FileDataset
from pydicom.uid import UID

from medseg_desktop.core.errors import NotAnImageError, UnreadableSliceError
from medseg_desktop.io.codecs import is_native
from medseg_desktop.io.dicom_values import first_number

#: SOP classes that carry pixels but are no slices to look at or learn from.
_NOT_SLICES = {
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.481.2": "a dose grid",
    "1.2.840.10008.5.1.4.1.1.77.1.6": "a whole-slide image",
    "1.2.840.10008.5.1.4.1.1.30": "a parametric map",
}
_ARCHIVES = {b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "a GZIP archive"}
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_DEFLATED_BYTES = 64 << 20
_DEFLATED_RATIO = 200
#: What a Mac leaves beside each file on foreign disks: `._NAME` (RFC 1740, AppleDouble).
_APPLE_DOUBLE = b"\x00\x05\x16\x07"
_DICOM_SUFFIXES = {".dcm", ".dicom", ".ima"}
_PIXEL_TAGS = {(0x7FE0, 0x0008), (0x7FE0, 0x0009), (0x7FE0, 0x0010)}


class NoDicomError(Exception):
    """The file is something else (a README, a picture, ...)."""


def sniff(path: Path, start: bytes, size: int) -> None:
    """Tell DICOM from everything else by content; the name only decides what to call it."""
    for magic, name in _ARCHIVES.items():
        if start.startswith(magic):
            raise UnreadableSliceError(f"it is {name}; unpack it first")
    if start[128:132] == b"DICM":
        return
    if start.startswith(_APPLE_DOUBLE) and path.name.startswith("._"):
        raise NoDicomError
    if size > 132 and _starts_with_element(start):
        return
    if path.suffix.lower() in _DICOM_SUFFIXES:
        raise UnreadableSliceError("the file is empty" if size == 0 else "it is not DICOM")
    raise NoDicomError


def _starts_with_element(start: bytes) -> bool:
    """Without preamble a plausible element of group 0002 or 0008 comes first."""
    for order in ("little", "big"):
        group, element = (int.from_bytes(start[i : i + 2], order) for i in (0, 2))
        if group in (2, 8) and element < 0x0100:
            length = int.from_bytes(start[4:8], order)
            return (start[4:6].isalpha() and start[4:6].isupper()) or length <= 1024
    return False


def check_deflated(file: Any, size: int) -> None:
    """Refuse a small deflated file that would fill the memory (`file` stands at byte 132)."""
    start = file.read(1024)
    if _DEFLATED not in start:
        return
    # (0002,0000) UL: the length of the meta group, after whose end the deflated bytes begin.
    file.seek(144 + int.from_bytes(start[8:12], "little"))
    limit = max(_DEFLATED_BYTES, _DEFLATED_RATIO * size)
    inflate, inflated = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while data := inflate.unconsumed_tail or file.read(1 << 16):
        inflated += len(inflate.decompress(data, 1 << 20))
        if inflated > limit:
            raise UnreadableSliceError("it is far larger inside than a DICOM file can be")


def check_pixels_present(dataset: FileDataset, file: Any, size: int) -> None:
    """Refuse objects that hold no image, naming what they are.

    Raises:
        NotAnImageError: it is another kind of object.
        UnreadableSliceError: it ought to hold pixels and does not.
    """
    meta = getattr(dataset, "file_meta", None)
    syntax = str(meta.get("TransferSyntaxUID", "")) if meta else ""
    sop_class = str(dataset.get("SOPClassUID", ""))
    if not sop_class and meta:
        sop_class = str(meta.get("MediaStorageSOPClassUID", ""))
    if sop_class in _NOT_SLICES:
        raise NotAnImageError(f"it is {_NOT_SLICES[sop_class]}, not an image series")
    if "Rows" not in dataset or "Columns" not in dataset:
        sop_class = sop_class or (str(meta.get("MediaStorageSOPClassUID", "")) if meta else "")
        name = UID(sop_class).name if sop_class else ""
        what = name if name and name != sop_class else "a DICOM object"
        # An image without its size is damaged; a file without a class may be anything.
        kind = UnreadableSliceError if not sop_class or "Image" in what else NotAnImageError
        raise kind(f"it is not an image ({what})")
    if syntax.endswith(".1.99"):
        return  # deflated: the file position says nothing about the inflated content
    tag = file.read(4)
    order: Literal["big", "little"] = "big" if syntax == "1.2.840.10008.1.2.2" else "little"
    found = (int.from_bytes(tag[:2], order), int.from_bytes(tag[2:], order))
    if len(tag) < 4 or found not in _PIXEL_TAGS:
        raise UnreadableSliceError("it holds no pixels")
    _check_native_length(dataset, syntax, size)


def _check_native_length(dataset: FileDataset, syntax: str, size: int) -> None:
    """An uncompressed file that is shorter than its pixels was cut off."""
    if not is_native(syntax):
        return
    numbers = [first_number(dataset, n) for n in ("Rows", "Columns", "BitsAllocated")]
    rows, columns, bits = (int(n or 0) for n in numbers)
    samples = int(first_number(dataset, "SamplesPerPixel") or 1)
    frames = int(first_number(dataset, "NumberOfFrames") or 1)
    subsampled = "422" in str(dataset.get("PhotometricInterpretation", ""))
    needed = rows * columns * samples * frames * bits // 8
    if size < (needed * 2 // 3 if subsampled else needed):
        raise UnreadableSliceError("the file is truncated: it is shorter than its pixels")
