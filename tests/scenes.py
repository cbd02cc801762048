"""Studies of rectangles whose brightness decides which model sees them, counted by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medseg_desktop.core.split import SetName
from medseg_desktop.io.dicom.stacks import patient_hash
from medseg_desktop.io.workspace import salt_id
from tests.builders import (
    annotation_json,
    model_info,
    shape_json,
    uid,
    write_dicom,
    write_json,
    write_model_package,
)

SALT = b"\1" * 32
SIZE = (32, 40)
#: Of the brightest pixel of every slice, so that models see the grey values as they are.
TOP = 255


@dataclass(frozen=True)
class Box:
    """A rectangle on one slice; `label` "" is not annotated."""

    row: int
    column: int
    height: int
    width: int
    grey: int
    label: str = "H"

    @property
    def outline(self) -> list[list[float]]:
        """Fills to exactly its pixels."""
        left, top = self.column + 0.5, self.row + 0.5
        right, bottom = left + self.width - 1, top + self.height - 1
        return [[left, top], [right, top], [right, bottom], [left, bottom]]


def write_scene(folder: Path, patients: Mapping[str, Sequence[Sequence[Box]]]) -> Path:
    """Patient -> the boxes of each slice (1 x 1 x 5 mm voxels); all slices are reviewed.

    One pixel in the corner (0, 39) is the brightest of each slice, and every model sees it.
    """
    for patient, slices in patients.items():
        for i, boxes in enumerate(slices):
            pixels = np.zeros(SIZE, np.uint8)
            for box in boxes:
                pixels[box.row :, box.column :][: box.height, : box.width] = box.grey
            pixels[0, 39] = TOP
            shapes = [shape_json(box.outline, box.label) for box in boxes if box.label]
            name = f"IM{i:04d}"
            write_dicom(
                folder / patient / f"{name}.dcm",
                pixels,
                patient=patient,
                number=i,
                position_mm=(0.0, 0.0, 5.0 * i),
                sop_uid=uid(patient, i),
            )
            write_json(
                folder / patient / f"{name}.json", annotation_json(f"{name}.dcm", {0: shapes}, SIZE)
            )
    return folder


def write_threshold(
    folder: Path,
    cut: float,
    sets: Mapping[str, SetName] | None = None,
    *,
    labels: Sequence[str] = ("H",),
    cuts: Sequence[float] | None = None,
    salt: bytes = SALT,
) -> Path:
    """A model of the name of its folder that sees what is brighter than `cut` (0..255).

    Args:
        sets: of the patients, as its own split.
    """
    split = {patient_hash(salt, patient): name for patient, name in (sets or {}).items()}
    info = model_info(SIZE, labels, name=folder.name, split=split, salt_id=salt_id(salt))
    return write_model_package(folder, info, thresholds=cuts or (cut,))
