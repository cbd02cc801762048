"""How much memory this process has taken, and how much more it may take."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil


def used_memory_bytes() -> int:
    """Memory of this process that lies in RAM (resident set); 0 if unknown."""
    try:
        return int(psutil.Process().memory_info().rss)
    except psutil.Error:
        return 0


def peak_memory_bytes() -> int:
    """The most memory this process has had in RAM since its start; 0 if unknown."""
    if sys.platform == "linux":
        # Not getrusage: that one inherits the peak of the process that started this one.
        try:
            lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        except OSError:
            return 0
        found = next((line for line in lines if line.startswith("VmHWM:")), "VmHWM: 0")
        return int(found.split()[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


@contextlib.contextmanager
def limited_memory(further_bytes: int) -> Iterator[None]:
    """Within the block this process gets so much more memory and then MemoryError.

    Where the system has no such limit (Windows, macOS), there is none.
    """
    if sys.platform != "linux":
        yield
        return
    import resource

    used = int(psutil.Process().memory_info().vms)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    known = [n for n in (soft, hard) if n != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min([used + further_bytes, *known]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
