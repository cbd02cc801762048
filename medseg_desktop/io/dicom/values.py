"""Values of DICOM elements, taken out of headers that may be damaged.

Stored bytes are read directly where that is simple: pydicom's conversion of every value would
take half of the time of a scan, and of text it keeps only the result of its own decoding.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from medseg_desktop.io.dicom.text import decode_text, name_to_show, one_line

_DECIMAL = ("DS", "IS")
_BINARY = {"FD": "d", "FL": "f", "US": "H", "SS": "h", "UL": "I", "SL": "i"}
_TEXT = ("AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UT")
_CHARACTER_SET = Tag("SpecificCharacterSet")


def value_of(ds: Dataset, name: str | BaseTag) -> Any:
    """An element's value; None where it is absent or so damaged that pydicom gives up.

    A decimal comma in the echo time must not keep anybody from seeing the slice.
    """
    tag = _tag(name)
    try:
        return ds[tag].value if ds.get_item(tag) is not None else None
    except Exception:  # pydicom raises many types when it converts a damaged value
        return None


def numbers(ds: Dataset, name: str | BaseTag) -> tuple[float, ...]:
    """All values of an element as finite floats; empty where it is absent or one is no number."""
    element = _stored(ds, name)
    if element is None:
        return ()
    if isinstance(element, RawDataElement):
        vr, value = _vr(element), element.value or b""
        if vr in _DECIMAL:
            return _finite(value.rstrip(b" \0").split(b"\\"))
        if vr in _BINARY:
            order = "<" if element.is_little_endian or element.VR == "UN" else ">"
            count = len(value) // struct.calcsize(_BINARY[vr])
            return _finite(struct.unpack_from(f"{order}{count}{_BINARY[vr]}", value))
    value = value_of(ds, name)
    if value is None:
        return ()
    # Text that pydicom could not convert stays text, and its first character is no number.
    if hasattr(value, "__getitem__") and not isinstance(value, (str, bytes)):
        return _finite(value)
    return _finite((value,))


def first_number(ds: Dataset, name: str | BaseTag) -> float | None:
    """The first value of an element as a finite float, or None."""
    element = _stored(ds, name)
    if element is None:
        return None
    if isinstance(element, RawDataElement) and _vr(element) in _DECIMAL:
        found = _finite(((element.value or b"").rstrip(b" \0").split(b"\\", 1)[0],))
    else:
        found = numbers(ds, name)
    return found[0] if found else None


def integer(ds: Dataset, name: str) -> int | None:
    number = first_number(ds, name)
    return int(number) if number is not None else None


def text(ds: Dataset, name: str) -> str:
    """An element as one line of printable text; several values are joined by a slash."""
    return "/".join(filter(None, texts(ds, name)))


def texts(ds: Dataset, name: str) -> tuple[str, ...]:
    """All values of a text element, each as one printable line; empty where it is absent."""
    decoded = _decoded(ds, name)
    return tuple(one_line(part) for part in decoded.split("\\")) if decoded else ()


def person_name(ds: Dataset, name: str) -> str:
    """A person name as its bearer writes it; components are parted by `^`."""
    return name_to_show(_decoded(ds, name))


def vector(ds: Dataset | None, name: str, length: int) -> tuple[float, ...] | None:
    """A numeric element of exactly `length` finite values, or None."""
    found = numbers(ds, name) if ds is not None else ()
    if len(found) != length or not all(abs(v) < 1e7 for v in found):
        return None
    return found


def item_of(ds: Dataset, name: str, index: int) -> Dataset | None:
    sequence = value_of(ds, name)
    try:
        item: Dataset = sequence[index]
        return item
    except (TypeError, IndexError, KeyError):
        return None


def stored_bytes(ds: Dataset, name: str) -> bytes:
    """A value as it is stored, where nobody has asked for it yet; else empty."""
    element = _stored(ds, name)
    return element.value or b"" if isinstance(element, RawDataElement) else b""


def frame_item(ds: Dataset, frame: int, sequence: str) -> Dataset:
    """What describes one frame: its functional group of that name, else the shared one
    (PS3.3 C.7.6.16), else the file itself."""
    for name, index in (
        ("PerFrameFunctionalGroupsSequence", frame),
        ("SharedFunctionalGroupsSequence", 0),
    ):
        groups = item_of(ds, name, index)
        found = item_of(groups, sequence, 0) if groups is not None else None
        if found is not None:
            return found
    return ds


def values_of(ds: Dataset, name: str) -> list[Any]:
    """The values of an element of any multiplicity."""
    value = value_of(ds, name)
    if value is None or value == "":
        return []
    if hasattr(value, "__iter__") and not isinstance(value, (str, bytes)):
        return list(value)
    return [value]


def items_of(ds: Dataset, name: str) -> list[Dataset]:
    return [item for item in values_of(ds, name) if isinstance(item, Dataset)]


def private_numbers(
    ds: Dataset, creator: str, group: int, element: int, vr: str
) -> tuple[float, ...]:
    """Values of a private element (PS3.5 7.8.1) in the first block, where all scanners put it.

    Args:
        creator: how the block's private creator begins, in upper case.
        element: its last two digits.
        vr: read as, where the file does not say.
    """
    tag = Tag(group, 0x1000 | element)
    stored = ds.get_item(tag)
    if stored is None or not text_of(ds, Tag(group, 0x0010)).upper().startswith(creator):
        return ()
    if isinstance(stored, RawDataElement) and stored.VR in (None, "UN"):
        ds[tag] = stored._replace(VR=vr)
    return numbers(ds, tag)


def text_of(ds: Dataset, tag: BaseTag) -> str:
    """An element by its tag as one line; for elements that have no keyword."""
    element = ds.get_item(tag)
    value = element.value if element is not None else None
    return one_line(decode_text(value) if isinstance(value, bytes) else str(value or ""))


@cache
def _tag(name: str | BaseTag) -> BaseTag:
    return Tag(name)


@cache
def _dictionary_vr(tag: BaseTag) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def _vr(element: RawDataElement) -> str:
    vr = element.VR
    return vr if vr not in (None, "UN") else _dictionary_vr(element.tag)


def _stored(ds: Dataset, name: str | BaseTag) -> Any:
    """The element as it was read; None where it is absent or damaged."""
    try:
        return ds.get_item(_tag(name))
    except Exception:  # pydicom converts what it has not read yet, and raises many types then
        return None


def _finite(values: Sequence[Any]) -> tuple[float, ...]:
    """All as finite floats, or none at all."""
    try:
        found = tuple(map(float, values))
    except (TypeError, ValueError):
        return ()
    return found if all(abs(v) < float("inf") for v in found) else ()


def _decoded(ds: Dataset, name: str) -> str:
    """The text of an element with its delimiters."""
    element = _stored(ds, name)
    if element is None:
        return ""
    if isinstance(element, RawDataElement) and _vr(element) in _TEXT:
        return decode_text(element.value or b"", _character_sets(ds, element.value or b""))
    value = value_of(ds, name)
    if value is None:
        return ""
    several = not isinstance(value, (str, bytes)) and hasattr(value, "__iter__")
    if several and not hasattr(value, "original_string"):  # a person name has letters to iterate
        return "\\".join(map(str, value))
    return str(value)


def _character_sets(ds: Dataset, stored: bytes) -> tuple[str, ...]:
    if stored.isascii() and b"\x1b" not in stored:
        return ()
    declared = value_of(ds, _CHARACTER_SET)
    return (declared,) if isinstance(declared, str) else tuple(map(str, declared or ()))
