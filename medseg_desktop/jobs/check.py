"""The result of one check of `doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata


class State(StrEnum):
    """How bad it is."""

    OK = "ok"
    CAUTION = "caution"
    """The main job runs; something less than all of it may not."""
    BAD = "bad"
    """Part of the program cannot work."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was looked at, how it is, and what to do.

    Attributes:
        name: a word or two, e.g. "OpenCV".
        message: one sentence.
        cure: what to type or change; "" where there is nothing to do.
    """

    name: str
    status: State
    message: str
    cure: str = ""


def installed_version(distribution: str) -> str:
    """Version of an installed package, or "" where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def version_numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, e.g. "4.6.0.66rc1" -> (4, 6, 0)."""
    numbers = []
    for part in version.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)
