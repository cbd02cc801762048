"""Image files -> stacks: which frames belong together, in which order, and whose they are."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from medseg_desktop.core.volume import Patient, Series, Slice, slice_normal, stack_warnings
from medseg_desktop.io.codecs import syntax_name
from medseg_desktop.io.dicom_header import FramePlace, Header

PatientKey = Literal["id", "folder"]
#: Cosine of the angle between normal and stack (2 degrees) up to which a stack is upright.
_UPRIGHT = 0.9994
_COLOUR = ("Colour slices are shown, but not used for training.",)


def patient_hash(salt: bytes, key: str) -> str:
    """First 16 hex digits of HMAC-SHA256(salt, key)."""
    return hmac.new(salt, key.encode("utf-8"), hashlib.sha256).hexdigest()[:16]


def relative_path(path: Path, root: Path) -> str:
    """With `/`, and always encodable: names that are no valid text get question marks."""
    return path.relative_to(root).as_posix().encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame on its way into a stack."""

    header: Header
    index: int
    place: FramePlace


def group_stacks(
    headers: Iterable[Header], root: Path, salt: bytes, patient_key: PatientKey
) -> tuple[tuple[Series, ...], dict[str, str]]:
    """Series in a stable order, and warnings by file."""
    groups: dict[str, dict[tuple[object, ...], list[_Frame]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for header in headers:
        for i, place in enumerate(header.places):
            frame = _Frame(header, i, place)
            groups[_series_id(header, root, patient_key)][_stack_key(header, place)].append(frame)
    series: list[Series] = []
    warned: dict[str, str] = {}
    # Patients that share a series UID must not share a stack number: the two name a stack.
    numbers: dict[str, Iterator[int]] = defaultdict(itertools.count)
    for stacks in groups.values():
        for frames in stacks.values():
            number = next(numbers[frames[0].header.series_uid])
            stack = _series(frames, number, root, salt, patient_key)
            geometry = _geometry_warnings(stack, _orientations(stacks))
            stack = replace(stack, warnings=(*geometry, *stack.warnings))
            if geometry:
                warned.update({item.path: geometry[0].rstrip(".") for item in stack.slices})
            warned.update(_duplicates(stack, root))
            series.append(stack)
    series.sort(key=lambda s: (s.path, s.number or 0, s.uid, s.stack))
    return tuple(series), warned


def _series_id(header: Header, root: Path, patient_key: PatientKey) -> str:
    """Series UIDs are unique by the standard, but not in anonymised data: add the patient."""
    patient = _patient_key(header, root, patient_key)
    return "\n".join((patient, header.study_uid, header.series_uid))


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
        warnings=_COLOUR if first.header.samples > 1 else (),
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


def _orientations(stacks: Iterable[tuple[object, ...]]) -> int:
    """How many directions the stacks of one series have (see `_stack_key`)."""
    return len({key[0] for key in stacks})


def _geometry_warnings(stack: Series, orientations: int) -> tuple[str, ...]:
    """Sentences about slices that do not lie one behind the other at even distances."""
    warnings = list(stack_warnings(stack.slices))
    if orientations > 1:
        warnings.append(
            f"The series has slices of {orientations} orientations; each is a stack of its own."
        )
    if _is_tilted(stack):
        warnings.append("The slices are tilted against their stack (gantry tilt).")
    return tuple(warnings)


def _is_tilted(stack: Series) -> bool:
    """Neighbouring slices are shifted in plane, so the stack is no upright block."""
    positions = [s.position_mm for s in stack.slices if s.position_mm is not None]
    if stack.orientation is None or len(positions) < 2:
        return False
    way = np.subtract(positions[-1], positions[0])
    along = float(abs(np.dot(slice_normal(stack.orientation), way)))
    return along > 1e-3 and along < _UPRIGHT * float(np.linalg.norm(way))


def _duplicates(stack: Series, root: Path) -> dict[str, str]:
    """Files that carry the SOP Instance UID of another file of the stack."""
    seen: dict[tuple[str, int], str] = {}
    warned: dict[str, str] = {}
    for item in stack.slices:
        earlier = seen.setdefault((item.sop_uid, item.frame), item.path)
        if item.sop_uid and earlier != item.path:
            other = relative_path(Path(earlier), root)
            warned[item.path] = f"it has the same SOP Instance UID as {other}"
    return warned


def _patient(header: Header, root: Path, salt: bytes, patient_key: PatientKey) -> Patient:
    key = _patient_key(header, root, patient_key)
    return Patient(key, patient_hash(salt, key), header.patient_id, header.patient_name)


def _patient_key(header: Header, root: Path, patient_key: PatientKey) -> str:
    if patient_key == "folder":
        return f"folder:{top_folder(header.path, root)}"
    if header.patient_id:
        return f"{header.patient_id}\n{header.issuer}" if header.issuer else header.patient_id
    # Without any UID the folder is the best guess: one file may hold only one slice of a patient.
    return header.study_uid or f"folder:{relative_path(header.path.parent, root)}"


def top_folder(path: Path, root: Path) -> str:
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else ""


def _common_path(paths: set[Path], root: Path) -> str:
    """The single file, else the folder that holds all of them, relative to the root."""
    if len(paths) == 1:
        return relative_path(next(iter(paths)), root)
    common = Path(os.path.commonpath([p.parent for p in paths]))
    return relative_path(common, root)
