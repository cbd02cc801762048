"""What can be opened: folders, files, several of both, a DICOMDIR, a ZIP archive.

`open_source` is the one way from what a user named to the files that are looked at.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from medseg_desktop.core.errors import DataError, UsageError, describe_os_error
from medseg_desktop.io.dicom.stacks import relative_path
from medseg_desktop.io.sources.archive import is_archive, unpack
from medseg_desktop.io.sources.dicomdir import is_dicomdir, listed_files
from medseg_desktop.io.sources.inner_path import Progress, Refused
from medseg_desktop.io.sources.private_folder import PrivateFolder, remove_leftovers

_START_BYTES = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Files ready to be read; `close` it when they are no longer needed.

    Attributes:
        named: what the user named, as absolute paths.
        root: the folder that all paths are told relative to: the folder itself, that of a file
            or DICOMDIR, the common folder of several, of archives the folder they were unpacked
            into.
        files: what is to be looked at, below the root.
        refused: files that cannot be opened, known without a look at them.
        unpacked: holds the files of archives, and is removed by `close`.
    """

    named: tuple[Path, ...]
    root: Path
    files: tuple[Path, ...]
    refused: tuple[Refused, ...] = ()
    unpacked: PrivateFolder | None = None

    def __str__(self) -> str:
        """As a message calls it: the path, or how many things of which folder."""
        if len(self.named) == 1:
            return str(self.named[0])
        return f"{len(self.named)} items of {self.folder}"

    @property
    def title(self) -> str:
        """As a title calls it: `study`, `disc.zip`, `disc/DICOMDIR`, `3 items of study`."""
        if len(self.named) > 1:
            return f"{len(self.named)} items of {self.folder.name or self.folder}"
        path = self.named[0]
        if path.name.casefold() == "dicomdir" and path.parent.name:
            return f"{path.parent.name}/{path.name}"
        return path.name or str(path)

    @property
    def folder(self) -> Path:
        """The folder of the user's own that it is, or lies in."""
        return self.named[0].parent if self.is_temporary else self.root

    @property
    def is_temporary(self) -> bool:
        """The files lie in a folder that will be gone: nothing may be kept beside them."""
        return self.unpacked is not None

    def close(self) -> None:
        """Remove what was unpacked; may be called again."""
        if self.unpacked is not None:
            self.unpacked.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_source(named: Path | Sequence[Path], progress: Progress | None = None) -> Source:
    """Find out what the user named, and unpack archives.

    A file that is named, or listed in a DICOMDIR, brings the annotation beside it along.

    Args:
        named: a folder, file, DICOMDIR or archive, or several; archives not beside others,
            because what is unpacked and what is not have no folder in common.
        progress: called as ("list", files found, 0) and ("unpack", MB done, MB in all).

    Raises:
        UsageError: something named does not exist, or the several cannot be opened together.
        DataError: it cannot be read.
        WorkspaceError: there is no room to unpack.
    """
    remove_leftovers()
    paths = _absolute([named] if isinstance(named, Path) else named)
    archives = [p for p in paths if not p.is_dir() and is_archive(p, _start(p))]
    others = [p for p in paths if p not in archives]
    if archives and others:
        raise UsageError(
            f"{archives[0]} is an archive, and {others[0]} is not.", "Open archives on their own."
        )
    return _open_archives(paths, progress) if archives else _open_paths(paths, progress)


def _absolute(named: Iterable[Path]) -> tuple[Path, ...]:
    """Absolute paths, each once.

    Raises:
        UsageError: one is missing, or is neither a file nor a folder.
    """
    paths = tuple(dict.fromkeys(Path(os.path.abspath(path)) for path in named))
    if not paths:
        raise UsageError("Nothing was named that could be opened.")
    for path in paths:
        if not os.path.exists(path):
            raise UsageError(f"{path} does not exist.")
        if not (path.is_dir() or path.is_file()):
            raise UsageError(f"{path} is neither a file nor a folder.")
    return paths


