"""What is new in the annotations since a model was trained: a difference of what is outlined."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from medseg_desktop.core.split import SetName

#: SOP Instance UID and zero-based frame.
SliceId = tuple[str, int]
#: The set of patients that nobody can tell yet: the first conversion draws the split.
UNDRAWN = ""


class Basis(StrEnum):
    """What the annotations are compared with."""

    #: Every slice of the dataset that the model was trained on.
    DATASET = "dataset"
    #: The dataset is gone, so only new patients are known.
    PATIENTS = "patients"
    #: There is no model, or one whose patients have other hashes: everything is new.
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class OutlinedSlice:
    """A reviewed slice, as it is now or as it was converted.

    Attributes:
        patient: hash of the patient.
        outlines: fingerprint of each shape (see `core.shapes.fingerprint`), sorted; None where a
            dataset does not tell.
        pixels: class index -> pixels of the label map, the background left out; None where
            nobody has counted.
        shapes: how many there are; None where a dataset does not tell.
    """

    patient: str
    outlines: tuple[str, ...] | None
    pixels: Mapping[int, int] | None = None
    shapes: int | None = None

    @property
    def has_lesion(self) -> bool:
        return bool(self.outlines or self.pixels)

    def joined(self, other: OutlinedSlice) -> OutlinedSlice:
        """Two files with the same slice of the same patient, as one."""
        outlines = None
        if self.outlines is not None and other.outlines is not None:
            outlines = tuple(sorted(self.outlines + other.outlines))
        pixels = None
        if self.pixels is not None and other.pixels is not None:
            pixels = dict(Counter(self.pixels) + Counter(other.pixels))
        shapes = None
        if self.shapes is not None and other.shapes is not None:
            shapes = self.shapes + other.shapes
        return OutlinedSlice(self.patient, outlines, pixels, shapes)


@dataclass(frozen=True, slots=True)
class SetNews:
    """What is new of the patients of one set; shapes also of the new slices.

    Attributes:
        gone_slices: were converted, and are not reviewed or not there any more, of patients
            that are there.
    """

    patients: int = 0
    slices: int = 0
    corrected_slices: int = 0
    gone_slices: int = 0
    shapes: int = 0
    corrected_shapes: int = 0
    removed_shapes: int = 0

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self))

    def __add__(self, other: SetNews) -> SetNews:
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return SetNews(*(a + b for a, b in pairs))


@dataclass(frozen=True, slots=True)
class SetSize:
    """What is reviewed of one set now."""

    patients: int = 0
    slices: int = 0
    slices_with_lesion: int = 0


@dataclass(frozen=True, slots=True)
class TrainingNews:
    """The difference, by set ("train", "val", "test", "incoming", or `UNDRAWN`).

    Attributes:
        absent_patients: the model was trained, validated or tested on them, and the opened
            source has none of their slices.
    """

    basis: Basis = Basis.NOTHING
    sets: Mapping[str, SetNews] = field(default_factory=dict)
    sizes: Mapping[str, SetSize] = field(default_factory=dict)
    absent_patients: int = 0

    @property
    def total(self) -> SetNews:
        return sum(self.sets.values(), SetNews())

    @property
    def size(self) -> SetSize:
        """Of all sets together."""
        sizes = self.sizes.values()
        return SetSize(
            sum(s.patients for s in sizes),
            sum(s.slices for s in sizes),
            sum(s.slices_with_lesion for s in sizes),
        )

    def of(self, name: str) -> SetNews:
        return self.sets.get(name, SetNews())

    def size_of(self, name: str) -> SetSize:
        return self.sizes.get(name, SetSize())


def training_news(
    now: Mapping[SliceId, OutlinedSlice],
    before: Mapping[SliceId, OutlinedSlice] | None,
    sets: Mapping[str, SetName],
    *,
    known: Collection[str] | None = None,
    unlisted: str = UNDRAWN,
) -> TrainingNews:
    """Compare what is reviewed now with what a model was trained on.

    Args:
        before: the slices of its dataset; None where that is gone.
        sets: patient hash -> set in the split of the workspace.
        known: patients of the model where `before` is None; None where there is no model.
        unlisted: where patients go that the split does not have.
    """
    if before is not None:
        basis, known = Basis.DATASET, {s.patient for s in before.values()}
    elif known is not None:
        basis = Basis.PATIENTS
    else:
        basis, known = Basis.NOTHING, ()
    here = {s.patient for s in now.values()}
    news: dict[str, SetNews] = defaultdict(SetNews)
    for patient in here - set(known):
        news[sets.get(patient, unlisted)] += SetNews(patients=1)
    for key, item in now.items():
        name = sets.get(item.patient, unlisted)
        if before is not None and key in before:
            news[name] += _changed(item, before[key])
        elif basis is not Basis.PATIENTS or item.patient not in known:
            news[name] += SetNews(slices=1, shapes=item.shapes or 0)
    for key, item in (before or {}).items():
        if key not in now and item.patient in here:
            news[sets.get(item.patient, unlisted)] += SetNews(gone_slices=1)
    return TrainingNews(
        basis,
        {name: found for name, found in news.items() if found},
        _sizes(now.values(), sets, unlisted),
        absent_patients=len(set(known) - here),
    )


def _changed(now: OutlinedSlice, before: OutlinedSlice) -> SetNews:
    """What was corrected on a slice that was there before."""
    if now.outlines is not None and before.outlines is not None:
        new = (Counter(now.outlines) - Counter(before.outlines)).total()
        gone = (Counter(before.outlines) - Counter(now.outlines)).total()
    elif now.pixels == before.pixels:
        return SetNews()
    else:
        # Which shapes they were is not known, but one at least is another.
        more = (now.shapes or 0) - (before.shapes or 0)
        new, gone = max(more, 0), max(-more, 0)
        if not more:
            new = gone = 1
    if not new and not gone:
        return SetNews()
    corrected = min(new, gone)
    return SetNews(
        corrected_slices=1,
        shapes=new - corrected,
        corrected_shapes=corrected,
        removed_shapes=gone - corrected,
    )


def _sizes(
    now: Iterable[OutlinedSlice], sets: Mapping[str, SetName], unlisted: str
) -> dict[str, SetSize]:
    patients: dict[str, set[str]] = defaultdict(set)
    slices: Counter[str] = Counter()
    lesions: Counter[str] = Counter()
    for item in now:
        name = sets.get(item.patient, unlisted)
        patients[name].add(item.patient)
        slices[name] += 1
        lesions[name] += item.has_lesion
    return {name: SetSize(len(patients[name]), slices[name], lesions[name]) for name in slices}
