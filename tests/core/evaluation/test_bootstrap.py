from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg_desktop.core.evaluation.bootstrap import mean_estimate
from medseg_desktop.core.evaluation.result import Estimate

scores = st.lists(st.floats(0, 1), min_size=3, max_size=12)


def test_the_mean_is_over_patients_that_have_the_measure() -> None:
    found = mean_estimate([0.5, None, 1.0, None])
    assert found == Estimate(mean=0.75, n=2)  # two are too few for an interval


def test_without_patients_there_is_no_mean() -> None:
    assert mean_estimate([None]) == mean_estimate([]) == Estimate(mean=None, n=0)


@settings(max_examples=10)
@given(scores, st.randoms())
def test_the_interval_holds_the_mean_and_does_not_depend_on_the_order(
    values: list[float], chance: random.Random
) -> None:
    found = mean_estimate(values)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.mean is not None
    assert found.low is not None
    assert found.high is not None
    assert min(values) - 1e-9 <= found.low <= found.mean + 1e-9
    assert found.mean - 1e-9 <= found.high <= max(values) + 1e-9
    shuffled = list(values)
    chance.shuffle(shuffled)
    assert mean_estimate(shuffled) == found


def test_equal_values_have_an_interval_without_width() -> None:
    assert mean_estimate([0.25] * 5) == Estimate(mean=0.25, low=0.25, high=0.25, n=5)


def test_values_that_hardly_differ_have_an_interval_too() -> None:
    found = mean_estimate([0.5, 0.5, 0.5, np.nextafter(0.5, 1)])
    assert found.low is not None
    assert np.isfinite(found.low)


def test_the_interval_of_many_patients_is_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(5).normal(10, 2, 200)
    found = mean_estimate(list(values))
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    assert found.low == pytest.approx(values.mean() - half, abs=0.05)
    assert found.high == pytest.approx(values.mean() + half, abs=0.05)


def test_it_is_wider_to_the_side_where_the_values_lie_far_out() -> None:
    """Which tells BCa from an interval of equal arms."""
    values = list(np.random.default_rng(1).exponential(1, 15))
    found = mean_estimate(values)
    assert found.mean is not None
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.mean > 1.2 * (found.mean - found.low)
