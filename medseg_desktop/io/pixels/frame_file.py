"""A file whose frames are to be read: its header, and where and how its pixels lie."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import pydicom
from pydicom.dataset import FileDataset
from pydicom.tag import Tag

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.elements import read_elements
from medseg_desktop.io.dicom.guard import (
    NoDicomError,
    damaged,
    find_pixels,
    open_file,
    sniff,
    stamp_of,
)
from medseg_desktop.io.dicom.pixel_format import TAGS
from medseg_desktop.io.dicom.pixel_layout import (
    PixelElement,
    PixelLayout,
    pixel_layout,
    transfer_syntax_of,
)
from medseg_desktop.io.dicom.transfer_syntax import DEFLATED, check_syntax, is_native

#: What decoding a frame and telling its meaning (`io.dicom.pixel_format`) need of a header.
_FRAME_TAGS: Final = [Tag(keyword) for keyword in (*TAGS, *"""
    NumberOfFrames SamplesPerPixel PlanarConfiguration Rows Columns
    HighBit SmallestImagePixelValue LargestImagePixelValue PixelPresentation
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
    BluePaletteColorLookupTableDescriptor AlphaPaletteColorLookupTableDescriptor
    RedPaletteColorLookupTableData GreenPaletteColorLookupTableData
    BluePaletteColorLookupTableData AlphaPaletteColorLookupTableData
    SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
    SegmentedBluePaletteColorLookupTableData SegmentedAlphaPaletteColorLookupTableData
    ExtendedOffsetTable ExtendedOffsetTableLengths
""".split())]  # fmt: skip
_PIXEL_DATA: Final = [Tag("PixelData")]


@dataclass(frozen=True, slots=True)
class FrameFile:
    """What is known of a file before its pixels are read.

    Attributes:
        header: without pixels, and with only the elements that frames need.
        stamp: of the file (see `io.dicom.guard.stamp_of`).
        inflated: the pixels of a deflated file, which only come as a whole.
    """

    path: str
    stamp: tuple[int, int]
    header: FileDataset
    layout: PixelLayout
    element: PixelElement
    inflated: bytes | None

    @property
    def is_native(self) -> bool:
        return is_native(self.layout.transfer_syntax)

    @property
    def size(self) -> int:
        """Of the file in bytes; of a deflated one, of its pixels."""
        return self.stamp[0] if self.inflated is None else len(self.inflated)

    def check_frame(self, frame: int) -> None:
        """Raise UnreadableSliceError where the file has no such frame (from 0 on)."""
        if not 0 <= frame < self.layout.frames:
            raise UnreadableSliceError(f"it has no frame {frame + 1}")

    @contextmanager
    def pixels(self, file: BinaryIO) -> Iterator[BinaryIO]:
        """The file that holds the pixels, standing at the first one's bytes."""
        source = file if self.inflated is None else io.BytesIO(self.inflated)
        source.seek(self.element.at)
        yield source


@contextmanager
def opened(path: str) -> Iterator[tuple[BinaryIO, tuple[int, int]]]:
    """The file, open for reading, and its stamp; whatever goes wrong inside gets a sentence.

    Raises:
        UnreadableSliceError: the reason, without the file's name.
    """
    try:
        with open_file(Path(path)) as file:
            yield file, stamp_of(file)
    except UnreadableSliceError:
        raise
    except NoDicomError:
        raise UnreadableSliceError("it is not DICOM") from None
    except MemoryError as error:
        raise UnreadableSliceError("its pixels do not fit into memory") from error
    except Exception as error:
        raise damaged(error, Path(path)) from error


def read_frame_file(file: BinaryIO, path: str, stamp: tuple[int, int]) -> FrameFile:
    """Read the header of an open file, which `opened` gave.

    Raises:
        UnreadableSliceError, or what pydicom raises: see `opened`.
    """
    sniff(Path(path), file.read(132), stamp[0])
    header = read_elements(file, _FRAME_TAGS)
    syntax = transfer_syntax_of(header)
    check_syntax(syntax)
    inflated = None
    if syntax == DEFLATED:
        layout = pixel_layout(header)
        inflated, element = _inflated_pixels(file)
    else:
        element = find_pixels(file, header, stamp[0])
        layout = pixel_layout(header)
    return FrameFile(path, stamp, header, layout, element, inflated)


def _inflated_pixels(file: BinaryIO) -> tuple[bytes, PixelElement]:
    """The pixels of a deflated file; reading its header has told that they are bearable."""
    file.seek(0)
    header = pydicom.dcmread(file, specific_tags=list(_PIXEL_DATA), force=True)
    stored = header.get(_PIXEL_DATA[0])
    if stored is None or not stored.value or stored.is_undefined_length:
        raise UnreadableSliceError("it holds no pixels")
    return stored.value, PixelElement("PixelData", str(stored.VR), 0, len(stored.value))
