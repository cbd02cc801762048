"""Before a training: what is in the dataset, what forbids to train on it, what is doubtful.

Needs no Paddle, so that the window and `train --check` can ask before anything starts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import msgspec

from medseg_desktop.core.errors import DatasetError, ModelError
from medseg_desktop.core.estimate import disk_bytes, memory_bytes, training_seconds
from medseg_desktop.core.finding import LEAK, ROUGH_MEMORY, Finding
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.measurement import SMALLEST_BATCH, Measurement
from medseg_desktop.core.slice_facts import LesionNumbers, lesion_numbers
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.core.split import SET_NAMES, SetName
from medseg_desktop.io import dataset_findings
from medseg_desktop.io.child_command import physical_cores
from medseg_desktop.io.dataset import Dataset, DatasetFile
from medseg_desktop.io.dataset_scan import Scan
from medseg_desktop.io.memory import free_memory_bytes
from medseg_desktop.io.model_package import check_model_name
from medseg_desktop.io.preflight_resources import (
    data_bytes,
    disk_problem,
    disk_warning,
    free_disk_bytes,
    megabytes,
    memory_problem,
    memory_warning,
)
from medseg_desktop.io.preflight_start import StartModel, examined_start

ARCHITECTURES = ("bisenetv2", "unet", "pp_liteseg")
TRAINING_PRESETS = ("reference", "default")
DEVICES = ("auto", "cpu", "gpu")
SIZES = range(64, 1025, 32)
#: Fewer training patients than this give a model that knows little else.
FEW_PATIENTS = 5


class LabelShare(msgspec.Struct, frozen=True, kw_only=True):
    """How common a label is in a set: its share of all pixels and of all slices, 0..1."""

    pixels: float
    slices: float


class SetNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What one set of the split holds; `pixels` by label name, without the background.

    Attributes:
        shares: by label name; empty until the pixels were read, like `lesions`.
    """

    patients: int
    slices: int
    slices_with_lesion: int
    pixels: dict[str, int]
    shares: dict[str, LabelShare] = {}
    lesions: LesionNumbers | None = None


