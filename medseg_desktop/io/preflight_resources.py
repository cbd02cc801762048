"""Before a training: whether memory and disk of this computer are enough for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from medseg_desktop.core.finding import ROUGH_MEMORY, Finding
from medseg_desktop.core.split import SetName
from medseg_desktop.io.dataset import Dataset

#: Where less than this many times the estimate is free, the disk may become full.
_DISK_MARGIN = 2


def memory_problem(data_bytes: int, free: int | None) -> Iterator[Finding]:
    """The slices alone do not fit into the free memory."""
    if free is not None and data_bytes > free:
        yield Finding(
            f"The slices need {megabytes(data_bytes)} MB of memory, but only "
            f"{megabytes(free)} MB are free.",
            "Close other programs or convert fewer patients.",
        )


def memory_warning(total_bytes: int, free: int | None) -> Iterator[Finding]:
    """The whole training may not fit."""
    if free is not None and total_bytes > free:
        yield Finding(
            f"The training may need {megabytes(total_bytes)} MB of memory, but only "
            f"{megabytes(free)} MB are free.",
            "Choose a smaller size or batch size, or close other programs.",
            ROUGH_MEMORY,
        )


def disk_problem(needed: int, free: int | None) -> Iterator[Finding]:
    """The run does not fit on its disk."""
    if free is not None and free < needed:
        yield Finding(
            f"The training will write about {megabytes(needed)} MB, but only "
            f"{megabytes(free)} MB of the disk are free.",
            "Make room on the disk, or choose another place for the run.",
        )


def disk_warning(needed: int, free: int | None) -> Iterator[Finding]:
    """The run may fill its disk."""
    if free is not None and needed <= free < _DISK_MARGIN * needed:
        yield Finding(
            f"The training will write about {megabytes(needed)} MB, and only "
            f"{megabytes(free)} MB of the disk are free.",
            "Make room on the disk.",
        )


def free_disk_bytes(folder: Path) -> int | None:
    """What is free where a folder is or will be; None where that cannot be told."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError:
            break
    return None


def data_bytes(dataset: Dataset, names: tuple[SetName, ...]) -> int:
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


def megabytes(n_bytes: int) -> int:
    """Rounded up."""
    return -(-n_bytes // 1_000_000)
