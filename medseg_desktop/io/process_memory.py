"""How much memory this process has taken."""

from __future__ import annotations

import sys
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
