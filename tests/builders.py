"""Small test data made on the fly."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.core.split import SET_NAMES, SetName
from medseg_desktop.io.dataset import (
    DatasetFile,
    Manifest,
    write_lists,
    write_manifest,
)
from medseg_desktop.io.png import write_png

Grey = npt.NDArray[np.uint8]


def write_dataset(
    folder: Path,
    patients: Mapping[SetName, int] | None = None,
    *,
    slices: int = 4,
    size: tuple[int, int] = (64, 64),
    labels: Sequence[str] = ("H",),
    without_lesion: Sequence[SetName] = (),
    seed: int = 0,
) -> Path:
    """Write a dataset folder: bright discs (lesions) on dark noise, and return it.

    Args:
        patients: number of patients by set; default two in training and one in validation.
            Patient k of a set is `patient_hash(set, k)`.
        slices: slices of each patient; the last one of more than two shows no lesion.
        size: rows and columns of a slice.
        labels: label names; each slice with lesions shows one disc of every label, the first
            label's brightest.
        without_lesion: sets whose patients have no lesion at all.
    """
    patients = {"train": 2, "val": 1} if patients is None else patients
    table = LabelTable.from_names(labels)
    rng = np.random.default_rng(seed)
    for name in ("images", "masks1", "masks2"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    files: list[DatasetFile] = []
    for set_name in SET_NAMES:
        for k in range(patients.get(set_name, 0)):
            for frame in range(slices):
                is_empty = set_name in without_lesion or (slices > 2 and frame == slices - 1)
                grey, label_map = draw_slice(size, 0 if is_empty else len(labels), rng)
                name = f"{len(files):05d}.png"
                write_png(folder / "images" / name, grey)
                write_png(folder / "masks1" / name, (label_map > 0).astype(np.uint8) * 255)
                write_png(folder / "masks2" / name, label_map)
                files.append(_entry(name, set_name, k, frame, label_map, table))
    write_lists(folder, tuple(files))
    write_manifest(
        folder,
        Manifest(
            preset="reference",
            preprocessing=Preprocessing(),
            labels=table.labels,
            salt_id="0" * 16,
            files=tuple(files),
        ),
    )
    return folder


def patient_hash(set_name: SetName, k: int) -> str:
    """The hash of patient k of a set in `write_dataset`: 16 hex digits."""
    return hashlib.sha256(f"{set_name}-{k}".encode()).hexdigest()[:16]


def draw_slice(
    size: tuple[int, int], n_discs: int, rng: np.random.Generator
) -> tuple[Grey, Grey]:
    """A slice and its label map (rows, columns): disc i has class i + 1 and its own brightness."""
    rows, columns = size
    grey = rng.normal(60, 8, size)
    label_map = np.zeros(size, np.uint8)
    y, x = np.mgrid[:rows, :columns]
    radius = min(size) / (5 if n_discs < 2 else 8)
    for i in range(n_discs):
        # Discs lie in columns of their own, so that none hides another.
        low, high = columns * i / n_discs, columns * (i + 1) / n_discs
        centre_x = rng.uniform(low + radius, high - radius)
        centre_y = rng.uniform(radius, rows - radius)
        disc = (x - centre_x) ** 2 + (y - centre_y) ** 2 <= radius**2
        grey[disc] += 150 - 60 * i
        label_map[disc] = i + 1
    return np.clip(grey, 0, 255).astype(np.uint8), label_map


def _entry(
    name: str, set_name: SetName, k: int, frame: int, label_map: Grey, table: LabelTable
) -> DatasetFile:
    counts = {x.name: int((label_map == x.index).sum()) for x in table.foreground}
    return DatasetFile(
        name=name,
        set=set_name,
        patient_hash=patient_hash(set_name, k),
        series_uid=f"1.2.{SET_NAMES.index(set_name)}.{k}",
        sop_uid=f"1.2.{SET_NAMES.index(set_name)}.{k}.{frame}",
        frame=0,
        pixels_per_label={n: c for n, c in counts.items() if c},
    )
