from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.evaluation_measures import DICE, MEASURES, Direction, direction
from medseg_desktop.core.evaluation_result import Estimate

BY_KEY = {measure.key: measure for measure in MEASURES}


@pytest.mark.parametrize(
    ("key", "low", "high", "expected"),
    [
        ("foreground_dice", 0.01, 0.05, Direction.BETTER),
        ("foreground_dice", -0.05, -0.01, Direction.WORSE),
        ("foreground_dice", -0.01, 0.05, Direction.UNCLEAR),
        ("foreground_dice", 0.0, 0.05, Direction.UNCLEAR),
        ("hd95_mm", 0.5, 2.0, Direction.WORSE),
        ("hd95_mm", -2.0, -0.5, Direction.BETTER),
        ("absolute_volume_difference_ml", -1.0, -0.1, Direction.BETTER),
        ("sensitivity", -0.2, -0.1, Direction.WORSE),
        ("false_lesions", 0.1, 0.2, Direction.WORSE),
        ("false_positive_ml", -0.2, -0.1, Direction.BETTER),
        ("foreground_dice", None, None, Direction.UNKNOWN),
    ],
)
def test_better_and_worse_are_said_only_where_the_interval_leaves_out_zero(
    key: str, low: float | None, high: float | None, expected: Direction
) -> None:
    assert direction(BY_KEY[key], Estimate(mean=0.0, low=low, high=high, n=5)) is expected


def test_without_a_difference_nothing_is_said() -> None:
    assert direction(DICE, None) is Direction.UNKNOWN


@given(
    low=st.floats(-10, 10, allow_nan=False),
    width=st.floats(0, 10, allow_nan=False),
    measure=st.sampled_from(MEASURES),
)
def test_a_difference_and_its_mirror_say_opposite_things(
    low: float, width: float, measure: object
) -> None:
    one = Estimate(mean=low, low=low, high=low + width, n=5)
    other = Estimate(mean=-low, low=-(low + width), high=-low, n=5)
    opposite = {
        Direction.BETTER: Direction.WORSE,
        Direction.WORSE: Direction.BETTER,
        Direction.UNCLEAR: Direction.UNCLEAR,
    }
    assert direction(measure, other) is opposite[direction(measure, one)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "value", "signed", "text"),
    [
        ("foreground_dice", 0.8125, False, "0.812"),
        ("foreground_dice", 0.04, True, "+0.040"),
        ("foreground_dice", -0.04, True, "−0.040"),
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
    assert BY_KEY[key].value_text(value, signed=signed) == text


def test_an_interval_is_said_where_there_is_one() -> None:
    assert DICE.interval_text(Estimate(mean=0.8, low=0.75, high=0.86, n=5)) == "0.750 to 0.860"
    assert DICE.interval_text(Estimate(mean=0.8, n=2)) == ""
    assert DICE.interval_text(None) == ""
