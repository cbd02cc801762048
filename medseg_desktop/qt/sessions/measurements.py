"""MeasurementSession: a few steps of a training, to know what it costs."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.specs import MeasureSpec
from medseg_desktop.qt.sessions.jobs import Jobs


class MeasurementSession(QObject):
    """Owns the measurement that runs; only the latest one is of interest.

    Signals:
        changed(MeasureSpec, RunState).
    """

    changed = Signal(object, object)

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs

    def start(self, spec: MeasureSpec) -> None:
        """Measure in a child process; an earlier one is stopped."""
        self.stop()
        self._jobs.start(spec, partial(self.changed.emit, spec), needs_paddle=True)

    def stop(self) -> None:
        """Nobody waits for it any more."""
        for job in self._jobs.running(MeasureSpec):
            job.stop()
