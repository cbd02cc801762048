"""RLE codestreams (PS3.5 G): whether they hold what the header declares.

RLE tells no size.  But every row is encoded for itself (G.3.1), so the places where runs end
tell how long a row is: a codestream of 128 x 32 pixels is not taken for one of 64 x 64.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from itertools import pairwise

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.pixel_layout import PixelLayout

_HEADER_BYTES = 64
_LONGEST_RUN = 128
#: So many tell the length of rows of any sensible picture.
_MAXIMUM_RUNS = 4096
_DAMAGED = "its pixels are damaged"


@dataclass(frozen=True, slots=True)
class _Runs:
    """How the beginning of a segment is divided.

    Attributes:
        covered: number of bytes decoded up to the last run that was looked at.
        ends: number of bytes decoded when a run ends.
        forced: the ends where an encoder would have gone on if it had been free to, because
            the next run is of the same kind and this one is not the longest possible.
    """

    covered: int
    ends: frozenset[int]
    forced: tuple[int, ...]


def check_rle(codestream: bytes, layout: PixelLayout) -> None:
    """Refuse an RLE codestream whose number or length of segments, or of rows, is another one.

    Raises:
        UnreadableSliceError: says both.
    """
    import imagecodecs  # slow to load, and only RLE needs it here

    segments = rle_segments(codestream)
    if layout.bits_allocated % 8 or len(segments) != layout.samples * layout.bits_allocated // 8:
        raise UnreadableSliceError(
            f"its pixels have {len(segments)} bytes each, "
            f"but its header says {layout.samples} x {layout.bits_allocated} bits"
        )
    plane = layout.rows * layout.columns
    for segment in segments:
        length = len(imagecodecs.packbits_decode(segment))
        # An odd plane may have been padded before it was encoded.
        if not plane <= length <= plane + plane % 2:
            raise UnreadableSliceError(
                f"its pixels are {length} values, "
                f"but its header says {layout.columns} x {layout.rows}"
            )
    runs = [_runs(segment) for segment in segments]
    if _has_rows_of(layout.columns, plane, runs):
        return
    # Some encoders do not care for rows; then no other length fits either.
    looked_at = min(run.covered for run in runs)
    for columns in _divisors(plane):
        if columns < looked_at and _has_rows_of(columns, plane, runs):
            raise UnreadableSliceError(
                f"its pixels are {columns} x {plane // columns}, "
                f"but its header says {layout.columns} x {layout.rows}"
            )


def rle_segments(codestream: bytes) -> list[bytes]:
    """The segments, still encoded (PS3.5 G.5: their number and their offsets).

    Raises:
        UnreadableSliceError: there is no such header.
    """
    if len(codestream) < _HEADER_BYTES:
        raise UnreadableSliceError(_DAMAGED)
    count, *offsets = struct.unpack_from("<16L", codestream)
    if count > len(offsets):
        raise UnreadableSliceError(_DAMAGED)
    bounds = [*offsets[:count], len(codestream)]
    return [codestream[low:high] for low, high in pairwise(bounds)]


def _runs(segment: bytes) -> _Runs:
    """Walk over the first run headers of a segment (PS3.5 G.3.2)."""
    at = length = 0
    size = len(segment)
    ends: list[int] = []
    forced: list[int] = []
    previous = -2  # the value of a repeated run, -1 after a literal one
    short = False
    while at < size and len(ends) < _MAXIMUM_RUNS:
        header = segment[at]
        at += 1
        if header == 128:
            continue
        if header > 128:
            count = 257 - header
            kind = segment[at] if at < size else -2
            at += 1
        else:
            count = min(header + 1, size - at)
            kind = -1
            at += header + 1
        if short and kind == previous:
            forced.append(length)
        length += count
        ends.append(length)
        previous, short = kind, count < _LONGEST_RUN
    return _Runs(length, frozenset(ends), tuple(forced))


def _has_rows_of(columns: int, plane: int, runs: list[_Runs]) -> bool:
    """Whether a run ends with every row, and runs were cut short at the end of rows only."""
    return all(
        run.ends.issuperset(range(columns, min(plane, run.covered + 1), columns))
        and all(end % columns == 0 for end in run.forced)
        for run in runs
    )


def _divisors(plane: int) -> list[int]:
    """Lengths that a row of the plane can have."""
    small = [n for n in range(1, math.isqrt(plane) + 1) if plane % n == 0]
    return [n for n in (*small, *(plane // n for n in reversed(small))) if 1 < n < plane]
