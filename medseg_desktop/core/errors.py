"""The one family of errors that a user may see.

Each carries one sentence that says what happened to which file or folder, and, where there
is something to do, a hint that says what.  Anything else that is raised is a defect: it is
logged with its traceback and shown as a short general sentence.
"""

from __future__ import annotations

from typing import Any


class MedSegError(Exception):
    """A failure the user can understand.

    Args:
        message: one sentence without a full stop at the end of a path.
        hint: what to do about it; empty when the message says it already.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(MedSegError):
    """Wrong options, or a path that does not exist (exit code 2)."""


class DataError(MedSegError):
    """The data does not allow what was asked (an empty folder, no lesion at all, ...)."""


class UnreadableSliceError(DataError):
    """A DICOM file, or one frame of it, that cannot be used; the message is the reason."""


class NotAnImageError(UnreadableSliceError):
    """A DICOM object that is no image (a report, a plan, ...); nothing is wrong with it."""


class AnnotationError(DataError):
    """An annotation file that cannot be used; the message names the file."""


class LabelError(DataError):
    """A change of the label table that is not possible."""


class DatasetError(DataError):
    """A converted training set that cannot be used."""


class ModelError(DataError):
    """A model package that failed a check."""


class WorkspaceError(MedSegError):
    """A folder of the workspace that cannot be read or written."""


class JobError(MedSegError):
    """A child process that could not do its work."""


class PeerLostError(JobError):
    """One of several processes that train together does not find another any more.

    Args:
        rank: the number of the other one, where it is known.
    """

    HINT = "Its log, on the computer it ran on, tells why."

    def __init__(self, rank: int | None = None) -> None:
        who = "Another process" if rank is None else f"Process {rank}"
        super().__init__(f"{who} of this training has ended or cannot be reached.", self.HINT)


class Cancelled(Exception):
    """The user asked to stop; raised at the next safe point and never shown as an error.

    Args:
        message: rarely needed; for logs.
        result: what was kept, e.g. the last checkpoint; becomes `result` of `cancelled`.
    """

    def __init__(self, message: str = "", result: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.result: dict[str, Any] = result or {}


def describe_os_error(error: OSError, path: object, doing: str) -> str:
    """One sentence for an operating system error, e.g. "Cannot write D:/x: the disk is full."."""
    return f"Cannot {doing} {path}: {os_error_reason(error)}."


def os_error_reason(error: OSError) -> str:
    """Why, e.g. "the disk is full"."""
    import errno

    reasons = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EACCES: "permission is denied",
        errno.EPERM: "permission is denied",
        errno.EROFS: "the disk is read-only",
        errno.ENOENT: "it does not exist",
        errno.ENOTDIR: "a file is in the way of a folder",
        errno.EEXIST: "it exists already",
        errno.EIO: "the disk reports a fault",
    }
    return reasons.get(error.errno or 0, (error.strerror or str(error)).lower())
