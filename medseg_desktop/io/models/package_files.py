"""The files of a model package: in a folder, or in a .zip of which nothing else is ever read.

Nothing is unpacked: what is read of an archive goes into memory, within limits that are looked
at before.
"""

from __future__ import annotations

import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from medseg_desktop.core.errors import DataError, ModelError
from medseg_desktop.io.models.info import CARD, MODEL_JSON, ONNX, WEIGHTS
from medseg_desktop.io.sources.archive import ENCRYPTED, METHODS, member_names, opened_archive
from medseg_desktop.io.sources.inner_path import UnsafePathError, inner_parts, shown_path

#: Sizes in bytes above which a file of a package is refused (BiSeNetV2 has about 15 MB).
LIMITS: Mapping[str, int] = MappingProxyType(
    {MODEL_JSON: 4 << 20, ONNX: 256 << 20, WEIGHTS: 256 << 20, CARD: 1 << 20}
)
#: What all members of an archive may have together, unpacked, and how many they may be.
_MAXIMUM_BYTES = 2 << 30
_MAXIMUM_MEMBERS = 1000
#: Unpacked to packed; little files are not judged by it.
_MAXIMUM_RATIO = 100
_LITTLE_BYTES = 1 << 20
#: The date of every file in an archive that the program writes: the same package, the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)

#: What reading a file or an archive member raises where it is damaged or absent.
READ_ERRORS = (
    OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError,
)  # fmt: skip


class PackageFiles:
    """The files of a package folder or .zip, each read whole and within its limit."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> bytes:
        """One of the files in `LIMITS`.

        Raises:
            FileNotFoundError and others of `READ_ERRORS`: it is not there, or damaged.
            ModelError: it, or the archive it is in, is none that is read.
        """
        if self._path.is_dir():
            return self._read_from_folder(name)
        try:
            with opened_archive(self._path) as archive:
                member = _members(archive, self._path).get(name)
                if member is None:
                    raise FileNotFoundError(name)
                with archive.open(member) as stream:
                    return stream.read(LIMITS[name] + 1)[: LIMITS[name]]
        except ModelError:
            raise
        except DataError as error:
            raise ModelError(error.message, error.hint) from error

    def _read_from_folder(self, name: str) -> bytes:
        file = self._path / name
        facts = file.stat()
        if not stat.S_ISREG(facts.st_mode):  # a pipe would never end
            raise FileNotFoundError(name)
        with file.open("rb") as stream:
            data = stream.read(LIMITS[name] + 1)
        if len(data) > LIMITS[name]:
            raise ModelError(f"{name} in {self._path} is larger than a model can be.")
        return data


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The package's files in an archive, which lie together: at the top or in one folder.

    Raises:
        ModelError: the archive is none that a package comes in.
    """
    infos = archive.infolist()
    if len(infos) > _MAXIMUM_MEMBERS:
        raise ModelError(f"{path} holds {len(infos):,} files; a model has {len(LIMITS)}.")
    if sum(info.file_size for info in infos) > _MAXIMUM_BYTES:
        raise ModelError(f"{path} is larger unpacked than a model can be.")
    found: dict[str, tuple[zipfile.ZipInfo, tuple[str, ...]]] = {}
    for info, name in zip(infos, member_names(infos), strict=True):
        # Every way to write a file's name counts, so that no two programs find different ones.
        last = name.replace("\\", "/").rpartition("/")[2]
        known = unicodedata.normalize("NFKC", last).casefold()
        if known not in LIMITS:
            continue
        if known in found:
            raise ModelError(f"{path} has no readable {known}: it holds more than one.")
        found[known] = (info, _checked(info, name, known, path))
    if len({parts[:-1] for _, parts in found.values()}) > 1:
        raise ModelError(f"{path} is no model: its files do not lie together.")
    return {name: info for name, (info, parts) in found.items() if parts[-1] == name}


def _checked(info: zipfile.ZipInfo, name: str, known: str, path: Path) -> tuple[str, ...]:
    """The components of a member's path.

    Raises:
        ModelError: it must not be read.
    """
    try:
        parts = inner_parts(name)
    except UnsafePathError as error:
        raise ModelError(f"{path} holds {shown_path(name)}, which is refused: {error}.") from error
    kind = stat.S_IFMT(info.external_attr >> 16)  # of the system it was packed on, or 0
    if kind not in (0, stat.S_IFREG):
        raise ModelError(f"{known} in {path} is no file but a link or a device.")
    if info.flag_bits & ENCRYPTED:
        raise ModelError(f"{path} is encrypted.", "Unpack it with its password first.")
    if info.compress_type not in METHODS:
        raise ModelError(f"{known} in {path} is packed with an unknown method.")
    largest = min(LIMITS[known], max(_LITTLE_BYTES, _MAXIMUM_RATIO * info.compress_size))
    if info.file_size > largest:
        raise ModelError(f"{known} in {path} is larger than a model can be.")
    return parts


def write_archive(path: Path, folder: str, contents: Mapping[str, bytes]) -> None:
    """A new .zip with these files in a folder; the same contents always give the same bytes.

    Raises:
        OSError: it exists, or cannot be written.
    """
    with path.open("xb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(contents.items()):
            info = zipfile.ZipInfo(f"{folder}/{name}", _DATE)
            info.create_system = 3  # else it would be that of the computer
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, data)
