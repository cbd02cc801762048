"""What differs between systems when a process and all that it started must end together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_LEFTOVER_GRACE_S = 1.0


def spawn(argv: list[str], env: dict[str, str], log: int) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own, so that Ctrl-C in a terminal does not reach it.

    Args:
        log: file descriptor for its stderr; stdin and stdout are pipes.

    Raises:
        OSError: it cannot be started.
    """
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    else:
        flags = 0
    return subprocess.Popen(
        argv,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=sys.platform != "win32",
        creationflags=flags,
    )


def terminate(process: subprocess.Popen[bytes]) -> None:
    """Ask the process and its children to end at once (on Windows this is `kill`)."""
    if sys.platform == "win32":
        kill(process)
    elif process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and its children without asking."""
    if process.returncode is not None:
        return
    if sys.platform == "win32":
        subprocess.run(
            ["taskkill", "/T", "/F", "/PID", str(process.pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            creationflags=subprocess.CREATE_NO_WINDOW,
            check=False,
        )
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def end_leftovers(pid: int) -> None:
    """End what a process that is gone has left running in its group.

    Its pool processes would hold our pipe open for ever.  They get a moment to end by
    themselves: Python's resource tracker frees shared memory in that time.
    """
    if sys.platform == "win32":  # there a grandchild does not inherit the pipe
        return
    deadline = time.monotonic() + _LEFTOVER_GRACE_S
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(pid, 0)
            time.sleep(0.02)
        os.killpg(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """There is such a process; one that has ended and that nobody has asked about is gone."""
    if sys.platform == "win32":
        import ctypes

        kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - absent elsewhere
        synchronize, timeout = 0x00100000, 0x00000102
        handle = kernel.OpenProcess(synchronize, False, pid)
        if not handle:
            return False
        try:
            return bool(kernel.WaitForSingleObject(handle, 0) == timeout)
        finally:
            kernel.CloseHandle(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return True
    return state.rpartition(")")[2].split()[0] not in ("Z", "X")
