"""Sentences for what goes wrong in a child process, for the worker and for its parent."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from pathlib import Path

from medseg_desktop.core.events import Failed

_MEMORY = re.compile(
    r"bad_alloc|MemoryError|ResourceExhausted|out of memory|Cannot allocate memory", re.IGNORECASE
)
_MISSING_MODULE = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)'?")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# What a traceback or Python's fault handler prints around the line that matters.
_CLUTTER = re.compile(
    r"\s|Traceback \(most|Current thread|Thread 0x|Stack \(most|Extension modules|<no Python"
    r"|[-=*~^_. ]*$"
)
_KILLED_CODES = (-9, 137)
_NO_MEMORY_CODES = (0xC0000017, 0xC000012D)  # Windows: no memory, commitment limit
_CRASH_SIGNALS = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE")
_CRASH_CODES = (0xC0000005, 0xC00000FD, 0xC0000409, 0xC000001D)  # Windows
_LONGEST_QUOTE = 200


def see_log(log_path: Path) -> str:
    """Where to read more."""
    return f"The details are in {log_path}."


def out_of_memory() -> Failed:
    """The job was too big for this computer."""
    return Failed(
        message="The job ran out of memory.",
        hint="Choose a smaller batch or a smaller size, or close other programs.",
    )


def missing_package(name: str, interpreter: str) -> Failed:
    """A package cannot be imported in `interpreter`."""
    package = name.partition(".")[0]
    return Failed(
        message=f"The package {package} is missing in {interpreter}.",
        hint="Install it there, or choose another training interpreter in the settings.",
    )


def unexpected(error: BaseException, log_path: Path) -> Failed:
    """A defect in the worker; its traceback is in the log."""
    text = str(error).strip().splitlines()
    reason = _quote(text[0]) if text else type(error).__name__
    return Failed(message=f"Unexpected error: {reason}; the details are in {log_path}.")


def looks_out_of_memory(text: str) -> bool:
    """`text` (an error or the end of a log) says that memory was short, also on the GPU."""
    return _MEMORY.search(text) is not None


def explain_death(
    returncode: int | None, tail: Sequence[str], interpreter: str, log_path: Path
) -> Failed:
    """Why a child ended without a terminal event.

    Args:
        returncode: as of `subprocess.Popen`: negative for a signal; None where the child had
            stopped talking and had to be ended.
        tail: the last lines of this child's log.
        interpreter: what ran the child, for the advice.
        log_path: the whole log, for the hint.
    """
    text = "\n".join(tail)
    code = None if returncode is None else returncode & 0xFFFFFFFF
    missing = _MISSING_MODULE.findall(text)
    if code in _NO_MEMORY_CODES or looks_out_of_memory(text):
        return out_of_memory()
    if returncode in _KILLED_CODES:
        return Failed(
            message="The job was killed from outside, most likely because it ran out of memory.",
            hint=out_of_memory().hint,
        )
    if missing:
        return missing_package(missing[-1], interpreter)
    quote = last_meaningful_line(tail)
    said = f" The last line of its log: {quote}" if quote else ""
    return Failed(message=f"{_how_it_ended(returncode)}.{said}", hint=see_log(log_path))


def last_meaningful_line(tail: Sequence[str]) -> str:
    """The last line of a log that tells something; empty where there is none."""
    for line in reversed(tail):
        plain = _ANSI.sub("", line).rstrip()
        if plain and not _CLUTTER.match(plain):
            return _quote(plain)
    return ""


def _how_it_ended(returncode: int | None) -> str:
    if returncode is None:
        return "The job stopped answering and was ended"
    if returncode == 0:
        return "The job ended without a result"
    if returncode & 0xFFFFFFFF in _CRASH_CODES:
        return "The job crashed"
    if returncode < 0:
        try:
            name = signal.Signals(-returncode).name
        except ValueError:
            name = ""
        return "The job crashed" if name in _CRASH_SIGNALS else "The job was ended from outside"
    return "The job ended with an error"


def _quote(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
