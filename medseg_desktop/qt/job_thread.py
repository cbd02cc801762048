"""A child process owned by a QThread: events in, Qt signals out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.events import TERMINAL, Failed, Finished
from medseg_desktop.core.run_state import RunState, reduce
from medseg_desktop.core.specs import Spec
from medseg_desktop.jobs.child import Child
from medseg_desktop.jobs.run import temporary_work_dir

_log = logging.getLogger(__name__)
#: States are handed to the window at most this often; the last one always is.
_REPORT_S = 0.1


class JobThread(QThread):
    """Runs one job to its end.

    Args:
        work_dir: the run folder; None for a temporary one.
        finish: called in this thread with the result of a finished job; what it returns is
            merged into the result (registering a model, say).

    Signals:
        changed(RunState): at most ten times a second, and at the end with `is_over`.
    """

    changed = Signal(object)

    def __init__(
        self,
        spec: Spec,
        *,
        work_dir: Path | None = None,
        interpreter: str | None = None,
        threads: int = 0,
        finish: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        command: list[str] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.spec = spec
        self.work_dir = work_dir
        self._interpreter = interpreter
        self._threads = threads
        self._finish = finish
        self._command = command
        self._child: Child | None = None
        self._stop_early = False
        self._reported = 0.0

    def stop(self) -> None:
        """Ask the job to save and stop; returns at once, from any thread."""
        self._stop_early = True
        child = self._child
        if child is not None:
            child.stop()

    def run(self) -> None:
        """The thread's body (called by Qt)."""
        try:
            if self.work_dir is not None:
                self._follow(self.work_dir)
            else:
                with temporary_work_dir() as folder:
                    self._follow(folder)
        except MedSegError as error:
            self._fail(error.message, error.hint)
        except Exception as error:
            _log.exception("unexpected error while following a job")
            self._fail(f"Unexpected error: {error}.")

    def _follow(self, work_dir: Path) -> None:
        run = RunState()
        child = Child(
            self.spec,
            work_dir=work_dir,
            interpreter=self._interpreter,
            threads=self._threads,
            command=self._command,
        )
        with child:
            self._child = child
            if self._stop_early:
                child.stop()
            for event in child.events():
                if isinstance(event, Finished) and self._finish is not None:
                    event = self._with_finish(event)
                run = reduce(run, event)
                self._report(run, last=isinstance(event, TERMINAL))

    def _with_finish(self, event: Finished) -> Finished | Failed:
        assert self._finish is not None
        try:
            result = {**event.result, **self._finish(event.result)}
        except MedSegError as error:
            return Failed(time=event.time, message=error.message, hint=error.hint)
        return Finished(time=event.time, seq=event.seq, result=result)

    def _report(self, run: RunState, last: bool) -> None:
        now = time.monotonic()
        if last or now - self._reported >= _REPORT_S:
            self._reported = now
            self.changed.emit(run)

    def _fail(self, message: str, hint: str = "") -> None:
        failed = Failed(time=time.time(), message=message, hint=hint)
        self.changed.emit(reduce(RunState(), failed))
