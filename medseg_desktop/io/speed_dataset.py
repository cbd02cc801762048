"""A small generated dataset to measure and to check a training with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.phantom import phantom_volume
from medseg_desktop.core.preprocessing import PRESETS, denoise, scale_maximum
from medseg_desktop.core.split import SetName
from medseg_desktop.io.dataset import DatasetFile, Manifest, write_lists, write_manifest
from medseg_desktop.io.png import write_png

_PRESET = "reference"
_TABLE = LabelTable.from_names(["H"])
_SETS: tuple[SetName, ...] = ("train", "train", "val")
_SLICES = 12
#: How many slices the validation set has by default.
VAL_SLICES = _SLICES * _SETS.count("val")


def write_speed_dataset(folder: Path, *, slices: int = _SLICES, side: int = 320) -> Path:
    """Write a dataset of three phantoms of `slices` slices, `side` x `side`; its folder.

    Slices are larger than the network's usual input, so that resizing them is measured too.
    """
    for name in ("images", "masks1", "masks2"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    files: list[DatasetFile] = []
    for patient, set_name in enumerate(_SETS):
        volume = phantom_volume(0, patient, slices=slices, rows=side, columns=side)
        for k in range(slices):
            name = f"{len(files):05d}.png"
            label_map = volume.label_map[k]
            grey = denoise(scale_maximum(volume.stored[k]), PRESETS[_PRESET])
            write_png(folder / "images" / name, grey)
            write_png(folder / "masks1" / name, label_map * np.uint8(255))
            write_png(folder / "masks2" / name, label_map)
            counts = np.bincount(label_map.ravel(), minlength=len(_TABLE))
            files.append(
                DatasetFile(
                    name=name,
                    set=set_name,
                    patient_hash=f"{patient:016x}",
                    series_uid=f"2.25.{patient + 1}",
                    sop_uid=f"2.25.{patient + 1}.{k + 1}",
                    frame=0,
                    pixels_per_label={
                        label.name: int(counts[label.index])
                        for label in _TABLE.labels
                        if counts[label.index]
                    },
                )
            )
    write_lists(folder, tuple(files))
    manifest = Manifest(
        preset=_PRESET,
        preprocessing=PRESETS[_PRESET],
        labels=_TABLE.labels,
        salt_id="0" * 16,
        files=tuple(files),
    )
    write_manifest(folder, manifest)
    return folder
