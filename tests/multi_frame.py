"""Enhanced files (PS3.3 A.36) made on the fly: one item of functional groups per frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from tests.builders import write_dicom

Groups = Mapping[str, Mapping[str, object]]


def write_enhanced(
    path: Path,
    frames: Sequence[Groups],
    *,
    shared: Groups | None = None,
    elements: Mapping[str, object] | None = None,
    size: tuple[int, int] = (4, 4),
) -> Path:
    """Write an enhanced MR file and return its path.

    Args:
        frames: for each frame the functional groups: sequence -> elements of its one item; a
            mapping as value is a nested sequence.
        shared: groups of all frames; by default a transverse orientation and 1 mm pixels.
        elements: of the file itself.
    """
    if shared is None:
        shared = {
            "PlaneOrientationSequence": {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
            "PixelMeasuresSequence": {"PixelSpacing": [1, 1], "SliceThickness": 3},
        }
    pixels = np.zeros((len(frames), *size), np.uint16)
    return write_dicom(
        path,
        pixels,
        position_mm=None,
        orientation=None,
        spacing_mm=None,
        thickness_mm=None,
        elements={
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.1",
            "NumberOfFrames": len(frames),
            "SharedFunctionalGroupsSequence": [_item(shared)],
            "PerFrameFunctionalGroupsSequence": [_item(groups) for groups in frames],
            **(elements or {}),
        },
    )


def at(z_mm: float, **content: object) -> dict[str, Mapping[str, object]]:
    """The groups of a frame at a height, with what its Frame Content Sequence says."""
    return {
        "PlanePositionSequence": {"ImagePositionPatient": [0, 0, z_mm]},
        "FrameContentSequence": {"StackID": "1", **content},
    }


def _item(groups: Groups) -> Dataset:
    item = Dataset()
    for name, value in groups.items():
        if isinstance(value, Mapping):
            setattr(item, name, [_item(value)])  # type: ignore[arg-type]
        else:
            setattr(item, name, value)
    return item
