"""Image files -> series: whose they are, what is shown as one stack, and what to say about it."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from medseg_desktop.core.stack_geometry import stack_warnings, tilt_degrees
from medseg_desktop.core.volume import FOLDER_KEY, Patient, Series, Slice, slice_normal
from medseg_desktop.io.dicom.header import Header
from medseg_desktop.io.dicom.stack_split import Stack, StackFrame, split_series
from medseg_desktop.io.dicom.transfer_syntax import syntax_name

PatientKey = Literal["id", "folder"]
#: Modalities whose slices lie somewhere in the patient.
_SECTIONAL = ("CT", "MR", "PT")
#: How scanners and people name the series they plan the others on.
_LOCALIZER_NAME = re.compile(
    r"locali[sz]er|scout|topogra|surview|定位|^\W*loc(?![a-z])|(?<![a-z])loc\W*$|"
    r"(?<![a-z])(plan|plan ?scan|pilot|(3|three|tri)[ _-]?(plane|pl)s?)(?![a-z])",
    re.IGNORECASE,
)
#: No stack of a localizer that is known by its name is longer; by its three directions.
_LOCALIZER_SLICES = 30
_FEW_SLICES = 5
_COLOUR = ("Colour slices are shown, but not used for training.",)


def patient_hash(salt: bytes, key: str) -> str:
    """First 16 hex digits of HMAC-SHA256(salt, key)."""
    return hmac.new(salt, key.encode("utf-8"), hashlib.sha256).hexdigest()[:16]


def hashes_of_name(salt: bytes, name: str, issuers: Iterable[str] = ()) -> tuple[str, ...]:
    """The hashes that a patient may have whom a user calls `name`.

    Args:
        name: PatientID, StudyInstanceUID where there is none, or top-level folder.
        issuers: of PatientIDs, as far as they are known.
    """
    keys = (name, f"{FOLDER_KEY}{name}", *(f"{name}\n{issuer}" for issuer in issuers))
    return tuple(patient_hash(salt, key) for key in keys)


def relative_path(path: Path, root: Path) -> str:
    """With `/`, and always encodable: names that are no valid text get question marks."""
    return path.relative_to(root).as_posix().encode("utf-8", "replace").decode("utf-8")


def group_stacks(
    headers: Iterable[Header], root: Path, salt: bytes, patient_key: PatientKey
) -> tuple[tuple[Series, ...], dict[str, str]]:
    """Series in a stable order, localizers last in their study, and warnings by file."""
    files: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        files[_series_id(header, root, patient_key)].append(header)
    series: list[Series] = []
    warned: dict[str, str] = {}
    # Patients that share a series UID must not share a stack number: the two name a stack.
    numbers: dict[str, Iterator[int]] = defaultdict(itertools.count)
    for key in sorted(files):
        frames = [StackFrame(h, i, frame) for h in files[key] for i, frame in enumerate(h.frames)]
        stacks = split_series(frames)
        planning = _is_planning(stacks)
        seen: dict[tuple[str, int], str] = {}
        for stack in stacks:
            first = stack.frames[0].file
            localizer = planning or stack.frames[0].frame.is_localizer
            patient = _patient(first, root, salt, patient_key)
            number = next(numbers[first.series_uid])
            made = _series(stack, number, patient, root, localizer=localizer)
            originals = _originals(made.slices, seen)
            said = _warnings(stack, made, originals)
            if said:
                warned.update({item.path: said[0].rstrip(".") for item in made.slices})
            for item in made.slices:
                if item.path != (original := seen[_name(item)]):
                    other = relative_path(Path(original), root)
                    warned[item.path] = f"it has the same SOP Instance UID as {other}"
            colour = _COLOUR if first.samples > 1 else ()
            copied = _copies_sentence(len(made.slices) - len(originals), len(made.slices))
            series.append(replace(made, warnings=(*said, *copied, *colour)))
    return _in_order(series), warned


def _in_order(series: list[Series]) -> tuple[Series, ...]:
    """By path, studies together, in each of them the localizers last."""
    studies: dict[tuple[str, str], str] = {}
    for item in series:
        study = (item.patient.key, item.study_uid)
        studies[study] = min(item.path, studies.get(study, item.path))

    def place(s: Series) -> tuple[object, ...]:
        study = (s.patient.key, s.study_uid)
        return (studies[study], study, s.localizer, s.path, s.number or 0, s.uid, s.stack)

    return tuple(sorted(series, key=place))


def _series_id(header: Header, root: Path, patient_key: PatientKey) -> str:
    """Series UIDs are unique by the standard, but not in anonymised data: add the patient."""
    patient = _patient_key(header, root, patient_key)
    return "\n".join((patient, header.study_uid, header.series_uid))


def _series(stack: Stack, number: int, patient: Patient, root: Path, *, localizer: bool) -> Series:
    first = stack.frames[0]
    file = first.file
    syntaxes = sorted({f.file.transfer_syntax for f in stack.frames})
    return Series(
        uid=file.series_uid,
        stack=number,
        path=_common_path({f.file.path for f in stack.frames}, root),
        patient=patient,
        study_uid=file.study_uid,
        study_date=file.study_date,
        study_description=file.study_description,
        number=file.series_number,
        description=file.description,
        modality=file.modality,
        rows=file.rows,
        columns=file.columns,
        slices=_slices(stack),
        orientation=None if stack.rotating else first.frame.orientation,
        spacing_mm=first.frame.spacing_mm,
        aspect_ratio=first.frame.aspect_ratio,
        transfer_syntaxes=tuple(syntax_name(s) for s in syntaxes),
        acquisition=first.frame.acquisition,
        time_points=stack.grid.time_points if stack.grid else 1,
        time_labels=stack.grid.labels if stack.grid else (),
        frame_time_ms=file.frame_time_ms,
        localizer=localizer,
        lossy=any(f.file.lossy for f in stack.frames),
    )


def _slices(stack: Stack) -> tuple[Slice, ...]:
    return tuple(
        Slice(
            path=str(f.file.path),
            frame=f.index,
            frames=len(f.file.frames),
            sop_uid=f.file.sop_uid,
            instance_number=f.frame.moment.instance_number,
            position_mm=f.frame.position_mm,
            location_mm=mm,
        )
        for f, mm in zip(stack.frames, stack.locations_mm, strict=True)
    )


def _name(item: Slice) -> tuple[str, int]:
    """What copies of a slice have in common; without a UID nothing is a copy."""
    return (item.sop_uid or item.path, item.frame)


def _originals(slices: Iterable[Slice], seen: dict[tuple[str, int], str]) -> list[Slice]:
    """Slices that are the first of their name; `seen` remembers names and their files."""
    return [s for s in slices if seen.setdefault(_name(s), s.path) == s.path]


def _warnings(stack: Stack, series: Series, originals: list[Slice]) -> tuple[str, ...]:
    """Sentences about slices that are no plain stack of slices at even distances."""
    single = originals[: series.positions]
    over_time = len({s.path for s in single}) == 1 or stack.is_film
    warnings = [
        *_absent_frames_sentences(stack),
        *stack_warnings(single, over_time=over_time),
    ]
    tiles = stack.frames[0].file.mosaic
    if tiles is not None:
        of = f"{tiles} slices" if tiles else "several slices"
        warnings.append(
            f"Each slice of this series is a mosaic of {of}; it is shown as it was stored."
        )
    if stack.rotating:
        warnings.append(
            "Each slice has an orientation of its own; they are shown by instance number."
        )
    elif stack.orientations > 1 and not series.localizer:
        warnings.append(
            f"The series has slices of {stack.orientations} orientations; "
            "each is a stack of its own."
        )
    tilt = tilt_degrees(single, series.orientation)
    if tilt is not None:
        warnings.append(
            f"The slices are tilted by {tilt:.0f} degrees against their stack (gantry tilt)."
        )
    if _lacks_positions(single, series):
        warnings.append("The slices have no positions; they are sorted by instance number.")
    return (*warnings, *_incomplete_sentences(stack, series, originals))


def _absent_frames_sentences(stack: Stack) -> list[str]:
    """About a file whose header claims frames that cannot be there."""
    for file in (f.file for f in stack.frames):
        there = len(file.frames)
        if there < file.claimed_frames:
            no_more = "no more than 1 is" if there == 1 else f"no more than {there} are"
            return [f"The header claims {file.claimed_frames} frames, but {no_more} there."]
    return []


def _lacks_positions(slices: list[Slice], series: Series) -> bool:
    """Files of a sectional modality that say nothing of where they lie."""
    is_sectional = series.modality in _SECTIONAL and len({s.path for s in slices}) > 1
    return is_sectional and not any(s.position_mm for s in slices)


def _incomplete_sentences(stack: Stack, series: Series, originals: list[Slice]) -> list[str]:
    """About time points that lack slices, in the 4-D stack and in the list of what is left."""
    n = stack.grid.incomplete if stack.grid else 0
    if n:
        return [
            f"{n} of {series.time_points + n} time points {'lacks' if n == 1 else 'lack'} slices; "
            f"what there is of {'it' if n == 1 else 'them'} is a stack of its own."
        ]
    if stack.left_over and originals:
        return ["These slices belong to time points of the series that lack slices."]
    return []


def _copies_sentence(copied: int, n: int) -> tuple[str, ...]:
    if not copied:
        return ()
    is_copy = "is a copy of another" if copied == 1 else "are copies of others"
    which = f"{copied} of {n} slices"
    if copied == n:
        which = "The slice" if n == 1 else f"All {n} slices"
    return (f"{which} {is_copy} (same SOP Instance UID).",)


def _is_planning(stacks: list[Stack]) -> bool:
    """The whole series is a localizer by its name, or by a few original slices in three planes."""
    longest = max(len(s.frames) for s in stacks)
    frames = [s.frames[0] for s in stacks]
    if longest <= _LOCALIZER_SLICES and _LOCALIZER_NAME.search(frames[0].file.description):
        return True
    axes = {
        int(abs(slice_normal(f.frame.orientation)).argmax()) for f in frames if f.frame.orientation
    }
    original = all(f.frame.kind[0] in ("", "ORIGINAL") for f in frames)
    return original and len(axes) == 3 and longest <= _FEW_SLICES


def _patient(header: Header, root: Path, salt: bytes, patient_key: PatientKey) -> Patient:
    key = _patient_key(header, root, patient_key)
    return Patient(key, patient_hash(salt, key), header.patient_id, header.patient_name)


def _patient_key(header: Header, root: Path, patient_key: PatientKey) -> str:
    if patient_key == "folder":
        return f"{FOLDER_KEY}{top_folder(header.path, root)}"
    if header.patient_id:
        return f"{header.patient_id}\n{header.issuer}" if header.issuer else header.patient_id
    # Without any UID the folder is the best guess: one file may hold only one slice of a patient.
    return header.study_uid or f"{FOLDER_KEY}{relative_path(header.path.parent, root)}"


def top_folder(path: Path, root: Path) -> str:
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else ""


def _common_path(paths: set[Path], root: Path) -> str:
    """The single file, else the folder that holds all of them, relative to the root."""
    if len(paths) == 1:
        return relative_path(next(iter(paths)), root)
    common = Path(os.path.commonpath([p.parent for p in paths]))
    return relative_path(common, root)
