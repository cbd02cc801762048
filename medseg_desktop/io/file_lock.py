"""Lock files that tell the living from the dead.

A process holds its lock file locked.  The system releases the lock when the process ends,
however it ends, so an unlocked file marks what somebody has left behind.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from medseg_desktop.core.errors import WorkspaceError, describe_os_error

_TRIES = 5
#: Nobody needs longer to read and write a small file.
_LONGEST_TURN_S = 1.0


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """One process at a time; on a disk without locks nobody waits for long.

    Args:
        path: of the lock file, whose folder exists.

    Raises:
        WorkspaceError: the lock file cannot be made.
    """
    try:
        lock = path.open("ab")
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, path, "write")) from error
    with lock:
        end_s = time.monotonic() + _LONGEST_TURN_S
        while not try_lock(lock) and time.monotonic() < end_s:
            time.sleep(0.01)
        yield


def try_lock(file: IO[bytes]) -> bool:
    """Lock a file without waiting; False where another process, or handle, has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def new_locked_file(new_path: Callable[[], Path]) -> tuple[Path, IO[bytes], bool]:
    """Make a lock file under a free name and lock it.

    Another process may take the new file for a leftover before it is locked, and remove it;
    then the next name is tried.

    Args:
        new_path: gives another name at every call.

    Returns:
        Its path, the open file, and whether it is locked; it is not on a disk without locks.

    Raises:
        OSError: it cannot be made.
    """
    for tries_left in reversed(range(_TRIES)):
        path = new_path()
        file = path.open("xb")
        is_locked = try_lock(file) and path.exists()
        if is_locked or not tries_left:
            break
        file.close()
    return path, file, is_locked
