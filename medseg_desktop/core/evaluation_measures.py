"""What an evaluation measures: units, figures, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from medseg_desktop.core.evaluation_result import Estimate, EvaluationResult

NOT_KNOWN: Final = "–"  # noqa: RUF001
_MINUS: Final = "−"  # noqa: RUF001


class Direction(StrEnum):
    """What a paired difference candidate - champion means for the candidate."""

    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "no clear difference"
    #: Too few patients for an interval.
    UNKNOWN = "too few patients"


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of `EvaluationResult.summary`.

    Attributes:
        key: in the summary.
        unit: shown behind a value; "" for none.
        digits: behind the point.
        more_is_better: a higher value is the better one.
        scale: a shown value is so many times the stored one.
    """

    key: str
    unit: str
    digits: int
    more_is_better: bool
    scale: float = 1.0

    def value_text(self, value: float | None, *, signed: bool = False) -> str:
        """A value with its unit; a dash where there is none."""
        number = self._number(value, signed)
        return number if number == NOT_KNOWN or not self.unit else f"{number} {self.unit}"

    def interval_text(self, estimate: Estimate | None, *, signed: bool = False) -> str:
        """Its 95 % interval, "0.75 to 0.86"; empty where there is none."""
        if estimate is None or estimate.low is None or estimate.high is None:
            return ""
        low, high = (self._number(v, signed) for v in (estimate.low, estimate.high))
        return f"{low} to {high}"

    def _number(self, value: float | None, signed: bool) -> str:
        if value is None:
            return NOT_KNOWN
        text = f"{abs(value) * self.scale:.{self.digits}f}"
        is_zero = not text.strip("0.")
        sign = "" if is_zero else _MINUS if value < 0 else "+" if signed else ""
        return f"{sign}{text}"


MEASURES: Final = (
    Measure("foreground_dice", "", 3, True),
    Measure("hd95_mm", "mm", 1, False),
    Measure("absolute_volume_difference_ml", "ml", 2, False),
    Measure("sensitivity", "%", 0, True, 100.0),
    Measure("false_lesions", "", 2, False),
    Measure("false_positive_ml", "ml", 2, False),
)
DICE: Final = MEASURES[0]


def direction(measure: Measure, difference: Estimate | None) -> Direction:
    """Better or worse only where the interval of the difference leaves out 0."""
    if difference is None or difference.low is None or difference.high is None:
        return Direction.UNKNOWN
    if difference.low <= 0 <= difference.high:
        return Direction.UNCLEAR
    is_more = difference.low > 0
    return Direction.BETTER if is_more == measure.more_is_better else Direction.WORSE


def dice_of(result: EvaluationResult) -> Estimate:
    """The mean Dice of a model; without interval where the summary does not have it."""
    found = result.summary.get(DICE.key)
    if found is not None:
        return found
    mean, n = result.mean.get(DICE.key), result.mean.get("n")
    if isinstance(mean, float) and isinstance(n, int):
        return Estimate(mean=mean, n=n)
    return Estimate(mean=None)
