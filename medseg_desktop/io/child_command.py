"""How this program starts itself once more, and how many cores there are to share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_CPU_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


def own_command(*arguments: str) -> list[str]:
    """The command line of this program with other arguments; a frozen app is its own."""
    if getattr(sys, "frozen", False):
        return [sys.executable, *arguments]
    return [sys.executable, "-m", "medseg_desktop", *arguments]


def physical_cores() -> int:
    """Cores this process may use, without hyper-threads where that can be told; at least 1."""
    try:
        usable = sorted(os.sched_getaffinity(0))
    except AttributeError:
        count = os.cpu_count() or 1
        # Windows on x86 nearly always counts two threads a core; Macs with ARM have one.
        return max(1, count // 2) if sys.platform == "win32" and count >= 4 else count
    cores = set()
    for cpu in usable:
        try:
            cores.add(Path(_CPU_TOPOLOGY.format(cpu)).read_text(encoding="ascii").strip())
        except OSError:
            cores.add(str(cpu))
    return max(1, len(cores))
