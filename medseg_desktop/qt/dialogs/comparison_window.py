"""A candidate beside the champion on the same patients."""

from __future__ import annotations

from collections.abc import Sequence

from medseg_desktop.core.evaluation.result import EvaluationResult, ModelComparison
from medseg_desktop.qt.dialogs.result_window import ResultWindow
from medseg_desktop.qt.panels.evaluation.plot import DicePoint
from medseg_desktop.qt.panels.evaluation.texts import unfair_lines


class ComparisonWindow(ResultWindow):
    """Shows a record with a comparison."""

    @property
    def _comparison(self) -> ModelComparison:
        comparison = self.record.comparison
        assert comparison is not None, "a record of one model"
        return comparison

    @property
    def _champion(self) -> EvaluationResult:
        champion = self.record.champion
        return champion if champion is not None else EvaluationResult(model="", cases=(), mean={})

    def _headline(self) -> str:
        text = self.tr("{candidate} compared with {champion}")
        compared = self._comparison
        return text.format(candidate=compared.candidate, champion=compared.champion)

    def _warnings(self) -> Sequence[str]:
        reasons = unfair_lines(self._comparison)
        return [*reasons, *(note for note in self.record.notes if note not in reasons)]

    def _show_measures(self) -> None:
        self.measures.set_comparison(self.record.candidate, self._champion, self._comparison)
        self.sizes.set_bins(
            self.record.candidate.sensitivity_by_size, self._champion.sensitivity_by_size
        )

    def _show_plot(self, points: Sequence[DicePoint]) -> None:
        compared = self._comparison
        self.plot.set_points(
            points,
            self.tr("{name} (candidate)").format(name=compared.candidate),
            self.tr("{name} (champion)").format(name=compared.champion),
        )
        self.plot_key.setText(
            self.tr(
                "A line a patient. Solid green: higher Dice, dashed red: lower, grey: the same."
            )
        )
