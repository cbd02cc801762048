"""Jobs: everything that runs in child processes of this window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.run_state import RunState
from medseg_desktop.core.settings import Settings
from medseg_desktop.core.specs import Spec
from medseg_desktop.qt.job_thread import JobThread


class Jobs(QObject):
    """Starts jobs for the sessions, and knows which ones run.

    Signals:
        ended(JobThread): a job has come to its end, whichever, and is not among the running ones.
        idle(): no job runs any more.
    """

    ended = Signal(object)
    idle = Signal()

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self._running: list[JobThread] = []
        self._is_ending = False

    def start(
        self,
        spec: Spec,
        on_change: Callable[[RunState], None],
        *,
        work_dir: Path | None = None,
        needs_paddle: bool = False,
        finish: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> JobThread:
        """Run a job; `on_change` gets its states, the first one at once.

        Args:
            work_dir: the run folder; None for a temporary one.
            needs_paddle: it runs in the interpreter that trains.
            finish: called in the job's thread, see `JobThread`.
        """
        job = JobThread(
            spec,
            work_dir=work_dir,
            interpreter=(self.settings.training_interpreter or None) if needs_paddle else None,
            threads=self.settings.threads if needs_paddle else 0,
            finish=finish,
            parent=self,
        )
        self._running.append(job)
        job.changed.connect(on_change)
        job.finished.connect(partial(self._on_finished, job))
        on_change(RunState())
        job.start()
        if self._is_ending:  # it was prepared while the others were told to stop
            job.stop()
        return job

    def stop(self, job: JobThread | None) -> None:
        """Ask a job to stop; one that has ended is fine too."""
        if job in self._running:
            job.stop()

    def stop_all(self) -> None:
        """Ask every job to stop; `idle` tells when they have."""
        self._is_ending = bool(self._running)
        for job in self._running:
            job.stop()

    @property
    def is_idle(self) -> bool:
        """No job runs."""
        return not self._running

    def running(self, kind: type[Spec]) -> list[JobThread]:
        """Those of a kind that run."""
        return [job for job in self._running if isinstance(job.spec, kind)]

    def _on_finished(self, job: JobThread) -> None:
        self._running.remove(job)
        job.deleteLater()
        self.ended.emit(job)
        if not self._running:
            self._is_ending = False
            self.idle.emit()

    def wait(self) -> None:
        """Until every job has ended."""
        for job in list(self._running):
            job.wait()
