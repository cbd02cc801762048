"""The first page of the Train tab: what is new, what a retraining costs, and one button."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from medseg_desktop.qt.panels.controls import (
    button,
    column,
    label,
    row,
    separator,
)
from medseg_desktop.qt.panels.number_table import IconLine, NumberTable
from medseg_desktop.qt.panels.problem_lines import show_problems
from medseg_desktop.qt.panels.retraining.view import RetrainView, Start
from medseg_desktop.qt.panels.work_line import WorkLine
from medseg_desktop.qt.theme.icons import set_icon
from medseg_desktop.qt.theme.tokens import SPACE_M, SPACE_S, SPACE_XS

#: The captions are long, and the heads of the columns short.
_COLUMN = 32


class RetrainPage(QWidget):
    """Signals: retrain_requested, open_requested, measure_requested, cancel_requested (of what
    is being looked at or measured)."""

    retrain_requested = Signal()
    open_requested = Signal()
    measure_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = RetrainView()
        self._is_waiting = self._is_blocked = False
        self.title = label("", "title", wrap=True)
        self.lead = label("", wrap=True)
        self.numbers = NumberTable(column_px=_COLUMN)
        self.proof = IconLine()
        self.cost = label("", wrap=True)
        self.how = label("", "muted", wrap=True)
        self.measure = button(self.tr("Measure"), quiet=True)
        self.work = WorkLine()
        self._blocking, self._problems = QVBoxLayout(), QVBoxLayout()
        for problems in (self._blocking, self._problems):
            problems.setSpacing(SPACE_S)
        self.start = button(self.tr("Retrain"), "train", primary=True)
        self._lay_out()
        self.start.clicked.connect(self._on_start)
        self.measure.clicked.connect(self.measure_requested)
        self.work.cancel_requested.connect(self.cancel_requested)
        self.work.hide()
        self.show_view(RetrainView())

    def _lay_out(self) -> None:
        layout = column(self, 0, SPACE_M)
        layout.addWidget(self.title)
        layout.addWidget(self.lead)
        layout.addLayout(self._blocking)
        layout.addWidget(self.numbers)
        layout.addWidget(self.proof)
        layout.addLayout(self._problems)
        self._cost_group = QWidget()
        group = column(self._cost_group, 0, SPACE_XS)
        group.addWidget(separator())
        group.addSpacing(SPACE_XS)
        group.addWidget(self.cost)
        how = row()
        how.addWidget(self.how, 1)
        how.addWidget(self.measure, 0, Qt.AlignmentFlag.AlignTop)
        group.addLayout(how)
        layout.addWidget(self._cost_group)
        layout.addWidget(self.work)
        layout.addWidget(self.start)

    # Setters -----------------------------------------------------------------------------------

    def show_view(self, view: RetrainView) -> None:
        """Replaces what is shown."""
        before, self._view = self._view, view
        self.title.setText(view.title)
        self.lead.setText(view.lead)
        self.lead.setVisible(bool(view.lead))
        self.numbers.set_rows(view.columns, view.rows)
        self.numbers.setVisible(bool(view.rows))
        icon = ("success", "good") if view.is_proven else ("info", "muted")
        self.proof.set_line(view.proof, *icon)
        self.proof.setVisible(bool(view.proof))
        self.cost.setText(view.cost)
        self.how.setText(view.how)
        self.measure.setVisible(view.can_measure)
        self._cost_group.setVisible(bool(view.cost))
        if view.problems != before.problems:
            self._show_problems(view)
        opens = view.start is Start.OPEN
        texts = {
            Start.OPEN: self.tr("Open folder…"),
            Start.RETRAIN: self.tr("Retrain"),
            Start.FIRST: self.tr("Train"),
        }
        self.start.setText(texts[view.start])
        set_icon(self.start, "open-folder" if opens else "train", "on_accent")
        self._enable()

    def set_work(self, text: str, done: int = 0, total: int = 0) -> None:
        """Something is looked at or measured; an empty text: nothing is."""
        self.work.setVisible(bool(text))
        if text:
            self.work.set_work(text, done, total)

    def set_waiting(self, waiting: bool) -> None:
        """The button was pressed, and annotations are saved first."""
        self._is_waiting = waiting
        self._enable()

    def set_blocked(self, blocked: bool) -> None:
        """Something else runs that has to end first."""
        self._is_blocked = blocked
        self._enable()

    def _enable(self) -> None:
        blocked = self._is_blocked and self._view.start is not Start.OPEN
        self.start.setEnabled(self._view.can_start and not self._is_waiting and not blocked)
        self.start.setToolTip(self.tr("Another training is running.") if blocked else "")

    def _show_problems(self, view: RetrainView) -> None:
        show_problems(view.problems, self._blocking, self._problems)

    def _on_start(self) -> None:
        if self._view.start is Start.OPEN:
            self.open_requested.emit()
        else:
            self.retrain_requested.emit()
