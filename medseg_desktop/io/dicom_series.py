"""Find the series of a folder: every file looked at by content, headers only.

The result names every file that was found and what became of it, so nothing is left out
silently.  Pixels are not read here (see `io.pixels`).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

import numpy as np

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import (
    AnnotationError,
    Cancelled,
    DataError,
    UnreadableSliceError,
    UsageError,
)
from medseg_desktop.core.volume import Patient, Series, Slice, slice_normal, stack_warnings
from medseg_desktop.io.annotation_files import AnnotationFile, FileShape, pair_annotations
from medseg_desktop.io.codecs import syntax_name
from medseg_desktop.io.dicom_header import (
    FramePlace,
    Header,
    NoDicomError,
    read_header,
)
from medseg_desktop.io.medlabelme import NoAnnotationError, read_annotation

PatientKey = Literal["id", "folder"]
#: Called with (files done, files in all); returning normally means "go on".
ScanProgress = Callable[[int, int], None]


class FileStatus(StrEnum):
    """What became of a file of the scanned folder."""

    SHOWN = "shown"
    WARNED = "warned"
    REFUSED = "refused"
    ANNOTATION = "annotation"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file: `path` relative to the scanned folder with `/`, and why it has its status."""

    path: str
    status: FileStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Everything found below one folder.

    Attributes:
        root: the scanned folder (of a single file: its folder).
        annotations: absolute DICOM path -> its annotation.
        notes: sentences about the whole folder.
    """

    root: Path
    series: tuple[Series, ...] = ()
    files: tuple[FileRow, ...] = ()
    annotations: dict[str, AnnotationFile] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def annotation(self, item: Slice) -> Annotation | None:
        """The annotation document of the file a slice lies in, or None."""
        found = self.annotations.get(item.path)
        return found.annotation if found else None

    def is_annotated(self, item: Slice) -> bool:
        """The slice has at least one shape."""
        document = self.annotation(item)
        return bool(document and document.shapes(item.frame))

    def is_reviewed(self, item: Slice) -> bool:
        """A person has looked at the slice, lesion or not."""
        document = self.annotation(item)
        return bool(document and document.is_reviewed(item.frame))

    @property
    def refused(self) -> tuple[FileRow, ...]:
        return tuple(f for f in self.files if f.status is FileStatus.REFUSED)

    @property
    def refused_annotations(self) -> tuple[FileRow, ...]:
        """Annotation files that cannot be used, which nobody should overlook."""
        return tuple(f for f in self.refused if f.path.lower().endswith(".json"))


def scan(
    source: Path,
    *,
    salt: bytes,
    patient_key: PatientKey = "id",
    progress: ScanProgress | None = None,
) -> ScanResult:
    """Look at every file below `source` (or at one file and its annotation).

    Args:
        salt: of the workspace, for the patient hashes.
        patient_key: `id` uses PatientID with issuer; `folder` the top-level folder, for data
            whose PatientIDs were all made equal.
        progress: may raise `Cancelled` to stop.

    Raises:
        UsageError: the path does not exist.
        DataError: it cannot be listed.
    """
    if not source.exists():
        raise UsageError(f"{source} does not exist.")
    root = source if source.is_dir() else source.parent
    root = Path(os.path.abspath(root))
    paths = list(_files_below(root)) if source.is_dir() else _file_and_annotation(root, source)
    headers, documents, rows = _look_at(paths, root, progress)
    shapes = {str(h.path): FileShape(len(h.places), h.rows, h.columns) for h in headers}
    paired, refused = pair_annotations(documents, shapes, root)
    for path in documents:
        reason = refused.get(path, "")
        status = FileStatus.REFUSED if reason else FileStatus.ANNOTATION
        rows.append(FileRow(_relative(path, root), status, reason))
    series, warned = _group(headers, root, salt, patient_key)
    for header in headers:
        reason = warned.get(str(header.path), "")
        status = FileStatus.WARNED if reason else FileStatus.SHOWN
        rows.append(FileRow(_relative(header.path, root), status, reason))
    return ScanResult(
        root=root,
        series=series,
        files=tuple(sorted(rows, key=lambda r: r.path)),
        annotations=paired,
        notes=_notes(headers, root, patient_key),
    )


def require_series(result: ScanResult) -> None:
    """Raise DataError, in one sentence, where a folder holds nothing to work with."""
    if result.series:
        return
    if not result.files:
        raise DataError(f"{result.root} is empty.", "Choose a folder with DICOM series.")
    refused = [f for f in result.refused if f not in result.refused_annotations]
    if refused:
        raise DataError(
            f"{result.root} holds no usable DICOM series; {refused[0].path}: {refused[0].reason}."
        )
    raise DataError(f"{result.root} holds no DICOM series.", "Choose another folder.")


def patient_hash(salt: bytes, key: str) -> str:
    """First 16 hex digits of HMAC-SHA256(salt, key)."""
    return hmac.new(salt, key.encode("utf-8"), hashlib.sha256).hexdigest()[:16]


def _files_below(root: Path) -> Iterator[Path]:
    """Every regular file below a folder in a stable order; links to folders are not followed."""

    def fail(error: OSError) -> None:
        if error.filename == str(root):
            raise DataError(f"{root} cannot be read: {error.strerror}.") from error

    for folder, subfolders, names in os.walk(root, onerror=fail):
        subfolders[:] = sorted(d for d in subfolders if not _is_own_partial(d))
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():
                yield path


def _is_own_partial(name: str) -> bool:
    return name.startswith(".") and name.endswith((".partial", ".old"))


def _file_and_annotation(root: Path, source: Path) -> list[Path]:
    beside = root / source.with_suffix(".json").name
    file = root / source.name
    return [file, beside] if beside.is_file() and beside != file else [file]


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _look_at(
    paths: list[Path], root: Path, progress: ScanProgress | None
) -> tuple[list[Header], dict[Path, Annotation], list[FileRow]]:
    headers: list[Header] = []
    documents: dict[Path, Annotation] = {}
    rows: list[FileRow] = []
    for i, path in enumerate(paths):
        if progress:
            progress(i, len(paths))
        try:
            if path.suffix.lower() == ".json":
                documents[path] = read_annotation(path)
            else:
                headers.append(read_header(path))
        except NoDicomError:
            rows.append(FileRow(_relative(path, root), FileStatus.IGNORED, "not DICOM"))
        except NoAnnotationError:
            rows.append(FileRow(_relative(path, root), FileStatus.IGNORED, "no annotation"))
        except (UnreadableSliceError, AnnotationError) as error:
            rows.append(FileRow(_relative(path, root), FileStatus.REFUSED, error.message))
    if progress:
        progress(len(paths), len(paths))
    return headers, documents, rows


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame on its way into a stack."""

    header: Header
    index: int
    place: FramePlace


