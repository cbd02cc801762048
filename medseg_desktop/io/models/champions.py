"""Which model is the champion, and how it became it: promotion and rollback.

`champion.json` names the champion; every change of it stands in the audit trail first, so a
crash in between leaves the old champion in use, and `verify` tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from medseg_desktop.core.errors import (
    ModelError,
    UsageError,
    WorkspaceError,
    describe_os_error,
)
from medseg_desktop.io.atomic import make_folder, remove_temporaries, write_bytes
from medseg_desktop.io.audit import AuditEntry, AuditReport
from medseg_desktop.io.file_lock import turn
from medseg_desktop.io.model_package import MODEL_JSON, open_model
from medseg_desktop.io.workspace import Workspace

_CHAMPION = "champion.json"
_LARGEST_BYTES = 1 << 20
_PATIENCE_S = 10.0
Change = Literal["promoted", "rolled_back"]
_CHANGES: tuple[Change, ...] = ("promoted", "rolled_back")


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
            with self._path.open("rb") as file:
                champion = msgspec.json.decode(file.read(_LARGEST_BYTES), type=Champion)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, self._path, "read")) from error
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise _DamagedError(self._path) from error
        if champion.schema != 1:
            raise WorkspaceError(f"{self._path} was made by a newer version of the program.")
        if not _is_name(champion.model):
            raise _DamagedError(self._path)
        return champion

    def folder(self, champion: Champion) -> Path:
        """Where the champion's package lies."""
        return self._workspace.models / champion.model

    def problem(self, champion: Champion) -> str:
        """Why the champion's package is not what was promoted; "" where it is.

        Every file of it is read.
        """
        folder = self.folder(champion)
        if not folder.is_dir():
            return f"{champion.model}, which {champion.by} promoted, is not in {folder.parent}."
        try:
            if _digest(folder) == champion.digest:
                open_model(folder)
                return ""
        except ModelError as error:
            return f"{champion.model} is not what {champion.by} promoted: {error.message}"
        return f"{champion.model} was changed after {champion.by} promoted it."

    def previous(self) -> Reign | None:
        """The model that a rollback makes the champion again; None where there is none.

        Raises:
            WorkspaceError: the audit trail cannot be read or does not hold.
        """
        reigns = _reigns(self._entries())
        return reigns[-2] if len(reigns) > 1 else None

    def earlier(self) -> frozenset[str]:
        """Folder names of all that ever were the champion, by the entries that hold.

        Raises:
            WorkspaceError: the audit trail cannot be read.
        """
        entries = self._workspace.audit.verify().entries
        return frozenset(str(e.details.get("model")) for e in entries if e.action in _CHANGES)

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
        with self._turn():
            reigns = _reigns(self._entries())
            if reigns and reigns[-1].model == model and self._is_settled():
                raise WorkspaceError(f"{model} is the champion already.")
            self._require_ours()
            details = {"model": model, "digest": self._checked(model), "reason": reason}
            if reigns:
                details["before"] = reigns[-1].model
            if evaluation:
                details["evaluation"] = evaluation
            return self._change("promoted", by, details)

    def rollback(self, by: str, reason: str) -> Champion:
        """Make the champion before the present one the champion again.

        Raises:
            UsageError, ModelError, WorkspaceError: as `promote`; or there is none before.
        """
        by, reason = _told(by, reason)
        self._last_two()  # before a folder is made for the lock
        with self._turn():
            back, present = self._last_two()
            self._require_ours()
            if self._checked(back.model) != back.digest:
                raise ModelError(
                    f"{back.model} is not what it was when it was the champion.",
                    "Promote a model instead.",
                )
            details = {"model": back.model, "digest": back.digest, "reason": reason}
            return self._change("rolled_back", by, {**details, "before": present.model})

    def require(self, by: str, reason: str) -> None:
        """Raise what a change would raise whichever model it is about."""
        _told(by, reason)
        self._entries()
        self._require_ours()

    def verify(self, *, with_package: bool = True) -> AuditReport:
        """The audit trail's report, also of whether champion and split are what it tells of.

        Args:
            with_package: also of whether the champion's files are those that were promoted.

        Raises:
            WorkspaceError: something cannot be read.
        """
        report = self._workspace.audit.verify()
        if report.problem:
            return report
        changes = [e for e in report.entries if e.action in _CHANGES]
        named = _champion(changes[-1]) if changes else None
        current = self.current()
        if current != named:
            return AuditReport(report.entries, _disagreement(named, current))
        problem = self.problem(current) if current is not None and with_package else ""
        problem = problem or self._workspace.split_problem(report.entries)
        return AuditReport(report.entries, problem)

    # -- inside

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Change the champion one process at a time."""
        make_folder(self._workspace.root)
        with turn(self._path.with_name(".champion.lock"), _PATIENCE_S, is_required=True):
            yield

    def _entries(self) -> tuple[AuditEntry, ...]:
        report = self._workspace.audit.verify()
        if report.problem:
            raise WorkspaceError(report.problem, "Restore it from a backup.")
        return report.entries

    def _last_two(self) -> tuple[Reign, Reign]:
        reigns = _reigns(self._entries())
        if len(reigns) < 2:
            raise WorkspaceError("There is no earlier champion to go back to.")
        return reigns[-2], reigns[-1]

    def _is_settled(self) -> bool:
        """There is nothing to mend by promoting the champion once more."""
        try:
            return not self.verify().problem
        except WorkspaceError:
            return False

    def _require_ours(self) -> None:
        """A damaged champion.json may be replaced, one of a newer version may not."""
        with suppress(_DamagedError):
            self.current()

    def _checked(self, model: str) -> str:
        """The digest of a model of the workspace that passes every check."""
        folder = self._workspace.models / model
        if not _is_name(model) or not folder.is_dir():
            raise UsageError(f"There is no model {model} in this workspace.", "Import it first.")
        open_model(folder)
        return _digest(folder)

    def _change(self, action: Change, by: str, details: dict[str, str]) -> Champion:
        """Write the entry between writing champion.json and giving it its name, so that a full
        disk changes neither."""
        return _champion(self._workspace.audit.append(by, action, details, self._replace))

    def _replace(self, entry: AuditEntry, write_entry: Callable[[], None]) -> None:
        data = msgspec.json.format(msgspec.json.encode(_champion(entry)), indent=1)
        try:
            remove_temporaries(self._path)
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, self._path, "write")) from error
        write_bytes(self._path, data + b"\n", before_replace=write_entry)


class _DamagedError(WorkspaceError):
    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is damaged.", "Promote the champion again.")


def _champion(entry: AuditEntry) -> Champion:
    """The champion that an entry of the trail makes."""
    model, digest, reason = (str(entry.details.get(k, "")) for k in ("model", "digest", "reason"))
    return Champion(
        model=model,
        digest=digest,
        by=entry.actor,
        reason=reason,
        since=entry.time,
        audit=entry.hash,
    )


def _disagreement(named: Champion | None, current: Champion | None) -> str:
    last = named.model if named else "no model"
    now = current.model if current else "none"
    if last == now:
        return f"The file {_CHAMPION} says other things of {now} than the audit trail."
    return f"The audit trail ends with {last} as champion, but the champion is {now}."


def _reigns(entries: tuple[AuditEntry, ...]) -> list[Reign]:
    """The present champion last, and before it those that a rollback would lead to."""
    reigns: list[Reign] = []
    for entry in entries:
        champion = _champion(entry)
        reign = Reign(champion.model, champion.digest)
        if entry.action == "promoted":
            if reigns and reigns[-1].model == reign.model:
                reigns.pop()  # promoted anew, after its files had changed
            reigns.append(reign)
        elif entry.action == "rolled_back" and len(reigns) > 1:
            reigns.pop()
    return reigns


def _is_name(model: str) -> bool:
    """The name of a folder in `models`, which leads nowhere else."""
    return Path(model).name == model and model not in ("", ".", "..")


def _told(by: str, reason: str) -> tuple[str, str]:
    by, reason = _line(by), _line(reason)
    if not by or not reason:
        raise UsageError("A change of the champion needs a name and a reason.")
    return by, reason


def _line(text: str) -> str:
    """On one line; what the console could not decode becomes a question mark."""
    return " ".join(text.encode("utf-8", "replace").decode().split())


def _digest(folder: Path) -> str:
    try:
        return hashlib.sha256((folder / MODEL_JSON).read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(describe_os_error(error, folder / MODEL_JSON, "read")) from error
