"""The files that a DICOMDIR lists (PS3.3 F.3, PS3.10 8), found below its own folder only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pydicom
from pydicom.multival import MultiValue

from medseg_desktop.core.errors import DataError, UnreadableSliceError, describe_os_error
from medseg_desktop.io.dicom.guard import bounded
from medseg_desktop.io.dicom.quiet import quiet
from medseg_desktop.io.sources.inner_path import (
    Progress,
    Refused,
    UnsafePathError,
    inner_parts,
    shown_path,
)

_MEDIA_STORAGE_DIRECTORY = b"1.2.840.10008.1.3.10"
#: (0004,1220) SQ as explicit VR little endian, in which media are written (PS3.10 8.6).
_RECORD_SEQUENCE = b"\x04\x00\x20\x12SQ\x00\x00"
_UNDEFINED = 0xFFFFFFFF
_MAXIMUM_BYTES = 64 << 20
#: (0004,1410) Record In-use Flag: such a record is not to be used (PS3.3 F.3.2.2).
_INACTIVE = 0


def is_dicomdir(path: Path, start: bytes) -> bool:
    """By content (`start` holds the file's first 1,024 bytes), or by the name that it must have."""
    if path.name.casefold() == "dicomdir":
        return True
    return start[128:132] == b"DICM" and _MEDIA_STORAGE_DIRECTORY in start[132:]


def listed_files(
    path: Path, progress: Progress | None = None
) -> tuple[list[Path], tuple[Refused, ...]]:
    """The files that the directory lists, sorted, and those that cannot be opened.

    Only files in the folder of the DICOMDIR or below are ever returned, links followed.  Media
    names are upper case, but many systems show or copy them otherwise, so case is disregarded
    where no name is the same.

    Args:
        progress: called as ("list", files looked for, 0).

    Raises:
        DataError: the file is no DICOMDIR, or is damaged.
    """
    found: set[Path] = set()
    refused: set[Refused] = set()
    names = _Names(path.parent)
    for i, text in enumerate(sorted(set(_references(path)) - {""})):
        if progress:
            progress("list", i, 0)
        try:
            found.add(names.find(inner_parts(text)))
        except UnsafePathError as error:
            refused.add((shown_path(text), f"{error}; the DICOMDIR lists it"))
        except FileNotFoundError:
            refused.add((shown_path(text), "it is listed in the DICOMDIR but does not exist"))
    return sorted(found), tuple(sorted(refused))


def _references(path: Path) -> list[str]:
    """The Referenced File ID (0004,1500) of every record, its components joined with `/`."""
    try:
        size = path.stat().st_size
        if size > _MAXIMUM_BYTES:
            raise DataError(f"{path} is too large for a DICOMDIR.", "Open its folder instead.")
        with path.open("rb") as file, quiet():
            _check_whole(file.read(), size)
            file.seek(0)
            dataset = pydicom.dcmread(bounded(file), specific_tags=["DirectoryRecordSequence"])
            return [_reference(record) for record in dataset.DirectoryRecordSequence]
    except UnreadableSliceError as error:
        raise _damaged(path) from error
    except DataError:
        raise
    except OSError as error:
        if error.errno is None:  # raised by pydicom, not by the operating system
            raise _damaged(path) from error
        raise DataError(describe_os_error(error, path, "read")) from error
    except Exception as error:  # pydicom raises many types on damaged files
        raise _damaged(path) from error


def _check_whole(data: bytes, size: int) -> None:
    """Refuse a directory that was cut off: pydicom would return the records before the cut."""
    start = data.find(_RECORD_SEQUENCE)
    length = int.from_bytes(data[start + 8 : start + 12], "little")
    if start >= 0 and length != _UNDEFINED and start + 12 + length > size:
        raise UnreadableSliceError("the file is truncated")


def _damaged(path: Path) -> DataError:
    return DataError(f"{path} is damaged, or no DICOMDIR.", "Open its folder instead.")


def _reference(record: Any) -> str:
    value = record.get("ReferencedFileID")
    if not value or record.get("RecordInUseFlag") == _INACTIVE:
        return ""
    components = value if isinstance(value, MultiValue) else [value]
    return "/".join(str(component).rstrip(" \0") for component in components)


class _Names:
    """Finds files by the names of folders' entries, each folder listed once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self._entries: dict[Path, dict[str, str]] = {}

    def find(self, parts: tuple[str, ...]) -> Path:
        """The regular file at `parts` below the root.

        Raises:
            FileNotFoundError: there is none.
            UnsafePathError: a link on the way leads out of the root.
        """
        path = self._root
        for part in parts:
            entries = self._listed(path)
            name = entries.get(part) or entries.get(part.casefold())
            if name is None:
                raise FileNotFoundError
            path = path / name
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(self._real_root):
            raise UnsafePathError("its path leads out of the folder")
        if not real.is_file():
            raise FileNotFoundError
        return path

    def _listed(self, folder: Path) -> dict[str, str]:
        """Name, as it is and folded -> name; a folder that cannot be listed has no files."""
        if folder not in self._entries:
            try:
                names = sorted(os.listdir(folder), reverse=True)
            except OSError:
                names = []
            folded = {name.casefold(): name for name in names}
            self._entries[folder] = folded | {name: name for name in names}
        return self._entries[folder]
