"""What came of a retraining: whether the candidate is better than the champion, in figures."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from medseg_desktop.core.evaluation_result import Estimate, EvaluationRecord, ModelComparison

_DICE = "foreground_dice"


class Verdict(StrEnum):
    """What the paired difference of the Dice of the test patients says."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no clear difference"
    #: Too few patients for an interval.
    TOO_FEW = "too few patients to tell"
    #: There is no champion, or the two cannot be compared fairly.
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True)
class RetrainOutcome:
    """Attributes:
    candidate, champion: titles; champion "" for none.
    dice: of the candidate on the test patients; difference: candidate - champion.
    lost, gained: lesions that only one of the two finds; new_false, gone_false: false ones.
    reasons: why the two cannot be compared, as sentences.
    """

    verdict: Verdict
    candidate: str
    champion: str = ""
    dice: Estimate | None = None
    difference: Estimate | None = None
    lost: int = 0
    gained: int = 0
    new_false: int = 0
    gone_false: int = 0
    reasons: tuple[str, ...] = ()


def verdict_of(comparison: ModelComparison | None) -> Verdict:
    """Better or worse only where the whole 95 % interval of the difference is on one side."""
    if comparison is None or not comparison.is_comparable:
        return Verdict.NOT_COMPARED
    found = comparison.differences.get(_DICE)
    if found is None or found.low is None or found.high is None:
        return Verdict.TOO_FEW
    if found.low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if found.high < 0 else Verdict.NO_DIFFERENCE


def outcome_of(record: EvaluationRecord) -> RetrainOutcome:
    """The outcome that an evaluation tells."""
    comparison = record.comparison
    dice = record.candidate.summary.get(_DICE)
    if dice is None:
        mean = record.candidate.mean
        dice = Estimate(mean=mean.get(_DICE), n=int(mean.get("n") or 0))
    if comparison is None:
        return RetrainOutcome(Verdict.NOT_COMPARED, record.candidate.model, dice=dice)
    return RetrainOutcome(
        verdict_of(comparison),
        record.candidate.model,
        comparison.champion,
        dice=dice,
        difference=comparison.differences.get(_DICE),
        lost=len(comparison.lost),
        gained=len(comparison.gained),
        new_false=len(comparison.new_false),
        gone_false=len(comparison.gone_false),
        reasons=comparison.reasons,
    )


def difference_text(found: Estimate) -> str:
    """E.g. "+0.042 (+0.011 to +0.073)"."""
    if found.mean is None:
        return "–"  # noqa: RUF001
    text = signed(found.mean)
    if found.low is not None and found.high is not None:
        text += f" ({signed(found.low)} to {signed(found.high)})"
    return text


def signed(value: float) -> str:
    """E.g. "+0.042"; the minus is a true one."""
    text = f"{value:+.3f}"
    if float(text) == 0:
        return "0.000"
    return text.replace("-", "−")  # noqa: RUF001
