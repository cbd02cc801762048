from __future__ import annotations

from typing import Any

import msgspec
import pytest

from medseg_desktop.core.evaluation.comparison import compare_evaluations
from medseg_desktop.core.evaluation.result import (
    CHANGES,
    Estimate,
    EvaluationResult,
    ModelComparison,
)
from medseg_desktop.core.evaluation.text import verdict_text
from tests.evaluations import case, lesion, result


def compared(ours: EvaluationResult, theirs: EvaluationResult, *reasons: str) -> ModelComparison:
    return compare_evaluations(ours, theirs, reasons)


def test_lost_and_gained_lesions_are_told_the_largest_first() -> None:
    ours = result(
        case("a", lesions=[lesion(1, 2.0, 0.5), lesion(2, 0.5), lesion(3, 0.25), lesion(4, 0.1)]),
        case("b", lesions=[lesion(1, 9.0)]),
    )
    theirs = result(
        case(
            "a", lesions=[lesion(1, 2.0), lesion(2, 0.5, 0.75), lesion(3, 0.25), lesion(4, 0.1, 1)]
        ),
        case("b", lesions=[lesion(1, 9.0, 0.125)]),
        model="flair-v1",
    )
    found = compared(ours, theirs)
    lost = [(c.patient_hash[0], c.lesion.number, c.candidate, c.champion) for c in found.lost]
    assert lost == [("b", 1, 0, 0.125), ("a", 2, 0, 0.75), ("a", 4, 0, 1)]
    assert [(c.lesion.number, c.candidate, c.champion) for c in found.gained] == [(1, 0.5, 0)]
    assert (found.candidate, found.champion) == ("flair-v2", "flair-v1")
    assert found.lost[0].case == "folder of b"
    assert found.is_comparable


def test_false_lesions_are_new_or_gone_where_the_other_model_has_none_of_them() -> None:
    ours = result(
        case("a", false=[lesion(1, 3.0, other_overlap=0.0), lesion(2, other_overlap=0.1)])
    )
    theirs = result(case("a", false=[lesion(1, other_overlap=0.2), lesion(5, other_overlap=0.0)]))
    found = compared(ours, theirs)
    assert [(c.lesion.number, c.candidate, c.champion) for c in found.new_false] == [(1, 1, 0)]
    assert [(c.lesion.number, c.candidate, c.champion) for c in found.gone_false] == [(5, 0, 1)]


def test_differences_are_paired() -> None:
    ours = result(case("a", 0.9), case("b", 0.5), case("c", None), case("d", 0.7, hd95_mm=1.0))
    theirs = result(case("d", 0.4), case("c", None), case("b", 0.6), case("a", 0.5))
    found = compared(ours, theirs).differences
    assert found["foreground_dice"].mean == pytest.approx((0.4 - 0.1 + 0.3) / 3)
    assert found["foreground_dice"].n == 3
    assert found["foreground_dice"].low is not None
    assert found["hd95_mm"].mean == pytest.approx(-1)
    assert found["false_positive_ml"].n == 1


def test_a_model_compared_with_itself_differs_in_nothing() -> None:
    one = result(*(case(p, 0.5, [lesion(1, overlap=0.5), lesion(2)]) for p in "abcd"))
    found = compared(one, one)
    assert not any(getattr(found, kind) for kind in CHANGES)
    assert found.differences["foreground_dice"] == Estimate(mean=0, low=0, high=0, n=4)
    assert "No clear difference" in verdict_text(found)
    assert "Both find the same lesions." in verdict_text(found)


def test_patients_that_a_model_has_seen_make_it_unfair_but_count() -> None:
    ours = result(case("a", 0.9), case("b", 0.8, seen=True))
    theirs = result(case("a", 0.5), case("b", 0.5), model="flair-v1")
    found = compared(ours, theirs)
    assert not found.is_comparable
    (reason,) = found.reasons
    assert reason == f"1 of 2 patients was used to train flair-v2: {'b' * 16}."
    assert found.differences["foreground_dice"].n == 2
    assert verdict_text(found) == "The two models cannot be compared fairly on these patients."


def test_a_model_of_another_workspace_makes_it_unfair() -> None:
    theirs = result(case("a", seen=None), model="import-v1")
    (reason,) = compared(result(case("a")), theirs).reasons
    assert reason.startswith("It cannot be told whether import-v1 was trained on these patients")


def test_further_reasons_come_last_and_other_patients_are_a_reason() -> None:
    reasons = compared(result(case("a")), result(case("b")), "They differ in labels.").reasons
    assert reasons == (
        "The two models were not evaluated on the same patients.",
        "They differ in labels.",
    )


def comparison(low: float | None, high: float | None, **changes: Any) -> ModelComparison:
    mean = None if low is None or high is None else (low + high) / 2
    difference = Estimate(mean=mean, low=low, high=high, n=5)
    plain = ModelComparison(
        candidate="new-v2", champion="old-v1", differences={"foreground_dice": difference}
    )
    return msgspec.structs.replace(plain, **changes)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.01, 0.05, "new-v2 agrees better with the annotations than old-v1: Dice +0.030"),
        (-0.05, -0.01, "new-v2 agrees worse with the annotations than old-v1: Dice −0.030"),
        (-0.01, 0.05, "No clear difference in Dice between new-v2 and old-v1"),
        (None, None, "No patient has a lesion"),
    ],
)
def test_the_verdict_goes_by_the_interval(
    low: float | None, high: float | None, words: str
) -> None:
    assert verdict_text(comparison(low, high)).startswith(words)


def test_the_verdict_of_two_patients_says_that_they_are_too_few() -> None:
    found = compared(result(case("a", 0.9), case("b", 0.9)), result(case("a"), case("b")))
    assert verdict_text(found).startswith("2 patients with lesion: too few")
