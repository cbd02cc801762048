"""The phantom study on disk: DICOM series with MedicalLabelMe outlines, for demo and tests.

The same seed gives the same bytes: no random identifiers, no dates of today.  Like a real
archive it holds compressed series, a multi-frame file, file names out of order, a Chinese name.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEGLSLossless,
    MRImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    RLELossless,
)

from medseg_desktop.core.annotation import FrameAnnotation, Shape
from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.core.labels import RECIPE_LABELS
from medseg_desktop.core.phantom import PhantomVolume, phantom_volume
from medseg_desktop.core.shapes.rings import shapes_from_label_map
from medseg_desktop.io.atomic import new_folder
from medseg_desktop.io.medlabelme import new_annotation, new_shape_keys, write_annotation

#: Lies in the study's folder and tells it apart from a folder of somebody else's.
MARKER = "phantom.json"

# What is special about some of the patients (by number).
_RLE, _JPEG_LS, _UNORDERED, _MULTI_FRAME, _CHINESE_NAME = 1, 2, 3, 4, 5
_NAMESPACE = uuid.UUID("6f0d2a52-1b7e-5c0e-9a37-0e5b7d1c4a10")
_FIRST_DATE = date(2024, 1, 8)


@dataclass(frozen=True, slots=True)
class _Case:
    """One patient of the study."""

    seed: int
    number: int
    volume: PhantomVolume

    @property
    def name(self) -> str:
        return f"Phantom-{self.number + 1:02d}"

    def uid(self, *what: object) -> UID:
        """An identifier that depends on nothing but the seed and what it is for."""
        name = "/".join(str(part) for part in (self.seed, self.number, *what))
        return UID(f"2.25.{uuid.uuid5(_NAMESPACE, name).int}")

    def reviewed(self, k: int) -> bool:
        """Every slice with a lesion and half of the others."""
        return bool(self.volume.label_map[k].any()) or (k + self.number) % 2 == 0


def write_phantom_study(
    folder: Path,
    *,
    patients: int = 8,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write a study of `patients` patients, one folder each (`Phantom-01`, ...).

    The folder appears under its name only when it is complete.  A study that this function
    made earlier and nobody has changed since is replaced.

    Args:
        folder: must not exist, be empty, or hold such a study.
        progress: told (patients done, patients in all) after each; what it raises stops the
            work and leaves nothing behind.

    Raises:
        WorkspaceError: the folder holds something else, or cannot be written.
    """
    _refuse_changed_study(folder)
    names: list[str] = []
    with new_folder(folder, MARKER) as partial:
        try:
            for number in range(patients):
                case = _Case(seed, number, phantom_volume(seed, number))
                _write_case(partial / case.name, case)
                names.append(case.name)
                if progress:
                    progress(number + 1, patients)
            marker = {"schema": 1, "seed": seed, "patients": patients, "files": _digests(partial)}
            text = json.dumps(marker, indent=1) + "\n"
            (partial / MARKER).write_bytes(text.encode())
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, folder, "write")) from error
    return [folder / name for name in names]


