"""Shared libraries of the system that the wheels do not bring along, on Linux.

The one table behind the README's apt line, `doctor` and the test command.  Qt's libraries
were read from its own files (`readelf -d`); what another package of the list pulls in is left
out, except where distributions differ.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

CJK_FONTS = "fonts-noto-cjk"


class Need(StrEnum):
    """What does not run without a library."""

    START = "start"
    """Qt at all, even without a screen."""
    WINDOW = "window"
    """A window on X11."""
    TRAINING = "training"
    """Paddle."""


@dataclass(frozen=True, slots=True)
class SystemLibrary:
    """A shared library by the name the loader asks for, and the Debian package that has it."""

    soname: str
    package: str
    need: Need


SYSTEM_LIBRARIES = (
    SystemLibrary("libEGL.so.1", "libegl1", Need.START),
    SystemLibrary("libGL.so.1", "libgl1", Need.START),
    SystemLibrary("libxkbcommon.so.0", "libxkbcommon0", Need.START),
    SystemLibrary("libdbus-1.so.3", "libdbus-1-3", Need.START),
    SystemLibrary("libfontconfig.so.1", "libfontconfig1", Need.START),
    SystemLibrary("libglib-2.0.so.0", "libglib2.0-0", Need.START),
    SystemLibrary("libxcb-cursor.so.0", "libxcb-cursor0", Need.WINDOW),
    SystemLibrary("libxkbcommon-x11.so.0", "libxkbcommon-x11-0", Need.WINDOW),
    SystemLibrary("libxcb-icccm.so.4", "libxcb-icccm4", Need.WINDOW),
    SystemLibrary("libxcb-keysyms.so.1", "libxcb-keysyms1", Need.WINDOW),
    SystemLibrary("libxcb-image.so.0", "libxcb-image0", Need.WINDOW),
    SystemLibrary("libxcb-render-util.so.0", "libxcb-render-util0", Need.WINDOW),
    SystemLibrary("libxcb-shape.so.0", "libxcb-shape0", Need.WINDOW),
    SystemLibrary("libgomp.so.1", "libgomp1", Need.TRAINING),
)


def loads(soname: str) -> bool:
    """Whether the system's loader finds a shared library (it stays loaded in this process)."""
    try:
        ctypes.CDLL(soname)
    except OSError:
        return False
    return True


def missing_libraries(
    needs: Iterable[Need] = tuple(Need), loads: Callable[[str], bool] = loads
) -> list[SystemLibrary]:
    """Libraries of the table that are needed for `needs` and absent; always [] off Linux."""
    if not sys.platform.startswith("linux"):
        return []
    wanted = set(needs)
    return [x for x in SYSTEM_LIBRARIES if x.need in wanted and not loads(x.soname)]


def package_of(soname: str) -> str:
    """The Debian package of a library of the table; "" for any other."""
    return next((x.package for x in SYSTEM_LIBRARIES if x.soname == soname), "")


def packages(libraries: Iterable[SystemLibrary] = SYSTEM_LIBRARIES) -> list[str]:
    """The Debian packages of libraries, each once, in the table's order."""
    return list(dict.fromkeys(x.package for x in libraries))


def apt_line(names: Sequence[str]) -> str:
    """What to type on Debian or Ubuntu, e.g. "sudo apt-get install -y libegl1 libgl1"."""
    return f"sudo apt-get install -y {' '.join(names)}"
