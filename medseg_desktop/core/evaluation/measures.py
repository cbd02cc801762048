"""The measures of an evaluation: values, units, figures, and which way is better.

Console, report, window and retraining all take figures and verdicts from here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from medseg_desktop.core.evaluation.result import (
    CaseResult,
    Estimate,
    EvaluationResult,
    ModelComparison,
)

NOTHING: Final = "–"  # noqa: RUF001
_MINUS: Final = "−"  # noqa: RUF001


class Verdict(StrEnum):
    """What the paired difference candidate - champion means for the candidate."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no clear difference"
    #: Too few patients for an interval.
    TOO_FEW = "too few patients to tell"
    #: There is no champion, or the two cannot be compared fairly.
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of `EvaluationResult.summary`.

    Attributes:
        key: in the summary.
        title: for console and report; the window has it translated.
        unit: "" for a plain number, "%" for a share.
        digits: after the point.
        more_is_better: None where neither more nor less is: a bias is best near 0.
        value_of: its value for a patient, None where the patient has none.
    """

    key: str
    title: str
    unit: str
    digits: int
    more_is_better: bool | None
    value_of: Callable[[CaseResult], float | None]

    @property
    def heading(self) -> str:
        """With its unit, e.g. "HD95, mm"."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    def number(self, value: float | None, *, signed: bool = False) -> str:
        """Without the unit, e.g. "−0.042"; a dash for None, and no sign before a zero."""  # noqa: RUF002
        if value is None:
            return NOTHING
        factor = 100 if self.unit == "%" else 1
        text = f"{abs(value) * factor:.{self.digits}f}"
        if float(text) == 0:
            return text
        return f"{_MINUS if value < 0 else '+' if signed else ''}{text}"

    def value(self, value: float | None, *, signed: bool = False) -> str:
        """With its unit, e.g. "12.3 ml"."""
        number = self.number(value, signed=signed)
        return f"{number} {self.unit}" if self.unit and value is not None else number

    def interval(self, found: Estimate | None, *, signed: bool = False) -> str:
        """E.g. "0.743 to 0.871"; "" where there is none."""
        if found is None or found.low is None or found.high is None:
            return ""
        low, high = (self.number(v, signed=signed) for v in (found.low, found.high))
        return f"{low} to {high}"

    def estimate(self, found: Estimate, *, signed: bool = False) -> str:
        """E.g. "0.812 (0.743 to 0.871)" without unit; the mean alone where it has no interval."""
        text, interval = self.number(found.mean, signed=signed), self.interval(found, signed=signed)
        return f"{text} ({interval})" if interval else text


def _sensitivity(case: CaseResult) -> float | None:
    return case.n_found / len(case.lesions) if case.lesions else None


def _absolute_difference_ml(case: CaseResult) -> float | None:
    return None if case.volume_difference_ml is None else abs(case.volume_difference_ml)


def _false_positive_ml(case: CaseResult) -> float | None:
    return case.false_positive_ml if case.truth_pixels == 0 else None


#: In the order in which they are shown.
MEASURES: Final = (
    Measure("foreground_dice", "Dice", "", 3, True, lambda case: case.foreground_dice),
    Measure("sensitivity", "Lesions found", "%", 0, True, _sensitivity),
    Measure(
        "false_lesions", "False lesions per patient", "", 2, False,
        lambda case: case.n_false_lesions,
    ),
    Measure("hd95_mm", "HD95", "mm", 1, False, lambda case: case.hd95_mm),
    Measure(
        "volume_difference_ml", "Volume difference", "ml", 2, None,
        lambda case: case.volume_difference_ml,
    ),
    Measure(
        "absolute_volume_difference_ml", "Volume difference, absolute", "ml", 2, False,
        _absolute_difference_ml,
    ),
    Measure(
        "false_positive_ml", "False-positive volume", "ml", 2, False,
        _false_positive_ml,
    ),
)  # fmt: skip
BY_KEY: Final = {measure.key: measure for measure in MEASURES}
DICE: Final = BY_KEY["foreground_dice"]
#: Those of which a difference is good or bad.
JUDGED: Final = tuple(measure for measure in MEASURES if measure.more_is_better is not None)


def verdict(comparison: ModelComparison | None, measure: Measure = DICE) -> Verdict:
    """What a comparison says by one measure, which must be one of those that are judged.

    Better or worse only where the whole 95 % interval of the difference is on one side of 0, and
    nothing where the two cannot be compared fairly.
    """
    assert measure.more_is_better is not None
    if comparison is None or not comparison.is_comparable:
        return Verdict.NOT_COMPARED
    found = comparison.differences.get(measure.key)
    if found is None or found.low is None or found.high is None:
        return Verdict.TOO_FEW
    if found.low <= 0 <= found.high:
        return Verdict.NO_DIFFERENCE
    return Verdict.BETTER if (found.low > 0) == measure.more_is_better else Verdict.WORSE


def dice_of(result: EvaluationResult) -> Estimate:
    """The mean Dice of a model; without interval where the summary does not have it."""
    found = result.summary.get(DICE.key)
    if found is not None:
        return found
    mean, n = result.mean.get(DICE.key), result.mean.get("n")
    if isinstance(mean, float) and isinstance(n, int):
        return Estimate(mean=mean, n=n)
    return Estimate(mean=None)
