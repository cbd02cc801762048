"""What a document is known by, and the folder of the workspace that belongs to it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

_UID = re.compile(r"[0-9.]{1,64}")
_DOTS = re.compile(r"\.+")


@dataclass(frozen=True, slots=True)
class ImageKey:
    """Names the document of one DICOM file.

    Attributes:
        image: absolute path of the file, which may be another one at the next opening.
        disambiguator: where several files of a source share their UIDs, its `name`; else empty.
        known_as: a text that is this file's own and the same at the next opening; empty where
            the path is.
    """

    series_uid: str
    sop_uid: str
    image: Path
    disambiguator: str = ""
    known_as: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """What tells this file from others with the same UIDs."""
        return self.known_as or str(self.image)

    @property
    def twin(self) -> ImageKey:
        """What the file is known by without the files that share its UIDs, or with them."""
        return replace(self, disambiguator="" if self.disambiguator else self.name)

    @property
    def series_folder(self) -> str:
        """Name of the folder of the series."""
        return _folder_name(self.series_uid)

    @property
    def folder(self) -> str:
        """Name of the document's folder in that of its series."""
        name = _folder_name(self.sop_uid)
        return f"{name}-{_digest(self.disambiguator)[:16]}" if self.disambiguator else name


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A DICOM file as its header names it; the UIDs may be empty."""

    path: Path
    series_uid: str
    sop_uid: str


def image_keys(
    files: Iterable[ImageFile], root: Path, temporary_of: str = ""
) -> tuple[ImageKey, ...]:
    """Keys of all files of a source.

    Args:
        root: the folder that the files lie below.
        temporary_of: names what was unpacked into a temporary `root`; the paths of such files
            are others each time, so this and the path below the root stand for them.
    """
    files = list(files)
    counts = Counter((f.series_uid, f.sop_uid) for f in files)
    keys = []
    for file in files:
        place = str(file.path)
        if temporary_of:
            place = f"{temporary_of}//{file.path.relative_to(root).as_posix()}"
        keys.append(
            ImageKey(
                series_uid=file.series_uid or f"no-uid:{place}",
                sop_uid=file.sop_uid or f"no-uid:{place}",
                image=file.path,
                disambiguator=place if counts[file.series_uid, file.sop_uid] > 1 else "",
                known_as=place if temporary_of else "",
            )
        )
    return tuple(keys)


def _folder_name(uid: str) -> str:
    """A UID as it is; any other text as a digest, since it may hold anything."""
    return uid if _UID.fullmatch(uid) and not _DOTS.fullmatch(uid) else _digest(uid)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
