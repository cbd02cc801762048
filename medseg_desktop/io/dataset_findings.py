"""What is wrong or doubtful with the slices of a dataset, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from medseg_desktop.core import leaks
from medseg_desktop.core.finding import Finding, counted, named
from medseg_desktop.core.slice_facts import Size
from medseg_desktop.core.split import SET_NAMES
from medseg_desktop.core.volume import NO_UID
from medseg_desktop.io.dataset import Dataset, DatasetFile
from medseg_desktop.io.dataset_scan import Scan

_CONVERT = "Convert the annotations again."
_TRAINED = ("train", "val")


def same_instances(dataset: Dataset) -> Iterator[Finding]:
    """The same series, or frame of a DICOM file, in two sets; needs the manifest only."""
    every = {(f.patient_hash, f.series_uid): f for f in _files(dataset)}
    yield from leaks.same_patients([_placed_series(f) for f in every.values()])
    yield from leaks.same_instances([_placed(f) for f in _files(dataset)])


def same_pictures(dataset: Dataset, scan: Scan) -> Iterator[Finding]:
    """Slices with identical pixels in two sets that `same_instances` does not tell already."""
    return leaks.same_pictures([_placed(f, scan) for f in _files(dataset)])


def near_duplicates(dataset: Dataset, scan: Scan) -> Iterator[Finding]:
    """Series of two patients in two sets, several slices of which are nearly the same."""
    return leaks.near_duplicates([_placed(f, scan) for f in _files(dataset)])


def _placed_series(file: DatasetFile) -> leaks.PlacedSeries:
    return leaks.PlacedSeries(
        title=_title(file),
        set=file.set,
        patient=file.patient_hash,
        uid="" if file.series_uid.startswith(NO_UID) else file.series_uid,
    )


def _placed(file: DatasetFile, scan: Scan | None = None) -> leaks.PlacedSlice:
    return leaks.PlacedSlice(
        title=_title(file),
        set=file.set,
        patient=file.patient_hash,
        series=(file.patient_hash, file.series_uid, file.place.stack if file.place else 0),
        series_title=f"that of {_title(file)}",
        instance=(file.sop_uid, file.frame) if file.sop_uid else None,
        facts=scan.facts.get(file.name) if scan else None,
    )


def _title(file: DatasetFile) -> str:
    return f"{file.name} of patient {file.patient_hash}"


def damaged(dataset: Dataset, scan: Scan, in_test: bool) -> Iterator[Finding]:
    """Slices that cannot be read, or whose label map has another size.

    Args:
        in_test: those of the test set, which no training reads, or those of the other sets.
    """
    files = [f for f in _files(dataset) if (f.set not in _TRAINED) is in_test]
    broken = [f.name for f in files if f.name in scan.broken]
    if broken:
        first = scan.broken[broken[0]]
        many = f"{len(broken)} slices cannot be used: {named(broken)}. The first: "
        yield Finding(f"{many if broken[1:] else ''}{first}", _CONVERT)
    facts = scan.facts
    unequal = [f.name for f in files if f.name in facts and _differ(scan, f)]
    if unequal:
        one = facts[unequal[0]]
        yield Finding(
            f"Slice and label map differ in size ({_size(one.size)} and {_size(one.label_size)}): "
            f"{named(unequal)}.",
            _CONVERT,
        )


def _differ(scan: Scan, file: DatasetFile) -> bool:
    facts = scan.facts[file.name]
    return facts.size != facts.label_size


def other_sizes(dataset: Dataset, scan: Scan, side: int) -> Iterator[Finding]:
    """Slices of the trained sets whose size is not the usual one."""
    sizes = {
        f.name: scan.facts[f.name].size
        for f in _files(dataset)
        if f.set in _TRAINED and f.name in scan.facts
    }
    if len(set(sizes.values())) < 2:
        return
    usual, _ = Counter(sizes.values()).most_common(1)[0]
    others = [name for name, size in sizes.items() if size != usual]
    are = "slice has another size" if len(others) == 1 else "slices have other sizes"
    yield Finding(
        f"{len(others)} {are} than the usual {_size(usual)}: {named(others)}, the first "
        f"{_size(sizes[others[0]])}.",
        f"All are resized to {side} x {side}, so lesions look larger or smaller there; leave them "
        "out if they are of another kind of series.",
    )


def emptied(dataset: Dataset) -> Iterator[Finding]:
    """Slices that were outlined, of which no pixel came into the label map."""
    names = [f.name for f in _files(dataset) if f.shapes and not f.lesion_pixels]
    if names:
        yield Finding(
            f"{counted(len(names), 'slice')} with outlines {_have(names)} an empty label map: "
            f"{named(names)}.",
            "Look whether the outlines lie outside the slice or enclose nothing, and convert "
            "again; the training takes these slices as free of lesions.",
        )


def overlapping(dataset: Dataset) -> Iterator[Finding]:
    """Shapes of different labels on the same pixels."""
    files = [f for f in _files(dataset) if f.overlap_pixels]
    if files:
        pixels = sum(f.overlap_pixels or 0 for f in files)
        yield Finding(
            f"Outlines of different labels share {counted(pixels, 'pixel')} on "
            f"{counted(len(files), 'slice')}: {named([f.name for f in files])}.",
            "The later outline counts there; separate them and convert again if that is wrong.",
        )


def changed(dataset: Dataset, scan: Scan) -> Iterator[Finding]:
    """Slices whose pixels are not those of the conversion any more."""
    names = [f.name for f in _files(dataset) if f.name in scan.changed]
    if names:
        yield Finding(
            f"{counted(len(names), 'slice')} {_have(names)} been changed since the conversion: "
            f"{named(names)}.",
            "Convert again, unless you changed them on purpose: the model will claim to be made "
            "from the converted ones.",
        )


def unknown(dataset: Dataset) -> Iterator[Finding]:
    """What the dataset does not tell, because an earlier version of the program made it."""
    files = list(_files(dataset))
    if len(dataset.manifest.table.foreground) > 1 and any(f.overlap_pixels is None for f in files):
        yield Finding(
            "This dataset does not tell whether outlines of different labels overlap.",
            "Convert again to know.",
        )
    if any(not f.digest for f in files):
        yield Finding(
            "This dataset does not tell whether slices have been changed since the conversion.",
            "Convert again to know.",
        )


def _files(dataset: Dataset) -> Iterator[DatasetFile]:
    return (file for name in SET_NAMES for file in dataset.files(name))


def _have(names: list[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _size(size: Size) -> str:
    return f"{size[1]} x {size[0]}"
