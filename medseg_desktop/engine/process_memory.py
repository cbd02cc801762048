"""How much memory this process, or the GPU it uses, has taken at most."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from medseg_desktop.engine.backend import paddle
from medseg_desktop.io.memory import free_memory_bytes


def peak_bytes(device: str) -> int:
    """The most memory so far: of the process ("cpu"), or reserved on the GPU."""
    if device == "gpu":
        return int(paddle.device.cuda.max_memory_reserved())
    return _process_bytes("VmHWM")


def available_bytes(device: str) -> int | None:
    """What this process may use in all, with what it uses already; None where unknown."""
    if device == "gpu":
        return int(paddle.device.cuda.get_device_properties().total_memory)
    free = free_memory_bytes()
    return None if free is None else free + _process_bytes("VmRSS")


def _process_bytes(field: str) -> int:
    """VmHWM (the highest) or VmRSS (now) of this process, from Linux or what comes near it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return _windows_bytes(field)
    import resource

    # The highest is the best there is on a Mac, where it comes in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _windows_bytes(field: str) -> int:
    import ctypes
    from ctypes import wintypes

    class Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS of the Windows API."""

        _fields_ = [
            ("length", wintypes.DWORD),
            ("page_faults", wintypes.DWORD),
            ("peak", ctypes.c_size_t),
            ("now", ctypes.c_size_t),
            *((f"other_{i}", ctypes.c_size_t) for i in range(6)),
        ]

    counters = Counters()
    counters.length = ctypes.sizeof(Counters)
    windows = getattr(ctypes, "windll")  # noqa: B009 - absent elsewhere
    process = windows.kernel32.GetCurrentProcess
    process.restype = wintypes.HANDLE
    read = windows.psapi.GetProcessMemoryInfo
    read.argtypes = [wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD]
    if not read(process(), ctypes.byref(counters), counters.length):
        return 0
    return int(counters.peak if field == "VmHWM" else counters.now)
