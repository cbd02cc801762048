"""EvaluationSession: models are evaluated in child processes, one at a time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.io.evaluation.folder import read_record
from medseg_desktop.qt.job_thread import JobThread
from medseg_desktop.qt.sessions.jobs import Jobs


class EvaluationSession(QObject):
    """Owns the evaluation that runs.

    Signals:
        changed(RunState): of the evaluation that runs, or has just ended.
        evaluated(Path): the folder of one that ended well.

    Attributes:
        spec, run: of the evaluation that runs, or ran last; None before the first.
    """

    changed = Signal(object)
    evaluated = Signal(object)

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._job: JobThread | None = None
        self._is_stopping = False
        self.spec: EvaluateSpec | None = None
        self.run: RunState | None = None

    @property
    def is_running(self) -> bool:
        """No other one can be started now."""
        return self.run is not None and not self.run.is_over

    def start(self, spec: EvaluateSpec) -> None:
        """Evaluate in a child process, unless one runs already."""
        if self.is_running:
            return
        self.spec, self._is_stopping = spec, False
        finish = partial(_require_record, Path(spec.out))
        self._job = self._jobs.start(spec, self._on_change, finish=finish)

    def stop(self) -> None:
        """Ask the evaluation to stop; nothing is kept of it."""
        if self.run is not None and self.is_running:
            self._is_stopping = True
            self._jobs.stop(self._job)
            self._on_change(self.run)

    def _on_change(self, run: RunState) -> None:
        if self._is_stopping and not run.is_over:
            run = replace(run, status=RunStatus.STOPPING)
        self.run = run
        self.changed.emit(run)
        if run.status is RunStatus.FINISHED and self.spec is not None:
            self.evaluated.emit(Path(self.spec.out))


def _require_record(folder: Path, result: dict[str, Any]) -> dict[str, Any]:
    """In the job's thread: an evaluation that left no record has failed."""
    read_record(folder)
    return {}
