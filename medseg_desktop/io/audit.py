"""The audit trail of a workspace: who has promoted a model or moved a patient, and why.

`audit.jsonl` is a chain: every line holds `hash`, the SHA-256 (hexadecimal) of the hash of the
line before ("" for the first) followed by the line's canonical JSON without `hash`.  So no line
can be changed, removed or moved without every later hash becoming wrong.  Canonical JSON has
sorted keys, no spaces, and UTF-8 for every character.

The chain alone does not show that its last lines are missing.  `audit.head` beside it holds how
many lines there are at least, and the hash of the last of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.io.atomic import make_folder, write_bytes
from medseg_desktop.io.file_lock import turn

AUDIT = "audit.jsonl"
Action = Literal[
    "split_created", "patients_added", "patient_moved", "model_imported", "promoted", "rolled_back"
]
#: Nobody acts so often; a longer file is none of ours.
_LARGEST_BYTES = 256 << 20
_LARGEST_HEAD_BYTES = 4096
#: Two that append at once would break the chain, so the second one waits, and gives up after this.
_PATIENCE_S = 10.0
_RESTORE = "Restore it from a backup."


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One act.

    Attributes:
        time: UTC, ISO 8601.
        actor: the name of who did it.
        details: what of it, such as model, patient_hash, reason; text and whole numbers only.
    """

    schema: int = 1
    time: str
    actor: str
    action: Action
    details: dict[str, Any] = {}
    hash: str = ""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Whether the chain holds: `problem` is "" or a sentence on the first line that does not."""

    entries: tuple[AuditEntry, ...]
    problem: str = ""


#: Carries out what an entry tells of; calls the second argument, which writes the entry, when
#: nothing but the last step can fail any more.
Act = Callable[[AuditEntry, Callable[[], None]], None]


class AuditTrail:
    """`audit.jsonl`; nothing in it is ever changed by the program."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._head = path.with_suffix(".head")

    def append(
        self, actor: str, action: Action, details: dict[str, Any], act: Act | None = None
    ) -> AuditEntry:
        """Add an entry; it is on the disk when this returns.

        Args:
            act: what the entry tells of; where it fails before the entry is written, none is.

        Raises:
            WorkspaceError: the trail is damaged, which it stays until somebody has looked at
                it, or cannot be written.
        """
        make_folder(self.path.parent)
        with turn(self.path.with_name(".audit.lock"), _PATIENCE_S, is_required=True):
            report = self.verify()
            if report.problem:
                raise WorkspaceError(report.problem, _RESTORE)
            before = report.entries[-1].hash if report.entries else ""
            entry = AuditEntry(
                time=datetime.now(UTC).isoformat(timespec="seconds"),
                actor=actor,
                action=action,
                details=details,
            )
            entry = msgspec.structs.replace(entry, hash=_hash(before, _fields(entry)))

            def write() -> None:
                self._write(_canonical(_fields(entry) | {"hash": entry.hash}) + b"\n")
                self._write_head(len(report.entries) + 1, entry.hash)

            write() if act is None else act(entry, write)
        return entry

    def verify(self) -> AuditReport:
        """Read the trail and recompute every hash.

        Raises:
            WorkspaceError: it cannot be read.
        """
        head = self._read_head()  # before the trail, which may grow meanwhile
        entries: list[AuditEntry] = []
        before = ""
        for number, line in enumerate(self._lines(), start=1):
            entry = _checked(line, before)
            if isinstance(entry, str):
                return AuditReport(tuple(entries), f"Line {number} of {self.path} {entry}.")
            entries.append(entry)
            before = entry.hash
        return AuditReport(tuple(entries), self._missing(entries, head))

    def _missing(self, entries: list[AuditEntry], head: tuple[int, str] | None) -> str:
        """A sentence where the last lines are missing, or are others than they were."""
        if head is None:
            return ""  # a first line whose program was killed right after it
        count, last = head
        if count < 1:
            return f"{self._head}, which tells how many lines there are, is damaged."
        if len(entries) < count:
            text = f"Line {len(entries) + 1} of {self.path}, and what followed it, was removed"
            return f"{text}: {count} lines were written."
        if entries[count - 1].hash != last:
            return f"Line {count} of {self.path} is not the one that was written."
        return ""

    # -- the files

    def _lines(self) -> list[bytes]:
        try:
            if self.path.stat().st_size > _LARGEST_BYTES:
                raise WorkspaceError(f"{self.path} is larger than an audit trail can be.")
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, self.path, "read")) from error
        # What follows the last line end was never acknowledged: the program was killed in it.
        return data.split(b"\n")[:-1]

    def _write(self, line: bytes) -> None:
        """Append and make it durable; half a line of a killed program goes first.

        Without a buffer: one would write what has failed once more when it is closed.
        """
        try:
            if self.path.exists():
                self._put_torn_aside()
            with self.path.open("ab", buffering=0) as file:
                start = file.seek(0, os.SEEK_END)
                try:
                    left = memoryview(line)
                    while left:
                        left = left[file.write(left) :]
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(start)
                    raise
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, self.path, "write")) from error

    def _put_torn_aside(self) -> None:
        """Half a line at the end is kept in a file beside the trail."""
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with self.path.with_name(f"{self.path.name}.torn").open("ab") as kept:
                kept.write(data[whole:] + b"\n")
                kept.flush()
                os.fsync(kept.fileno())
            os.truncate(self.path, whole)

    def _write_head(self, count: int, last: str) -> None:
        """It may lag behind: then it says less than there is, which is no contradiction."""
        data = json.dumps({"schema": 1, "lines": count, "hash": last}).encode()
        with contextlib.suppress(WorkspaceError):
            write_bytes(self._head, data + b"\n")

    def _read_head(self) -> tuple[int, str] | None:
        """How many lines there are at least, and the hash of the last of them."""
        try:
            with self._head.open("rb") as file:
                head = msgspec.json.decode(file.read(_LARGEST_HEAD_BYTES), type=_Head)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, self._head, "read")) from error
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return 0, ""
        return head.lines, head.hash


class _Head(msgspec.Struct, frozen=True):
    lines: int
    hash: str


def _fields(entry: AuditEntry) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(entry)
    del fields["hash"]
    return fields


def _canonical(fields: dict[str, Any]) -> bytes:
    text = json.dumps(
        fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8", "backslashreplace")


def _hash(before: str, fields: dict[str, Any]) -> str:
    return hashlib.sha256(before.encode() + _canonical(fields)).hexdigest()


def _checked(line: bytes, before: str) -> AuditEntry | str:
    """The entry of a line whose hash is right and which is written as the program writes it.

    Returns:
        The entry, or what is wrong with the line as the end of a sentence.
    """
    broken = "was changed, removed or moved after it was written"
    try:
        fields = json.loads(line)
        told = fields.pop("hash", "")
        is_whole = line == _canonical(fields | {"hash": told})
        if not is_whole or told != _hash(before, fields):
            return broken
    except (ValueError, TypeError, RecursionError, AttributeError):
        return broken
    try:
        entry = msgspec.convert(fields | {"hash": told}, AuditEntry)
    except ValueError:
        return "was written by another version of the program"
    return entry if entry.schema == 1 else "was written by a newer version of the program"
