"""The training panel while a training runs and after it."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QLabel, QWidget

from medseg_desktop.core.events import Evaluation
from medseg_desktop.core.run_facts import can_pause, run_facts
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.qt.panels.controls import button, column, label, row
from medseg_desktop.qt.panels.log_view import LogView
from medseg_desktop.qt.panels.progress_strip import ProgressStrip
from medseg_desktop.qt.panels.training_facts import FactsGrid
from medseg_desktop.qt.panels.training_plots import RunPlots
from medseg_desktop.qt.panels.training_previews import PreviewStrip
from medseg_desktop.qt.theme.icons import pixmap, set_icon
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import SPACE_M


def _tr(text: str) -> str:
    return QCoreApplication.translate("TrainingRun", text)


def duration_text(seconds: float) -> str:
    """A rounded duration, for example "about 12 min"."""
    if seconds < 50:
        return _tr("less than a minute")
    minutes = round(seconds / 60)
    if minutes < 60:
        return _tr("about {m} min").format(m=max(minutes, 1))
    return _tr("about {h} h {m} min").format(h=minutes // 60, m=minutes % 60)


def phase_text(phase: str) -> str:
    """What a phase of the job is called in the window."""
    known = {
        "": _tr("Starting"),
        "load": _tr("Reading the dataset"),
        "prepare": _tr("Reading the dataset"),
        "train": _tr("Training"),
        "evaluate": _tr("Checking on validation patients"),
        "export": _tr("Writing the model"),
        "verify": _tr("Checking the exported model"),
        "pack": _tr("Packing the model"),
    }
    return known.get(phase, phase.replace("_", " ").capitalize())


def headline(run: RunState) -> str:
    """One sentence about where the training stands."""
    match run.status:
        case RunStatus.FINISHED:
            return _tr("Training finished.")
        case RunStatus.CANCELLED:
            if "model" in run.result and run.result["model"] is None:
                return _tr("Training stopped. There is no model, because none was validated yet.")
            return _tr("Training stopped. The best model so far was kept.")
        case RunStatus.FAILED:
            return run.message or _tr("Training failed.")
        case RunStatus.PAUSED:
            return _tr("Paused")
        case RunStatus.STOPPING:
            return _tr("Stopping after this step")
        case RunStatus.STARTING:
            return _tr("Starting")
    return phase_text(run.phase)


def best_text(best: Evaluation | None) -> tuple[str, str]:
    """(the number, two lines beside it) of the best validation so far."""
    if best is None or best.mean_dice is None:
        return "–", _tr("Best Dice\nno validation yet")  # noqa: RUF001
    n = sum(case.foreground_dice is not None for case in best.cases)
    patients = _tr("1 patient") if n == 1 else _tr("{n} patients").format(n=n)
    line = _tr("Best Dice · {patients}\nat iteration {i}")
    return f"{best.mean_dice:.3f}", line.format(patients=patients, i=f"{best.iteration:,}")


class RunPage(QWidget):
    """Progress, figures, curves, previews and outcome of one training.

    Signals:
        stop_requested, pause_requested, resume_requested, continue_requested,
        show_log_requested, open_report_requested, new_training_requested, back_requested:
            by the buttons.
    """

    stop_requested = Signal()
    pause_requested = Signal()
    resume_requested = Signal()
    continue_requested = Signal()
    show_log_requested = Signal()
    open_report_requested = Signal()
    new_training_requested = Signal()
    back_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.back = button(self.tr("Back to the running training"), "chevron-left", quiet=True)
        self.title = label("", "section", wrap=True)
        self.mark = QLabel()
        self.headline = label("", "title", wrap=True)
        self.hint = label("", "muted", wrap=True)
        self.bar = ProgressStrip()
        self.done_text = label("", "muted")
        self.left_text = label("", "muted")
        self.best_number = label("", "number")
        self.best_line = label("", "muted")
        self.facts = FactsGrid()
        self.plots = RunPlots()
        self.previews = PreviewStrip()
        self.pause = button(self.tr("Pause"), "pause")
        self.stop = button(self.tr("Stop training"), "stop")
        self.go_on = button(self.tr("Continue training…"), "play")
        self.open_report = button(self.tr("Open report"), "open-folder")
        self.show_log = button(self.tr("Show log"), "log")
        self.again = button(self.tr("New training"), "train")
        self.queue_another = button(self.tr("Queue another training"), "plus", quiet=True)
        self.log = LogView()
        self._filler = QWidget()
        self._filler.hide()
        self.back.hide()
        self._is_live = True
        self._is_chained = False
        #: What was asked for and has not happened yet: "pause", "resume" or nothing.
        self._asked = ""
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        layout = column(self, 0, SPACE_M)
        left = Qt.AlignmentFlag.AlignLeft
        layout.addWidget(self.back, 0, left)
        layout.addWidget(self.title)
        head = row()
        head.addWidget(self.mark, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.headline, 1)
        layout.addLayout(head)
        layout.addWidget(self.hint)
        layout.addWidget(self.bar)
        numbers = row()
        numbers.addWidget(self.done_text, 1)
        numbers.addWidget(self.left_text)
        layout.addLayout(numbers)
        running = row()
        for action in (self.pause, self.stop):
            running.addWidget(action, 1)
        layout.addLayout(running)
        layout.addWidget(self.go_on)
        layout.addWidget(self.again)
        over = row()
        for action in (self.open_report, self.show_log):
            over.addWidget(action, 1)
        layout.addLayout(over)
        best = row(None, 0, SPACE_M)
        best.addWidget(self.best_number)
        best.addWidget(self.best_line, 1, Qt.AlignmentFlag.AlignVCenter)
        layout.addLayout(best)
        layout.addWidget(self.facts)
        layout.addWidget(self.plots, 1)
        layout.addWidget(self.previews)
        layout.addWidget(self.queue_another, 0, left)
        layout.addWidget(self.log)
        layout.addWidget(self._filler, 1)

    def _connect(self) -> None:
        self.back.clicked.connect(self.back_requested)
        self.pause.clicked.connect(self._on_pause)
        self.stop.clicked.connect(self.stop_requested)
        self.go_on.clicked.connect(self.continue_requested)
        self.again.clicked.connect(self.new_training_requested)
        self.queue_another.clicked.connect(self.new_training_requested)
        self.show_log.clicked.connect(self.show_log_requested)
        self.open_report.clicked.connect(self.open_report_requested)

    def set_place(self, title: str, is_live: bool, is_busy: bool) -> None:
        """Which run this is.

        Args:
            title: of the run.
            is_live: it is the one of this window, and not one that was read from its folder.
            is_busy: a training runs, maybe another one.
        """
        self._is_live = is_live
        self.title.setText(title)
        self.title.setVisible(bool(title))
        self.back.setVisible(is_busy and not is_live)

    def set_chained(self, chained: bool) -> None:
        """The run is part of a retraining, which is stopped and goes on as a whole."""
        self._is_chained = chained

    def show_run(
        self, run: RunState, iterations: int, patience: int = 0, continues: bool = False
    ) -> None:
        """Shows a run.

        Args:
            run: only what is new is drawn.
            iterations: the planned number of steps, 0 if unknown.
            patience: of the early stop, 0 for none.
            continues: it may be continued when it is over.
        """
        self.headline.setText(headline(run))
        self._show_mark(run.status)
        self.hint.setText(run.hint)
        self.hint.setVisible(bool(run.hint))
        facts = run_facts(run, iterations)
        self._show_progress(run, iterations, facts.remaining_s)
        number, line = best_text(run.best)
        self.best_number.setText(number)
        self.best_line.setText(line)
        self.facts.show_facts(facts, patience)
        self.plots.show_run(run, iterations)
        self.previews.set_previews(run.previews)
        # A training that failed before its first step has nothing to plot.
        has_curves = bool(run.steps) or not run.is_over
        for part in (self.plots, self.facts, self.best_number, self.best_line, self.done_text):
            part.setVisible(has_curves)
        self._filler.setVisible(not has_curves)
        self.log.set_lines(run.log)
        self._show_actions(run, continues)
        # The stages of a retraining say the same.
        is_told = self._is_chained and not run.is_over
        self.headline.setVisible(not is_told or run.status is RunStatus.PAUSED)
        if is_told:
            self.bar.hide()
            self.done_text.hide()
            self.left_text.hide()
        self.title.setVisible(not self._is_chained and bool(self.title.text()))

    def _show_actions(self, run: RunState, continues: bool) -> None:
        over, paused = run.is_over, run.status is RunStatus.PAUSED
        if over or self._asked == ("pause" if paused else "resume"):
            self._asked = ""
        self.pause.setVisible(not over)
        for action in (self.stop, self.queue_another):
            action.setVisible(not over and not self._is_chained)
        self.stop.setEnabled(run.status is not RunStatus.STOPPING)
        waits = {"pause": self.tr("Pausing…"), "resume": self.tr("Resuming…")}.get(self._asked)
        self.pause.setText(waits or (self.tr("Resume") if paused else self.tr("Pause")))
        set_icon(self.pause, "play" if paused else "pause")
        self.pause.setEnabled(not waits and (paused or can_pause(run)))
        self.pause.setToolTip(
            "" if paused else self.tr("Halts after this step; its memory stays in use")
        )
        self.go_on.setVisible(over and continues)
        self.show_log.setVisible(over)
        self.open_report.setVisible(over and bool(run.steps))
        self.again.setVisible(over)

    def _on_pause(self) -> None:
        resumes = self.pause.text() == self.tr("Resume")
        self._asked = "resume" if resumes else "pause"
        self.pause.setEnabled(False)
        self.pause.setText(self.tr("Resuming…") if resumes else self.tr("Pausing…"))
        (self.resume_requested if resumes else self.pause_requested).emit()

    def _show_mark(self, status: RunStatus) -> None:
        t = current_tokens()
        marks = {
            RunStatus.FINISHED: ("success", t.good),
            RunStatus.FAILED: ("error", t.bad),
            RunStatus.CANCELLED: ("info", t.accent),
            RunStatus.PAUSED: ("pause", t.caution),
        }
        mark = marks.get(status)
        self.mark.setVisible(mark is not None)
        if mark is not None:
            self.mark.setPixmap(pixmap(*mark, scale=self.devicePixelRatioF()))

    def _show_progress(self, run: RunState, iterations: int, left_s: float | None) -> None:
        over = run.is_over
        self.bar.setVisible(not over)
        if run.total > 0:
            self.bar.set_progress(run.done, run.total)
        else:
            self.bar.set_progress(0, 0 if not over else 1)
        iteration = run.steps[-1].iteration if run.steps else 0
        # A fixed width, so that the line does not shift while it counts.
        figures = len(f"{iterations:,}")
        count = f"{iteration:,}".rjust(figures, "\u2007")
        if iterations:
            text = self.tr("{i} of {n} iterations").format(i=count, n=f"{iterations:,}")
        else:
            text = self.tr("{i} iterations").format(i=count)
        self.done_text.setText(text)
        if over:
            elapsed_s = run.last_time - run.started_time
            self.left_text.setText(self.tr("took {t}").format(t=duration_text(elapsed_s)))
            self.left_text.setVisible(run.started_time > 0)
        else:
            known = left_s is not None and run.status is not RunStatus.STOPPING
            text = self.tr("{t} left").format(t=duration_text(left_s or 0.0)) if known else ""
            self.left_text.setText(text)
            self.left_text.setVisible(True)
