"""Lookup tables out of DICOM headers: modality LUT, VOI LUT and palette colour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.core.lut import Lut, Palette
from medseg_desktop.io.dicom.values import items_of, text, value_of, values_of

_LUT_BITS = range(8, 17)
_CHANNELS = ("Red", "Green", "Blue")
#: Kinds of segments (PS3.3 C.7.9.2).
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2
#: More segments than entries of the largest table make no sense.
_STEPS = 65536


def modality_lut(dataset: Dataset) -> Lut | None:
    items = items_of(dataset, "ModalityLUTSequence")
    if not items:
        return None
    table = lut(items[0])
    if table is None:
        raise UnreadableSliceError("its modality LUT makes no sense")
    return table


def lut(item: Dataset) -> Lut | None:
    """An item with LUT Descriptor and LUT Data (PS3.3 C.11.1.1.1); None if it is no table."""
    descriptor = _descriptor(item, "LUTDescriptor")
    if descriptor is None:
        return None
    count, first, bits = descriptor
    data = _little_endian(item, "LUTData")
    if data is not None:
        entries = _entries(data, count)
    else:
        entries = np.array(values_of(item, "LUTData"), np.int64)
    if entries is None or entries.size < count:
        return None
    entries = entries[:count].astype(np.int64) & 0xFFFF  # some write them as signed numbers
    # Some declare 8 bits and use 12 (or no depth at all); what is there is what is meant.
    used = int(entries.max()).bit_length()
    return Lut.of(first, max(bits if bits in _LUT_BITS else _LUT_BITS[0], used), entries)


def _descriptor(item: Dataset, name: str) -> tuple[int, int, int] | None:
    """(number of entries, first value, bits); 0 entries stands for 65536."""
    try:
        count, first, bits = (int(v) for v in values_of(item, name))
    except (TypeError, ValueError):
        return None
    count = count if count > 0 else count + 65536  # some write it as a signed number
    return (count, first, bits) if 0 < count <= 65536 else None


def _little_endian(ds: Dataset, name: str) -> bytes | None:
    """An element of bytes as Little Endian stores it; None where it has no bytes.

    pydicom gives words (OW) in the order of the file (PS3.5 7.3); bytes (OB) have none.
    """
    data = value_of(ds, name)
    if not isinstance(data, bytes):
        return None
    if ds.original_encoding[1] is not False or ds[name].VR != "OW":
        return data
    return np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes()


def _entries(data: bytes, count: int) -> npt.NDArray[np.integer] | None:
    """Entries of 16 or 8 bits, told apart by the length of the data."""
    if len(data) >= 2 * count:
        return np.frombuffer(data[: 2 * count], "<u2")
    return np.frombuffer(data[:count], np.uint8) if len(data) >= count else None


def palette(dataset: Dataset) -> Palette | None:
    """The colours of PALETTE COLOR (PS3.3 C.7.6.3.1.5, segmented: C.7.9.2)."""
    if text(dataset, "PhotometricInterpretation") != "PALETTE COLOR":
        return None
    first, channels = 0, []
    for channel in _CHANNELS:
        descriptor = _descriptor(dataset, f"{channel}PaletteColorLookupTableDescriptor")
        if descriptor is None:
            raise UnreadableSliceError("its palette makes no sense")
        count, first, bits = descriptor
        channels.append(_channel(dataset, channel, count, bits))
    length = max(len(c) for c in channels)
    # Tables shorter than declared end in their last colour.
    colours = np.stack([np.pad(c, (0, length - len(c)), mode="edge") for c in channels], axis=1)
    return Palette(first, np.ascontiguousarray(colours).tobytes())


def _channel(dataset: Dataset, channel: str, count: int, bits: int) -> npt.NDArray[np.uint8]:
    """One channel of a palette, brought to 8 bits."""
    data = _little_endian(dataset, f"{channel}PaletteColorLookupTableData")
    segmented = _little_endian(dataset, f"Segmented{channel}PaletteColorLookupTableData")
    entries: npt.NDArray[np.integer] | None = None
    if data is not None:
        entries = _entries(data, count)
    elif segmented is not None:
        entries = _expanded(segmented, count, bits)
    if entries is None or entries.size == 0:
        raise UnreadableSliceError("its palette makes no sense")
    if entries.dtype.itemsize == 1:
        return entries.astype(np.uint8)
    # Some write 8-bit colours into 16 bits without moving them to the upper byte.
    wide = bits > 8 or int(entries.max()) > 255
    return (entries >> 8 if wide else entries).astype(np.uint8)


def _expanded(data: bytes, count: int, bits: int) -> npt.NDArray[np.integer]:
    """A segmented table of `count` entries written out (PS3.3 C.7.9.2).

    Raises:
        UnreadableSliceError: a segment that makes no sense, or segments that turn for ever.
    """
    size = 1 if bits == 8 else 2
    words = np.frombuffer(data[: len(data) // size * size], f"<u{size}").astype(np.int64)
    entries: list[int] = []
    # Where to go on, and how many segments are to be read from there (None: all).
    todo: list[tuple[int, int | None]] = [(0, None)]
    steps = 0
    while todo and len(entries) < count:
        steps += 1
        at, left = todo.pop()
        if left == 0 or at + 1 >= len(words):
            continue
        kind, length = int(words[at]), int(words[at + 1])
        after = None if left is None else left - 1
        if kind == _DISCRETE:
            entries += words[at + 2 : at + 2 + length].tolist()
            todo.append((at + 2 + length, after))
        elif kind == _LINEAR and entries and at + 2 < len(words):
            entries += np.linspace(entries[-1], words[at + 2], length + 1)[1:].round().tolist()
            todo.append((at + 3, after))
        elif kind == _INDIRECT and entries and at + 1 + 4 // size < len(words):
            offset = int.from_bytes(
                words[at + 2 : at + 2 + 4 // size].astype(f"<u{size}").tobytes(), "little"
            )
            todo += [(at + 2 + 4 // size, after), (offset // size, length)]
        else:
            steps = _STEPS
        if steps >= _STEPS:
            raise UnreadableSliceError("its palette makes no sense")
    return np.array(entries[:count], np.int64)
