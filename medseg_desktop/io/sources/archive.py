"""ZIP archives of DICOM files, unpacked without believing anything that they say."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medseg_desktop.core.errors import DataError, describe_os_error
from medseg_desktop.io.sources.inner_path import (
    Progress,
    Refused,
    UnsafePathError,
    inner_parts,
    shown_path,
    writable_part,
)

#: What one archive may hold, unpacked: a large study, and no attack on the disk.
MAXIMUM_BYTES = 8 << 30
MAXIMUM_MEMBERS = 50_000
#: Unpacked to packed.  Slices reach 2 to 10, but an empty slice 1,000, so little files are not
#: judged by it.
MAXIMUM_RATIO = 100
_LITTLE_BYTES = 8 << 20
#: Stays free on the disk.
_MARGIN_BYTES = 512 << 20
#: No single read takes more memory; the list of 50,000 members is shorter as a rule.
_LONGEST_READ = 16 << 20
_CHUNK = 1 << 20
_MB, _GB = 1_000_000, 1_000_000_000
_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
#: General purpose bits 0 and 11 (APPNOTE 4.4.4).
ENCRYPTED, _UTF8_NAME = 0x1, 0x800
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_TAKEN = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR)
_IMPOSSIBLE = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ENOENT)


@dataclass(frozen=True, slots=True)
class _Member:
    """A file that will be written: `path` as the user sees it, `parts` as this disk takes it."""

    info: zipfile.ZipInfo
    path: str
    parts: tuple[str, ...]


class _MemberError(Exception):
    """One member that cannot be used; the text is the reason."""


def is_archive(path: Path, start: bytes) -> bool:
    """By the first bytes; the name counts where a damaged archive has none to tell it by."""
    return start.startswith(_STARTS) or path.suffix.lower() == ".zip"


def unpack(archive: Path, folder: Path, progress: Progress | None = None) -> tuple[Refused, ...]:
    """Write the files of an archive below an empty folder; returns those that were not written.

    Nothing is written outside `folder`, links are not made, and archives in the archive stay
    packed.  Sizes are looked at before anything is written, and counted while writing.

    Args:
        progress: called as ("unpack", MB done, MB in all).

    Raises:
        DataError: the archive as a whole cannot be used; the sentence names it and says why.
        Cancelled: by `progress`; what was written is left to the caller.
    """
    with opened_archive(archive) as opened:
        infos = opened.infolist()
        if len(infos) > MAXIMUM_MEMBERS:
            raise DataError(
                f"{archive} holds {len(infos):,} files; at most {MAXIMUM_MEMBERS:,} are unpacked.",
                "Unpack it yourself, and open the folder.",
            )
        if any(info.flag_bits & ENCRYPTED for info in infos):
            raise DataError(f"{archive} is encrypted.", "Unpack it with its password first.")
        members, refused = _plan(infos)
        total = sum(member.info.file_size for member in members)
        limit = _check_room(archive, folder, total)
        writer = _Writer(archive, folder, total, limit, progress)
        for member in members:
            try:
                writer.write(opened, member)
            except _MemberError as error:
                refused.append((member.path, str(error)))
    return tuple(refused)


class _BoundedReader(io.BufferedReader):
    """A file that refuses to read more at once than an honest archive ever needs."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = os.fstat(self.fileno()).st_size - self.tell()
        if size > _LONGEST_READ:
            raise zipfile.BadZipFile("the list of its files is too long")
        return super().read(size)


@contextlib.contextmanager
def opened_archive(archive: Path) -> Iterator[zipfile.ZipFile]:
    """The archive with its list of members read."""
    try:
        raw = io.FileIO(archive)
    except OSError as error:
        raise DataError(describe_os_error(error, archive, "read")) from error
    with _BoundedReader(raw) as file:
        try:
            opened = zipfile.ZipFile(file)
        except Exception as error:  # zipfile raises many types on damaged archives
            raise DataError(
                f"{archive} is damaged, or no ZIP archive.", "Copy or download it again."
            ) from error
        with opened:
            yield opened


def _plan(infos: Sequence[zipfile.ZipInfo]) -> tuple[list[_Member], list[Refused]]:
    """Which members will be written where; the others with their reasons."""
    members: list[_Member] = []
    refused: list[Refused] = []
    taken: dict[str, str] = {}
    for info, name in zip(infos, member_names(infos), strict=True):
        if name.endswith(("/", "\\")):
            continue  # a folder; it is made with its first file
        try:
            parts = inner_parts(name)
            path = "/".join(parts)
            _check_member(info)
            # Disks differ in what they take for the same name; none must lose a file to it.
            key = unicodedata.normalize("NFC", path).casefold()
            if key in taken:
                again = "twice" if taken[key] == path else f"as {taken[key]} too, in other case"
                raise _MemberError(f"the archive holds it {again}")
            taken[key] = path
            members.append(_Member(info, path, tuple(writable_part(p) for p in parts)))
        except (UnsafePathError, _MemberError) as error:
            refused.append((shown_path(name), str(error)))
    return members, refused


