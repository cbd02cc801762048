"""Paths that a file names below a folder: members of an archive, files of a DICOMDIR."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

#: Phase, how much is done, how much there is (0: unknown); may raise `Cancelled` to stop.
Progress = Callable[[str, int, int], None]
#: Path below the opened folder, and why the file there cannot be used.
Refused = tuple[str, str]

#: Names that Windows gives to devices, whatever stands behind a dot (`con.dcm` too).
_DEVICES = {
    "con", "prn", "aux", "nul", "conin$", "conout$",
    *(f"{port}{i}" for port in ("com", "lpt") for i in "0123456789¹²³"),
}  # fmt: skip
_DRIVE = re.compile(r"[A-Za-z]:")
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*]')
_SHOWN_CHARACTERS = 200


class UnsafePathError(Exception):
    """A path that must not be followed; the text is the reason."""


def inner_parts(text: str) -> tuple[str, ...]:
    """The components of a path that stays below its folder, both separators understood.

    Only the text is judged, the disk is never asked.

    Raises:
        UnsafePathError: the path is absolute, has a drive, a server or `..`, names a device of
            Windows, or holds characters that no name has; the text says which.
    """
    separated = text.replace("\\", "/")
    parts = tuple(part for part in separated.split("/") if part not in ("", "."))
    if separated.startswith("/") or _DRIVE.match(separated) or ".." in parts:
        raise UnsafePathError("its path leads out of the folder")
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise UnsafePathError("its name holds control characters")
    if any(part.partition(".")[0].rstrip().casefold() in _DEVICES for part in parts):
        raise UnsafePathError("its name is a device of Windows")
    if not parts:
        raise UnsafePathError("it has no name")
    return parts


def writable_part(part: str, *, windows: bool = os.name == "nt") -> str:
    """A component as it can be written here: Windows takes fewer characters, and would read
    `a:b` as a stream of `a` and drop dots and spaces at the end.
    """
    if not windows:
        return part
    return _NOT_ON_WINDOWS.sub("_", part).rstrip(" .") or "_"


def shown_path(text: str) -> str:
    """A path that cannot be followed, as a list may show it: one printable line."""
    clean = "".join(c if c.isprintable() else "?" for c in text.replace("\\", "/"))
    return clean if len(clean) <= _SHOWN_CHARACTERS else f"{clean[:_SHOWN_CHARACTERS]}…"
