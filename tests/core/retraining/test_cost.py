from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.measurement import Measurement
from medseg_desktop.core.retraining.cost import StepCost, Workload, cost_of, remaining_s
from medseg_desktop.core.retraining.state import Retraining, RetrainPlan, Stage
from medseg_desktop.core.run_state import fold
from medseg_desktop.core.specs import TrainSpec
from tests.runs import STEP_S, run_events

TRAIN = TrainSpec(dataset="d", run="r", model_name="m", iterations=400, size=256)
LOAD = Workload(
    train=TRAIN, slices=640, pixels=256**2, train_slices=430, val_slices=90, test_slices=120
)
STEP = StepCost(device="cpu", step_s=1.1, predict_s=0.1, start_s=6.0, memory_mb=1290)
PLAN = RetrainPlan(dataset="d", evaluation="e", model_name="m")


def test_measured_steps_make_the_training() -> None:
    cost = cost_of(LOAD, 2, STEP)
    assert cost.is_measured
    # 400 steps, and 5 evaluations of 90 slices, with what is around them.
    assert 440 + 45 < cost.stages[Stage.TRAIN] < 440 + 45 + 20
    assert cost.total_s == sum(cost.stages.values())
    assert cost.memory_bytes > 1_290_000_000


def test_without_a_measurement_there_is_a_rough_figure() -> None:
    rough = cost_of(LOAD, 2, None)
    assert not rough.is_measured
    assert 200 < rough.total_s < 2000
    assert cost_of(LOAD, 4, None).total_s < rough.total_s


@given(st.integers(0, 3000), st.integers(0, 3000), st.sampled_from([None, STEP]))
def test_more_work_never_costs_less(slices: int, more: int, step: StepCost | None) -> None:
    def cost(n: int) -> float:
        load = msgspec.structs.replace(LOAD, slices=n, val_slices=n, test_slices=n)
        return cost_of(load, 2, step).total_s

    assert cost(slices) <= cost(slices + more)


def test_a_second_model_is_evaluated_too() -> None:
    one = cost_of(msgspec.structs.replace(LOAD, models=1), 2, STEP)
    assert one.stages[Stage.EVALUATE] < cost_of(LOAD, 2, STEP).stages[Stage.EVALUATE]


def test_what_is_left_is_the_present_stage_and_those_behind_it() -> None:
    cost = cost_of(LOAD, 2, STEP)
    asked = Retraining(source=("/s",))
    assert remaining_s(cost, asked, None) == cost.total_s
    training = asked.checked(PLAN).converted({})
    behind = cost.stages[Stage.EVALUATE]
    assert remaining_s(cost, training, 30.0) == 30.0 + behind
    assert remaining_s(cost, training, None, 1e9) == behind
    assert remaining_s(cost, training.trained("m-v1").evaluated(), None) == 0.0


def test_a_finished_training_tells_more_than_a_few_steps() -> None:
    run = fold(run_events(400))
    refined = STEP.refined(run)
    assert refined.step_s == pytest.approx(STEP_S, abs=0.05)
    assert STEP.refined(fold(run_events(400, end="cancelled"))) is STEP
    assert STEP.refined(fold(run_events(4))) is STEP


def test_a_measurement_tells_the_cost_of_a_step() -> None:
    measured = Measurement(
        device="cpu", size=256, batch_size=8, step_s=1.0, evaluation_s=1.5, start_s=4.0,
        total_s=500.0, memory_mb=1200, available_mb=5000, fitting_batch=40, is_exact=True,
    )  # fmt: skip
    cost = StepCost.of(measured, 12, "2026-11-29T10:00:00+00:00")
    assert cost.predict_s == 0.125
    assert (cost.step_s, cost.start_s, cost.memory_mb) == (1.0, 4.0, 1200)
    assert not cost.is_disturbed
    starved = msgspec.structs.replace(measured, cores_used=0.3)
    assert StepCost.of(starved, 12, "").is_disturbed
