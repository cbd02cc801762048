"""The elements in front of the pixels of an open file, in as few reads as possible."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import BinaryIO

import pydicom
from pydicom.dataset import FileDataset
from pydicom.tag import BaseTag

from medseg_desktop.io.dicom.guard import bounded

#: Most headers end within it.  Deflated, so few bytes become 33 MB at the most.
_START_BYTES = 32 << 10
#: Tag, value representation and length of the element that follows (PS3.5 7.1.2).
_NEXT_ELEMENT_BYTES = 12


def read_elements(file: BinaryIO, tags: Sequence[BaseTag]) -> FileDataset:
    """The elements of `tags` that lie in front of the pixels; `file` stands behind them then.

    pydicom asks where it stands in the file at every element.  In a real file that is a system
    call, at which a thread of Python gives way to the others; a header in memory has none.

    Raises:
        UnreadableSliceError: the file is deflated, and far too large inside.
        Exception: what pydicom raises on damaged files.
    """
    file.seek(0)
    start = io.BytesIO(file.read(_START_BYTES))
    header = _read_start(start, tags)
    if header is not None:
        file.seek(start.tell())
        return header
    file.seek(0)
    return _read(bounded(file), tags)


def _read_start(start: io.BytesIO, tags: Sequence[BaseTag]) -> FileDataset | None:
    """The elements, where the start of the file holds all of them for certain."""
    length = start.getbuffer().nbytes
    try:
        header = _read(start, tags)
    except Exception:  # cut off within an element perhaps; the whole file tells
        return None
    is_whole = length < _START_BYTES or start.tell() + _NEXT_ELEMENT_BYTES <= length
    return header if is_whole else None


def _read(file: BinaryIO, tags: Sequence[BaseTag]) -> FileDataset:
    return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(tags), force=True)
