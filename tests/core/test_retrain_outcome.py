from __future__ import annotations

import pytest

from medseg_desktop.core.evaluation_result import (
    Estimate,
    EvaluationRecord,
    EvaluationResult,
    ModelComparison,
)
from medseg_desktop.core.retrain_outcome import (
    Verdict,
    difference_text,
    outcome_of,
    signed,
    verdict_of,
)


def comparison(
    low: float | None, high: float | None, reasons: tuple[str, ...] = ()
) -> ModelComparison:
    found = Estimate(mean=0.02, low=low, high=high, n=5)
    return ModelComparison(
        candidate="c-v2", champion="c-v1", reasons=reasons, differences={"foreground_dice": found}
    )


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.03, Verdict.BETTER),
        (-0.03, -0.01, Verdict.WORSE),
        (-0.01, 0.03, Verdict.NO_DIFFERENCE),
        (0.0, 0.03, Verdict.NO_DIFFERENCE),
        (None, None, Verdict.TOO_FEW),
    ],
)
def test_only_a_whole_interval_on_one_side_is_a_difference(
    low: float | None, high: float | None, verdict: Verdict
) -> None:
    assert verdict_of(comparison(low, high)) is verdict


def test_what_cannot_be_compared_is_neither_better_nor_worse() -> None:
    assert verdict_of(comparison(0.1, 0.2, ("It was trained on them.",))) is Verdict.NOT_COMPARED
    assert verdict_of(None) is Verdict.NOT_COMPARED
    nothing = ModelComparison(candidate="a", champion="b")
    assert verdict_of(nothing) is Verdict.TOO_FEW


def test_an_evaluation_alone_tells_its_dice() -> None:
    result = EvaluationResult(model="m-v1", cases=(), mean={"foreground_dice": 0.61, "n": 4})
    found = outcome_of(EvaluationRecord(subset="test", candidate=result))
    assert found.verdict is Verdict.NOT_COMPARED
    assert found.champion == ""
    assert found.dice == Estimate(mean=0.61, n=4)


def test_differences_are_written_with_their_sign() -> None:
    assert signed(-0.05) == "−0.050"
    assert signed(-0.00001) == "0.000"
    assert (
        difference_text(Estimate(mean=0.042, low=-0.01, high=0.09)) == "+0.042 (−0.010 to +0.090)"
    )
    assert difference_text(Estimate(mean=0.042)) == "+0.042"
    assert difference_text(Estimate(mean=None)) == "–"
