"""A folder for unpacked patient data: for this user only, and gone with whoever opened it.

Each folder has a lock file beside it, which its process holds locked (see `io.file_lock`).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import weakref
from pathlib import Path
from typing import IO

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.io.file_lock import new_locked_file, try_lock


def _parent() -> Path:
    """In the user's cache folder: the system's temporary folder often lies in memory."""
    import platformdirs

    return platformdirs.user_cache_path("MedSeg", appauthor=False) / "unpacked"


class PrivateFolder:
    """A new empty folder with mode 0700; `close`, or the end of the process, removes it.

    Raises:
        WorkspaceError: it cannot be made; the sentence says why.
    """

    def __init__(self) -> None:
        parent = _parent()
        try:
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path, lock = _new_locked(parent)
            self._remove = weakref.finalize(self, _remove, self.path, lock)
            self.path.mkdir(mode=0o700)
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, parent, "make a folder in")) from error

    def close(self) -> None:
        """Remove the folder and all that lies in it; may be called again."""
        self._remove()


def remove_leftovers() -> None:
    """Remove the folders of processes that have ended without doing it themselves."""
    with contextlib.suppress(OSError):
        for path in sorted(_parent().glob("*.lock")):
            with contextlib.suppress(OSError):
                lock = path.open("r+b")
                if try_lock(lock):
                    _remove(path.with_suffix(""), lock)
                else:
                    lock.close()


def _new_locked(parent: Path) -> tuple[Path, IO[bytes]]:
    """A free name and its lock file, locked by this process.

    On a disk that knows no locks it has to do without: nobody can lock the file later, so
    nobody takes it for a leftover.
    """
    path, lock, _ = new_locked_file(lambda: _lock_path(parent / secrets.token_hex(8)))
    return path.with_suffix(""), lock


def _lock_path(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _remove(folder: Path, lock: IO[bytes]) -> None:
    """Remove a folder and then its lock file, which stays where the folder does: a file that is
    still open on Windows keeps both for the next start.
    """
    shutil.rmtree(folder, ignore_errors=True)
    lock.close()
    if not os.path.lexists(folder):
        with contextlib.suppress(OSError):
            _lock_path(folder).unlink(missing_ok=True)
