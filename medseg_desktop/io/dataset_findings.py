"""What is wrong or doubtful with the slices of a dataset, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from medseg_desktop.core.finding import LEAK, Finding, counted, named
from medseg_desktop.core.slice_facts import Size
from medseg_desktop.core.split import SET_NAMES
from medseg_desktop.io.dataset import Dataset, DatasetFile
from medseg_desktop.io.dataset_scan import Scan

#: Slices with less foreground are empty ends of a stack, and equal by nature.
LEAK_FOREGROUND = 0.10
_CONVERT = "Convert the annotations again."
_TRAINED = ("train", "val")


def same_instances(dataset: Dataset) -> Iterator[Finding]:
    """The same frame of the same DICOM file in two sets; needs the manifest only."""
    by_instance: dict[object, list[DatasetFile]] = {}
    for file in _files(dataset):
        if file.sop_uid:
            by_instance.setdefault((file.sop_uid, file.frame), []).append(file)
    yield from _leaks("The same DICOM slice stands in two sets", by_instance.values())


def same_pictures(dataset: Dataset, scan: Scan) -> Iterator[Finding]:
    """Slices with identical pixels in two sets that `same_instances` does not tell already."""
    by_picture: dict[object, list[DatasetFile]] = {}
    for file in _files(dataset):
        facts = scan.facts.get(file.name)
        if facts is not None and facts.foreground > LEAK_FOREGROUND:
            by_picture.setdefault(facts.picture, []).append(file)
    groups = [g for g in by_picture.values() if len({(f.sop_uid, f.frame) for f in g}) > 1]
    yield from _leaks("The same picture stands in two sets", groups)


def _leaks(what: str, groups: Iterable[list[DatasetFile]]) -> Iterator[Finding]:
    shared = [group for group in groups if len({file.set for file in group}) > 1]
    if not shared:
        return
    by_set = {file.set: file for file in reversed(shared[0])}
    first, second, *_ = (by_set[name] for name in SET_NAMES if name in by_set)
    more = f", and {len(shared) - 1} more like this" if len(shared) > 1 else ""
    yield Finding(
        f"{what}: {_title(first)} and {_title(second)}{more}.",
        "Put both patients into one set, or leave one of them out, and convert again; a model "
        "that knows what it is tested on looks better than it is.",
        LEAK,
    )


def _title(file: DatasetFile) -> str:
    return f"{file.name} of patient {file.patient_hash} ({file.set})"


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
