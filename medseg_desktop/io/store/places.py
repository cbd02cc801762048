"""Where a document is saved: beside its image, or only in the workspace, and why."""

from __future__ import annotations

import os
import stat
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document is saved.

    Attributes:
        path: the file beside the image; None where the document lives only in the workspace.
        reason: why it does, as one sentence.
        in_the_way: the file beside the image that must not be replaced, where that is why.
    """

    path: Path | None
    reason: str = ""
    in_the_way: Path | None = None


class Places:
    """The places of all documents of a source, whose folders are looked through once."""

    def __init__(
        self, images: Iterable[Path], found: Iterable[Path] = (), *, is_temporary: bool = False
    ) -> None:
        """Take in what there is.

        Args:
            images: all images of the source.
            found: the `.json` files of the source.  But for the one that a document was read
                from they must not be replaced: they cannot be read as annotations, or belong to
                other images.
            is_temporary: the images lie in a folder that will be gone.
        """
        self._is_temporary = is_temporary
        #: Folder -> name without regard to case -> images whose file could be called so.
        self._wanted: defaultdict[Path, Counter[str]] = defaultdict(Counter)
        for image in set(images):
            self._wanted[image.parent].update(_names(image.name))
        self._found: defaultdict[str, list[Path]] = defaultdict(list)
        for path in found:
            self._found[_folded(path)].append(path)

    def of(self, image: Path, read_from: Path | None = None) -> Place:
        """Where the document of an image is saved; Windows needs a temporary file to find out.

        Args:
            read_from: the file that the document was read from; it goes back to exactly that.
        """
        if self._is_temporary:
            return Place(None, "The images were unpacked into a temporary folder.")
        path = read_from or self.annotation_path(image)
        if path.is_symlink():  # the file that is meant, not the link to it
            path = Path(os.path.realpath(path))
        if any(found != read_from for found in self._found.get(_folded(path), ())):
            reason = f"{path} is there already and cannot be used as an annotation."
            return Place(None, reason, in_the_way=path)
        if not is_writable(path.parent):
            return Place(None, f"The folder {path.parent} cannot be written.")
        if _is_protected(path):
            return Place(None, f"{path} is write-protected.")
        return Place(path)

    def annotation_path(self, image: Path) -> Path:
        """The file beside an image: `.json` for a final `.dcm` (any case), else behind the name.

        Where that name could be another image's of the folder, without regard to case, `.json`
        comes behind the full name.
        """
        folder, name = image.parent, image.name
        wanted = _short_name(name)
        is_taken = self._wanted[folder][wanted.casefold()] > 1  # by more than itself
        return folder / (f"{name}.json" if is_taken else wanted)


def _names(name: str) -> set[str]:
    """What the file of an image could be called, without regard to case."""
    return {_short_name(name).casefold(), f"{name}.json".casefold()}


def _short_name(name: str) -> str:
    stem = name[:-4] if name.lower().endswith(".dcm") and len(name) > 4 else name
    return f"{stem}.json"


def is_writable(folder: Path) -> bool:
    """Whether files can be made and replaced in a folder; only Windows needs a try.

    A folder without any write bit counts as protected for everybody, root too.
    """
    try:
        if not os.access(folder, os.W_OK | os.X_OK):
            return False
        if os.name == "nt":
            return _can_make_a_file(folder)
        if not folder.stat().st_mode & _ANY_WRITE:
            return False
        return not os.statvfs(folder).f_flag & os.ST_RDONLY
    except OSError:
        return False


def _can_make_a_file(folder: Path) -> bool:
    """The one way to find out on Windows, whose `os.access` knows nothing of folders' rights."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _is_protected(path: Path) -> bool:
    """The file is there, and somebody has taken its write bits away."""
    try:
        return not path.stat().st_mode & _ANY_WRITE
    except OSError:
        return False


def _folded(path: Path) -> str:
    return str(path).casefold()
