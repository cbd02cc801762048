"""`split.json`: which patient is in which set of a workspace, frozen once it is assigned.

Conversions add patients; only a person moves one, with a name and a reason.  Every change is in
the audit trail before it is made, with the digest of the split that comes of it, so that a file
that was changed otherwise is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from medseg_desktop.core.errors import UsageError, WorkspaceError
from medseg_desktop.core.split import SetName, Split, SplitEntry, SplitRequest, count_sets
from medseg_desktop.io.atomic import make_folder, write_bytes
from medseg_desktop.io.audit import Action, AuditEntry, AuditTrail
from medseg_desktop.io.dataset import split_digest
from medseg_desktop.io.file_lock import turn
from medseg_desktop.io.settings_file import user_name

SPLIT = "split.json"
_CHANGES: tuple[Action, ...] = ("split_created", "patients_added", "patient_moved")
#: Longer than whoever has the turn waits for the audit trail.
_PATIENCE_S = 15.0


class FrozenSplit:
    """The split of one workspace."""

    def __init__(self, path: Path, audit: AuditTrail) -> None:
        self.path, self._audit = path, audit

    def read(self) -> Split:
        """The split; empty for a new workspace.

        Raises:
            WorkspaceError: it cannot be read.
        """
        try:
            split = msgspec.json.decode(self.path.read_bytes(), type=Split)
        except FileNotFoundError:
            return Split()
        except (OSError, msgspec.MsgspecError, RecursionError) as error:
            raise WorkspaceError(
                f"{self.path} cannot be read: {error}.", "Restore it from a backup."
            ) from error
        if split.schema != 1:
            raise WorkspaceError(f"{self.path} was made by a newer version of the program.")
        return split

    def freeze(self, patients: Mapping[str, SetName], request: SplitRequest) -> None:
        """Add the patients that are new; see `Workspace.freeze`."""
        with self._turn():
            known = self._sound()
            if request.origin == "workspace":
                self._check_unchanged(known, patients, request)
            added = {h: name for h, name in patients.items() if known.set_of(h) is None}
            if not added:
                return
            split = Split({**known.patients, **{h: SplitEntry(s) for h, s in added.items()}})
            details: dict[str, Any] = {"origin": request.origin}
            details |= {str(name): n for name, n in count_sets(added.values()).items()}
            if request.draw == "random":
                details["seed"] = request.seed
            action: Action = "patients_added" if known.patients else "split_created"
            self._write(split, user_name() or "unknown", action, details)

    def move(self, patient_hash: str, name: SetName, by: str, reason: str) -> SetName:
        """Put a patient into another set; see `Workspace.move_patient`."""
        if not by.strip() or not reason.strip():
            raise UsageError("A patient is moved only with a name and a reason.")
        with self._turn():
            split = self._sound()
            before = split.set_of(patient_hash)
            if before is None:
                raise UsageError(
                    f"The split of this workspace has no patient {patient_hash}.",
                    "Patients join it when they are converted.",
                )
            if before == name:
                raise UsageError(f"Patient {patient_hash} is in {name} already.")
            details = {"patient_hash": patient_hash, "from": before, "to": name, "reason": reason}
            moved = Split({**split.patients, patient_hash: SplitEntry(name)})
            self._write(moved, by, "patient_moved", details)
        return before

    def problem(self, entries: Sequence[AuditEntry]) -> str:
        """A sentence where the file is not what the audit trail tells of; else "".

        The split before the last change is right too: the program may have ended between the
        entry and the change.

        Raises:
            WorkspaceError: it cannot be read.
        """
        changes = [entry for entry in entries if entry.action in _CHANGES]
        told = [entry.details.get("split_hash") for entry in changes[-2:]]
        if not told or None in told:
            return ""  # made by a version that did not tell it
        if len(changes) == 1:
            told.append(split_digest({}))
        if split_digest(self.read().sets) in told:
            return ""
        return f"{self.path} was changed by something else than this program."

    def _sound(self) -> Split:
        """The split, for a change of it: one that somebody has edited stays as it is."""
        report = self._audit.verify()
        if problem := report.problem or self.problem(report.entries):
            raise WorkspaceError(problem, "Restore it from a backup.")
        return self.read()

    @staticmethod
    def _check_unchanged(
        known: Split, patients: Mapping[str, SetName], request: SplitRequest
    ) -> None:
        """What a conversion was begun with must still hold when it ends."""
        differ = any(known.set_of(h) not in (None, name) for h, name in patients.items())
        is_second_draw = request.draw == "random" and known.patients
        if differ or is_second_draw:
            raise WorkspaceError(
                "The split of the workspace was changed during the conversion.", "Convert again."
            )

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Change the split one process at a time."""
        make_folder(self.path.parent)
        with turn(self.path.with_name(".split.lock"), _PATIENCE_S, is_required=True):
            yield

    def _write(self, split: Split, by: str, action: Action, details: dict[str, Any]) -> None:
        """Write the entry between writing the split and giving it its name, so that a full disk
        changes neither."""
        details = {"split_hash": split_digest(split.sets), **details}
        data = msgspec.json.format(msgspec.json.encode(split), indent=1) + b"\n"
        self._audit.append(
            by, action, details, lambda _, tell: write_bytes(self.path, data, before_replace=tell)
        )
