"""Files of single slices that make stacks, and what a scan finds in them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medseg_desktop.core.time_axis import TimeAxis
from medseg_desktop.core.volume import Series
from medseg_desktop.io.dicom.header import read_header
from medseg_desktop.io.dicom.stack_split import StackFrame, split_series
from medseg_desktop.io.dicom_series import ScanResult, scan
from medseg_desktop.io.sources.source import open_source
from tests.builders import lesion_slice, uid, write_dicom

SLICE = lesion_slice((8, 8))
SAGITTAL = (0, 1, 0, 0, 0, -1)
CORONAL = (1, 0, 0, 0, 0, -1)


def look(path: Path) -> ScanResult:
    """A scan with a fixed salt."""
    return scan(open_source(path), salt=b"s")


def write_slices(folder: Path, *slices: Mapping[str, Any], **options: Any) -> None:
    """One file for each mapping: `z` is its height in mm, the rest are elements by keyword; files
    are named in random order."""
    names = list(range(len(slices)))
    random.Random(1).shuffle(names)
    for number, (name, elements) in enumerate(zip(names, slices, strict=True)):
        further = {k: v for k, v in elements.items() if k != "z"}
        write_dicom(
            folder / f"{name:03}.dcm",
            SLICE,
            number=further.pop("InstanceNumber", number + 1),
            sop_uid=uid(folder, number),
            position_mm=(0.0, 0.0, float(elements.get("z", 0))),
            elements=further,
            **options,
        )


def axis_of(series: Series) -> TimeAxis:
    """What differs between the time points of a 4-D stack that is all of its files."""
    headers = [read_header(Path(path)) for path in sorted({s.path for s in series.slices})]
    frames = [StackFrame(h, i, frame) for h in headers for i, frame in enumerate(h.frames)]
    (stack,) = split_series(frames)
    assert stack.grid is not None
    return stack.grid.axis


def heights(series: Series) -> list[float | None]:
    """Where the slices lie along the normal, in display order."""
    return [s.location_mm for s in series.slices]
