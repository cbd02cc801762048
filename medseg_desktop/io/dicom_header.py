"""What one file's header says, read without its pixels and without trusting it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError

from medseg_desktop.core.errors import UnreadableSliceError, describe_os_error
from medseg_desktop.core.volume import Acquisition, Vector
from medseg_desktop.io.dicom_guard import (
    NoDicomError,
    check_deflated,
    check_pixels_present,
    open_file,
    sniff,
)
from medseg_desktop.io.dicom_values import (
    first_number,
    from_groups,
    integer,
    item_of,
    text,
    vector,
)
from medseg_desktop.io.pixel_layout import pixel_layout
from medseg_desktop.io.quiet import quiet

_TAGS = [
    "SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate",
    "StudyDescription", "SeriesDescription", "ProtocolName", "Modality", "PatientName",
    "PatientID", "IssuerOfPatientID", "ScanningSequence", "SequenceName", "SliceThickness",
    "SpacingBetweenSlices", "RepetitionTime", "EchoTime", "InversionTime", "NumberOfAverages",
    "MagneticFieldStrength", "EchoNumbers", "StudyInstanceUID", "SeriesInstanceUID",
    "SeriesNumber", "InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient",
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns",
    "PixelSpacing", "ImagerPixelSpacing", "BitsAllocated", "BitsStored", "PixelRepresentation",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FramePlace:
    """Where one frame lies; values are None where the header has none."""

    position_mm: Vector | None
    orientation: tuple[float, ...] | None
    spacing_mm: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Header:
    """One image file.  `places` has one entry per frame."""

    path: Path
    sop_uid: str
    sop_class: str
    series_uid: str
    study_uid: str
    study_date: str
    study_description: str
    series_number: int | None
    description: str
    modality: str
    patient_id: str
    issuer: str
    patient_name: str
    instance_number: int
    rows: int
    columns: int
    samples: int
    echo: tuple[float | None, float | None]
    transfer_syntax: str
    places: tuple[FramePlace, ...]
    acquisition: Acquisition


def read_header(path: Path) -> Header:
    """Read one file's header.

    Raises:
        NoDicomError: not a DICOM file, nor one that claims to be by its name.
        UnreadableSliceError: a DICOM file that cannot be shown; the message is the reason.
    """
    try:
        size = path.stat().st_size
        with open_file(path) as file, quiet():
            sniff(path, file.read(132), size)
            check_deflated(file, size)
            file.seek(0)
            dataset = _read(file)
            check_pixels_present(dataset, file, size)
            return _header(path, dataset)
    except (UnreadableSliceError, NoDicomError):
        raise
    except OSError as error:
        raise UnreadableSliceError(_os_reason(error, path)) from error
    except Exception as error:  # values of damaged headers raise many types when converted
        raise UnreadableSliceError(f"its header is damaged{_because(error)}") from error


def _os_reason(error: OSError, path: Path) -> str:
    if error.errno is None:  # raised by pydicom, not by the operating system
        return f"the file is damaged{_because(error)}"
    return describe_os_error(error, path.name, "read").rstrip(".")


def _because(error: Exception) -> str:
    """What a library says about damage, in brackets: one line of bearable length."""
    said = " ".join(str(error).split())
    return f" ({said[:120]})" if said else ""


def _read(file: Any) -> FileDataset:
    try:
        return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS), force=True)
    except (InvalidDicomError, RecursionError, MemoryError) as error:
        raise UnreadableSliceError("the file is damaged") from error
    except OSError:
        raise
    except Exception as error:  # pydicom raises many types on damaged files
        raise UnreadableSliceError(f"the file is damaged{_because(error)}") from error


def _header(path: Path, ds: FileDataset) -> Header:
    layout = pixel_layout(ds)
    acquisition = _acquisition(ds)
    return Header(
        path=path,
        sop_uid=str(ds.get("SOPInstanceUID", "")),
        sop_class=str(ds.get("SOPClassUID", "")),
        series_uid=str(ds.get("SeriesInstanceUID", "")) or f"no-uid:{path.parent}",
        study_uid=str(ds.get("StudyInstanceUID", "")),
        study_date=text(ds, "StudyDate"),
        study_description=text(ds, "StudyDescription"),
        series_number=integer(ds, "SeriesNumber"),
        description=text(ds, "SeriesDescription") or text(ds, "ProtocolName"),
        modality=text(ds, "Modality"),
        patient_id=text(ds, "PatientID"),
        issuer=text(ds, "IssuerOfPatientID"),
        patient_name=text(ds, "PatientName"),
        instance_number=integer(ds, "InstanceNumber") or 0,
        rows=layout.rows,
        columns=layout.columns,
        samples=layout.samples,
        echo=(first_number(ds, "EchoNumbers"), acquisition.echo_time_ms),
        transfer_syntax=layout.transfer_syntax,
        places=_places(ds, layout.frames),
        acquisition=acquisition,
    )


def _places(ds: Dataset, frames: int) -> tuple[FramePlace, ...]:
    """Position, orientation and spacing of every frame (PS3.3 C.7.6.16 for enhanced files)."""
    orientation = vector(ds, "ImageOrientationPatient", 6)
    spacing = vector(ds, "PixelSpacing", 2) or vector(ds, "ImagerPixelSpacing", 2)
    if frames == 1 and "PerFrameFunctionalGroupsSequence" not in ds:
        position = vector(ds, "ImagePositionPatient", 3)
        return (_place(position, orientation, spacing),)
    shared = item_of(ds, "SharedFunctionalGroupsSequence", 0)
    places = []
    for i in range(frames):
        groups = [g for g in (item_of(ds, "PerFrameFunctionalGroupsSequence", i), shared) if g]
        places.append(
            _place(
                from_groups(groups, "PlanePositionSequence", "ImagePositionPatient", 3),
                from_groups(groups, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
                or orientation,
                from_groups(groups, "PixelMeasuresSequence", "PixelSpacing", 2) or spacing,
            )
        )
    if len({p.position_mm for p in places}) == 1:
        # One position for all frames tells nothing about where each of them lies.
        places = [FramePlace(None, p.orientation, p.spacing_mm) for p in places]
    return tuple(places)


def _place(
    position: tuple[float, ...] | None,
    orientation: tuple[float, ...] | None,
    spacing: tuple[float, ...] | None,
) -> FramePlace:
    usable = spacing is not None and all(s > 0 for s in spacing)
    return FramePlace(
        (position[0], position[1], position[2]) if position else None,
        orientation,
        (spacing[0], spacing[1]) if usable and spacing else None,
    )


def _acquisition(ds: Dataset) -> Acquisition:
    sequence = text(ds, "SequenceName") or text(ds, "ScanningSequence")
    return Acquisition(
        field_strength_t=first_number(ds, "MagneticFieldStrength"),
        repetition_time_ms=first_number(ds, "RepetitionTime"),
        echo_time_ms=first_number(ds, "EchoTime"),
        inversion_time_ms=first_number(ds, "InversionTime"),
        averages=first_number(ds, "NumberOfAverages"),
        slice_thickness_mm=first_number(ds, "SliceThickness"),
        sequence=sequence,
    )
