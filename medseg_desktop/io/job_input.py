"""What conversion, prediction and evaluation read: a scanned source and its reviewed slices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.display import PixelFormat
from medseg_desktop.core.errors import DataError, UnreadableSliceError
from medseg_desktop.core.volume import Slice
from medseg_desktop.io.dicom.stacks import PatientKey, relative_path
from medseg_desktop.io.dicom_series import ScanResult, scan
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.sources.source import open_source
from medseg_desktop.io.store.annotation_store import AnnotationStore
from medseg_desktop.io.workspace import Workspace


class Context(Protocol):
    """What a job needs of the process it runs in (see `jobs.worker.JobContext`)."""

    def progress(self, phase: str, done: int, total: int) -> None: ...
    def log(self, message: str) -> None: ...
    def check(self) -> None: ...


class UnusableSliceError(DataError):
    """A reviewed slice whose pixels cannot be used; the message names the file."""


@contextmanager
def scanned_source(
    source: str | list[str],
    salt: str,
    context: Context,
    patient_key: PatientKey = "id",
    workspace: str = "",
) -> Iterator[ScanResult]:
    """Open and scan what a job reads, with progress; `salt` in hexadecimal digits.

    Annotations that live in the workspace count, if one is given.  What was unpacked for the
    job is gone after the block.

    Raises:
        Cancelled: the job was asked to stop.
    """

    def progress(phase: str, done: int, total: int) -> None:
        context.check()
        context.progress(phase, done, total)

    store = AnnotationStore(Workspace(Path(workspace)).annotations) if workspace else None
    named = [source] if isinstance(source, str) else source
    with open_source([Path(path) for path in named], progress) as opened:
        yield scan(
            opened,
            salt=bytes.fromhex(salt),
            patient_key=patient_key,
            progress=partial(progress, "scan"),
            store=store,
        )


def check_annotations(found: ScanResult, skip_broken: bool) -> list[str]:
    """Stop at annotation files that cannot be used, or name them when they may be skipped.

    Of a file with some shapes that cannot be used only their slices are skipped; who reads
    reviewed slices takes those that `ScanResult.is_usable`.

    Returns:
        Sentences on these, and on what the workspace says otherwise.

    Raises:
        DataError: names the first such file and its problem.
    """
    broken = found.broken_annotations
    if not broken:
        return [*found.loaded.warnings]
    if skip_broken:
        left_out = [f"Left out: {row.sentence}." for row in found.refused_annotations]
        left_out += [f"Slices left out: {row.sentence}." for row in found.incomplete_annotations]
        return [*found.loaded.warnings, *left_out]
    more = f" ({len(broken) - 1} more files have problems)" if len(broken) > 1 else ""
    raise DataError(
        f"{broken[0].sentence}{more}.",
        "Mend the file, or leave such files and slices out with --skip-broken.",
    )


def read_reviewed(
    found: ScanResult, item: Slice, reader: FrameReader
) -> tuple[npt.NDArray[np.generic], PixelFormat]:
    """Stored values (rows, columns) of a reviewed slice.

    Raises:
        UnusableSliceError: it cannot be decoded, or is in colour.
    """
    name = relative_path(Path(item.path), found.root)
    try:
        stored, fmt = reader.read(item.path, item.frame)
    except UnreadableSliceError as error:
        raise UnusableSliceError(f"{name} is annotated but unreadable: {error.message}.") from error
    if stored.ndim != 2:
        raise UnusableSliceError(
            f"{name} is annotated but in colour; only grey slices can be used."
        )
    return stored, fmt
