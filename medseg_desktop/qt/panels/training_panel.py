"""The Train tab: one page at a time, by state."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QFrame, QScrollArea, QVBoxLayout, QWidget

from medseg_desktop.core.run_state import RunState
from medseg_desktop.qt.panels.controls import Section, button, column, label, row, separator
from medseg_desktop.qt.panels.retraining.options import RetrainOptionsForm
from medseg_desktop.qt.panels.retraining.page import RetrainPage
from medseg_desktop.qt.panels.retraining.progress import RetrainProgress
from medseg_desktop.qt.panels.retraining.view import ChainView
from medseg_desktop.qt.panels.training_form import TrainForm, TrainFormSection
from medseg_desktop.qt.panels.training_history import RunHistory
from medseg_desktop.qt.panels.training_queue import QueueList
from medseg_desktop.qt.panels.training_run import RunPage
from medseg_desktop.qt.panels.training_steps import CheckedPage, CheckReport, Problem, StepsPage
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M, SPACE_XS

__all__ = ["CheckReport", "Problem", "TrainForm", "TrainingPanel"]


class TrainingPanel(QWidget):
    """Shows one state of the training and reports what the user asks for.

    The pages: `retrain` with the steps by hand folded below it; the check of a dataset; a run;
    and a retraining that works on something else than its run.

    Signals:
        shown(): it comes into sight.
        convert_requested(): make a dataset.
        dataset_chosen(str): another dataset was chosen in the list.
        check_requested(TrainForm), start_requested(TrainForm).
        stop_requested(), pause_requested(), resume_requested(), continue_requested(),
        show_log_requested(), open_report_requested(), new_training_requested(),
        back_to_run_requested().
    """

    shown = Signal()
    convert_requested = Signal()
    dataset_chosen = Signal(str)
    check_requested = Signal(object)
    start_requested = Signal(object)
    stop_requested = Signal()
    pause_requested = Signal()
    resume_requested = Signal()
    continue_requested = Signal()
    show_log_requested = Signal()
    open_report_requested = Signal()
    back_to_run_requested = Signal()
    new_training_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reason = ""
        self.dataset = QComboBox()
        self.dataset.setAccessibleName(self.tr("Dataset"))
        self.dataset_row = QWidget()
        line = row(self.dataset_row, 0, SPACE_M)
        line.addWidget(label(self.tr("Dataset")))
        line.addWidget(self.dataset, 1)
        self.chain = RetrainProgress()
        self.chain_line = separator()
        self.retrain = RetrainPage()
        self.options = RetrainOptionsForm()
        self.advanced = Section(self.tr("Advanced"), opened=False)
        self.advanced.body.setContentsMargins(0, SPACE_XS, 0, 0)
        self.advanced.body.setSpacing(SPACE_L)
        self.advanced.body.addWidget(self.options)
        self.advanced.body.addWidget(separator())
        self.advanced.body.addWidget(label(self.tr("Step by step"), "section"))
        self.steps = StepsPage()
        self.checked = CheckedPage()
        self.run = RunPage()
        self.form = TrainFormSection()
        self.back_to_run = button(
            self.tr("Back to the running training"), "chevron-left", quiet=True
        )
        self.queue = QueueList()
        self.history = RunHistory()
        self._is_busy = False
        self._filler = QWidget()
        content = QWidget()
        content.setObjectName("scrollContent")
        body = QVBoxLayout(content)
        body.setContentsMargins(12, 12, 12, 12)
        body.setSpacing(SPACE_L)
        body.addWidget(self.back_to_run, 0, Qt.AlignmentFlag.AlignLeft)
        body.addWidget(self.chain)
        body.addWidget(self.chain_line)
        body.addWidget(self.retrain)
        body.addWidget(self.advanced)
        body.addWidget(self.dataset_row)
        # No stack of pages: it would be as high as the highest one and ignore wrapped texts.
        body.addWidget(self.steps)
        body.addWidget(self.checked)
        body.addWidget(self.run, 1)
        body.addWidget(self.form)
        body.addWidget(self.queue)
        body.addWidget(self.history)
        body.addWidget(self._filler, 1)
        area = QScrollArea()
        area.setWidget(content)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column(self).addWidget(area)
        self._connect()
        self._page: QWidget = self.steps
        self._has_chain = self._is_chained = False
        self.set_datasets((), None)
        self.set_idle()

    def _connect(self) -> None:
        self.steps.convert_requested.connect(self.convert_requested)
        self.steps.check_requested.connect(lambda: self.check_requested.emit(self.current_form()))
        for page in (self.steps, self.checked):
            page.start_requested.connect(lambda: self.start_requested.emit(self.current_form()))
        self.checked.back_requested.connect(lambda: self.set_idle(self._reason))
        for told, ours in (
            (self.run.stop_requested, self.stop_requested),
            (self.run.pause_requested, self.pause_requested),
            (self.run.resume_requested, self.resume_requested),
            (self.run.continue_requested, self.continue_requested),
            (self.run.show_log_requested, self.show_log_requested),
            (self.run.open_report_requested, self.open_report_requested),
            (self.run.new_training_requested, self.new_training_requested),
            (self.run.back_requested, self.back_to_run_requested),
            (self.back_to_run.clicked, self.back_to_run_requested),
        ):
            told.connect(ours)
        self.advanced.toggled.connect(lambda _: self._show_page(self._page))
        self.dataset.activated.connect(lambda: self.dataset_chosen.emit(self.dataset.currentText()))

    # Setters -----------------------------------------------------------------------------------

    def set_datasets(self, names: Sequence[str], current: str | None = None) -> None:
        """Lists the datasets of the workspace; emits nothing."""
        with QSignalBlocker(self.dataset):
            self.dataset.clear()
            self.dataset.addItems(list(names))
            if current is not None:
                self.dataset.setCurrentIndex(self.dataset.findText(current))
        self.steps.set_state(bool(names), self._reason)
        self._show_page(self._page)

    def set_form(self, form: TrainForm) -> None:
        """Shows `form` and chooses its dataset if it is listed."""
        self.form.set_form(form)
        index = self.dataset.findText(form.dataset)
        if index >= 0:
            with QSignalBlocker(self.dataset):
                self.dataset.setCurrentIndex(index)

    def set_devices(self, devices: Sequence[tuple[str, str]]) -> None:
        """Where a training can run, as (key, text)."""
        self.form.set_devices(devices)

    def set_idle(self, reason: str = "") -> None:
        """Shows the three steps; a reason says why nothing can be trained here."""
        self._reason = reason
        self.steps.set_state(self.dataset.count() > 0, reason)
        self._show_page(self.steps)

    def set_checked(self, report: CheckReport) -> None:
        """Shows what the check found."""
        self.checked.show_report(report)
        if not self.shows_run:  # the user has gone back to the training that runs
            self._show_page(self.checked)

    def set_busy(self, busy: bool) -> None:
        """A training runs: another one that is started waits for it."""
        if busy == self._is_busy:
            return
        self._is_busy = busy
        text = self.tr("Add to the queue") if busy else self.tr("Start training")
        for page in (self.steps, self.checked):
            page.start.setText(text)
        self.retrain.set_blocked(busy)
        self.chain.set_blocked(busy)
        self._show_page(self._page)

    @property
    def shows_run(self) -> bool:
        """A training is on the page, and not what comes before one."""
        return self._page is self.run

    def show_run(
        self, run: RunState, iterations: int, patience: int = 0, continues: bool = False
    ) -> None:
        """Shows a running or ended training (see `RunPage.show_run`)."""
        self.run.show_run(run, iterations, patience, continues)
        self._show_page(self.run)

    def show_chain(self, view: ChainView | None, is_under_way: bool = False) -> None:
        """Shows how a retraining stands; None shows none.

        Args:
            is_under_way: nothing else is offered on the page.
        """
        self._has_chain, was_chained = view is not None, self._is_chained
        self._is_chained = view is not None and is_under_way
        if view is not None:
            self.chain.show_chain(view)
        if was_chained != self._is_chained or self.chain.isHidden() == self._has_chain:
            self._show_page(self._page, again=True)

    def show_home(self) -> None:
        """Shows the first page, or the retraining that is under way."""
        self._show_page(self.steps)

    def current_form(self) -> TrainForm:
        """What is filled in now."""
        return self.form.form(self.dataset.currentText())

    def _show_page(self, page: QWidget, again: bool = False) -> None:
        self._page = page
        if page is self.run and not self.run.isHidden() and not again:
            return  # ten times a second while a training runs
        is_run, is_home = page is self.run, page is self.steps
        # While a retraining is under way, its stages stand alone, or above its run.
        is_alone = self._is_chained and is_home
        by_hand = is_home and not is_alone and self.advanced.is_open
        before = by_hand or page is self.checked
        has_dataset = self.dataset.count() > 0
        self.chain.setVisible(self._has_chain and (is_home or (self._is_chained and is_run)))
        # One that can go on, or whose outcome is news, comes before the next one.
        self.retrain.setVisible(is_home and not self._has_chain)
        self.advanced.setVisible(is_home and not is_alone)
        self.chain_line.setVisible(is_run and not self.chain.isHidden())
        self.steps.setVisible(by_hand)
        self.checked.setVisible(page is self.checked)
        self.run.setVisible(is_run)
        self.dataset_row.setVisible(before and has_dataset)
        self.form.setVisible(before and has_dataset)
        self._filler.setVisible(not is_run)
        self.back_to_run.setVisible(not is_run and not is_alone and self._is_busy)
        self.history.set_comparable(is_run)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.shown.emit()
