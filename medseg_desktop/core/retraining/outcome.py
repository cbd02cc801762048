"""What came of a retraining: whether the candidate is better than the champion, in figures."""

from __future__ import annotations

from dataclasses import dataclass

from medseg_desktop.core.evaluation.measures import DICE, Verdict, dice_of, verdict
from medseg_desktop.core.evaluation.result import (
    NO_CHANGES,
    ChangeCounts,
    Estimate,
    EvaluationRecord,
)


@dataclass(frozen=True, slots=True)
class RetrainOutcome:
    """Attributes:
    candidate, champion: titles; champion "" for none.
    dice: of the candidate on the test patients; difference: candidate - champion.
    changes: lesions that only one of the two has.
    reasons: why the two cannot be compared, as sentences.
    """

    verdict: Verdict
    candidate: str
    champion: str = ""
    dice: Estimate | None = None
    difference: Estimate | None = None
    changes: ChangeCounts = NO_CHANGES
    reasons: tuple[str, ...] = ()


def outcome_of(record: EvaluationRecord) -> RetrainOutcome:
    """The outcome that an evaluation tells."""
    comparison = record.comparison
    dice = dice_of(record.candidate)
    if comparison is None:
        return RetrainOutcome(Verdict.NOT_COMPARED, record.candidate.model, dice=dice)
    return RetrainOutcome(
        verdict(comparison),
        record.candidate.model,
        comparison.champion,
        dice=dice,
        difference=comparison.differences.get(DICE.key),
        changes=comparison.counts,
        reasons=comparison.reasons,
    )
