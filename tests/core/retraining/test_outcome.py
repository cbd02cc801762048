from __future__ import annotations

import pytest

from medseg_desktop.core.evaluation.measures import Verdict
from medseg_desktop.core.evaluation.result import (
    Estimate,
    EvaluationRecord,
    EvaluationResult,
    ModelComparison,
)
from medseg_desktop.core.retraining.outcome import outcome_of


def comparison(low: float, high: float) -> ModelComparison:
    found = Estimate(mean=0.02, low=low, high=high, n=5)
    return ModelComparison(
        candidate="c-v2", champion="c-v1", differences={"foreground_dice": found}
    )


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.01, 0.03, Verdict.BETTER), (-0.01, 0.03, Verdict.NO_DIFFERENCE)],
)
def test_the_outcome_of_a_comparison_is_its_verdict(
    low: float, high: float, verdict: Verdict
) -> None:
    result = EvaluationResult(model="c-v2", cases=(), mean={"foreground_dice": 0.61, "n": 4})
    compared = comparison(low, high)
    record = EvaluationRecord(subset="test", candidate=result, champion=result, comparison=compared)
    found = outcome_of(record)
    assert (found.verdict, found.champion) == (verdict, "c-v1")
    assert found.difference == compared.differences["foreground_dice"]


def test_an_evaluation_alone_tells_its_dice() -> None:
    result = EvaluationResult(model="m-v1", cases=(), mean={"foreground_dice": 0.61, "n": 4})
    found = outcome_of(EvaluationRecord(subset="test", candidate=result))
    assert found.verdict is Verdict.NOT_COMPARED
    assert found.champion == ""
    assert found.dice == Estimate(mean=0.61, n=4)
