"""The workspace: one folder with datasets, runs, models and what they must agree on."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from medseg_desktop.core.errors import (
    LabelError,
    ModelError,
    UsageError,
    WorkspaceError,
    describe_os_error,
)
from medseg_desktop.core.label_changes import with_changes
from medseg_desktop.core.labels import RECIPE_LABELS, Label, LabelTable
from medseg_desktop.core.split import SetName, Split, SplitRequest
from medseg_desktop.io.atomic import write_bytes
from medseg_desktop.io.audit import AUDIT, AuditEntry, AuditTrail
from medseg_desktop.io.dataset import MANIFEST
from medseg_desktop.io.file_lock import turn
from medseg_desktop.io.frozen_split import SPLIT, FrozenSplit
from medseg_desktop.io.model_package import (
    MODEL_JSON,
    ModelInfo,
    open_model,
    read_info,
    read_weights,
    write_model,
)

_SALT_BYTES = 32
_LABELS = "labels.json"
#: For patients that a person has placed.
_NO_REQUEST = SplitRequest(draw="train", origin="file")
T = TypeVar("T")


def salt_id(salt: bytes) -> str:
    """Names a salt without telling it, so that hashes of two workspaces are not mixed up."""
    return hashlib.sha256(b"salt-id:" + salt).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model of the workspace, for lists; `problem` says why it cannot be used."""

    path: Path
    info: ModelInfo | None
    problem: str = ""

    @property
    def title(self) -> str:
        return self.info.title if self.info else self.path.name


