"""What one file's header says, read without its pixels and without trusting it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.tag import Tag

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.core.volume import NO_UID
from medseg_desktop.io.dicom.elements import read_elements
from medseg_desktop.io.dicom.facts import PRIVATE_TAGS, TAGS
from medseg_desktop.io.dicom.frames import FrameHeader, frame_headers
from medseg_desktop.io.dicom.guard import (
    NoDicomError,
    check_pixels_present,
    damaged,
    open_file,
    sniff,
    stamp_of,
)
from medseg_desktop.io.dicom.pixel_format import TAGS as FORMAT_TAGS
from medseg_desktop.io.dicom.pixel_layout import PixelLayout
from medseg_desktop.io.dicom.plain_pixels import PlainFile, plain_file
from medseg_desktop.io.dicom.quiet import quiet
from medseg_desktop.io.dicom.transfer_syntax import is_lossy
from medseg_desktop.io.dicom.values import (
    first_number,
    integer,
    numbers,
    person_name,
    private_numbers,
    text,
    texts,
)

_NAMES = (
    "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyDate", "StudyDescription",
    "SeriesDescription", "ProtocolName", "Modality", "PatientName", "PatientID",
    "IssuerOfPatientID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber",
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "PixelRepresentation", "FrameTime", "FrameTimeVector",
    "RecommendedDisplayFrameRate", "CineRate", "LossyImageCompression", 0x0019100A, *TAGS,
    *PRIVATE_TAGS, *FORMAT_TAGS,
)  # fmt: skip
_TAGS = [Tag(name) for name in _NAMES]


@dataclass(frozen=True, slots=True)
class Header:
    """One image file.

    Attributes:
        frames: one entry for each frame that there can be.
        claimed_frames: how many the header claims, which may be more.
        frame_time_ms: how long a frame of a film lasts, or None.
        lossy: the values were changed by compression, now or before (PS3.3 C.7.6.1.1.5).
        plain: how to read the pixels without this header; None where it is needed.
        mosaic: how many slices are tiles of one frame (0: nobody knows), or None.
    """

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
    rows: int
    columns: int
    samples: int
    transfer_syntax: str
    frames: tuple[FrameHeader, ...]
    claimed_frames: int
    frame_time_ms: float | None
    mosaic: int | None
    lossy: bool
    plain: PlainFile | None


def read_header(path: Path) -> Header:
    """Read one file's header.

    Raises:
        NoDicomError: not a DICOM file, nor one that claims to be by its name.
        UnreadableSliceError: a DICOM file that cannot be shown; the message is the reason.
    """
    try:
        with open_file(path) as file, quiet():
            stamp = stamp_of(file)
            size = stamp[0]
            sniff(path, file.read(132), size)
            dataset = _read(file, path)
            layout, element, frames = check_pixels_present(dataset, file, size)
            plain = plain_file(dataset, layout, element, stamp) if element else None
            return _header(path, dataset, layout, frames, plain)
    except (UnreadableSliceError, NoDicomError):
        raise
    except Exception as error:  # values of damaged headers raise many types when converted
        raise damaged(error, path, "its header") from error


def _read(file: BinaryIO, path: Path) -> FileDataset:
    try:
        return read_elements(file, _TAGS)
    except UnreadableSliceError:
        raise
    except (InvalidDicomError, RecursionError, MemoryError) as error:
        raise UnreadableSliceError("the file is damaged") from error
    except Exception as error:
        raise damaged(error, path) from error


def _header(
    path: Path, ds: FileDataset, layout: PixelLayout, frames: int, plain: PlainFile | None
) -> Header:
    return Header(
        path=path,
        sop_uid=text(ds, "SOPInstanceUID"),
        sop_class=text(ds, "SOPClassUID"),
        series_uid=text(ds, "SeriesInstanceUID") or f"{NO_UID}{path.parent}",
        study_uid=text(ds, "StudyInstanceUID"),
        study_date=text(ds, "StudyDate"),
        study_description=text(ds, "StudyDescription"),
        series_number=integer(ds, "SeriesNumber"),
        description=text(ds, "SeriesDescription") or text(ds, "ProtocolName"),
        modality=text(ds, "Modality"),
        patient_id=text(ds, "PatientID"),
        issuer=text(ds, "IssuerOfPatientID"),
        patient_name=person_name(ds, "PatientName"),
        rows=layout.rows,
        columns=layout.columns,
        samples=layout.samples,
        transfer_syntax=layout.transfer_syntax,
        frames=frame_headers(ds, layout.frames, frames),
        claimed_frames=layout.frames,
        frame_time_ms=_frame_time_ms(ds) if layout.frames > 1 else None,
        mosaic=_mosaic(ds),
        lossy=text(ds, "LossyImageCompression") == "01" or is_lossy(layout.transfer_syntax),
        plain=plain,
    )


def _frame_time_ms(ds: Dataset) -> float | None:
    """Of a film: Frame Time, the mean of Frame Time Vector, or a frame rate (PS3.3 C.7.6.5)."""
    frame_time = first_number(ds, "FrameTime")
    if frame_time and frame_time > 0:
        return frame_time
    steps = numbers(ds, "FrameTimeVector")[1:]  # the first frame has no frame before it
    if steps and sum(steps) > 0:
        return sum(steps) / len(steps)
    rate = first_number(ds, "RecommendedDisplayFrameRate") or first_number(ds, "CineRate")
    return 1000.0 / rate if rate and rate > 0 else None


def _mosaic(ds: Dataset) -> int | None:
    """Siemens stores the slices of a volume as tiles of one; the number is a private element."""
    tiles = private_numbers(ds, "SIEMENS MR HEADER", 0x0019, 0x0A, "US")
    n = int(tiles[0]) if tiles else 0
    is_mosaic = any("MOSAIC" in value.upper() for value in texts(ds, "ImageType"))
    return max(n, 0) if is_mosaic or n > 1 else None
