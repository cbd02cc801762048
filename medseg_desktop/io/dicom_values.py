"""Values of DICOM elements, taken out of headers that may be damaged."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset


def value_of(ds: Dataset, name: str) -> Any:
    """An element's value; None where it is absent or so damaged that pydicom gives up.

    A decimal comma in the echo time must not keep anybody from seeing the slice.
    """
    try:
        return ds.get(name)
    except Exception:  # pydicom raises many types when it converts a damaged value
        return None


def first_number(ds: Dataset, name: str) -> float | None:
    """The first value of an element as a finite float, or None."""
    value = value_of(ds, name)
    # Text that pydicom could not convert stays text, and its first character is no number.
    if hasattr(value, "__getitem__") and not isinstance(value, (str, bytes)):
        value = value[0] if value else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < float("inf") else None


def integer(ds: Dataset, name: str) -> int | None:
    number = first_number(ds, name)
    return int(number) if number is not None else None


def text(ds: Dataset, name: str) -> str:
    """An element as one line of text without control characters (escapes of ISO 2022 included)."""
    value = str(value_of(ds, name) or "")
    return "".join(c for c in value if c.isprintable()).strip()


def vector(ds: Dataset | None, name: str, length: int) -> tuple[float, ...] | None:
    """A numeric element of exactly `length` finite values, or None."""
    value = value_of(ds, name) if ds is not None else None
    try:
        numbers = tuple(float(v) for v in value)  # type: ignore[union-attr]
    except (TypeError, ValueError):
        return None
    if len(numbers) != length or not all(abs(v) < 1e7 for v in numbers):
        return None
    return numbers


def item_of(ds: Dataset, name: str, index: int) -> Dataset | None:
    sequence = value_of(ds, name)
    try:
        item: Dataset = sequence[index]
        return item
    except (TypeError, IndexError, KeyError):
        return None


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


def from_groups(
    groups: list[Dataset], sequence: str, name: str, length: int
) -> tuple[float, ...] | None:
    for group in groups:
        found = vector(item_of(group, sequence, 0), name, length)
        if found:
            return found
    return None


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
