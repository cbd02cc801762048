"""What the processor can do, as far as a library has to be told."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import cv2

_CPU_INFO = Path("/proc/cpuinfo")


def has_avx2() -> bool:
    """Whether the processor has the AVX2 instructions."""
    # Features the build could use but the processor lacks are listed with a question mark.
    return "AVX2" in {word.lstrip("*") for word in cv2.getCPUFeaturesLine().split()}


def vendor() -> str:
    """The maker's CPUID text, e.g. "GenuineIntel" or "AuthenticAMD"; "" where unknown."""
    if sys.platform == "win32":
        return platform.processor().rpartition(", ")[2]
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((x.partition(":")[2].strip() for x in lines if x.startswith("vendor_id")), "")


def model_name() -> str:
    """The name the maker gave the processor, or whatever the system calls it."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (x.partition(":")[2].strip() for x in lines if x.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
