"""The measures of one model, or of two beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from medseg_desktop.core.evaluation.measures import JUDGED, NOTHING, Measure, Verdict, verdict
from medseg_desktop.core.evaluation.result import (
    EvaluationResult,
    Fate,
    ModelComparison,
    SizeBin,
)
from medseg_desktop.qt.panels.controls import button, clear_layout, column, label, row
from medseg_desktop.qt.panels.evaluation.texts import (
    fate_tip,
    fate_title,
    measure_name,
    measure_tip,
    verdict_text,
)
from medseg_desktop.qt.panels.number_table import NumberTable
from medseg_desktop.qt.theme.icons import pixmap
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import SPACE_M, SPACE_S, SPACE_XS

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_ICON = 14
_LOOK = {
    Verdict.BETTER: ("chevron-up", "good", "good"),
    Verdict.WORSE: ("chevron-down", "bad", "bad"),
}


def _tr(text: str) -> str:
    return QCoreApplication.translate("Evaluation", text)


class MeasureTable(QWidget):
    """A row a measure; its words do not rely on colour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(SPACE_M)
        self._grid.setVerticalSpacing(SPACE_S)
        self._grid.setColumnStretch(0, 1)

    def set_result(self, result: EvaluationResult) -> None:
        """One model: value, interval, number of patients."""
        self._begin([_tr("95 % interval"), _tr("Patients")], [_tr("Mean")])
        for line, measure in enumerate(JUDGED, start=1):
            found = result.summary.get(measure.key)
            self._name(line, measure)
            self._text(line, 1, measure.value(found.mean if found else None))
            self._text(line, 2, measure.interval(found), "muted")
            self._text(line, 3, str(found.n) if found else "0", "muted")

    def set_comparison(
        self,
        candidate: EvaluationResult,
        champion: EvaluationResult,
        comparison: ModelComparison,
    ) -> None:
        """Two models and their paired difference; where they cannot be compared fairly nothing
        is called better."""
        self._begin(
            [_tr("Difference"), _tr("95 % interval"), _tr("Patients"), ""],
            [_tr("Candidate"), _tr("Champion")],
        )
        for line, measure in enumerate(JUDGED, start=1):
            mine, other = (r.summary.get(measure.key) for r in (candidate, champion))
            change = comparison.differences.get(measure.key)
            self._name(line, measure)
            self._text(line, 1, measure.value(mine.mean if mine else None))
            self._text(line, 2, measure.value(other.mean if other else None))
            self._text(line, 3, measure.value(change.mean if change else None, signed=True))
            self._text(line, 4, measure.interval(change, signed=True), "muted")
            self._text(line, 5, str(change.n) if change else "0", "muted")
            self._verdict(line, verdict(comparison, measure))

    def _begin(self, further: Sequence[str], models: Sequence[str]) -> None:
        clear_layout(self._grid)
        for place, text in enumerate([*models, *further], start=1):
            self._text(0, place, text, "muted")

    def _name(self, line: int, measure: Measure) -> None:
        name = label(measure_name(measure.key))
        name.setToolTip(measure_tip(measure.key))
        self._grid.addWidget(name, line, 0)

    def _text(self, line: int, place: int, text: str, role: str = "") -> None:
        self._grid.addWidget(label(text, role), line, place, _RIGHT)

    def _verdict(self, line: int, found: Verdict) -> None:
        icon, colour, role = _LOOK.get(found, ("", "muted", "muted"))
        box = QWidget()
        line_ = row(box, 0, SPACE_XS)
        if icon:
            mark = label("")
            colour_ = str(getattr(current_tokens(), colour))
            mark.setPixmap(pixmap(icon, colour_, _ICON, self.devicePixelRatioF()))
            line_.addWidget(mark)
        line_.addWidget(label(verdict_text(found), role))
        line_.addStretch(1)
        self._grid.addWidget(box, line, 6)


class ChangeCounts(QWidget):
    """How many lesions each group holds; a press leads to them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons = {fate: button("") for fate in Fate}
        layout = row(self)
        for fate, each in self.buttons.items():
            each.setToolTip(fate_tip(fate))
            each.hide()
            layout.addWidget(each)
        layout.addStretch(1)

    def set_counts(self, counts: dict[Fate, int]) -> None:
        """Shows the groups that there are."""
        for fate, each in self.buttons.items():
            each.setVisible(fate in counts)
            n = counts.get(fate, 0)
            each.setText(f"{fate_title(fate)}: {n}")
            each.setEnabled(n > 0)


class SizeTable(QWidget):
    """Lesions found by their size, of one model or of two."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = NumberTable()
        self.empty = label(_tr("The annotations hold no lesion."), "muted")
        layout = column(self, 0, SPACE_S)
        layout.addWidget(label(_tr("Lesions found by size"), "section"))
        layout.addWidget(self.table)
        layout.addWidget(self.empty)

    def set_bins(self, candidate: Sequence[SizeBin], champion: Sequence[SizeBin] = ()) -> None:
        """Bins of the same bounds; the champion's may be missing."""
        head = [_tr("Candidate"), _tr("Champion")] if champion else [_tr("Found")]
        other = {(b.low_ml, b.high_ml): b for b in champion}
        rows = []
        for each in candidate:
            texts = [_share(each)]
            if champion:
                texts.append(_share(other.get((each.low_ml, each.high_ml))))
            rows.append((_bounds(each), texts))
        self.table.set_rows(head, rows)
        self.empty.setVisible(not rows)


def _bounds(each: SizeBin) -> str:
    if each.high_ml is None:
        return _tr("from {low:g} ml").format(low=each.low_ml)
    if each.low_ml <= 0:
        return _tr("below {high:g} ml").format(high=each.high_ml)
    return _tr("{low:g} to {high:g} ml").format(low=each.low_ml, high=each.high_ml)


def _share(each: SizeBin | None) -> str:
    if each is None or not each.total:
        return NOTHING
    return _tr("{found} of {total}").format(found=each.found, total=each.total)
