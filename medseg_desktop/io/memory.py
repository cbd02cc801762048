"""How much memory is free for this process; `doctor` asks without any package."""

from __future__ import annotations

import sys
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def free_memory_bytes() -> int | None:
    """Memory that can be had without swapping, container limits regarded; None if unknown."""
    if sys.platform == "win32":
        return _free_windows()
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    if "MemAvailable" not in fields:
        return None
    free = int(fields["MemAvailable"].split()[0]) * 1024
    limit = _free_in_container()
    return free if limit is None else min(free, limit)


def _free_in_container() -> int | None:
    """What a version 2 control group still allows (Linux kernel: memory.max, memory.current)."""
    try:
        limit = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        return None if limit == "max" else max(0, int(limit) - used)
    except (OSError, ValueError):
        return None


def _free_windows() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total", ctypes.c_ulonglong),
            ("free", ctypes.c_ulonglong),
            ("page_total", ctypes.c_ulonglong),
            ("page_free", ctypes.c_ulonglong),
            ("virtual", ctypes.c_ulonglong),
            ("virtual_free", ctypes.c_ulonglong),
            ("virtual_extended", ctypes.c_ulonglong),
        ]

    status = Status()
    status.length = ctypes.sizeof(Status)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - absent elsewhere
    if not kernel.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return int(status.free)
