"""ImportSession: models from elsewhere come into the workspace."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.errors import JobError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import ImportSpec
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.models.importing import PDPARAMS, import_package, package_of
from medseg_desktop.io.settings_file import user_name
from medseg_desktop.io.workspace import ModelEntry, Workspace
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.job_thread import JobThread
from medseg_desktop.qt.sessions.jobs import Jobs


class ImportSession(QObject):
    """Owns the import that runs.

    Signals:
        changed(RunState): of weights that a child process makes a model.
        imported(Path | None): the folder of the new model; None where weights gave none, because
            somebody has stopped them.
        failed(MedSegError): there will be no model, and why.
    """

    changed = Signal(object)
    imported = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        workspace: Workspace,
        jobs: Jobs,
        background: Background,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace, self._jobs, self._background = workspace, jobs, background
        self._job: JobThread | None = None

    def start(self, file: Path, name: str = "", labels: LabelTable | None = None) -> None:
        """Check a model and copy it into the workspace, in the background.

        Args:
            file: a package (folder or .zip), or PaddleSeg's weights, which a child process reads.
            name: of the model; "" for a package's own.
            labels: of the weights' classes; None for the recipe's.
        """
        actor = self._jobs.settings.annotator or user_name()
        if file.suffix.lower() != PDPARAMS:

            def take_over() -> ModelEntry:
                Predictor.require_runnable(package_of(file))
                return import_package(self._workspace, file, name, actor)

            self._background.submit(
                take_over, lambda entry: self.imported.emit(entry.path), self.failed.emit
            )
            return
        self._job = self._jobs.start(
            ImportSpec(file=str(file), name=name, labels=labels),
            self._on_change,
            needs_paddle=True,
            finish=partial(_take_over, self._workspace, name, actor),
        )

    def stop(self) -> None:
        """Ask the import of weights to stop; there will be no model."""
        self._jobs.stop(self._job)

    def _on_change(self, run: RunState) -> None:
        self.changed.emit(run)
        if run.status is RunStatus.FAILED:
            self.failed.emit(JobError(run.message, run.hint))
        elif run.is_over:
            self.imported.emit(registered(run))


def _take_over(
    workspace: Workspace, name: str, actor: str, result: dict[str, Any]
) -> dict[str, Any]:
    """In the job's thread: copy the package that an import has made to models/NAME-vN."""
    return registration(
        import_package(workspace, Path(result["model"]), name, actor, result["sha256"])
    )


def registration(entry: ModelEntry) -> dict[str, Any]:
    """What the result of a job tells of the model that it has brought."""
    return {"registered": str(entry.path), "title": entry.title}


def registered(run: RunState) -> Path | None:
    """The folder of the model that a job has brought; None where it has brought none."""
    path = run.result.get("registered")
    return Path(path) if path else None
