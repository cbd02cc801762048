"""What is looked at before a file is believed to be a DICOM image: content, kind and length."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import UID

from medseg_desktop.core.errors import NotAnImageError, UnreadableSliceError, describe_os_error
from medseg_desktop.io.dicom.encapsulated import read_encapsulated
from medseg_desktop.io.dicom.pixel_layout import (
    COLUMNS,
    ROWS,
    PixelElement,
    PixelLayout,
    check_native_length,
    locate_pixels,
    pixel_layout,
    transfer_syntax_of,
)
from medseg_desktop.io.dicom.transfer_syntax import DEFLATED, check_syntax, is_native
from medseg_desktop.io.dicom.values import text

#: SOP classes that carry pixels but are no slices to look at or learn from.
_NOT_SLICES = {
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.481.2": "a dose grid",
    "1.2.840.10008.5.1.4.1.1.77.1.6": "a whole-slide image",
    "1.2.840.10008.5.1.4.1.1.30": "a parametric map",
}
_ARCHIVES = {b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "a GZIP archive"}
#: What deflated bytes may become: so many bytes, or so many times their number.
_DEFLATED_BYTES = 64 << 20
_DEFLATED_RATIO = 200
#: Tag, value representation and short length of an element (PS3.5 7.1).
_ELEMENT_START = 8
#: What a Mac leaves beside each file on foreign disks: `._NAME` (RFC 1740, AppleDouble).
_APPLE_DOUBLE = b"\x00\x05\x16\x07"
_DICOM_SUFFIXES = {".dcm", ".dicom", ".ima"}


class NoDicomError(Exception):
    """The file is something else (a README, a picture, ...)."""


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading.  Pipes, sockets and devices are refused instead of waited for.

    Raises:
        UnreadableSliceError: it is none.
        OSError: it cannot be opened.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise UnreadableSliceError("it is not a file")
    return path.open("rb")


def damaged(error: Exception, path: Path, what: str = "the file") -> UnreadableSliceError:
    """The refusal of a file that cannot be read: what the operating system says, else that it is
    damaged, and in brackets what the library says about it, in one line of bearable length.

    Args:
        error: pydicom raises many types on damaged files.
        what: the part that is damaged.
    """
    if isinstance(error, OSError):
        if error.errno is not None:
            return UnreadableSliceError(describe_os_error(error, path.name, "read").rstrip("."))
        what = "the file"  # raised by pydicom, not by the operating system
    said = " ".join(str(error).split())
    return UnreadableSliceError(f"{what} is damaged" + (f" ({said[:120]})" if said else ""))


def stamp_of(file: BinaryIO) -> tuple[int, int]:
    """Size in bytes and time of change; another one means another file."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


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


def bounded(file: BinaryIO) -> BinaryIO:
    """The same open file for pydicom, which raises UnreadableSliceError instead of being inflated
    to far more than a DICOM file can be."""
    return cast(BinaryIO, _BoundedFile(file))


class _BoundedFile:
    """A file that looks at what its deflated bytes would become before it gives them away.

    Where they begin, and whether they are deflated at all, only the reader of the file meta
    information knows.  So pydicom itself tells: it asks for all the rest of a file (`read` without
    a length) to inflate it, and for nothing else.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell

    def read(self, length: int = -1) -> bytes:
        if length < 0:
            _check_inflated(self._file)
        return self._file.read(length)


def _check_inflated(file: BinaryIO) -> None:
    """Inflate the rest of a file piece by piece, and go back to where it stands."""
    start = file.tell()
    limit = max(_DEFLATED_BYTES, _DEFLATED_RATIO * (file.seek(0, os.SEEK_END) - start))
    file.seek(start)
    inflate, inflated = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while not inflate.eof and (data := inflate.unconsumed_tail or file.read(1 << 16)):
        inflated += len(inflate.decompress(data, 1 << 20))
        if inflated > limit:
            raise UnreadableSliceError("it is far larger inside than a DICOM file can be")
    file.seek(start)


def check_pixels_present(
    dataset: FileDataset, file: BinaryIO, size: int
) -> tuple[PixelLayout, PixelElement | None, int]:
    """Refuse objects that hold no image, naming what they are, and files that were cut off.

    `file` stands where reading the header stopped.

    Returns:
        How the pixels are laid out; where they lie, None for the place within deflated bytes; and
        how many frames there can be: of compressed ones fewer than the header claims.

    Raises:
        NotAnImageError: it is another kind of object.
        UnreadableSliceError: it ought to hold pixels and does not.
    """
    syntax = transfer_syntax_of(dataset)
    sop_class = text(dataset, "SOPClassUID")
    if not sop_class:
        sop_class = text(dataset.file_meta, "MediaStorageSOPClassUID")
    if syntax and ROWS in dataset:
        check_syntax(syntax)
    if sop_class in _NOT_SLICES:
        raise NotAnImageError(f"it is {_NOT_SLICES[sop_class]}, not an image series")
    if ROWS not in dataset or COLUMNS not in dataset:
        name = UID(sop_class).name if sop_class else ""
        if name.endswith("Image Storage") or _is_cut_off(file, size):
            raise _no_pixels(file, size)
        what = name if name and name != sop_class else "a DICOM object"
        # An image without its size is damaged; a file without a class may be anything.
        kind = UnreadableSliceError if not sop_class or "Image" in what else NotAnImageError
        raise kind(f"it is not an image ({what})")
    check_syntax(syntax)
    if syntax == DEFLATED:
        layout = pixel_layout(dataset)
        return layout, None, layout.frames  # nobody knows where before all is inflated
    element = find_pixels(file, dataset, size)
    layout = pixel_layout(dataset)
    if is_native(syntax):
        check_native_length(layout, element, size)
        return layout, element, layout.frames
    fragments = read_encapsulated(file, dataset, layout, element, size)
    fragments.check_first_frame(file)
    return layout, element, fragments.most_frames


def find_pixels(file: BinaryIO, header: FileDataset, size: int) -> PixelElement:
    """Where the pixels lie; `file` stands where reading the header stopped.

    Raises:
        UnreadableSliceError: there are none; says whether the file was cut off.
    """
    element = locate_pixels(file, header)
    if element is None:
        raise _no_pixels(file, size)
    return element


def _no_pixels(file: BinaryIO, size: int) -> UnreadableSliceError:
    if _is_cut_off(file, size):
        return UnreadableSliceError("the file is truncated: it ends before its pixels")
    return UnreadableSliceError("it holds no pixels; perhaps the file is truncated")


def _is_cut_off(file: BinaryIO, size: int) -> bool:
    """Whether a header without pixels ends within an element, and not behind one.

    pydicom goes on with what it has then, so it is watched while it reads once more.
    """
    file.seek(0)
    watched = _WatchedFile(bounded(file), size)
    try:
        header = pydicom.dcmread(cast(BinaryIO, watched), stop_before_pixels=True, force=True)
    except Exception:  # pydicom raises many types on damaged files
        return watched.is_cut_off
    return watched.is_cut_off or not len(header)


class _WatchedFile:
    """A file that notices when it is asked for more than it has."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self.is_cut_off = False

    def read(self, length: int = -1) -> bytes:
        data = self._file.read(length)
        # The start of an element is looked for at the end of every file, too.
        if len(data) < length and (data or length != _ELEMENT_START):
            self.is_cut_off = True
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        at = self._file.seek(offset, whence)
        self.is_cut_off = self.is_cut_off or at > self._size
        return at

    def tell(self) -> int:
        return self._file.tell()
