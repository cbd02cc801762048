"""One model on its patients."""

from __future__ import annotations

from collections.abc import Sequence

from medseg_desktop.qt.dialogs.result_window import ResultWindow
from medseg_desktop.qt.panels.evaluation.plot import DicePoint


class EvaluationWindow(ResultWindow):
    """Shows a record of a single model."""

    def _headline(self) -> str:
        return self.tr("Evaluation of {name}").format(name=self.record.candidate.model)

    def _warnings(self) -> Sequence[str]:
        return self.record.notes

    def _show_measures(self) -> None:
        self.measures.set_result(self.record.candidate)
        self.sizes.set_bins(self.record.candidate.sensitivity_by_size)

    def _show_plot(self, points: Sequence[DicePoint]) -> None:
        self.plot.set_points(points, self.record.candidate.model)
        self.plot_key.setText(self.tr("A dot a patient, the worst first."))
