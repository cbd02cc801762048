"""Sessions of the program in `WORKSPACE/recovery/`: which are alive, which died."""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
import psutil

from medseg_desktop.io.atomic import make_folder
from medseg_desktop.io.file_lock import new_locked_file, try_lock

_LOCK = "lock"
_OWNER = "owner.json"
#: Nobody needs longer from the folder to its lock file.
_MAKING_S = 600


class Owner(msgspec.Struct, frozen=True):
    """The process of a session on a disk without locks; `started` in seconds since 1970."""

    host: str
    pid: int
    started: float


def new_session(parent: Path) -> tuple[Path, IO[bytes]]:
    """A new folder and its lock file, held as long as this process, or the file's user, lives.

    Raises:
        WorkspaceError, OSError: it cannot be made.
    """

    def new_path() -> Path:
        folder = parent / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        return folder / _LOCK

    make_folder(parent)
    path, lock, is_locked = new_locked_file(new_path)
    if not is_locked:
        process = psutil.Process()
        owner = Owner(platform.node(), process.pid, process.create_time())
        (path.parent / _OWNER).write_bytes(msgspec.json.encode(owner))
    return path.parent, lock


def session_folders(parent: Path) -> Iterator[Path]:
    """Every session, alive or not; none where nothing can be read."""
    with contextlib.suppress(OSError):
        for folder in sorted(parent.iterdir()):
            if folder.is_dir() and not folder.is_symlink():
                yield folder


def claim(folder: Path) -> IO[bytes] | None:
    """Take over the session of a dead process by its lock; None where its process lives.

    As long as the file is open no other process takes the session over.
    """
    if _lives_without_lock(folder):
        return None
    path = folder / _LOCK
    if not path.exists() and not any(folder.glob("*.json")):
        _remove_unmade(folder)
        return None
    try:
        # "a": one with entries whose lock file was lost (copied from a backup, say) is dead.
        lock = path.open("ab")
    except OSError:
        return None
    if try_lock(lock) or (folder / _OWNER).exists():
        return lock
    lock.close()
    return None


def _remove_unmade(folder: Path) -> None:
    """Remove a folder without anything, unless it may be a session that is being made."""
    with contextlib.suppress(OSError):
        if time.time() - folder.stat().st_mtime > _MAKING_S:
            folder.rmdir()


def remove_session(folder: Path, lock: IO[bytes], names: tuple[str, ...]) -> None:
    """Remove a session that this process holds, with those of its files that are its own.

    It stays where anything else lies in it, or cannot be removed.
    """
    own = {_LOCK, _OWNER, *names}
    try:
        if any(path.name not in own for path in folder.iterdir()):
            return
        for name in own - {_LOCK}:
            (folder / name).unlink(missing_ok=True)
        if os.name == "nt":
            lock.close()  # Windows removes no open file
        (folder / _LOCK).unlink(missing_ok=True)
        lock.close()
        folder.rmdir()
    except OSError:
        return


def _lives_without_lock(folder: Path) -> bool:
    """On a disk without locks: the process is there, or on another computer, where nobody knows."""
    try:
        owner = msgspec.json.decode((folder / _OWNER).read_bytes(), type=Owner)
    except FileNotFoundError:
        return False
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return True
    if owner.host != platform.node():
        return True
    try:
        return bool(abs(psutil.Process(owner.pid).create_time() - owner.started) < 1)
    except psutil.Error:
        return False