class Preflight(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: training may start when there are no problems.

    Attributes:
        problems: would waste the training; warnings: may spoil it; notes: what is not known.
        sets: by "train", "val", "test".
        trained_on: how many patients of "val" and "test" are in the training set too.
        start: the model that the training starts from; None for none with patients behind it.
        data_mb, memory_mb: estimated memory in megabytes of the slices alone and of all.
        free_mb: memory that is free now, or None where that cannot be told.
        disk_mb: what the run will write, in megabytes; disk_free_mb: None where unknown.
        estimate_s: rough duration of the training on the processor, in seconds.
        pixels_read: whether the pixels of the dataset were looked at as well.
        measured: what a few steps on the device told; then `memory_mb` and `estimate_s` are its.
    """

    problems: list[Finding]
    warnings: list[Finding]
    notes: list[Finding] = []
    sets: dict[SetName, SetNumbers]
    trained_on: dict[SetName, int]
    start: StartModel | None = None
    data_mb: int
    memory_mb: int
    free_mb: int | None
    disk_mb: int = 0
    disk_free_mb: int | None = None
    estimate_s: float = 0.0
    pixels_read: bool = False
    measured: Measurement | None = None

    @property
    def may_start(self) -> bool:
        return not self.problems

    @property
    def leaks(self) -> bool:
        """Something stands in two sets, or the training starts with what it is tested on."""
        found = (*self.problems, *self.warnings)
        return any(self.trained_on.values()) or any(f.kind == LEAK for f in found)

    def with_measurement(self, measured: Measurement) -> Preflight:
        """The same with what was measured in place of what was estimated."""
        return msgspec.structs.replace(
            self,
            measured=measured,
            memory_mb=measured.memory_mb,
            estimate_s=measured.total_s,
            problems=[*self.problems, *measured.problems()],
            warnings=[
                *(w for w in self.warnings if w.kind != ROUGH_MEMORY),
                *measured.warnings(),
            ],
        )

    def require(self) -> None:
        """Raise the first problem as DatasetError; do nothing when there is none."""
        if self.problems:
            raise DatasetError(self.problems[0].message, self.problems[0].cure)

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data


def check_training(dataset: Dataset, spec: TrainSpec, scan: Scan | None = None) -> Preflight:
    """Look at a dataset and the options of a training on it.

    Args:
        scan: what the pixels told; without it only the manifest and file headers are read.
    """
    sets = _sets(dataset, scan)
    start, start_problems, start_warnings, start_notes = examined_start(dataset, spec)
    slices = data_bytes(dataset, ("train", "val"))
    total = slices + memory_bytes(spec)
    free = free_memory_bytes()
    disk, disk_free = disk_bytes(spec), free_disk_bytes(Path(spec.run))
    return Preflight(
        problems=[
            *_option_problems(spec),
            *start_problems,
            *_data_problems(dataset, sets),
            *dataset_findings.same_instances(dataset),
            *(() if scan is None else dataset_findings.same_pictures(dataset, scan)),
            *(() if scan is None else dataset_findings.damaged(dataset, scan, in_test=False)),
            *memory_problem(slices, free),
            *disk_problem(disk, disk_free),
        ],
        warnings=[
            *start_warnings,
            *_data_warnings(dataset, sets, spec),
            *dataset_findings.emptied(dataset),
            *dataset_findings.overlapping(dataset),
            *(() if scan is None else _pixel_warnings(dataset, scan, spec)),
            *memory_warning(total, free),
            *disk_warning(disk, disk_free),
        ],
        notes=[*start_notes, *dataset_findings.unknown(dataset)],
        sets=sets,
        trained_on=_trained_on(dataset),
        start=start,
        data_mb=megabytes(slices),
        memory_mb=megabytes(total),
        free_mb=None if free is None else megabytes(free),
        disk_mb=megabytes(disk),
        disk_free_mb=None if disk_free is None else megabytes(disk_free),
        estimate_s=round(training_seconds(spec, physical_cores(), sets["val"].slices), 1),
        pixels_read=scan is not None,
    )


def _pixel_warnings(dataset: Dataset, scan: Scan, spec: TrainSpec) -> Iterator[Finding]:
    return chain(
        dataset_findings.near_duplicates(dataset, scan),
        dataset_findings.damaged(dataset, scan, in_test=True),
        dataset_findings.other_sizes(dataset, scan, spec.size),
        dataset_findings.changed(dataset, scan),
    )


def _trained_on(dataset: Dataset) -> dict[SetName, int]:
    """Patients of the other sets that stand in the training set as well; counted, not assumed."""
    trained = {file.patient_hash for file in dataset.files("train")}
    kept: tuple[SetName, ...] = ("val", "test")
    return {
        name: len(trained & {file.patient_hash for file in dataset.files(name)}) for name in kept
    }


def _sets(dataset: Dataset, scan: Scan | None) -> dict[SetName, SetNumbers]:
    """The numbers of each set; from the manifest, or from the pixels where they were read."""
    if scan is None:
        return {name: _count(dataset.files(name)) for name in SET_NAMES}
    volumes = [lesion.volume_ml for lesions in scan.lesions.values() for lesion in lesions]
    # One unit for all sets, or nobody could compare them.
    unit: Literal["ml", "pixels"] = "pixels" if not volumes or None in volumes else "ml"
    return {
        name: msgspec.structs.replace(
            _measure(dataset.files(name), scan, dataset.manifest.table),
            lesions=lesion_numbers(scan.lesions[name], unit),
        )
        for name in SET_NAMES
    }


def _count(files: tuple[DatasetFile, ...]) -> SetNumbers:
    pixels: Counter[str] = Counter()
    with_lesion = 0
    for file in files:
        found = file.lesion_pixels
        pixels.update(found)
        with_lesion += bool(found)
    return SetNumbers(
        patients=len({f.patient_hash for f in files}),
        slices=len(files),
        slices_with_lesion=with_lesion,
        pixels=dict(pixels),
    )


def _measure(files: tuple[DatasetFile, ...], scan: Scan, table: LabelTable) -> SetNumbers:
    facts = [scan.facts[f.name] for f in files if f.name in scan.facts]
    pixels: Counter[int] = Counter()
    slices: Counter[int] = Counter()
    for fact in facts:
        pixels.update(fact.pixels)
        slices.update(fact.pixels.keys())
    total = max(pixels.total(), 1)
    return SetNumbers(
        patients=len({f.patient_hash for f in files}),
        slices=len(files),
        slices_with_lesion=sum(any(fact.pixels.keys() - {0}) for fact in facts),
        pixels={x.name: pixels[x.index] for x in table.foreground if pixels[x.index]},
        shares={
            x.name: LabelShare(
                pixels=pixels[x.index] / total, slices=slices[x.index] / max(len(facts), 1)
            )
            for x in table.foreground
        },
    )


def _option_problems(spec: TrainSpec) -> Iterator[Finding]:
    for what, value, known in (
        ("network", spec.architecture, ARCHITECTURES),
        ("training preset", spec.preset, TRAINING_PRESETS),
        ("device", spec.device, DEVICES),
    ):
        if value not in known:
            yield Finding(f"There is no {what} called {value}.", f"Choose {_either(known)}.")
    if spec.size not in SIZES:
        yield Finding(
            f"The network cannot work at a size of {spec.size} pixels.",
            f"Choose a multiple of 32 from {SIZES.start} to {SIZES[-1]}.",
        )
    if spec.batch_size < SMALLEST_BATCH:
        yield Finding(
            f"A batch of {spec.batch_size} slices is too small to learn from.",
            f"Choose a batch size of {SMALLEST_BATCH} or more.",
        )
    try:
        check_model_name(spec.model_name)
    except ModelError as error:
        yield Finding(error.message, error.hint)
    if spec.iterations < 1:
        yield Finding("A training needs at least one iteration.", "Choose more iterations.")


def _either(names: tuple[str, ...]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]])


def _data_problems(dataset: Dataset, sets: dict[SetName, SetNumbers]) -> Iterator[Finding]:
    where = f"The dataset {dataset.folder.name}"
    if sum(s.patients for s in sets.values()) == 1:
        yield Finding(
            f"{where} has only one patient, but a training needs at least two patients, one to "
            "train on and one to validate on.",
            "Convert the slices of more patients.",
        )
        return
    if sets["train"].slices == 0:
        yield Finding(
            f"{where} has no slice to train on.",
            "Review more slices, or put patients into the training set, and convert again.",
        )
        return
    if not sets["train"].pixels:
        yield Finding(
            f"{where} has no lesion in its training set.",
            "Outline lesions in slices of training patients and convert again.",
        )


def _data_warnings(
    dataset: Dataset, sets: dict[SetName, SetNumbers], spec: TrainSpec
) -> Iterator[Finding]:
    train, val = sets["train"], sets["val"]
    if not val.slices:
        yield Finding(
            "There is no patient to validate on, so the last weights are kept, good or bad.",
            "Put at least one patient into the validation set.",
        )
    if val.slices and not val.pixels:
        yield Finding(
            "No validation patient has a lesion, so the best model is chosen by its loss.",
            "Put a patient with lesions into the validation set.",
        )
    if 0 < train.patients < FEW_PATIENTS:
        one = train.patients == 1
        few = "is only one patient" if one else f"are only {train.patients} patients"
        yield Finding(
            f"There {few} to train on.",
            "Expect poor results on new patients until there are more.",
        )
    for label in dataset.manifest.table.foreground:
        if train.pixels and not train.pixels.get(label.name):
            yield Finding(
                f"No training slice shows {label.name}, so the model cannot learn it.",
                f"Outline {label.name} in slices of training patients and convert again.",
            )
    if 0 < train.slices < spec.batch_size:
        yield Finding(
            f"There are fewer training slices ({train.slices}) than a batch holds "
            f"({spec.batch_size}), so slices repeat within it.",
            "Choose a smaller batch size or review more slices.",
        )
