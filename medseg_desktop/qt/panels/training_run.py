"""The training panel while a training runs and after it."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QLabel, QWidget

from medseg_desktop.core.events import Evaluation
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.qt.panels.controls import button, column, label, row
from medseg_desktop.qt.panels.log_view import LogView
from medseg_desktop.qt.panels.progress_strip import ProgressStrip
from medseg_desktop.qt.panels.training_plots import RunPlots
from medseg_desktop.qt.theme.icons import pixmap
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
            return _tr("Training stopped. The best model so far was kept.")
        case RunStatus.FAILED:
            return run.message or _tr("Training failed.")
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
    """Progress, curves and outcome of one training.

    Signals:
        stop_requested, show_log_requested, new_training_requested.
    """

    stop_requested = Signal()
    show_log_requested = Signal()
    new_training_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.mark = QLabel()
        self.headline = label("", "title", wrap=True)
        self.hint = label("", "muted", wrap=True)
        self.bar = ProgressStrip()
        self.done_text = label("", "muted")
        self.left_text = label("", "muted")
        self.best_number = label("", "number")
        self.best_line = label("", "muted")
        self.plots = RunPlots()
        self.stop = button(self.tr("Stop training"), "stop")
        self.show_log = button(self.tr("Show log"), "log")
        self.again = button(self.tr("New training"), "train")
        self.log = LogView()
        self._filler = QWidget()
        self._filler.hide()
        layout = column(self, 0, SPACE_M)
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
        best = row(None, 0, SPACE_M)
        best.addWidget(self.best_number)
        best.addWidget(self.best_line, 1, Qt.AlignmentFlag.AlignVCenter)
        layout.addLayout(best)
        layout.addWidget(self.plots, 1)
        actions = row()
        for action in (self.stop, self.show_log, self.again):
            actions.addWidget(action)
        actions.addStretch(1)
        layout.addLayout(actions)
        layout.addWidget(self.log)
        layout.addWidget(self._filler, 1)
        self.stop.clicked.connect(self.stop_requested)
        self.again.clicked.connect(self.new_training_requested)
        self.show_log.clicked.connect(self.show_log_requested)

    def show_run(self, run: RunState, iterations: int) -> None:
        """Shows `run`; `iterations` is the planned number of steps, 0 if unknown."""
        self.headline.setText(headline(run))
        self._show_mark(run.status)
        self.hint.setText(run.hint)
        self.hint.setVisible(bool(run.hint))
        self._show_progress(run, iterations)
        number, line = best_text(run.best)
        self.best_number.setText(number)
        self.best_line.setText(line)
        self.plots.show_run(run, iterations)
        # A training that failed before its first step has nothing to plot.
        has_curves = bool(run.steps) or not run.is_over
        self.plots.setVisible(has_curves)
        self._filler.setVisible(not has_curves)
        for part in (self.best_number, self.best_line, self.done_text):
            part.setVisible(has_curves)
        self.log.set_lines(run.log)
        self.stop.setVisible(not run.is_over)
        self.stop.setEnabled(run.status is not RunStatus.STOPPING)
        self.show_log.setVisible(run.is_over)
        self.again.setVisible(run.is_over)

    def _show_mark(self, status: RunStatus) -> None:
        t = current_tokens()
        marks = {
            RunStatus.FINISHED: ("success", t.good),
            RunStatus.FAILED: ("error", t.bad),
            RunStatus.CANCELLED: ("info", t.accent),
        }
        mark = marks.get(status)
        self.mark.setVisible(mark is not None)
        if mark is not None:
            self.mark.setPixmap(pixmap(*mark, scale=self.devicePixelRatioF()))

    def _show_progress(self, run: RunState, iterations: int) -> None:
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
        left = run.remaining_s
        if over:
            elapsed_s = run.last_time - run.started_time
            self.left_text.setText(self.tr("took {t}").format(t=duration_text(elapsed_s)))
            self.left_text.setVisible(run.started_time > 0)
        else:
            text = "" if left is None else self.tr("{t} left").format(t=duration_text(left))
            self.left_text.setText(text)
            self.left_text.setVisible(True)
