from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.evaluation.measures import BY_KEY, DICE, JUDGED, Measure, Verdict, verdict
from medseg_desktop.core.evaluation.result import Estimate, ModelComparison


def said(measure: Measure, difference: Estimate | None, *reasons: str) -> Verdict:
    differences = {} if difference is None else {measure.key: difference}
    comparison = ModelComparison(
        candidate="c-v2", champion="c-v1", reasons=reasons, differences=differences
    )
    return verdict(comparison, measure)


@pytest.mark.parametrize(
    ("key", "low", "high", "expected"),
    [
        ("foreground_dice", 0.01, 0.05, Verdict.BETTER),
        ("foreground_dice", -0.05, -0.01, Verdict.WORSE),
        ("foreground_dice", -0.01, 0.05, Verdict.NO_DIFFERENCE),
        ("foreground_dice", 0.0, 0.05, Verdict.NO_DIFFERENCE),
        ("hd95_mm", 0.5, 2.0, Verdict.WORSE),
        ("hd95_mm", -2.0, -0.5, Verdict.BETTER),
        ("absolute_volume_difference_ml", -1.0, -0.1, Verdict.BETTER),
        ("sensitivity", -0.2, -0.1, Verdict.WORSE),
        ("false_lesions", 0.1, 0.2, Verdict.WORSE),
        ("false_positive_ml", -0.2, -0.1, Verdict.BETTER),
        ("foreground_dice", None, None, Verdict.TOO_FEW),
    ],
)
def test_better_and_worse_are_said_only_where_the_interval_leaves_out_zero(
    key: str, low: float | None, high: float | None, expected: Verdict
) -> None:
    assert said(BY_KEY[key], Estimate(mean=0.0, low=low, high=high, n=5)) is expected


def test_without_a_difference_nothing_is_said() -> None:
    assert said(DICE, None) is Verdict.TOO_FEW


@pytest.mark.parametrize("measure", JUDGED, ids=lambda measure: measure.key)
def test_what_cannot_be_compared_fairly_is_neither_better_nor_worse(measure: Measure) -> None:
    clear = Estimate(mean=0.15, low=0.1, high=0.2, n=5)
    assert said(measure, clear) in (Verdict.BETTER, Verdict.WORSE)
    assert said(measure, clear, "It was trained on them.") is Verdict.NOT_COMPARED
    assert verdict(None, measure) is Verdict.NOT_COMPARED


def test_a_bias_is_shown_and_not_judged() -> None:
    assert [m.key for m in BY_KEY.values() if m not in JUDGED] == ["volume_difference_ml"]


@given(
    low=st.floats(-10, 10, allow_nan=False),
    width=st.floats(0, 10, allow_nan=False),
    measure=st.sampled_from(JUDGED),
)
def test_a_difference_and_its_mirror_say_opposite_things(
    low: float, width: float, measure: Measure
) -> None:
    one = Estimate(mean=low, low=low, high=low + width, n=5)
    other = Estimate(mean=-low, low=-(low + width), high=-low, n=5)
    opposite = {
        Verdict.BETTER: Verdict.WORSE,
        Verdict.WORSE: Verdict.BETTER,
        Verdict.NO_DIFFERENCE: Verdict.NO_DIFFERENCE,
    }
    assert said(measure, other) is opposite[said(measure, one)]


@pytest.mark.parametrize(
    ("key", "value", "signed", "text"),
    [
        ("foreground_dice", 0.8125, False, "0.812"),
        ("foreground_dice", 0.04, True, "+0.040"),
        ("foreground_dice", -0.04, True, "−0.040"),
        ("volume_difference_ml", -1.5, False, "−1.50 ml"),
        ("foreground_dice", -0.0001, True, "0.000"),
        ("hd95_mm", 4.25, False, "4.2 mm"),
        ("hd95_mm", None, False, "–"),
        ("sensitivity", 0.754, False, "75 %"),
        ("sensitivity", -0.1, True, "−10 %"),
        ("false_lesions", 0.5, False, "0.50"),
        ("false_positive_ml", 12.345, False, "12.35 ml"),
    ],
)
def test_values_have_their_unit_and_figures(
    key: str, value: float | None, signed: bool, text: str
) -> None:
    assert BY_KEY[key].value(value, signed=signed) == text


def test_an_interval_is_said_where_there_is_one() -> None:
    assert DICE.interval(Estimate(mean=0.8, low=0.75, high=0.86, n=5)) == "0.750 to 0.860"
    assert DICE.interval(Estimate(mean=0.8, n=2)) == ""
    assert DICE.interval(None) == ""


def test_an_estimate_is_written_with_its_interval() -> None:
    found = Estimate(mean=0.042, low=-0.01, high=0.09, n=5)
    assert DICE.estimate(found, signed=True) == "+0.042 (−0.010 to +0.090)"
    assert DICE.estimate(Estimate(mean=0.042, n=2)) == "0.042"
    assert DICE.estimate(Estimate(mean=None)) == "–"
