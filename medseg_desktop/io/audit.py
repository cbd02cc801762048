"""The audit trail of a workspace: who has promoted a model or moved a patient, and why.

`audit.jsonl` is a chain: every line holds `hash`, the SHA-256 (hexadecimal) of the hash of the
line before ("" for the first) followed by the line's canonical JSON without `hash`.  So no line
can be changed, removed or moved without every later hash becoming wrong.  Canonical JSON has
sorted keys, no spaces, and UTF-8 for every character.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.io.atomic import make_folder
from medseg_desktop.io.file_lock import turn

AUDIT = "audit.jsonl"
Action = Literal[
    "split_created", "patients_added", "patient_moved", "model_imported", "promoted", "rolled_back"
]
#: Nobody acts so often; a longer file is none of ours.
_LARGEST_BYTES = 256 << 20


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


class AuditTrail:
    """`audit.jsonl`; nothing in it is ever changed by the program."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, actor: str, action: Action, details: dict[str, Any]) -> AuditEntry:
        """Add an act; it is on the disk when this returns.

        Raises:
            WorkspaceError: the trail is damaged, which it stays until somebody has looked at
                it, or cannot be written.
        """
        make_folder(self.path.parent)
        with turn(self.path.with_name(".audit.lock")):
            report = self.verify()
            if report.problem:
                raise WorkspaceError(report.problem, "Restore it from a backup.")
            before = report.entries[-1].hash if report.entries else ""
            entry = AuditEntry(
                time=datetime.now(UTC).isoformat(timespec="seconds"),
                actor=actor,
                action=action,
                details=details,
            )
            entry = msgspec.structs.replace(entry, hash=_hash(before, _fields(entry)))
            self._write(_canonical(_fields(entry) | {"hash": entry.hash}) + b"\n")
        return entry

    def verify(self) -> AuditReport:
        """Read the trail and recompute every hash.

        Raises:
            WorkspaceError: it cannot be read.
        """
        entries: list[AuditEntry] = []
        before = ""
        for number, line in enumerate(self._lines(), start=1):
            entry = _checked(line, before)
            if entry is None:
                text = f"Line {number} of {self.path} was changed, removed or moved after it was"
                return AuditReport(tuple(entries), f"{text} written.")
            entries.append(entry)
            before = entry.hash
        return AuditReport(tuple(entries))

    def _lines(self) -> list[bytes]:
        try:
            if self.path.stat().st_size > _LARGEST_BYTES:
                raise WorkspaceError(f"{self.path} is larger than an audit trail can be.")
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, self.path, "read")) from error
        lines = data.split(b"\n")
        # What follows the last line end was never acknowledged: the program was killed in it.
        return lines[:-1]

    def _write(self, line: bytes) -> None:
        """Append in one call and make it durable; half a line of a killed program goes first."""
        try:
            with self.path.open("ab+") as file:
                self._keep_torn(file)
                file.seek(0, os.SEEK_END)
                start = file.tell()
                try:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(start)
                    raise
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, self.path, "write")) from error

    def _keep_torn(self, file: io.BufferedRandom) -> None:
        """Put half a line at the end aside, into a file beside the trail."""
        file.seek(0)
        data = file.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            aside = self.path.with_name(f"{self.path.name}.torn")
            with aside.open("ab") as kept:
                kept.write(data[whole:] + b"\n")
            file.truncate(whole)


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


def _checked(line: bytes, before: str) -> AuditEntry | None:
    """The entry of a line whose hash is right and which is written as the program writes it."""
    try:
        fields = json.loads(line)
        entry = msgspec.convert(fields, AuditEntry)
        told = fields.pop("hash", "")
        is_whole = line == _canonical(fields | {"hash": told})
        return entry if is_whole and told == _hash(before, fields) else None
    except (ValueError, TypeError, RecursionError, AttributeError):
        return None
