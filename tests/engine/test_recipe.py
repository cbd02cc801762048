from __future__ import annotations

import pytest

from medseg_desktop.core.errors import JobError
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.engine.recipe import (
    DEFAULT,
    RECIPES,
    REFERENCE,
    OneCycle,
    intervals_of,
    recipe_of,
)
from medseg_desktop.io.preflight import TRAINING_PRESETS


def spec(iterations: int, **changes: int) -> TrainSpec:
    return TrainSpec(dataset="d", run="r", model_name="m", iterations=iterations, **changes)


@pytest.mark.parametrize(
    ("steps_done", "rate"), [(0, 5e-4), (750, 3e-4), (1500, 1e-4), (3000, 1e-4)]
)
def test_the_reference_rate_falls_linearly_and_then_stays(steps_done: int, rate: float) -> None:
    assert REFERENCE.schedule.rate(steps_done, 3000) == pytest.approx(rate, rel=1e-9)


def test_the_rate_is_that_of_paddles_own_schedule() -> None:
    from medseg_desktop.engine.backend import paddle

    schedule = paddle.optimizer.lr.PolynomialDecay(5e-4, decay_steps=1500, end_lr=1e-4, power=1.0)
    for step in range(1600):
        assert REFERENCE.schedule.rate(step, 60) == pytest.approx(schedule(), rel=1e-9)
        schedule.step()


def test_the_reference_recipe_has_the_published_figures() -> None:
    assert REFERENCE.optimiser == "momentum"
    assert (REFERENCE.momentum, REFERENCE.weight_decay) == (0.9, 4e-5)
    assert (REFERENCE.dice_weight, REFERENCE.lesion_share) == (0.0, None)
    assert (REFERENCE.iterations, REFERENCE.batch_size) == (3000, 8)
    assert REFERENCE.loss_weights == (0.8, 0.2, 0.8, 0.2, 0.8)
    how = REFERENCE.augmentation
    assert (how.flip_horizontal, how.flip_vertical) == (0.5, 0.1)
    assert (how.noise_share, how.noise_sigma) == (0.5, 10.0)
    assert (how.rotation_deg, how.scale, how.stretch, how.shift) == (0.0, 1.0, 1.0, 0.0)
    assert (how.gamma, how.contrast, how.brightness) == (1.0, 1.0, 0.0)
    assert (how.elastic, how.bias, how.blur_share) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("iterations", [1, 2, 60, 3000])
def test_one_cycle_rises_to_its_peak_and_falls_within_any_length(iterations: int) -> None:
    cycle = OneCycle(peak_rate=1e-2)
    rates = [cycle.rate(i, iterations) for i in range(iterations)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert 0 < min(rates) <= rates[0] < 0.05 * 1e-2
    if iterations >= 60:
        assert max(rates) == pytest.approx(1e-2, rel=1e-3)
        assert top == pytest.approx(iterations / 4, abs=1)


def test_one_cycle_learns_at_a_quarter_of_the_training_with_its_peak_rate() -> None:
    assert DEFAULT.schedule.rate(750, 3000) == pytest.approx(1.5e-3)
    assert DEFAULT.schedule.rate(3000, 3000) == pytest.approx(1.5e-6)


def test_a_long_run_is_evaluated_every_200_and_logged_every_20_iterations() -> None:
    intervals = intervals_of(spec(3000))
    assert (intervals.evaluate_every, intervals.log_every) == (200, 20)


def test_a_short_run_is_evaluated_several_times_and_at_its_end() -> None:
    intervals = intervals_of(spec(61))
    evaluated = [i for i in range(1, 62) if intervals.evaluates_after(i)]
    assert evaluated == [13, 26, 39, 52, 61]
    assert [i for i in range(1, 6) if intervals.logs_after(i)] == [1, 2, 4]


def test_a_single_iteration_is_logged_and_evaluated() -> None:
    intervals = intervals_of(spec(1))
    assert intervals.evaluates_after(1)
    assert intervals.logs_after(1)


def test_the_spec_overrides_the_intervals() -> None:
    intervals = intervals_of(spec(100, evaluate_every=30, log_every=7))
    assert [i for i in range(1, 101) if intervals.evaluates_after(i)] == [30, 60, 90, 100]
    assert [i for i in range(1, 22) if intervals.logs_after(i)] == [1, 7, 14, 21]


def test_preflight_knows_the_same_presets() -> None:
    assert tuple(RECIPES) == TRAINING_PRESETS


def test_each_head_of_a_network_has_a_weight() -> None:
    assert REFERENCE.head_weights(5) == REFERENCE.loss_weights
    assert REFERENCE.head_weights(1) == (1.0,)
    assert REFERENCE.head_weights(3) == pytest.approx((1.0, 0.5, 0.5))
    assert DEFAULT.head_weights(3) == pytest.approx((1.0, 0.3, 0.3))


def test_an_unknown_preset_is_refused_by_name() -> None:
    with pytest.raises(JobError, match="no training preset called fast"):
        recipe_of(TrainSpec(dataset="d", run="r", model_name="m", preset="fast"))