def _group(
    headers: Iterable[Header], root: Path, salt: bytes, patient_key: PatientKey
) -> tuple[tuple[Series, ...], dict[str, str]]:
    """Series in a stable order, and warnings by file."""
    groups: dict[str, dict[tuple[object, ...], list[_Frame]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for header in headers:
        for i, place in enumerate(header.places):
            groups[_series_id(header)][_stack_key(header, place)].append(_Frame(header, i, place))
    series: list[Series] = []
    warned: dict[str, str] = {}
    for stacks in groups.values():
        for number, frames in enumerate(stacks.values()):
            stack = _series(frames, number, root, salt, patient_key)
            warned.update(_duplicates(stack, root))
            series.append(stack)
    series.sort(key=lambda s: (s.path, s.number or 0, s.uid, s.stack))
    return tuple(series), warned


def _series_id(header: Header) -> str:
    """Series UIDs are unique by the standard, but not in anonymised data: add the patient."""
    return "\n".join((header.patient_id, header.issuer, header.study_uid, header.series_uid))


def _stack_key(header: Header, place: FramePlace) -> tuple[object, ...]:
    """Frames of one series share a stack when they agree in orientation, size and echo."""
    orientation = tuple(round(v, 2) + 0.0 for v in place.orientation) if place.orientation else ()
    return (orientation, header.rows, header.columns, header.samples, header.echo)


def _series(
    frames: list[_Frame], number: int, root: Path, salt: bytes, patient_key: PatientKey
) -> Series:
    first = frames[0]
    orientation = first.place.orientation
    slices = tuple(_sorted_slices(frames, orientation))
    spacing = first.place.spacing_mm
    syntaxes = sorted({f.header.transfer_syntax for f in frames})
    return Series(
        uid=first.header.series_uid,
        stack=number,
        path=_common_path({f.header.path for f in frames}, root),
        patient=_patient(first.header, root, salt, patient_key),
        study_uid=first.header.study_uid,
        study_date=first.header.study_date,
        study_description=first.header.study_description,
        number=first.header.series_number,
        description=first.header.description,
        modality=first.header.modality,
        rows=first.header.rows,
        columns=first.header.columns,
        slices=slices,
        orientation=orientation,
        spacing_mm=spacing,
        transfer_syntaxes=tuple(syntax_name(s) for s in syntaxes),
        warnings=_warnings(frames, slices),
        acquisition=first.header.acquisition,
    )


def _sorted_slices(frames: list[_Frame], orientation: tuple[float, ...] | None) -> list[Slice]:
    """By position along the normal, then instance number and frame."""
    normal = slice_normal(orientation) if orientation else None
    slices = []
    for frame in frames:
        position = frame.place.position_mm
        located = position is not None and normal is not None
        slices.append(
            Slice(
                path=str(frame.header.path),
                frame=frame.index,
                frames=len(frame.header.places),
                sop_uid=frame.header.sop_uid,
                instance_number=frame.header.instance_number,
                position_mm=position,
                location_mm=float(np.dot(normal, position)) if located else None,  # type: ignore[arg-type]
            )
        )
    if all(s.location_mm is not None for s in slices):
        key = lambda s: (round(s.location_mm or 0.0, 3), s.instance_number, s.frame, s.path)  # noqa: E731
    else:
        key = lambda s: (0.0, s.instance_number, s.frame, s.path)  # noqa: E731
    return sorted(slices, key=key)


def _warnings(frames: list[_Frame], slices: tuple[Slice, ...]) -> tuple[str, ...]:
    warnings = list(stack_warnings(slices))
    if frames[0].header.samples > 1:
        warnings.append("Colour slices are shown, but not used for training.")
    return tuple(warnings)


def _duplicates(stack: Series, root: Path) -> dict[str, str]:
    """Files that carry the SOP Instance UID of another file of the stack."""
    seen: dict[tuple[str, int], str] = {}
    warned: dict[str, str] = {}
    for item in stack.slices:
        earlier = seen.setdefault((item.sop_uid, item.frame), item.path)
        if item.sop_uid and earlier != item.path:
            other = _relative(Path(earlier), root)
            warned[item.path] = f"it has the same SOP Instance UID as {other}"
    return warned


def _patient(header: Header, root: Path, salt: bytes, patient_key: PatientKey) -> Patient:
    if patient_key == "folder":
        key = f"folder:{_top_folder(header.path, root)}"
    elif header.patient_id:
        key = f"{header.patient_id}\n{header.issuer}" if header.issuer else header.patient_id
    else:
        key = header.study_uid or f"file:{header.path.name}"
    return Patient(key, patient_hash(salt, key), header.patient_id, header.patient_name)


def _top_folder(path: Path, root: Path) -> str:
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else ""


def _common_path(paths: set[Path], root: Path) -> str:
    """The single file, else the folder that holds all of them, relative to the root."""
    if len(paths) == 1:
        return _relative(next(iter(paths)), root)
    common = Path(os.path.commonpath([p.parent for p in paths]))
    return _relative(common, root)


def _notes(headers: list[Header], root: Path, patient_key: PatientKey) -> tuple[str, ...]:
    folders = {_top_folder(h.path, root) for h in headers}
    patients = {(h.patient_id, h.issuer) for h in headers if h.patient_id}
    studies = {h.study_uid for h in headers}
    if patient_key == "id" and len(patients) == 1 and len(folders) > 1 and len(studies) > 1:
        return (
            f"One PatientID covers {len(folders)} folders; if these are several patients, "
            "use the top-level folder as the patient (--patient-key folder).",
        )
    return ()


def cancel_when(stop: Callable[[], bool]) -> ScanProgress:
    """A progress callback that stops the scan as soon as `stop` returns True."""

    def check(_done: int, _total: int) -> None:
        if stop():
            raise Cancelled

    return check