def member_names(infos: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The members' names.

    Without bit 11 the encoding is not told.  What most archives of a Chinese system hold is
    tried for all names at once: a single short name is often valid in several encodings.
    """
    untold = [i for i in infos if not i.flag_bits & _UTF8_NAME]
    encoding = "cp437"  # which zipfile has read them with; it has a character for every byte
    raw = [info.orig_filename.encode("cp437") for info in untold]
    for candidate in ("utf-8", "gb18030"):
        with contextlib.suppress(UnicodeDecodeError):
            for name in raw:
                name.decode(candidate)
            encoding = candidate
            break
    decoded = iter([name.decode(encoding) for name in raw])
    return [i.orig_filename if i.flag_bits & _UTF8_NAME else next(decoded) for i in infos]


def _check_member(info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)  # of the system it was packed on, or 0
    if kind not in (0, stat.S_IFREG):
        is_link = kind == stat.S_IFLNK
        raise _MemberError("it is a link" if is_link else "it is no file")
    if info.compress_type not in METHODS:
        raise _MemberError(f"it is packed with method {info.compress_type}, which is not known")
    if info.file_size > max(_LITTLE_BYTES, MAXIMUM_RATIO * info.compress_size):
        raise _MemberError("it is far larger unpacked than a DICOM file can be")


def _check_room(archive: Path, folder: Path, total: int) -> int:
    """The number of bytes that may be written.

    Raises:
        DataError: the members say themselves that they need more.
    """
    hint = "Unpack it yourself, and open the folder."
    needs = f"{archive} needs {total / _GB:.1f} GB unpacked"
    try:
        packed, free = archive.stat().st_size, shutil.disk_usage(folder).free - _MARGIN_BYTES
    except OSError as error:
        raise DataError(describe_os_error(error, archive, "unpack")) from error
    ratio = max(_LITTLE_BYTES, MAXIMUM_RATIO * packed)
    if total > ratio:
        raise DataError(
            f"{archive} is far larger unpacked ({total / _MB:,.0f} MB) than DICOM files can be."
        )
    if total > MAXIMUM_BYTES:
        raise DataError(f"{needs}; at most {MAXIMUM_BYTES / _GB:.1f} GB are unpacked.", hint)
    if total > free:
        raise DataError(
            f"{needs}; {max(free, 0) / _GB:.1f} GB are free for it.",
            f"Make room on the disk that holds {folder.parent}.",
        )
    return min(ratio, MAXIMUM_BYTES, free)


class _Writer:
    """Writes members below a folder and counts what it writes."""

    def __init__(
        self, archive: Path, folder: Path, total: int, limit: int, progress: Progress | None
    ) -> None:
        self._archive, self._folder = archive, folder
        self._total, self._limit, self._progress = total, limit, progress
        self._written = 0

    def write(self, opened: zipfile.ZipFile, member: _Member) -> None:
        """Unpack one member.

        Raises:
            _MemberError: it is damaged, or its name is impossible; nothing of it stays.
            DataError: nothing more can be written.
        """
        target = self._folder.joinpath(*member.parts)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                for chunk in _chunks(opened, member.info):
                    self._count(len(chunk))
                    file.write(chunk)
        except _MemberError:
            target.unlink(missing_ok=True)
            raise
        except OSError as error:
            if error.errno in _TAKEN:
                raise _MemberError("another file of the archive has its name") from error
            if error.errno in _IMPOSSIBLE:
                raise _MemberError("its name is not possible on this disk") from error
            raise DataError(describe_os_error(error, self._archive, "unpack")) from error

    def _count(self, size: int) -> None:
        self._written += size
        if self._written > self._limit:
            raise DataError(f"{self._archive} is larger unpacked than it says.")
        if self._progress:
            self._progress("unpack", self._written // _MB, max(self._total // _MB, 1))


def _chunks(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a member; never more than it says, and its checksum is right at the end."""
    try:
        with opened.open(info) as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except GeneratorExit:
        raise
    except Exception as error:  # zipfile and zlib raise many types on damaged members
        raise _MemberError("it is damaged in the archive") from error
