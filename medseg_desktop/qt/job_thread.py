"""A child process owned by a QThread: events in, Qt signals out."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.events import Failed, Finished
from medseg_desktop.core.run_state import RunState, reduce
from medseg_desktop.core.specs import Spec
from medseg_desktop.jobs.child import Child
from medseg_desktop.jobs.run import temporary_work_dir

_log = logging.getLogger(__name__)
#: States are handed to the window at most this often; the last one always is.
_REPORT_MS = 100


class JobThread(QThread):
    """Runs one job to its end.

    Args:
        work_dir: the run folder; None for a temporary one.
        finish: called in this thread with the result of a finished job; what it returns is
            merged into the result (registering a model, say).

    Signals:
        changed(RunState): at most ten times a second, always with the latest state, and at the
            end with `is_over`; emitted in the thread that made this object.
    """

    changed = Signal(object)
    _news = Signal()

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
        # The latest state goes from hand to hand under the lock; news are told once until
        # they are fetched, so a flood of events never fills the window's event queue.
        self._lock = threading.Lock()
        self._latest = RunState()
        self._told = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_REPORT_MS)
        self._pause.timeout.connect(self._report)
        self._news.connect(self._on_news, Qt.ConnectionType.QueuedConnection)

    def stop(self) -> None:
        """Ask the job to save and stop; returns at once, from any thread."""
        self._stop_early = True
        child = self._child
        if child is not None:
            child.stop()

    def pause(self) -> None:
        """Ask the job to halt at its next safe point."""
        if self._child is not None:
            self._child.pause()

    def resume(self) -> None:
        """Let a halted job go on."""
        if self._child is not None:
            self._child.resume()

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
                self._tell(run)

    def _with_finish(self, event: Finished) -> Finished | Failed:
        assert self._finish is not None
        try:
            result = {**event.result, **self._finish(event.result)}
        except MedSegError as error:
            return Failed(time=event.time, message=error.message, hint=error.hint)
        return Finished(time=event.time, seq=event.seq, result=result)

    def _tell(self, run: RunState) -> None:
        """In the job's thread: there is a newer state."""
        with self._lock:
            self._latest = run
            known, self._told = self._told, True
        if not known or run.is_over:
            self._news.emit()

    def _on_news(self) -> None:
        """In the window's thread: report now, or when the last report is old enough."""
        if self._latest.is_over:
            self._pause.stop()
            self._report()
        elif not self._pause.isActive():
            self._report()

    def _report(self) -> None:
        with self._lock:
            run, told = self._latest, self._told
            self._told = False
        if told:
            if not run.is_over:
                self._pause.start()
            self.changed.emit(run)

    def _fail(self, message: str, hint: str = "") -> None:
        if self._latest.is_over:
            return  # the job had ended before; there is one end only
        failed = Failed(time=time.time(), message=message, hint=hint)
        self._tell(reduce(self._latest, failed))
