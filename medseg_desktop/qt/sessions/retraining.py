"""RetrainSession: a retraining driven through its stages by the jobs of RunSession."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.errors import Cancelled, MedSegError
from medseg_desktop.core.retraining.state import Retraining, Stage
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.io.retraining.file import discard
from medseg_desktop.jobs.chain import Chain, Job, Look
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.job_thread import JobThread
from medseg_desktop.qt.sessions.runs import RunSession

#: What is done in this process tells its progress this often, in seconds.
_REPORT_S = 0.1
_Tell = Callable[[RunState], None]


class RetrainSession(QObject):
    """Owns the retraining of this window; there is one at a time.

    Signals:
        retraining_changed(Retraining): it has come to another stage, or to its end.
        job_changed(RunState): how far the present stage is.
        failed(MedSegError): it could not be begun, continued or removed.
        discarded(): it is not offered any more.

    Attributes:
        retraining: the latest state; None before the first one.
        job: of the present stage; None before it has told anything.
        run: its run folder; None before there is one.
    """

    retraining_changed = Signal(object)
    job_changed = Signal(object)
    failed = Signal(object)
    discarded = Signal()

    def __init__(self, runs: RunSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs = runs
        self._background = Background(1, "retraining", self)
        self._chain: Chain | None = None
        self._is_beginning = False
        self._cancelled = threading.Event()
        self._thread: JobThread | None = None
        self._training: TrainSpec | None = None  # ours, from its start to its end
        self.retraining: Retraining | None = None
        self.job: RunState | None = None
        self.run: Path | None = None
        runs.training_changed.connect(self._on_training)
        runs.queue_changed.connect(lambda _: self._look_at_queue())

    @property
    def is_under_way(self) -> bool:
        """One is at work, or about to begin."""
        return self._is_beginning or self._chain is not None

    @property
    def is_stopping(self) -> bool:
        """It was asked to stop, and the present stage is about to end."""
        return self.is_under_way and self._cancelled.is_set()

    def begin(self, asked: Retraining, look: Look | None = None) -> None:
        """A new one; `asked` tells source, options and who asks."""
        threads = self._runs.settings.threads
        self._open(
            lambda: Chain.begin(self._runs.workspace, asked, look=look, threads=threads), asked
        )

    def resume(self, run: Path, retraining: Retraining) -> None:
        """Go on with one that was stopped, has failed, or was ended with the program."""
        threads = self._runs.settings.threads
        self._open(
            lambda: Chain.reopen(self._runs.workspace, run, threads=threads), retraining.resumed()
        )

    def cancel(self) -> None:
        """Stop the present stage; what it has kept is gone on with another time."""
        if not self.is_under_way:
            return
        self._cancelled.set()
        if self._thread is not None:
            self._runs.jobs.stop(self._thread)
        elif self._training is not None:
            if self._is_waiting_for_turn:
                self._runs.remove_from_queue(self._training.run)
            else:
                self._runs.stop_training()
        if self.retraining is not None:
            self.retraining_changed.emit(self.retraining)

    def discard(self, run: Path) -> None:
        """Do not offer this one any more."""
        if self.is_under_way:
            return
        self._background.submit(lambda: discard(run), self._on_discarded, self.failed.emit)

    def _on_discarded(self, _: None) -> None:
        self.retraining = self.run = self.job = None
        self.discarded.emit()

    # -- from stage to stage

    def _open(self, make: Callable[[], Chain], expected: Retraining) -> None:
        if self.is_under_way:
            return
        self._is_beginning = self._runs.is_retraining = True
        self._cancelled.clear()
        self.retraining, self.job = expected, None
        self.retraining_changed.emit(expected)
        self._background.submit(make, self._on_open, self._on_not_open)

    def _on_open(self, chain: Chain) -> None:
        self._chain, self.run = chain, chain.run
        self._is_beginning = False
        self._next()

    def _on_not_open(self, error: MedSegError) -> None:
        self._is_beginning = self._runs.is_retraining = False
        if self.retraining is not None:
            self.retraining = self.retraining.failed(error.message, error.hint)
            self.retraining_changed.emit(self.retraining)
        self.failed.emit(error)

    def _next(self) -> None:
        """Begin the stage that comes now, or end where it has come to its end."""
        chain = self._chain
        assert chain is not None
        self.retraining = chain.retraining
        self.job = None
        if not chain.retraining.is_under_way:
            self._release(chain)
            self._runs.refresh()
            self.retraining_changed.emit(self.retraining)
            return
        self.retraining_changed.emit(self.retraining)
        context = _Context(self._background, self._cancelled, self._on_own_work)
        self._background.submit(
            partial(chain.prepare, context), self._run, partial(self._on_unexpected, chain)
        )

    def _run(self, job: Job | None) -> None:
        if job is None:
            self._next()
        elif self._cancelled.is_set():
            self._take(RunState(status=RunStatus.CANCELLED))
        elif isinstance(job.spec, TrainSpec):
            self._train(job.spec)
        else:
            self._thread = self._runs.jobs.start(job.spec, self._on_job)

    def _train(self, spec: TrainSpec) -> None:
        self._training = spec
        self._runs.start_training(spec)
        if self._training is spec and not self._has_begun and not self._is_waiting_for_turn:
            error = f"The training in {spec.run} is under way already."
            self._take(RunState(status=RunStatus.FAILED, message=error))

    @property
    def _has_begun(self) -> bool:
        now = self._runs.training_spec
        return self._training is not None and now is not None and now.run == self._training.run

    @property
    def _is_waiting_for_turn(self) -> bool:
        return self._training is not None and self._training in self._runs.queue

    def _look_at_queue(self) -> None:
        """Somebody may have taken our training out of the queue."""
        if self._training is None or self._has_begun or self._is_waiting_for_turn:
            return
        # The queue tells that it is shorter before it begins what it has given out.
        spec = self._training
        self._background.deliver(lambda: self._give_up(spec))

    def _give_up(self, spec: TrainSpec) -> None:
        if self._training is spec and not self._has_begun and not self._is_waiting_for_turn:
            self._take(RunState(status=RunStatus.CANCELLED))

    def _on_training(self, run: RunState) -> None:
        if self._has_begun and self._training is not None:
            self._on_job(run)

    def _on_job(self, run: RunState) -> None:
        if self._chain is None:
            return
        self.job = run
        self.job_changed.emit(run)
        if run.is_over:
            self._take(run)

    def _on_own_work(self, run: RunState) -> None:
        """The part of a stage that is done in this process."""
        if self._chain is not None and self._thread is None and self._training is None:
            self.job = run
            self.job_changed.emit(run)

    def _take(self, run: RunState) -> None:
        """The job of the present stage has come to its end."""
        chain, self._thread, self._training = self._chain, None, None
        if chain is None:
            return
        converted = chain.retraining.stage is Stage.CONVERT

        def done(_: None) -> None:
            if converted:
                self._runs.refresh()
            self._next()

        self._background.submit(lambda: chain.take(run), done, partial(self._on_unexpected, chain))

    def _on_unexpected(self, chain: Chain, error: MedSegError) -> None:
        """What even the chain has not expected, a full disk say."""
        self._release(chain)
        self.retraining = chain.retraining.failed(error.message, error.hint)
        self.retraining_changed.emit(self.retraining)

    def _release(self, chain: Chain) -> None:
        """Another program may go on with it."""
        self._chain, self._runs.is_retraining = None, False
        chain.close()

    # -- the end

    def quit(self) -> None:
        """Begin no further stage; does not wait."""
        self._cancelled.set()
        self._background.quit()

    def close(self) -> None:
        """End the thread; what is under way can be continued at the next start."""
        self.quit()
        self._background.close()
        if self._chain is not None:
            self._chain.close()
            self._chain = None


class _Context:
    """What is done in the session's thread tells its progress, and may be stopped."""

    def __init__(self, background: Background, cancelled: threading.Event, tell: _Tell) -> None:
        self._background, self._cancelled, self._tell = background, cancelled, tell
        self._told_s = 0.0

    def progress(self, phase: str, done: int, total: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < _REPORT_S and done != total:
            return
        self._told_s = now_s
        state = RunState(status=RunStatus.RUNNING, phase=phase, done=done, total=total)
        self._background.deliver(lambda: self._tell(state))

    def log(self, message: str) -> None:
        """Nobody listens."""

    def check(self) -> None:
        if self._cancelled.is_set() or self._background.closed:
            raise Cancelled