def _start(path: Path) -> bytes:
    """The first bytes; of a file that cannot be read none, which its row will explain."""
    try:
        with path.open("rb") as file:
            return file.read(_START_BYTES)
    except OSError:
        return b""


def _open_archives(archives: tuple[Path, ...], progress: Progress | None) -> Source:
    """Unpacked into one folder; of several each into a folder of its own name there."""
    folder, refused = PrivateFolder(), list[Refused]()
    try:
        if len(archives) == 1:
            refused += unpack(archives[0], folder.path, progress)
        else:
            for archive in archives:
                place = _new_folder(folder.path, archive.stem)
                for path, reason in unpack(archive, place, progress):
                    refused.append((f"{place.name}/{path}", reason))
        files, unlisted = _found([folder.path], folder.path, progress)
    except BaseException:
        folder.close()
        raise
    return Source(archives, folder.path, files, (*refused, *unlisted), folder)


def _new_folder(parent: Path, name: str) -> Path:
    """A new folder of this name, or with a number behind it where there is one already."""
    names = itertools.chain([name], (f"{name} {n}" for n in itertools.count(2)))
    folder = next(parent / n for n in names if not (parent / n).exists())
    folder.mkdir()
    return folder


def _open_paths(paths: tuple[Path, ...], progress: Progress | None) -> Source:
    """Folders and files as they lie there."""
    if len(paths) == 1 and paths[0].is_dir():
        root = paths[0]
    else:
        try:
            root = Path(os.path.commonpath([path.parent for path in paths]))
        except ValueError as error:  # Windows: nothing joins two drives
            raise UsageError(
                f"{paths[0]} and {paths[-1]} lie on different drives.", "Open one at a time."
            ) from error
    files, refused = _found(paths, root, progress)
    return Source(paths, root, files, refused)


def _listed(
    directory: Path, root: Path, progress: Progress | None
) -> tuple[list[Path], list[Refused]]:
    """What a DICOMDIR lists, and what of it is missing, with its path relative to the root."""
    files, refused = listed_files(directory, progress)
    place = relative_path(directory.parent, root)
    prefix = "" if place == "." else f"{place}/"
    return files, [(f"{prefix}{path}", reason) for path, reason in refused]


def _found(
    paths: Iterable[Path], root: Path, progress: Progress | None
) -> tuple[tuple[Path, ...], tuple[Refused, ...]]:
    """Every file below the folders among `paths`, what DICOMDIRs list, and the other files;
    those with their annotations."""
    refused: list[Refused] = []
    files: dict[Path, None] = {}
    for path in paths:
        below: Iterable[Path] = [path]
        if path.is_dir():
            below = _files_below(path, root, refused)
        elif is_dicomdir(path, _start(path)):
            below, missing = _listed(path, root, progress)
            refused += missing
        for file in below if path.is_dir() else _with_annotations(below):
            if progress:
                progress("list", len(files), 0)
            files.setdefault(file)
    return tuple(files), tuple(refused)


def _files_below(folder: Path, root: Path, refused: list[Refused]) -> Iterator[Path]:
    """Every regular file below a folder in a stable order; links to folders are not followed.

    A folder that cannot be listed is named in `refused`.
    """

    def fail(error: OSError) -> None:
        failed = Path(error.filename or folder)
        reason = describe_os_error(error, failed.name, "read the folder").rstrip(".")
        if failed == root:
            raise DataError(f"{reason}.") from error
        refused.append((relative_path(failed, root), reason))

    for parent, subfolders, names in os.walk(folder, onerror=fail):
        subfolders[:] = sorted(d for d in subfolders if not _is_own_partial(d))
        for name in sorted(names):
            path = Path(parent, name)
            if os.path.isfile(path):
                yield path


def _is_own_partial(name: str) -> bool:
    return name.startswith(".") and name.endswith((".partial", ".old"))


def _with_annotations(files: Iterable[Path]) -> Iterator[Path]:
    """Each file, followed by the JSON of its name where there is one; may repeat a path."""
    for file in files:
        yield file
        beside = file.with_suffix(".json")
        if beside != file and beside.is_file():
            yield beside
