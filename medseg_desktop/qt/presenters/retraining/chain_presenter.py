"""A retraining on the Train tab: how it stands, what came of it, and how it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.retraining.cost import Cost
from medseg_desktop.core.retraining.outcome import RetrainOutcome
from medseg_desktop.core.retraining.state import Progress, Retraining, Stage
from medseg_desktop.core.run_state import RunState
from medseg_desktop.io.evaluation.folder import REPORT
from medseg_desktop.io.retraining.file import StoredRetraining, stored_retrainings
from medseg_desktop.jobs.chain import outcome
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.panels.retraining.view import ChainView
from medseg_desktop.qt.panels.training_panel import TrainingPanel
from medseg_desktop.qt.presenters.retraining.chain_texts import (
    done_view,
    halted_view,
    running_view,
    told_notes,
    without_names,
)
from medseg_desktop.qt.presenters.run_presenter import RunPresenter
from medseg_desktop.qt.report_opening import ReportOpening
from medseg_desktop.qt.sessions.retraining import RetrainSession
from medseg_desktop.qt.sessions.runs import RunSession


@dataclass(frozen=True, slots=True)
class _Shown:
    """A retraining that is not under way here, and what came of it."""

    run: Path
    retraining: Retraining
    outcome: RetrainOutcome | None = None
    was_ended: bool = False


class ChainPresenter(QObject):
    """Between the stages on the Train tab and RetrainSession.

    Signals:
        compare_requested(Path): show candidate and champion beside one another; the folder of
            the evaluation.
        promote_requested(Path): make the candidate the champion; its folder.
        failed(str): a sentence for the window.
    """

    compare_requested = Signal(object)
    promote_requested = Signal(object)
    failed = Signal(str)

    def __init__(
        self,
        panel: TrainingPanel,
        runs: RunSession,
        session: RetrainSession,
        shown_run: RunPresenter,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._runs, self._session = panel, runs, session
        self._shown_run = shown_run
        self._background = Background(1, "chain", self)
        self._report = ReportOpening(self._background, self)
        self._cost: Cost | None = None
        self._stage: tuple[Stage, float] | None = None  # and when it began
        self._shown: _Shown | None = None
        self._is_dismissed = False
        self._champion = ""
        self._hides: Callable[[str], bool] = lambda _: False
        chain = panel.chain
        chain.stop_requested.connect(session.cancel)
        chain.continue_requested.connect(self._continue)
        chain.discard_requested.connect(self._dismiss)
        chain.compare_requested.connect(self._compare)
        chain.promote_requested.connect(self._promote)
        chain.report_requested.connect(self._open_report)
        session.retraining_changed.connect(self._on_retraining)
        session.job_changed.connect(self._on_job)
        session.discarded.connect(self.refresh)
        runs.datasets_changed.connect(lambda _: self.refresh())
        self._report.failed.connect(self.failed)

    def set_cost(self, cost: Cost | None) -> None:
        """What the retraining that begins now was estimated to cost."""
        self._cost = cost

    def set_champion(self, champion: str) -> None:
        """The folder of the champion: a candidate that was promoted is none any more."""
        if champion != self._champion:
            self._champion = champion
            self._show()

    def set_hides(self, hides: Callable[[str], bool]) -> None:
        """Which sentences are not to be shown, because they name a patient that is hidden."""
        self._hides = hides
        if self._session.is_under_way:
            self._show_running()
        self._show()

    # -- those that are not under way here

    def refresh(self) -> None:
        """Look for the latest retraining of the workspace."""
        if not self._session.is_under_way:
            self._background.submit(self._latest, self._set_latest)

    def _latest(self) -> _Shown | None:
        for stored in stored_retrainings(self._runs.workspace.runs):
            if not stored.is_held:
                return self._read(stored)
        return None

    def _read(self, stored: StoredRetraining) -> _Shown | None:
        retraining = stored.retraining
        if not retraining.is_done:
            was_ended = retraining.progress is Progress.UNDER_WAY
            return _Shown(stored.run, retraining, was_ended=was_ended)
        if not (self._runs.workspace.models / retraining.candidate).is_dir():
            return None
        try:
            return _Shown(stored.run, retraining, outcome(self._runs.workspace, retraining))
        except MedSegError:
            return None  # its evaluation was removed

    def _set_latest(self, latest: _Shown | None) -> None:
        if self._session.is_under_way or self._stage is not None or self._is_refused:
            return
        self._shown = latest
        self._show()

    @property
    def _is_refused(self) -> bool:
        """What is on the page did not get through its check, so nothing of it is on the disk."""
        shown = self._shown
        return shown is not None and shown.retraining.stage is Stage.CHECK and not shown.was_ended

    def _show(self) -> None:
        if self._session.is_under_way:
            return
        self._panel.show_chain(self._view())

    def _view(self) -> ChainView | None:
        shown = self._shown
        if shown is None or self._is_dismissed:
            return None
        if shown.outcome is not None:
            is_candidate = shown.retraining.candidate != self._champion
            notes = told_notes(shown.retraining, self._hides)
            return done_view(shown.retraining, shown.outcome, notes) if is_candidate else None
        return halted_view(without_names(shown.retraining, self._hides), shown.was_ended)

    # -- the one that is under way

    def _on_retraining(self, retraining: Retraining) -> None:
        if not self._session.is_under_way:
            self._on_end(retraining)
            return
        self._is_dismissed = False
        if self._stage is None or self._stage[0] is not retraining.stage:
            self._stage = (retraining.stage, time.monotonic())
            self._panel.run.set_chained(True)
            if retraining.stage is Stage.TRAIN:
                self._shown_run.follow_next()
            else:
                self._shown_run.leave()
                self._panel.show_home()
        self._show_running()

    def _on_job(self, run: RunState) -> None:
        if self._session.is_under_way:
            self._show_running()

    def _show_running(self) -> None:
        retraining = self._session.retraining
        if retraining is None:
            return
        spec = self._runs.training_spec
        ours = spec is not None and Path(spec.run) == self._session.run
        view = running_view(
            retraining,
            self._session.job,
            self._cost,
            iterations=spec.iterations if ours and spec is not None else 0,
            elapsed_s=time.monotonic() - self._stage[1] if self._stage else 0.0,
            is_stopping=self._session.is_stopping,
            notes=told_notes(retraining, self._hides),
        )
        self._panel.show_chain(view, is_under_way=True)

    def _on_end(self, retraining: Retraining) -> None:
        """It is done, or has stopped."""
        self._stage = self._cost = None
        self._panel.run.set_chained(False)
        self._shown_run.leave()
        run = self._session.run
        was_checked = retraining.stage is not Stage.CHECK
        if retraining.is_done and run is not None:
            self._shown = None
            self._background.submit(
                lambda: _Shown(run, retraining, outcome(self._runs.workspace, retraining)),
                self._set_latest,
                lambda error: self.failed.emit(error.message),
            )
        elif run is not None and (was_checked or retraining.progress is Progress.FAILED):
            self._shown = _Shown(run, retraining)
        else:
            self._shown = None
        self._panel.show_chain(self._view())
        self._panel.show_home()

    # -- what the user asks for

    def _continue(self) -> None:
        if self._shown is not None:
            self._session.resume(self._shown.run, self._shown.retraining)

    def _dismiss(self) -> None:
        """Do not show it any more; one that could go on is given up."""
        shown = self._shown
        if shown is None:
            return
        self._is_dismissed = True
        if not shown.retraining.is_done:
            self._shown = None
            self._session.discard(shown.run)
        self._show()

    @property
    def evaluation(self) -> Path | None:
        """The folder of the evaluation on the page."""
        shown = self._shown
        if shown is None or shown.retraining.plan is None or not shown.retraining.is_done:
            return None
        return self._runs.workspace.evaluations / shown.retraining.plan.evaluation

    def _compare(self) -> None:
        if self.evaluation is not None:
            self.compare_requested.emit(self.evaluation)

    def _promote(self) -> None:
        shown = self._shown
        if shown is not None and shown.retraining.candidate:
            self.promote_requested.emit(self._runs.workspace.models / shown.retraining.candidate)

    def _open_report(self) -> None:
        if self.evaluation is not None:
            self._report.open(self.evaluation / REPORT)

    # -- the end

    def quit(self) -> None:
        """Begin no more work; does not wait."""
        self._background.quit()

    def close(self) -> None:
        """End the thread."""
        self.quit()
        self._background.close()