def _refuse_changed_study(folder: Path) -> None:
    """Raise where an earlier study was changed, so that nobody's outlines are lost."""
    marker = folder / MARKER
    if not marker.is_file():
        return
    try:
        recorded = json.loads(marker.read_bytes())
        unchanged = recorded["files"] == _digests(folder)
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, folder, "read")) from error
    except (ValueError, KeyError, TypeError):
        unchanged = False
    if not unchanged:
        raise WorkspaceError(
            f"The phantom study in {folder} was changed since it was made.",
            "Choose another folder or remove this one.",
        )


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder` except the marker, by relative path with `/`."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / MARKER)
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }


def _write_case(folder: Path, case: _Case) -> None:
    folder.mkdir()
    if case.number == _MULTI_FRAME:
        _write_multi_frame(folder, case)
        return
    order = list(range(len(case.volume.stored)))
    if case.number == _UNORDERED:
        order.sort(key=lambda k: case.uid("name", k))
    for i, k in enumerate(order):
        path = folder / f"IM{i + 1:04d}.dcm"
        _write_slice(path, case, k)
        if case.reviewed(k):
            _write_outlines(path, case, {0: k}, total_frames=1)


def _write_slice(path: Path, case: _Case, k: int) -> None:
    ds = _header(case, MRImageStorage, case.uid("slice", k))
    ds.ImageType = ["DERIVED", "PRIMARY", "OTHER"]
    ds.InstanceNumber = k + 1
    _place(ds, case, k)
    ds.PixelData = case.volume.stored[k].astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    if case.number == _RLE:
        ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    elif case.number == _JPEG_LS:
        ds.compress(JPEGLSLossless, encoding_plugin="pyjpegls", generate_instance_uid=False)
    ds.save_as(path, enforce_file_format=True)


def _write_multi_frame(folder: Path, case: _Case) -> None:
    """The whole series as one secondary capture file, with the first slice's position only."""
    sop_class = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    stored = case.volume.stored
    ds = _header(case, sop_class, case.uid("series file"))
    ds.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    ds.ConversionType = "SYN"
    ds.BurnedInAnnotation = "NO"
    ds.PresentationLUTShape = "IDENTITY"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.InstanceNumber = 1
    ds.NumberOfFrames = len(stored)
    ds.FrameTime = "1"
    ds.FrameIncrementPointer = 0x00181063  # Frame Time
    _place(ds, case, 0)
    ds.PixelData = stored.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    path = folder / "series.dcm"
    ds.save_as(path, enforce_file_format=True)
    frames = {k: k for k in range(len(stored)) if case.reviewed(k)}
    _write_outlines(path, case, frames, total_frames=len(stored))


def _header(case: _Case, sop_class: UID, sop_uid: UID) -> FileDataset:
    """Everything that the slices of a case have in common."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, sop_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(f"2.25.{_NAMESPACE.int}")
    meta.ImplementationVersionName = "MEDSEG_PHANTOM"
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SpecificCharacterSet = "GB18030" if case.number == _CHINESE_NAME else "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, sop_uid
    day = (_FIRST_DATE + timedelta(days=case.number)).strftime("%Y%m%d")
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = day
    ds.StudyTime, ds.AccessionNumber, ds.ReferringPhysicianName = "090000", "", ""
    ds.Modality, ds.Manufacturer = "MR", "MedSeg phantom"
    ds.StudyDescription, ds.SeriesDescription = "Brain phantom", "FLAIR phantom"
    chinese = case.number == _CHINESE_NAME
    ds.PatientName = "Huanying^Liu=幻影^六" if chinese else f"Phantom^{case.number + 1:02d}"
    ds.PatientID = f"PHANTOM-{case.number + 1:02d}"
    ds.PatientBirthDate, ds.PatientSex = "", "O"
    ds.BodyPartExamined, ds.PatientPosition = "BRAIN", "HFS"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = case.uid("study"), case.uid("series")
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = case.uid("frame"), ""
    ds.StudyID, ds.SeriesNumber, ds.AcquisitionNumber = "1", 2, 1
    _describe_acquisition(ds, case)
    _describe_pixels(ds, case)
    return ds


def _describe_acquisition(ds: FileDataset, case: _Case) -> None:
    ds.ScanningSequence, ds.SequenceVariant = ["SE", "IR"], "SK"
    ds.ScanOptions, ds.MRAcquisitionType, ds.SequenceName = "", "2D", "FLAIR"
    ds.MagneticFieldStrength = "0.35"
    ds.RepetitionTime, ds.EchoTime, ds.InversionTime = "8000", "98", "1900"
    ds.NumberOfAverages, ds.EchoTrainLength = "2", 16
    ds.SliceThickness = _decimal(case.volume.slice_thickness_mm)
    ds.SpacingBetweenSlices = ds.SliceThickness


def _describe_pixels(ds: FileDataset, case: _Case) -> None:
    volume = case.volume
    _, ds.Rows, ds.Columns = volume.stored.shape
    ds.PixelSpacing = [_decimal(mm) for mm in volume.spacing_mm]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth = str(volume.window_center), str(volume.window_width)


def _place(ds: FileDataset, case: _Case, k: int) -> None:
    """Position and orientation of slice k: axial, rows to the left, columns to the back."""
    left, back, head = case.volume.origin_mm
    height = _decimal(head + k * case.volume.slice_thickness_mm)
    ds.ImagePositionPatient = [_decimal(left), _decimal(back), height]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.SliceLocation = height


def _decimal(value: float) -> str:
    """A decimal string of at most 16 characters, the same on every platform."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _write_outlines(path: Path, case: _Case, frames: dict[int, int], *, total_frames: int) -> None:
    """MedicalLabelMe JSON beside `path`; `frames` maps frame index to slice.

    A single slice without lesion gets an empty `frames` list, as MedicalLabelMe writes it; in
    a multi-frame file its frame is listed without shapes.
    """
    annotation = new_annotation(path.name, total_frames)
    for frame, k in frames.items():
        label_map = case.volume.label_map[k]
        shapes = tuple(
            Shape(s.label, s.points, s.shape_type, new_shape_keys(frame))
            for s in shapes_from_label_map(label_map, RECIPE_LABELS)
        )
        if shapes or total_frames > 1:
            rows, columns = label_map.shape
            listed = FrameAnnotation(frame, shapes, width=columns, height=rows)
            annotation = annotation.with_frame(listed)
    write_annotation(path.with_suffix(".json"), annotation)
