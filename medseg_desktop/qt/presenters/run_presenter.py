"""The run on the training panel: the one that trains, or an earlier one; and the queue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
from PySide6.QtCore import QCoreApplication, QObject, Signal

from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.io.run_folder import REPORT, has_checkpoint
from medseg_desktop.io.runs import read_run, read_train_spec
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.dialogs.continue_dialog import ContinueDialog
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.training_panel import TrainingPanel
from medseg_desktop.qt.presenters.history_presenter import HistoryPresenter
from medseg_desktop.qt.presenters.run_export import RunExport
from medseg_desktop.qt.previews_loader import PreviewLoader
from medseg_desktop.qt.report_opening import ReportOpening
from medseg_desktop.qt.sessions.runs import RunSession


def tr(text: str) -> str:
    return QCoreApplication.translate("Training", text)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A run on the page."""

    spec: TrainSpec
    state: RunState
    continues: bool = False

    @property
    def folder(self) -> Path:
        return Path(self.spec.run)


class RunPresenter(QObject):
    """Between the page of a run and RunSession; knows which run the user looks at.

    Signals:
        failed(str): a sentence for the window.
        log_requested(Path): show the log of a run.
    """

    failed = Signal(str)
    log_requested = Signal(object)

    def __init__(
        self, panel: TrainingPanel, runs: RunSession, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._panel, self._runs = panel, runs
        self._background = Background(1, "runs", self)
        self._previews = PreviewLoader(panel.run.previews, self)
        self._report = ReportOpening(self._background, self)
        self.export = RunExport(panel, self._background, self)
        self.history = HistoryPresenter(panel, runs, self)
        self.dialog: ContinueDialog | None = None
        #: The run of this window is shown whenever there is news; else what the user chose.
        self._follows = True
        self._earlier: _Shown | None = None
        self._live_continues = False
        self._connect()

    def _connect(self) -> None:
        panel, runs = self._panel, self._runs
        panel.stop_requested.connect(runs.stop_training)
        panel.pause_requested.connect(runs.pause_training)
        panel.resume_requested.connect(runs.resume_training)
        panel.continue_requested.connect(self._ask_to_continue_shown)
        panel.show_log_requested.connect(self._show_log)
        panel.open_report_requested.connect(self._open_report)
        panel.back_to_run_requested.connect(self.follow)
        panel.queue.remove_requested.connect(runs.remove_from_queue)
        panel.queue.move_requested.connect(runs.move_in_queue)
        panel.history.show_requested.connect(self.show_earlier)
        panel.history.continue_requested.connect(self._ask_to_continue)
        self._report.failed.connect(self.failed)
        self.export.failed.connect(self.failed)
        self.history.failed.connect(self.failed)
        runs.queue_changed.connect(panel.queue.set_queue)
        runs.training_begun.connect(self._on_begun)
        runs.training_changed.connect(self._on_run)

    # -- which run is shown

    def follow(self) -> None:
        """Show the run of this window, from now on."""
        self._follows, self._earlier = True, None
        self._show()

    def follow_next(self) -> None:
        """Show the training that begins next, as soon as it does."""
        self._follows, self._earlier = True, None

    def leave(self) -> None:
        """The user looks at what comes before a training."""
        self._follows, self._earlier = False, None

    def show_earlier(self, folder: Path) -> None:
        """Show a run of the workspace; it is read in the background."""
        spec = self._runs.training_spec
        if spec is not None and Path(spec.run) == folder:
            self.follow()
            return
        self._background.submit(
            lambda: _Shown(_moved(folder), read_run(folder), has_checkpoint(folder)),
            self._show_read,
            lambda error: self.failed.emit(sentence(error)),
        )

    def _show_read(self, read: _Shown) -> None:
        self._follows, self._earlier = False, read
        self._show()

    @property
    def shown(self) -> _Shown | None:
        """The run on the page."""
        if self._earlier is not None:
            return self._earlier
        spec, state = self._runs.training_spec, self._runs.training
        if not self._follows or spec is None or state is None:
            return None
        return _Shown(spec, state, self._live_continues)

    def _show(self) -> None:
        shown = self.shown
        if shown is None:
            return
        self._previews.set_run(shown.folder)
        self.export.set_run(shown.spec, shown.state)
        is_live = self._earlier is None
        title = (
            shown.spec.model_name if is_live else f"{shown.spec.model_name} · {shown.folder.name}"
        )
        self._panel.run.set_place(title, is_live, self._runs.is_training)
        spec = shown.spec
        self._panel.show_run(shown.state, spec.iterations, spec.patience, shown.continues)

    def _on_begun(self, spec: TrainSpec) -> None:
        self._live_continues = False
        self._panel.set_busy(True)

    def _on_run(self, run: RunState) -> None:
        if run.is_over:
            self._on_over(run)
        if self._earlier is None and self._follows:
            self._show()

    def _on_over(self, run: RunState) -> None:
        spec = self._runs.training_spec
        self._panel.set_busy(bool(self._runs.queue))
        if spec is None:
            return
        folder = Path(spec.run)
        self._background.submit(
            lambda: has_checkpoint(folder), partial(self._set_continues, spec), None
        )
        # Where the next one begins, or the user is elsewhere, the page does not say it.
        is_out_of_sight = bool(self._runs.queue) or not self._follows
        if run.status is RunStatus.FAILED and is_out_of_sight:
            text = tr("The training {name} failed: {reason}")
            self.failed.emit(text.format(name=spec.model_name, reason=run.message))

    def _set_continues(self, spec: TrainSpec, continues: bool) -> None:
        now = self._runs.training_spec
        if now is spec and continues:
            self._live_continues = True
            if self._earlier is None and self._follows:
                self._show()

    # -- continue, log

    def _ask_to_continue_shown(self) -> None:
        shown = self.shown
        if shown is not None:
            self._ask(shown)

    def _ask_to_continue(self, folder: Path) -> None:
        self._background.submit(
            lambda: _Shown(_moved(folder), read_run(folder), has_checkpoint(folder)),
            self._ask,
            lambda error: self.failed.emit(sentence(error)),
        )

    def _ask(self, shown: _Shown) -> None:
        done = shown.state.steps[-1].iteration if shown.state.steps else 0
        dialog = ContinueDialog(
            shown.spec.model_name, done, shown.spec.iterations, self._panel.window()
        )
        dialog.chosen.connect(partial(self._continue, shown.spec))
        dialog.destroyed.connect(self._on_dialog_gone)
        self.dialog = dialog
        dialog.open()

    def _on_dialog_gone(self) -> None:
        self.dialog = None

    def _continue(self, spec: TrainSpec, iterations: int) -> None:
        self.follow()
        self._runs.start_training(msgspec.structs.replace(spec, resume=True, iterations=iterations))

    def _show_log(self) -> None:
        shown = self.shown
        if shown is not None:
            self.log_requested.emit(shown.folder / "worker.log")

    def _open_report(self) -> None:
        shown = self.shown
        if shown is not None:
            self._report.open(shown.folder / REPORT)

    def quit(self) -> None:
        """Begin no more work; does not wait."""
        for part in (self._background, self._previews, self.history):
            part.quit()

    def close(self) -> None:
        """End the threads."""
        for part in (self._background, self._previews, self.history):
            part.close()


def _moved(folder: Path) -> TrainSpec:
    """The settings of a run, which may have been moved since.

    Raises:
        WorkspaceError: see `io.runs.read_train_spec`.
    """
    return msgspec.structs.replace(read_train_spec(folder), run=str(folder))
