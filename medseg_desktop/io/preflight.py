"""Before a training: what is in the dataset, what forbids to train on it, what is doubtful.

Needs no Paddle, so that the window and `train --check` can ask before anything starts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from medseg_desktop.core.errors import DatasetError
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.core.split import SET_NAMES, SetName
from medseg_desktop.io.dataset import Dataset, DatasetFile
from medseg_desktop.io.memory import free_memory_bytes

ARCHITECTURES = ("bisenetv2", "unet", "pp_liteseg")
TRAINING_PRESETS = ("reference", "default")
DEVICES = ("auto", "cpu", "gpu")
SIZES = range(64, 1025, 32)
#: Batch normalisation has nothing to normalise over with one slice.
SMALLEST_BATCH = 2
#: Fewer training patients than this give a model that knows little else.
FEW_PATIENTS = 5

# Measured on a CPU: the process itself, and for each network a pixel of a training batch.
_BASE_BYTES = 650_000_000
_BYTES_PER_BATCH_PIXEL = {"bisenetv2": 1000, "unet": 7000, "pp_liteseg": 1000}


class Finding(msgspec.Struct, frozen=True):
    """One sentence on what is wrong or doubtful, and one on what to do about it."""

    message: str
    cure: str


class SetNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What one set of the split holds; `pixels` by label name, without the background."""

    patients: int
    slices: int
    slices_with_lesion: int
    pixels: dict[str, int]


class Preflight(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: training may start when there are no problems.

    Attributes:
        sets: by "train", "val", "test".
        trained_on: how many patients of "val" and "test" are in the training set too.
        data_mb, memory_mb: estimated memory in megabytes of the slices alone and of all.
        free_mb: memory that is free now, or None where that cannot be told.
    """

    problems: list[Finding]
    warnings: list[Finding]
    sets: dict[SetName, SetNumbers]
    trained_on: dict[SetName, int]
    data_mb: int
    memory_mb: int
    free_mb: int | None

    @property
    def may_start(self) -> bool:
        return not self.problems

    def require(self) -> None:
        """Raise the first problem as DatasetError; do nothing when there is none."""
        if self.problems:
            raise DatasetError(self.problems[0].message, self.problems[0].cure)

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data


def check_training(dataset: Dataset, spec: TrainSpec) -> Preflight:
    """Look at a dataset and the options of a training on it; reads sizes, no pixels."""
    sets = {name: _count(dataset.files(name)) for name in SET_NAMES}
    data_bytes = _data_bytes(dataset, ("train", "val"))
    per_pixel = _BYTES_PER_BATCH_PIXEL.get(spec.architecture, 0)
    network_bytes = _BASE_BYTES + per_pixel * spec.batch_size * spec.size**2
    free = free_memory_bytes()
    return Preflight(
        problems=[
            *_option_problems(spec),
            *_data_problems(dataset, sets),
            *_memory_problem(data_bytes, free),
        ],
        warnings=[
            *_data_warnings(dataset, sets, spec),
            *_memory_warning(data_bytes + network_bytes, free),
        ],
        sets=sets,
        trained_on=_trained_on(dataset),
        data_mb=_megabytes(data_bytes),
        memory_mb=_megabytes(data_bytes + network_bytes),
        free_mb=None if free is None else _megabytes(free),
    )


def _trained_on(dataset: Dataset) -> dict[SetName, int]:
    """Patients of the other sets that stand in the training set as well; counted, not assumed."""
    trained = {file.patient_hash for file in dataset.files("train")}
    kept: tuple[SetName, ...] = ("val", "test")
    return {
        name: len(trained & {file.patient_hash for file in dataset.files(name)}) for name in kept
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


def _memory_problem(data_bytes: int, free: int | None) -> Iterator[Finding]:
    if free is not None and data_bytes > free:
        yield Finding(
            f"The slices need {_megabytes(data_bytes)} MB of memory, but only "
            f"{_megabytes(free)} MB are free.",
            "Close other programs or convert fewer patients.",
        )


def _memory_warning(total_bytes: int, free: int | None) -> Iterator[Finding]:
    if free is not None and total_bytes > free:
        yield Finding(
            f"The training may need {_megabytes(total_bytes)} MB of memory, but only "
            f"{_megabytes(free)} MB are free.",
            "Choose a smaller size or batch size, or close other programs.",
        )


def _data_bytes(dataset: Dataset, names: tuple[SetName, ...]) -> int:
    """Slice and label map as one byte a pixel each; sizes are read from the PNG headers."""
    files = (file for name in names for file in dataset.files(name))
    return sum(2 * _pixels(dataset.folder / "images" / file.name) for file in files)


def _pixels(path: Path) -> int:
    """Rows times columns of a PNG; 0 where it cannot be read, which loading will report."""
    try:
        with path.open("rb") as file:
            header = file.read(24)
    except OSError:
        return 0
    # IHDR: width and height, big-endian (PNG specification, 11.2.2).
    return int.from_bytes(header[16:20], "big") * int.from_bytes(header[20:24], "big")


def _megabytes(n_bytes: int) -> int:
    return -(-n_bytes // 1_000_000)