class Workspace:
    """Paths and small files of one workspace; folders are made when something is written."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))
        self.datasets = self.root / "datasets"
        self.runs = self.root / "runs"
        self.models = self.root / "models"
        self.evaluations = self.root / "evaluations"
        self.annotations = self.root / "annotations"
        self.recovery = self.root / "recovery"
        self.audit = AuditTrail(self.root / AUDIT)
        self._split = FrozenSplit(self.root / SPLIT, self.audit)

    # -- what all datasets and models of the workspace agree on

    def salt(self) -> bytes:
        """The secret that patient hashes are made with; drawn once, when first needed."""
        path = self.root / "salt"
        try:
            return _read_salt(path)
        except FileNotFoundError:
            self._make(self.root)
            return self._draw_salt(path)
        except ValueError as error:
            raise WorkspaceError(f"{path} is damaged; restore it from a backup.") from error
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, path, "read")) from error

    @staticmethod
    def _draw_salt(path: Path) -> bytes:
        """Write a new salt unless another process was faster; the file is never half-written."""
        salt = secrets.token_bytes(_SALT_BYTES)
        beside = path.with_name(f".salt.{secrets.token_hex(4)}")
        write_bytes(beside, salt.hex().encode("ascii"))
        beside.chmod(0o600)  # whoever has it can test whether a PatientID is in a dataset
        try:
            with contextlib.suppress(FileExistsError):
                _rename_new(beside, path)
            return _read_salt(path)
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, path, "write")) from error
        finally:
            beside.unlink(missing_ok=True)

    def split(self) -> Split:
        """The frozen split; empty for a new workspace."""
        return self._split.read()

    def split_problem(self, entries: Sequence[AuditEntry]) -> str:
        """A sentence where `split.json` is not what these entries of the audit trail tell of."""
        return self._split.problem(entries)

    def freeze(self, patients: Mapping[str, SetName], request: SplitRequest = _NO_REQUEST) -> None:
        """Add patients to the frozen split; those already assigned stay where they are.

        Args:
            request: what placed them; for the workspace's own split they must then agree with
                what is assigned already.

        Raises:
            WorkspaceError: the split was changed meanwhile, or it cannot be written, or the
                audit trail cannot; nothing was changed then.
        """
        self._split.freeze(patients, request)

    def move_patient(self, patient_hash: str, name: SetName, by: str, reason: str) -> SetName:
        """Put a patient into another set for future datasets, on record in the audit trail.

        Datasets and models that are there stay as they are; a model that was trained on a
        patient who is now a test patient cannot be compared on this patient any more (see
        `ModelInfo.has_seen`).

        Returns:
            The set it was in.

        Raises:
            UsageError: no such patient, or in that set already, or no name or reason is given.
            WorkspaceError: the split or the audit trail cannot be read or written.
        """
        return self._split.move(patient_hash, name, by, reason)

    def labels(self) -> LabelTable:
        """The label table; the recipe's for a new workspace.

        Raises:
            WorkspaceError: the file cannot be read, or what it holds is no label table.
        """
        labels = self._read(_LABELS, tuple[Label, ...])
        if labels is None:
            return RECIPE_LABELS
        table = LabelTable(labels)
        if table.problem:
            raise WorkspaceError(
                f"{self.root / _LABELS} {table.problem}.", "Restore it from a backup."
            )
        return table

    def keep_labels(self, table: LabelTable, known: LabelTable | None = None) -> None:
        """Store a table in place of the present one.

        Labels may have other names than in datasets and models made before: what these agree
        on with the table is the index.

        Args:
            known: what the table was made from; what another window has stored since stays.
                None where the present one does not matter.

        Raises:
            WorkspaceError: it is no label table, or does not go together with the present one,
                or that is damaged (which is then left as it is), or it cannot be written.
        """
        if table.problem:
            raise WorkspaceError(f"The label table {table.problem}; the stored one was kept.")
        with contextlib.nullcontext() if known is None else self._turn():
            now = self.labels()
            if known is not None:
                table = self._together(now, known, table)
            if table != now:
                self._write(_LABELS, table.labels)

    def _together(self, now: LabelTable, known: LabelTable, table: LabelTable) -> LabelTable:
        try:
            return with_changes(now, known, table)
        except LabelError as error:
            what = f"{self.root / _LABELS} was changed by another window and was kept"
            raise WorkspaceError(f"{what}: {error.message}") from error

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Change the label table one window at a time."""
        self._make(self.root)
        with turn(self.root / ".labels.lock"):
            yield

    def add_labels(self, table: LabelTable, known: int) -> None:
        """Append to the present table what a conversion has found beyond the first `known`.

        The present labels may have got other names, colours and digits while it ran; these
        stay.

        Raises:
            WorkspaceError: labels were added or removed meanwhile, so that the same index would
                mean different classes in the dataset and in the workspace.
        """
        now = self.labels()
        found = table.names[known:]
        extended = now.extended(found)
        same = [extended.index_of(name) for name in found] == list(range(known, len(table)))
        if len(now) < known or not same:
            raise WorkspaceError(
                "Labels were added or removed in the workspace during the conversion.",
                "Convert again.",
            )
        self.keep_labels(extended)

    # -- datasets, runs, models

    def dataset_names(self) -> tuple[str, ...]:
        """Names of the datasets, newest first."""
        found = [p.parent for p in self.datasets.glob(f"*/{MANIFEST}")]
        return tuple(p.name for p in sorted(found, key=_modified, reverse=True))

    def new_run(self) -> Path:
        """Path of a run folder that does not exist yet: runs/YYYYMMDD-HHMMSS-xxxx."""
        return self.runs / _new_name()

    def new_evaluation(self) -> Path:
        """Path of an evaluation's folder that does not exist yet, named like a run's."""
        return self.evaluations / _new_name()

    def model_entries(self) -> tuple[ModelEntry, ...]:
        """The models, newest first; one that cannot be read is listed with the reason."""
        return tuple(self._entries())

    def _entries(self) -> Iterator[ModelEntry]:
        folders = [p.parent for p in self.models.glob(f"*/{MODEL_JSON}")]
        for folder in sorted(folders, key=_modified, reverse=True):
            try:
                yield ModelEntry(folder, read_info(folder))
            except ModelError as error:
                yield ModelEntry(folder, None, error.message)

    def models_by_patient(self) -> dict[str, list[ModelEntry]]:
        """Patient hash -> the models, newest first, that were trained or validated on a patient.

        A model that comes from such a one counts too.  Models of other workspaces are left out.
        """
        own = salt_id(self.salt())
        found: dict[str, list[ModelEntry]] = {}
        for entry in self.model_entries():
            if entry.info and entry.info.salt_id == own:
                for patient in entry.info.seen_patients:
                    found.setdefault(patient, []).append(entry)
        return found

    def find_model(self, reference: str) -> Path:
        """A package folder, a .zip, or NAME[-vN] of this workspace (newest version).

        Raises:
            UsageError: there is no such model.
        """
        path = Path(reference)
        if reference and os.path.exists(path):
            return path
        if reference and path.name == reference:
            named = self.models / reference
            if os.path.isdir(named):
                return named
            versions = [
                (e.info.version, e.path)
                for e in self.model_entries()
                if e.info and e.info.name == reference
            ]
            if versions:
                return max(versions)[1]
        raise UsageError(f"There is no model {reference}.", "Give a model folder, .zip or name.")

    def register_model(self, package: Path, name: str = "") -> ModelEntry:
        """Copy a package (folder or .zip) to models/NAME-vN under the next free N.

        An existing model is never touched.

        Args:
            name: of the model in this workspace; empty for the name it has.

        Raises:
            ModelError: the package failed a check.
        """
        opened = open_model(package)
        name = name or opened.info.name
        weights = read_weights(package, opened.info)
        versions = [e.info.version for e in self.model_entries() if e.info and e.info.name == name]
        version = max(versions, default=0) + 1
        while (self.models / f"{name}-v{version}").exists():
            version += 1
        info = msgspec.structs.replace(opened.info, name=name, version=version)
        self._make(self.models)
        folder = self.models / info.title
        return ModelEntry(folder, write_model(folder, info, opened.onnx, weights))

    # -- small JSON files

    def _read(self, name: str, kind: type[T]) -> T | None:
        path = self.root / name
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, RecursionError) as error:
            raise WorkspaceError(
                f"{path} cannot be read: {error}.", "Restore it from a backup."
            ) from error

    def _write(self, name: str, value: object) -> None:
        self._make(self.root)
        data = msgspec.json.format(msgspec.json.encode(value), indent=1)
        write_bytes(self.root / name, data + b"\n")

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(
                describe_os_error(error, folder, "make the folder"),
                "Choose another one with --workspace.",
            ) from error


def _new_name() -> str:
    """YYYYMMDD-HHMMSS-xxxx: sorted by time, and free."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def _read_salt(path: Path) -> bytes:
    """The stored salt; raises ValueError where it is not a whole one."""
    salt = bytes.fromhex(path.read_text(encoding="ascii").strip())
    if len(salt) != _SALT_BYTES:
        raise ValueError("a salt of the wrong length")
    return salt


def _rename_new(source: Path, target: Path) -> None:
    """Give a file its name unless the name is taken; raises FileExistsError then."""
    if os.name == "nt":
        os.rename(source, target)  # refuses an existing target, unlike on other systems
        return
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, such as exFAT
        if target.exists():
            raise FileExistsError(target) from None
        os.replace(source, target)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
