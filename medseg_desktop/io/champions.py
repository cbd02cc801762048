"""Which model is the champion, and how it became it: promotion and rollback.

`champion.json` names the champion; every change of it stands in the audit trail first, so a
crash in between leaves the old champion in use, and `verify` tells.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from medseg_desktop.core.errors import (
    ModelError,
    UsageError,
    WorkspaceError,
    describe_os_error,
)
from medseg_desktop.io.atomic import write_bytes
from medseg_desktop.io.audit import AuditEntry, AuditReport
from medseg_desktop.io.model_package import MODEL_JSON, open_model
from medseg_desktop.io.workspace import Workspace

_CHAMPION = "champion.json"
_CHANGES = ("promoted", "rolled_back")


class Champion(msgspec.Struct, frozen=True, kw_only=True):
    """`champion.json`.

    Attributes:
        model: folder name in `models`, which is the model's title.
        digest: SHA-256 of its model.json, which names the digests of everything else.
        by, reason, since: who made it the champion, why, and when (UTC, ISO 8601).
        audit: hash of the entry of the audit trail.
    """

    schema: int = 1
    model: str
    digest: str
    by: str
    reason: str
    since: str
    audit: str


@dataclass(frozen=True, slots=True)
class Reign:
    """A model that is or was the champion, as the audit trail tells."""

    model: str
    digest: str


class Champions:
    """The champion of a workspace and those before it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._path = workspace.root / _CHAMPION

    def current(self) -> Champion | None:
        """The champion; None before the first promotion.

        Raises:
            WorkspaceError: the file cannot be read.
        """
        try:
            champion = msgspec.json.decode(self._path.read_bytes(), type=Champion)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, RecursionError) as error:
            raise WorkspaceError(
                f"{self._path} cannot be read: {error}.", "Promote a model again."
            ) from error
        if champion.schema != 1 or Path(champion.model).name != champion.model:
            raise WorkspaceError(
                f"{self._path} was made by a newer version of the program, or is damaged."
            )
        return champion

    def folder(self, champion: Champion) -> Path:
        """Where the champion's package lies."""
        return self._workspace.models / champion.model

    def problem(self, champion: Champion) -> str:
        """Why the champion is not what was promoted; "" where it is."""
        try:
            digest = _digest(self.folder(champion))
        except ModelError as error:
            return error.message
        if digest != champion.digest:
            return f"{champion.model} was changed after {champion.by} promoted it."
        return ""

    def previous(self) -> Reign | None:
        """The model that a rollback makes the champion again; None where there is none.

        Raises:
            WorkspaceError: the audit trail cannot be read or does not hold.
        """
        reigns = self._reigns()
        return reigns[-2] if len(reigns) > 1 else None

    def promote(self, model: str, by: str, reason: str, evaluation: str = "") -> Champion:
        """Make a model of the workspace the champion.

        Args:
            model: its folder name in `models`.
            by, reason: who does it, and why.
            evaluation: name of the evaluation's folder that it was decided on.

        Raises:
            UsageError: no name or no reason was given, or there is no such model.
            ModelError: the model fails a check.
            WorkspaceError: nothing was changed.
        """
        by, reason = _told(by, reason)
        current = self.current()
        if current is not None and current.model == model and not self.problem(current):
            raise UsageError(f"{model} is the champion already.")
        digest = self._checked(model)
        details = {"model": model, "digest": digest, "reason": reason}
        if current is not None:
            details["before"] = current.model
        if evaluation:
            details["evaluation"] = evaluation
        return self._change("promoted", by, details)

    def rollback(self, by: str, reason: str) -> Champion:
        """Make the champion before the present one the champion again.

        Raises:
            UsageError, ModelError, WorkspaceError: as `promote`; or there is none before.
        """
        by, reason = _told(by, reason)
        back = self.previous()
        current = self.current()
        if back is None or current is None:
            raise UsageError("There is no earlier champion to go back to.")
        if self._checked(back.model) != back.digest:
            raise ModelError(
                f"{back.model} is not what it was when it was the champion.",
                "Promote a model by hand.",
            )
        details = {"model": back.model, "digest": back.digest, "reason": reason}
        return self._change("rolled_back", by, {**details, "before": current.model})

    def verify(self) -> AuditReport:
        """The audit trail's report, also of whether the champion is the one that it names.

        Raises:
            WorkspaceError: something cannot be read.
        """
        report = self._workspace.audit.verify()
        if report.problem:
            return report
        changes = [e for e in report.entries if e.action in _CHANGES]
        current = self.current()
        named = changes[-1].hash if changes else ""
        if (current.audit if current else "") != named:
            last = changes[-1].details.get("model", "") if changes else "no model"
            now = current.model if current else "none"
            text = f"The audit trail ends with {last} as champion, but the champion is {now}."
            return AuditReport(report.entries, text)
        if current is not None and (problem := self.problem(current)):
            return AuditReport(report.entries, problem)
        return report

    def _checked(self, model: str) -> str:
        """The digest of a model of the workspace that passes every check."""
        if Path(model).name != model or not (self._workspace.models / model).is_dir():
            raise UsageError(f"There is no model {model} in this workspace.", "Import it first.")
        open_model(self._workspace.models / model)
        return _digest(self._workspace.models / model)

    def _change(self, action: str, by: str, details: dict[str, str]) -> Champion:
        entry: AuditEntry = self._workspace.audit.append(
            by, "promoted" if action == "promoted" else "rolled_back", details
        )
        champion = Champion(
            model=details["model"],
            digest=details["digest"],
            by=by,
            reason=details["reason"],
            since=entry.time,
            audit=entry.hash,
        )
        data = msgspec.json.format(msgspec.json.encode(champion), indent=1)
        write_bytes(self._path, data + b"\n")
        return champion

    def _reigns(self) -> list[Reign]:
        """The present champion last, and before it those that a rollback would lead to."""
        report = self._workspace.audit.verify()
        if report.problem:
            raise WorkspaceError(report.problem, "Restore it from a backup.")
        reigns: list[Reign] = []
        for entry in report.entries:
            reign = Reign(str(entry.details.get("model")), str(entry.details.get("digest")))
            if entry.action == "promoted":
                reigns.append(reign)
            elif entry.action == "rolled_back" and len(reigns) > 1:
                reigns.pop()
        return reigns


def _told(by: str, reason: str) -> tuple[str, str]:
    by, reason = " ".join(by.split()), " ".join(reason.split())
    if not by or not reason:
        raise UsageError("A change of the champion needs a name and a reason.")
    return by, reason


def _digest(folder: Path) -> str:
    try:
        return hashlib.sha256((folder / MODEL_JSON).read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(describe_os_error(error, folder / MODEL_JSON, "read")) from error
