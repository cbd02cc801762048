"""A retraining on the Train tab: its stages, what came of it, and how it goes on."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from medseg_desktop.qt.panels.controls import button, clear_layout, column, label, row
from medseg_desktop.qt.panels.number_table import IconLine, NumberTable
from medseg_desktop.qt.panels.retraining.stage_list import StageList
from medseg_desktop.qt.panels.retraining.view import ChainView, Outcome
from medseg_desktop.qt.theme.icons import set_icon
from medseg_desktop.qt.theme.tokens import SPACE_M, SPACE_S


class OutcomeCard(QWidget):
    """What came of a retraining: the verdict, its figures, and where to look at it.

    Signals:
        compare_requested, promote_requested, report_requested.
    """

    compare_requested = Signal()
    promote_requested = Signal()
    report_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: Outcome | None = None
        self.verdict = IconLine()
        self.verdict.text.setProperty("role", "title")
        self.figures = NumberTable()
        self._remarks = column(None, 0, SPACE_S)
        self.compare = button(self.tr("Compare with champion"), "compare-models", primary=True)
        self.promote = button(self.tr("Promote…"), "champion", primary=True)
        self.report = button(self.tr("Open report"), "open-folder")
        layout = column(self, 0, SPACE_M)
        layout.addWidget(self.verdict)
        layout.addWidget(self.figures)
        layout.addLayout(self._remarks)
        layout.addWidget(self.compare)
        layout.addWidget(self.promote)
        layout.addWidget(self.report)
        self.compare.clicked.connect(self.compare_requested)
        self.promote.clicked.connect(self.promote_requested)
        self.report.clicked.connect(self.report_requested)

    def show_outcome(self, outcome: Outcome) -> None:
        """Replaces what is shown."""
        self.verdict.set_line(outcome.text, outcome.icon, outcome.token)
        if outcome == self._shown:
            return
        self._shown = outcome
        self.figures.set_rows((), [(caption, (text,)) for caption, text in outcome.figures])
        self.figures.setVisible(bool(outcome.figures))
        clear_layout(self._remarks)
        for remark in outcome.remarks:
            self._remarks.addWidget(IconLine(remark, "info", "muted"))
        compares = outcome.has_evaluation and outcome.has_champion
        self.compare.setVisible(compares)
        self.promote.setVisible(not compares)  # else from the comparison, which is to be seen first
        self.report.setVisible(outcome.has_evaluation)


class RetrainProgress(QWidget):
    """Signals: stop_requested, continue_requested, discard_requested, compare_requested,
    promote_requested, report_requested."""

    stop_requested = Signal()
    continue_requested = Signal()
    discard_requested = Signal()
    compare_requested = Signal()
    promote_requested = Signal()
    report_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_blocked = False
        self.title = label("", "title", wrap=True)
        self.left = label("", "muted", wrap=True)
        self.problem = IconLine()
        self.stages = StageList()
        self.outcome = OutcomeCard()
        self.stop = button(self.tr("Stop"), "stop")
        self.go_on = button(self.tr("Continue"), "play", primary=True)
        self.discard = button(self.tr("Discard"), "delete")
        layout = column(self, 0, SPACE_M)
        layout.addWidget(self.title)
        layout.addWidget(self.left)
        layout.addWidget(self.problem)
        layout.addWidget(self.outcome)
        layout.addWidget(self.stages)
        layout.addWidget(self.go_on)
        actions = row()
        actions.addWidget(self.stop)
        actions.addWidget(self.discard)
        actions.addStretch(1)
        layout.addLayout(actions)
        for part, told in (
            (self.stop, self.stop_requested),
            (self.go_on, self.continue_requested),
            (self.discard, self.discard_requested),
        ):
            part.clicked.connect(told)
        self.outcome.compare_requested.connect(self.compare_requested)
        self.outcome.promote_requested.connect(self.promote_requested)
        self.outcome.report_requested.connect(self.report_requested)

    def set_blocked(self, blocked: bool) -> None:
        """Another training runs, which has to end before this one goes on."""
        self._is_blocked = blocked
        self._enable()

    def _enable(self) -> None:
        self.go_on.setEnabled(not self._is_blocked)
        self.go_on.setToolTip(self.tr("Another training is running.") if self._is_blocked else "")

    def show_chain(self, view: ChainView) -> None:
        """Replaces what is shown."""
        self.title.setText(view.title)
        self.left.setText(view.left)
        self.left.setVisible(bool(view.left))
        icon = ("error", "bad") if view.is_failed else ("info", "accent")
        self.problem.set_line(view.message, *icon)
        self.problem.below.setText(view.hint)
        self.problem.below.setVisible(bool(view.hint))
        self.problem.setVisible(bool(view.message))
        self.stages.show_stages(view.rows)
        self.stages.setVisible(bool(view.rows))
        self.outcome.setVisible(view.outcome is not None)
        if view.outcome is not None:
            self.outcome.show_outcome(view.outcome)
        self.stop.setVisible(view.can_stop)
        self.stop.setEnabled(not view.is_stopping)
        self.stop.setText(self.tr("Stopping…") if view.is_stopping else self.tr("Stop"))
        self.go_on.setVisible(view.can_continue)
        self._enable()
        self.discard.setVisible(view.can_discard)
        self.discard.setText(self.tr("Discard") if view.can_continue else self.tr("Close"))
        set_icon(self.discard, "delete" if view.can_continue else "close")
