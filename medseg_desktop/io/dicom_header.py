"""What one file's header says, read without its pixels and without trusting it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from medseg_desktop.core.errors import UnreadableSliceError, describe_os_error
from medseg_desktop.core.volume import Acquisition, Vector
from medseg_desktop.io.codecs import check_syntax, is_native
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

#: SOP classes that carry pixels but are no slices to look at or learn from.
_NOT_SLICES = {
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.481.2": "a dose grid",
    "1.2.840.10008.5.1.4.1.1.77.1.6": "a whole-slide image",
    "1.2.840.10008.5.1.4.1.1.30": "a parametric map",
}
_MAXIMUM_SIDE = 16384
_MAXIMUM_FRAMES = 100_000
_ARCHIVES = {b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "a GZIP archive"}
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_DEFLATED_BYTES = 64 << 20
_DEFLATED_RATIO = 200
#: What a Mac leaves beside each file on foreign disks: `._NAME` (RFC 1740, AppleDouble).
_APPLE_DOUBLE = b"\x00\x05\x16\x07"
_DICOM_SUFFIXES = {".dcm", ".dicom", ".ima"}
_PIXEL_TAGS = {(0x7FE0, 0x0008), (0x7FE0, 0x0009), (0x7FE0, 0x0010)}


class NoDicomError(Exception):
    """The file is something else (a README, a picture, ...)."""


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
        with path.open("rb") as file, quiet():
            _sniff(path, file.read(132), size)
            _check_deflated(file, size)
            file.seek(0)
            dataset = _read(file)
            _check_pixels_present(dataset, file, size)
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


def _sniff(path: Path, start: bytes, size: int) -> None:
    """Tell DICOM from everything else by content; the name only decides what to call it."""
    for magic, name in _ARCHIVES.items():
        if start.startswith(magic):
            raise UnreadableSliceError(f"it is {name}; unpack it first")
    if start[128:132] == b"DICM":
        return
    if start.startswith(_APPLE_DOUBLE) and path.name.startswith("._"):
        raise NoDicomError
    if size > 132 and _starts_with_element(start):
        return
    if path.suffix.lower() in _DICOM_SUFFIXES:
        raise UnreadableSliceError("the file is empty" if size == 0 else "it is not DICOM")
    raise NoDicomError


def _starts_with_element(start: bytes) -> bool:
    """Without preamble a plausible element of group 0002 or 0008 comes first."""
    for order in ("little", "big"):
        group, element = (int.from_bytes(start[i : i + 2], order) for i in (0, 2))
        if group in (2, 8) and element < 0x0100:
            length = int.from_bytes(start[4:8], order)
            return (start[4:6].isalpha() and start[4:6].isupper()) or length <= 1024
    return False


def _check_deflated(file: Any, size: int) -> None:
    """Refuse a small deflated file that would fill the memory (`file` stands at byte 132)."""
    start = file.read(1024)
    if _DEFLATED not in start:
        return
    # (0002,0000) UL: the length of the meta group, after whose end the deflated bytes begin.
    file.seek(144 + int.from_bytes(start[8:12], "little"))
    limit = max(_DEFLATED_BYTES, _DEFLATED_RATIO * size)
    inflate, inflated = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while data := inflate.unconsumed_tail or file.read(1 << 16):
        inflated += len(inflate.decompress(data, 1 << 20))
        if inflated > limit:
            raise UnreadableSliceError("it is far larger inside than a DICOM file can be")


def _read(file: Any) -> FileDataset:
    try:
        return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS), force=True)
    except (InvalidDicomError, RecursionError, MemoryError) as error:
        raise UnreadableSliceError("the file is damaged") from error
    except OSError:
        raise
    except Exception as error:  # pydicom raises many types on damaged files
        raise UnreadableSliceError(f"the file is damaged{_because(error)}") from error


def _check_pixels_present(dataset: FileDataset, file: Any, size: int) -> None:
    """Refuse objects that hold no image, naming what they are."""
    sop_class = str(dataset.get("SOPClassUID", ""))
    if sop_class in _NOT_SLICES:
        raise UnreadableSliceError(f"it is {_NOT_SLICES[sop_class]}, not an image series")
    meta = getattr(dataset, "file_meta", None)
    syntax = str(meta.get("TransferSyntaxUID", "")) if meta else ""
    if "Rows" not in dataset or "Columns" not in dataset:
        name = UID(sop_class).name if sop_class else ""
        what = name if name and name != sop_class else "a DICOM object"
        raise UnreadableSliceError(f"it is not an image ({what})")
    if syntax.endswith(".1.99"):
        return  # deflated: the file position says nothing about the inflated content
    tag = file.read(4)
    order: Literal["big", "little"] = "big" if syntax == "1.2.840.10008.1.2.2" else "little"
    found = (int.from_bytes(tag[:2], order), int.from_bytes(tag[2:], order))
    if len(tag) < 4 or found not in _PIXEL_TAGS:
        raise UnreadableSliceError("it holds no pixels")
    _check_native_length(dataset, syntax, size)


def _check_native_length(dataset: FileDataset, syntax: str, size: int) -> None:
    """An uncompressed file that is shorter than its pixels was cut off."""
    if not is_native(syntax):
        return
    numbers = [first_number(dataset, n) for n in ("Rows", "Columns", "BitsAllocated")]
    rows, columns, bits = (int(n or 0) for n in numbers)
    samples = int(first_number(dataset, "SamplesPerPixel") or 1)
    frames = int(first_number(dataset, "NumberOfFrames") or 1)
    subsampled = "422" in str(dataset.get("PhotometricInterpretation", ""))
    needed = rows * columns * samples * frames * bits // 8
    if size < (needed * 2 // 3 if subsampled else needed):
        raise UnreadableSliceError("the file is truncated: it is shorter than its pixels")


def _header(path: Path, ds: FileDataset) -> Header:
    rows, columns = (_side(ds, name) for name in ("Rows", "Columns"))
    frames = _frame_count(ds)
    samples = int(first_number(ds, "SamplesPerPixel") or 1)
    bits = int(first_number(ds, "BitsAllocated") or 0)
    if samples not in (1, 3) or bits not in (1, 8, 16, 32, 64):
        raise UnreadableSliceError(f"{samples} samples of {bits} bits a pixel are not supported")
    syntax = str(ds.file_meta.get("TransferSyntaxUID", ""))
    check_syntax(syntax)
    acquisition = _acquisition(ds)
    return Header(
        path=path,
        sop_uid=str(ds.get("SOPInstanceUID", "")),
        sop_class=str(ds.get("SOPClassUID", "")),
        series_uid=str(ds.get("SeriesInstanceUID", "")) or f"no-uid:{path.parent}",
        study_uid=str(ds.get("StudyInstanceUID", "")),
        study_date=text(ds, "StudyDate"),
        study_description=text(ds, "StudyDescription"),
        series_number=_integer(ds, "SeriesNumber"),
        description=text(ds, "SeriesDescription") or text(ds, "ProtocolName"),
        modality=text(ds, "Modality"),
        patient_id=text(ds, "PatientID"),
        issuer=text(ds, "IssuerOfPatientID"),
        patient_name=text(ds, "PatientName"),
        instance_number=_integer(ds, "InstanceNumber") or 0,
        rows=rows,
        columns=columns,
        samples=samples,
        echo=(first_number(ds, "EchoNumbers"), acquisition.echo_time_ms),
        transfer_syntax=syntax,
        places=_places(ds, frames),
        acquisition=acquisition,
    )


def _side(ds: Dataset, name: str) -> int:
    value = ds.get(name)
    if not isinstance(value, int) or not 0 < value <= _MAXIMUM_SIDE:
        raise UnreadableSliceError(f"its {name.lower()} ({value}) make no sense")
    return value


def _frame_count(ds: Dataset) -> int:
    value = ds.get("NumberOfFrames")
    if value in (None, ""):
        return 1
    try:
        frames = int(value)
    except (TypeError, ValueError):
        frames = -1
    if not 0 <= frames <= _MAXIMUM_FRAMES:
        raise UnreadableSliceError(f"its number of frames ({value}) makes no sense")
    return max(frames, 1)


def _value(ds: Dataset, name: str) -> Any:
    """An element's value; None where it is absent or so damaged that pydicom gives up.

    A decimal comma in the echo time must not keep anybody from seeing the slice.
    """
    try:
        return ds.get(name)
    except Exception:  # pydicom raises many types when it converts a damaged value
        return None


def first_number(ds: Dataset, name: str) -> float | None:
    """The first value of an element as a finite float, or None."""
    value = _value(ds, name)
    # Text that pydicom could not convert stays text, and its first character is no number.
    if hasattr(value, "__getitem__") and not isinstance(value, (str, bytes)):
        value = value[0] if value else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < float("inf") else None


def _integer(ds: Dataset, name: str) -> int | None:
    number = first_number(ds, name)
    return int(number) if number is not None else None


def text(ds: Dataset, name: str) -> str:
    """An element as one line of text without control characters (escapes of ISO 2022 included)."""
    value = str(_value(ds, name) or "")
    return "".join(c for c in value if c.isprintable()).strip()


def _vector(ds: Dataset | None, name: str, length: int) -> tuple[float, ...] | None:
    """A numeric element of exactly `length` finite values, or None."""
    value = _value(ds, name) if ds is not None else None
    try:
        numbers = tuple(float(v) for v in value)  # type: ignore[union-attr]
    except (TypeError, ValueError):
        return None
    if len(numbers) != length or not all(abs(v) < 1e7 for v in numbers):
        return None
    return numbers


def _places(ds: Dataset, frames: int) -> tuple[FramePlace, ...]:
    """Position, orientation and spacing of every frame (PS3.3 C.7.6.16 for enhanced files)."""
    orientation = _vector(ds, "ImageOrientationPatient", 6)
    spacing = _vector(ds, "PixelSpacing", 2) or _vector(ds, "ImagerPixelSpacing", 2)
    if frames == 1 and "PerFrameFunctionalGroupsSequence" not in ds:
        position = _vector(ds, "ImagePositionPatient", 3)
        return (_place(position, orientation, spacing),)
    shared = _item(ds, "SharedFunctionalGroupsSequence", 0)
    places = []
    for i in range(frames):
        groups = [g for g in (_item(ds, "PerFrameFunctionalGroupsSequence", i), shared) if g]
        places.append(
            _place(
                _from_groups(groups, "PlanePositionSequence", "ImagePositionPatient", 3),
                _from_groups(groups, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
                or orientation,
                _from_groups(groups, "PixelMeasuresSequence", "PixelSpacing", 2) or spacing,
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


def _item(ds: Dataset, name: str, index: int) -> Dataset | None:
    sequence = _value(ds, name)
    try:
        item: Dataset = sequence[index]
        return item
    except (TypeError, IndexError, KeyError):
        return None


def frame_item(ds: Dataset, frame: int, sequence: str) -> Dataset:
    """What describes one frame: its functional group of that name, else the shared one
    (PS3.3 C.7.6.16), else the file itself."""
    for name, index in (
        ("PerFrameFunctionalGroupsSequence", frame),
        ("SharedFunctionalGroupsSequence", 0),
    ):
        groups = _item(ds, name, index)
        found = _item(groups, sequence, 0) if groups is not None else None
        if found is not None:
            return found
    return ds


def _from_groups(
    groups: list[Dataset], sequence: str, name: str, length: int
) -> tuple[float, ...] | None:
    for group in groups:
        found = _vector(_item(group, sequence, 0), name, length)
        if found:
            return found
    return None


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
