"""Where a document is saved: beside its image, or only in the workspace, and why."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document is saved.

    Attributes:
        path: the file beside the image; None where the document lives only in the workspace.
        reason: why it does, as one sentence.
    """

    path: Path | None
    reason: str = ""


def place_of(
    image: Path,
    others: Collection[Path],
    *,
    read_from: Path | None = None,
    refused: Collection[Path] = (),
    is_temporary: bool = False,
) -> Place:
    """Where the document of an image is saved; to find out Windows needs a temporary file there.

    Args:
        others: the further images of its folder (more do no harm).
        read_from: the file that the document was read from; it goes back to exactly that.
        refused: files that must not be replaced, because they could not be read as
            annotations or belong to other images.
        is_temporary: the image lies in a folder that will be gone.
    """
    if is_temporary:
        return Place(None, "The images were unpacked into a temporary folder.")
    path = read_from or annotation_path(image, others)
    if path.is_symlink():  # the file that is meant, not the link to it
        path = Path(os.path.realpath(path))
    if any(_same(path, other) for other in refused):
        return Place(None, f"{path} is there already and cannot be used as an annotation.")
    if not is_writable(path.parent):
        return Place(None, f"The folder {path.parent} cannot be written.")
    if _is_protected(path):
        return Place(None, f"{path} is write-protected.")
    return Place(path)


def annotation_path(image: Path, others: Collection[Path]) -> Path:
    """The file beside an image: `.json` for a final `.dcm` (any case), else behind the name.

    Where that name could be another image's of the folder, without regard to case, `.json`
    comes behind the full name.
    """
    folder, name = image.parent, image.name
    wanted = _short_name(name)
    neighbours = [p.name for p in others if p.parent == folder and p.name != name]
    taken = {n.casefold() for other in neighbours for n in (_short_name(other), f"{other}.json")}
    return folder / (f"{name}.json" if wanted.casefold() in taken else wanted)


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


def _same(one: Path, other: Path) -> bool:
    return str(one).casefold() == str(other).casefold()
