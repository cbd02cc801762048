"""What stands on two sides of a split: patients, slices and pictures.

A model that was trained on what it is tested on looks better than it is.  Patients that wait as
incoming stand on no side.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from medseg_desktop.core.finding import LEAK, Finding, counted, named
from medseg_desktop.core.perceptual_hash import near, packed
from medseg_desktop.core.slice_facts import SliceFacts
from medseg_desktop.core.split import SET_NAMES, SetName

#: Slices with less foreground are empty ends of a stack, and equal by nature.
LEAK_FOREGROUND = 0.10
#: Series with so many slices that are nearly the same are perhaps of one patient.
NEAR_SLICES = 3
_CURE = (
    "Put both patients into one set, or leave one of them out, and convert again; a model that "
    "knows what it is tested on looks better than it is."
)


@dataclass(frozen=True, slots=True)
class PlacedSeries:
    """A series with the side it stands on.

    Attributes:
        title: what sentences call it.
        patient: hash of the patient.
        uid, study_uid: "" where they are unknown.
        patient_id: the PatientID, where it is not what tells patients apart; else "".
    """

    title: str
    set: SetName
    patient: str
    uid: str = ""
    study_uid: str = ""
    patient_id: str = ""


@dataclass(frozen=True, slots=True)
class PlacedSlice:
    """A slice with the side it stands on.

    Attributes:
        title: what sentences call it.
        series: the same for all slices of one stack; `series_title` is what sentences call it.
        instance: SOP Instance UID and frame; None where there is no UID.
        facts: what its pixels tell; None where they were not read.
    """

    title: str
    set: SetName
    patient: str
    series: tuple[str, str, int]
    series_title: str
    instance: tuple[str, int] | None
    facts: SliceFacts | None = None


#: What tells a patient, and how many patients must have the same, all there are, until it tells
#: nothing because an anonymiser has written it.
_IDENTITIES: tuple[tuple[str, Callable[[PlacedSeries], str], int], ...] = (
    ("PatientID", lambda s: s.patient_id, 2),
    ("study", lambda s: s.study_uid, 3),
    ("series", lambda s: s.uid, 3),
)
_Placed = TypeVar("_Placed", PlacedSeries, PlacedSlice)


def same_patients(series: Sequence[PlacedSeries]) -> Iterator[Finding]:
    """One PatientID, study or series under two patients on two sides."""
    everybody = len({s.patient for s in series})
    for what, key, fewest in _IDENTITIES:
        told = [
            group
            for group in _groups(series, key)
            if everybody < fewest or len({s.patient for s in group}) < everybody
        ]
        found = list(_leaks(f"The same {what} stands in two sets", told))
        if found:
            yield from found
            return


def same_instances(slices: Sequence[PlacedSlice]) -> Iterator[Finding]:
    """The same frame of the same DICOM file on two sides."""
    groups = _groups(slices, lambda s: s.instance)
    yield from _leaks("The same DICOM slice stands in two sets", groups)


def same_pictures(slices: Sequence[PlacedSlice]) -> Iterator[Finding]:
    """Slices with identical pixels on two sides that `same_instances` does not tell already."""
    groups = _groups(slices, lambda s: s.facts.picture if s.facts and _shows(s.facts) else None)
    told = [group for group in groups if len({s.instance or s.title for s in group}) > 1]
    yield from _leaks("The same picture stands in two sets", told)


def near_duplicates(slices: Sequence[PlacedSlice]) -> Iterator[Finding]:
    """Series of two patients on two sides, several slices of which are nearly the same."""
    pairs = [f"{a} and {b} on {counted(n, 'slice')}" for a, b, n in _near_series(slices)]
    if pairs:
        yield Finding(
            f"Series of two sets look nearly the same: {named(pairs)}.",
            "Look whether they show one patient; if so, put both into one set and convert again.",
        )


def _shows(facts: SliceFacts) -> bool:
    """There is more on the slice than on an empty end of a stack."""
    return facts.foreground > LEAK_FOREGROUND


def _groups(items: Iterable[_Placed], key: Callable[[_Placed], Hashable]) -> list[list[_Placed]]:
    """Items on a side by a key; those whose key says nothing are left out."""
    groups: dict[Hashable, list[_Placed]] = {}
    for item in items:
        found = key(item)
        if found and item.set in SET_NAMES:
            groups.setdefault(found, []).append(item)
    return list(groups.values())


def _leaks(what: str, groups: Iterable[Sequence[_Placed]]) -> Iterator[Finding]:
    """One finding on all groups that stand on two sides; it names two of the first."""
    shared = [group for group in groups if len({item.set for item in group}) > 1]
    if not shared:
        return
    by_set = {item.set: item for item in reversed(shared[0])}
    first, second, *_ = (by_set[name] for name in SET_NAMES if name in by_set)
    more = f", and {len(shared) - 1} more like this" if len(shared) > 1 else ""
    yield Finding(f"{what}: {_side(first)} and {_side(second)}{more}.", _CURE, LEAK)


def _side(item: PlacedSeries | PlacedSlice) -> str:
    return f"{item.title} ({item.set})"


def _near_series(slices: Sequence[PlacedSlice]) -> Iterator[tuple[str, str, int]]:
    """Titles of two series on two sides, and how many slices of them are nearly the same.

    Each of both has so many with a counterpart in the other.  Identical pictures do not count;
    `same_pictures` tells those.
    """
    stacks = _groups(slices, lambda s: s.series if _hash(s) else None)
    if len(stacks) < 2:
        return
    hashes = [packed([_hash(s) for s in stack]) for stack in stacks]
    pictures = [np.array([hash(s.facts and s.facts.picture) for s in stack]) for stack in stacks]
    for i, stack in enumerate(stacks[:-1]):
        others = stacks[i + 1 :]
        alike = near(hashes[i], np.concatenate(hashes[i + 1 :]))
        alike &= pictures[i][:, None] != np.concatenate(pictures[i + 1 :])
        starts = np.cumsum([0, *(len(other) for other in others[:-1])])
        here = np.logical_or.reduceat(alike, starts, axis=1).sum(axis=0)
        there = np.add.reduceat(alike.any(axis=0), starts, dtype=np.intp)
        for other, number in zip(others, np.minimum(here, there).tolist(), strict=True):
            a, b = stack[0], other[0]
            if number >= NEAR_SLICES and a.set != b.set and a.patient != b.patient:
                yield _series_side(a), _series_side(b), number


def _hash(item: PlacedSlice) -> bytes:
    """The perceptual hash; empty where there is none, or where there is too little to see."""
    facts = item.facts
    return (facts.perceptual_hash or b"") if facts is not None and _shows(facts) else b""


def _series_side(item: PlacedSlice) -> str:
    return f"{item.series_title} ({item.set})"
