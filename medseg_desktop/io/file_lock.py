"""Lock files that tell the living from the dead.

A process holds its lock file locked.  The system releases the lock when the process ends,
however it ends, so an unlocked file marks what somebody has left behind.
"""

from __future__ import annotations

import contextlib
import errno
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from medseg_desktop.core.errors import WorkspaceError, describe_os_error

_TRIES = 5
#: Nobody needs longer to read and write a small file.
_LONGEST_TURN_S = 1.0
#: What systems answer where somebody else has the lock; other answers mean that there is none.
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextlib.contextmanager
def turn(
    path: Path, patience_s: float = _LONGEST_TURN_S, *, is_required: bool = False
) -> Iterator[None]:
    """One process at a time; on a disk without locks nobody waits.

    Args:
        path: of the lock file, whose folder exists.
        patience_s: so long is waited for the process before.
        is_required: give up then, instead of taking the turn all the same.

    Raises:
        WorkspaceError: the lock file cannot be made, or the turn did not come.
    """
    try:
        lock = path.open("ab")
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, path, "write")) from error
    with lock:
        end_s = time.monotonic() + patience_s
        while (is_held := _lock(lock) in _HELD) and time.monotonic() < end_s:
            time.sleep(0.01)
        if is_held and is_required:
            raise WorkspaceError(
                f"Another program is writing to {path.parent} and does not end.",
                "Close it, or try again.",
            )
        yield


def try_lock(file: IO[bytes]) -> bool:
    """Lock a file without waiting; False where another process, or handle, has it."""
    return _lock(file) == 0


def _lock(file: IO[bytes]) -> int:
    """Lock a file without waiting; 0, or the number of the error."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno or errno.EIO
    return 0


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
