"""Archives and media as they come from elsewhere: ZIP files and folders with a DICOMDIR."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import platformdirs
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from tests.builders import lesion_slice, uid, write_dicom


def write_zip(
    path: Path,
    members: Path | Mapping[str, bytes],
    *,
    method: int = zipfile.ZIP_DEFLATED,
) -> Path:
    """Pack a folder's files, with their paths in the folder, or names with contents."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(members, Path):
        files = sorted(p for p in members.rglob("*") if p.is_file())
        members = {p.relative_to(members).as_posix(): p.read_bytes() for p in files}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def write_raw_zip(path: Path, members: Sequence[tuple[bytes, bytes]], flags: int = 0) -> Path:
    """Pack names that are bytes in any encoding, stored and without a word on the encoding."""
    local, central = b"", b""
    for name, data in members:
        crc = zlib.crc32(data)
        facts = struct.pack("<HHHHHLLLHH", 20, flags, 0, 0, 33, crc, len(data), len(data),
                            len(name), 0)  # fmt: skip
        central += b"PK\x01\x02" + struct.pack("<H", 20) + facts
        central += struct.pack("<HHHLL", 0, 0, 0, 0, len(local)) + name
        local += b"PK\x03\x04" + facts + name + data
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(members), len(members),
                      len(central), len(local), 0)  # fmt: skip
    path.write_bytes(local + central + end)
    return path


def write_medium(folder: Path, patients: Sequence[str] = ("A",), slices: int = 2) -> Path:
    """A folder as it lies on a disc, with names as media have them; returns its DICOMDIR."""
    references = []
    for k, patient in enumerate(patients):
        for i in range(slices):
            reference = ("DICOM", f"PAT{k}", f"IM{i}")
            references.append(reference)
            write_dicom(
                folder.joinpath(*reference),
                lesion_slice(seed=100 * k + i),
                patient=patient,
                number=i,
                position_mm=(0.0, 0.0, 5.0 * i),
                sop_uid=uid(patient, i),
            )
    return write_dicomdir(folder / "DICOMDIR", references)


def write_dicomdir(
    path: Path, references: Sequence[str | Sequence[str]], *, in_use: int = 0xFFFF
) -> Path:
    """A DICOMDIR that lists these Referenced File IDs, whatever they are."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    meta.MediaStorageSOPInstanceUID = uid("directory")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    directory.FileSetID = "TEST"
    directory.DirectoryRecordSequence = [_record(reference, in_use) for reference in references]
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, directory, enforce_file_format=True)
    return path


def _record(reference: str | Sequence[str], in_use: int) -> Dataset:
    record = Dataset()
    record.RecordInUseFlag = in_use
    record.DirectoryRecordType = "IMAGE"
    with pydicom.config.disable_value_validation():
        record.ReferencedFileID = reference if isinstance(reference, str) else list(reference)
    return record


def unpacked_folders() -> list[Path]:
    """What lies in the folder that archives are unpacked into."""
    parent = platformdirs.user_cache_path("MedSeg", appauthor=False) / "unpacked"
    return sorted(parent.iterdir()) if parent.is_dir() else []


def files_below(folder: Path) -> Iterator[str]:
    """Relative paths of everything below a folder that is no folder."""
    for path in sorted(folder.rglob("*")):
        if not path.is_dir():
            yield path.relative_to(folder).as_posix()
