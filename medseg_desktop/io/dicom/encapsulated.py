"""Encapsulated pixels (PS3.5 A.4): the fragments of a file, and which of them are a frame.

Only the fragments' headers are read here, so a file of many frames costs little, and a file
that was cut off keeps the frames that are whole.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import BinaryIO

from pydicom.dataset import Dataset

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.pixel_layout import PixelElement, PixelLayout, truncated
from medseg_desktop.io.dicom.transfer_syntax import Family, family_of
from medseg_desktop.io.dicom.values import value_of

_ITEM = b"\xfe\xff\x00\xe0"
_DELIMITER = b"\xfe\xff\xdd\xe0"
_UNDEFINED = 0xFFFFFFFF
_MAXIMUM_FRAGMENTS = 1_000_000
#: Ends a codestream of the JPEG family; up to so many bytes of padding may follow.
_END_OF_CODESTREAM = b"\xff\xd9"
_PADDING = 10


@dataclass(frozen=True, slots=True)
class Fragment:
    """One fragment; `at` is the offset of its bytes in the file."""

    at: int
    length: int


@dataclass(frozen=True, slots=True)
class Encapsulated:
    """The fragments of a file of `frames` frames.

    Attributes:
        fragments: those that are whole, without the offset table.
        offsets: of each frame, counted from the first fragment's item (Basic or Extended
            Offset Table); empty where the file has no table that fits its fragments.
        is_rle: a frame is one fragment (PS3.5 G.2); the other codestreams end with a marker.
        is_closed: the last delimiter was found, so nothing is missing at the end.
        missing: bytes that the fragment lacks at which the file was cut off.
    """

    fragments: tuple[Fragment, ...]
    offsets: tuple[int, ...]
    frames: int
    is_rle: bool
    is_closed: bool
    missing: int

    def read_frame(self, file: BinaryIO, index: int) -> bytes:
        """The codestream of one frame.

        Raises:
            UnreadableSliceError: it is missing, wholly or in part.
        """
        parts = []
        for fragment in self._frame(file, index):
            file.seek(fragment.at)
            parts.append(file.read(fragment.length))
        return b"".join(parts)

    @property
    def most_frames(self) -> int:
        """How many of the declared frames there can be: a fragment holds no more than one (PS3.5
        A.4).  Where the file was cut off, it was cut within one more frame."""
        there = len(self.fragments) + (not self.is_closed)
        return min(self.frames, there)

    def check_first_frame(self, file: BinaryIO) -> None:
        """Refuse a file of which not even the first frame is whole, without reading it.

        Raises:
            UnreadableSliceError: says how many bytes are missing, where that is known.
        """
        self._frame(file, 0)

    def _frame(self, file: BinaryIO, index: int) -> tuple[Fragment, ...]:
        found: tuple[Fragment, ...] = ()
        for number, group in enumerate(self._groups(file)):
            if number == index:
                found = group
                break
        is_last = bool(found) and found[-1] == self.fragments[-1]
        if not found or (is_last and not self._is_whole(file, found[-1])):
            if self.is_closed and self.fragments:
                raise UnreadableSliceError("its pixels hold fewer frames than its header says")
            raise truncated(self.missing if self.frames == 1 else 0)
        return found

    def _groups(self, file: BinaryIO) -> Iterator[tuple[Fragment, ...]]:
        """The fragments of each frame in turn."""
        if self.offsets:
            return self._by_offsets()
        if self.frames == 1:
            return iter([self.fragments])
        if self.is_rle or (self.is_closed and self.frames == len(self.fragments)):
            return ((fragment,) for fragment in self.fragments)
        return self._by_end_markers(file)

    def _by_offsets(self) -> Iterator[tuple[Fragment, ...]]:
        numbers = {offset: i for i, offset in enumerate(_item_offsets(self.fragments))}
        end = len(self.fragments)
        for low, high in pairwise([*(numbers.get(o, end) for o in self.offsets), end]):
            yield self.fragments[low:high]

    def _by_end_markers(self, file: BinaryIO) -> Iterator[tuple[Fragment, ...]]:
        group: list[Fragment] = []
        for fragment in self.fragments:
            group.append(fragment)
            if _ends_codestream(file, fragment):
                yield tuple(group)
                group = []
        if group:
            yield tuple(group)

    def _is_whole(self, file: BinaryIO, last: Fragment) -> bool:
        """Whether the frame at the end of the file is whole; more of its fragments may be gone."""
        if self.is_closed:
            return True
        if self.frames == 1 and self.missing:
            return False
        return self.is_rle or _ends_codestream(file, last)


def read_encapsulated(
    file: BinaryIO, header: Dataset, layout: PixelLayout, element: PixelElement, size: int
) -> Encapsulated:
    """Find the fragments.

    Args:
        header: an Extended Offset Table in it is used before the Basic one.
        size: of the file, in bytes.

    Raises:
        UnreadableSliceError: there is no sound fragment structure.
    """
    end = size if element.length is None else min(size, element.at + element.length)
    items: list[Fragment] = []
    at, missing, is_closed = element.at, 0, False
    while True:
        file.seek(at)
        start = file.read(8)
        is_closed = start[:4] == _DELIMITER and len(start) == 8
        if is_closed or len(start) < 8 or at + 8 > end:
            break
        length = int.from_bytes(start[4:], "little")
        if start[:4] != _ITEM or length == _UNDEFINED or len(items) > _MAXIMUM_FRAGMENTS:
            raise UnreadableSliceError("its pixels are damaged")
        missing = at + 8 + length - end
        if missing > 0:
            break
        items.append(Fragment(at + 8, length))
        at += 8 + length
    is_closed = is_closed or (element.length is not None and at == element.at + element.length)
    if not items:
        raise truncated()
    table, *fragments = items
    is_rle = family_of(layout.transfer_syntax) is Family.RLE
    found = Encapsulated((*fragments,), (), layout.frames, is_rle, is_closed, max(missing, 0))
    extended = value_of(header, "ExtendedOffsetTable")
    offsets = _unpack(extended, "Q") if isinstance(extended, bytes) else ()
    offsets = offsets or _basic_offsets(file, table)
    return replace(found, offsets=offsets) if _fits(offsets, found) else found


def _basic_offsets(file: BinaryIO, table: Fragment) -> tuple[int, ...]:
    file.seek(table.at)
    return _unpack(file.read(min(table.length, 4 * _MAXIMUM_FRAGMENTS)), "L")


def _unpack(table: bytes, kind: str) -> tuple[int, ...]:
    count = len(table) // struct.calcsize(f"<{kind}")
    return struct.unpack_from(f"<{count}{kind}", table)


def _fits(offsets: tuple[int, ...], found: Encapsulated) -> bool:
    """Whether a table points at items; wrong ones are found in the wild and mean nothing.

    The table of a file that was cut off points beyond its end, too.
    """
    items = set(_item_offsets(found.fragments))
    end = max(items, default=-1)
    return (
        len(offsets) == found.frames
        and offsets[0] == 0
        and all(low < high for low, high in pairwise(offsets))
        and all(o in items or (o > end and not found.is_closed) for o in offsets)
    )


def _item_offsets(fragments: tuple[Fragment, ...]) -> Iterator[int]:
    return (fragment.at - fragments[0].at for fragment in fragments)


def _ends_codestream(file: BinaryIO, fragment: Fragment) -> bool:
    tail = min(fragment.length, _PADDING)
    file.seek(fragment.at + fragment.length - tail)
    return _END_OF_CODESTREAM in file.read(tail)
