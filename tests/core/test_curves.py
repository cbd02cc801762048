"""Curves of a run, their smoothing, and the figures beside them."""

from __future__ import annotations

import csv
import functools
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.curves import DICE, IOU, LOSS, RATE, Curve, CurveKey, RunCurves, Smoothed
from medseg_desktop.core.events import Event, Paused, Progress, Started, Step
from medseg_desktop.core.run_facts import can_pause, run_facts
from medseg_desktop.core.run_state import RunState, RunStatus, fold, reduce
from medseg_desktop.core.run_table import run_csv
from tests.runs import STEP_S, run_events

VALUES = st.lists(st.floats(-1e3, 1e3) | st.just(math.nan), min_size=1, max_size=60)


def curve_of(values: list[float]) -> Curve:
    curve = Curve()
    for x, y in enumerate(values):
        curve.append(x, y)
    return curve


@given(VALUES, st.floats(0, 0.99), st.integers(0, 60))
def test_a_smoothed_curve_carried_on_is_the_one_made_at_once(
    values: list[float], weight: float, first: int
) -> None:
    carried = Smoothed(weight)
    carried.of(curve_of(values[:first]))
    whole = Smoothed(weight).of(curve_of(values))
    np.testing.assert_array_equal(carried.of(curve_of(values)), whole)
    assert list(np.isnan(whole)) == [math.isnan(value) for value in values]


def test_smoothing_keeps_a_constant_and_a_weight_of_nothing_changes_nothing() -> None:
    np.testing.assert_allclose(Smoothed(0.9).of(curve_of([3.0] * 50)), 3.0)
    np.testing.assert_allclose(Smoothed(0.0).of(curve_of([1.0, 5.0, 2.0])), [1, 5, 2])


def test_the_value_at_a_place_is_that_of_the_nearest_point() -> None:
    curve = curve_of([10.0, 11.0, math.nan])
    assert curve.at(0.4) == 10.0
    assert curve.at(0.6) == 11.0
    assert curve.at(9) is None
    assert Curve().at(1) is None


@pytest.mark.parametrize("labels", [("H",), ("H", "M")])
def test_the_curves_of_a_run_that_grows_are_those_of_the_whole_run(labels: tuple[str, ...]) -> None:
    events = run_events(60, every=20, labels=labels)
    grown, run = RunCurves(), RunState()
    for event in events:
        run = reduce(run, event)
        assert not grown.update(run)
    whole = RunCurves()
    whole.update(run)
    assert grown.curves.keys() == whole.curves.keys()
    for key, curve in whole.curves.items():
        np.testing.assert_array_equal(grown.curve(key).y, curve.y)
    assert list(grown.curve(LOSS).x) == list(range(1, 61))
    assert list(grown.curve(DICE).x) == [20, 40, 60]
    assert grown.curve(RATE).n == 60
    assert grown.curve(IOU).n == 3
    assert len([k for k in grown.curves if k.kind == "head"]) == 5
    patients = [k for k in grown.curves if k.kind == "patient" and not k.name]
    assert len(patients) == len(grown.patients) == 5
    means = [k for k in grown.curves if k.kind == "label_mean"]
    assert len(means) == (2 if len(labels) > 1 else 0)


def test_the_mean_of_a_label_is_over_the_patients_that_have_it() -> None:
    run = fold(run_events(20, every=20, labels=("H", "M")))
    curves = RunCurves()
    curves.update(run)
    cases = run.evaluations[0].cases
    expected = np.mean([case.dice["M"] for case in cases])
    assert curves.curve(CurveKey("dice", "label_mean", "M")).y[0] == pytest.approx(expected)


def test_another_run_starts_anew_also_where_it_is_longer() -> None:
    curves = RunCurves()
    curves.update(fold(run_events(20, every=10)))
    assert curves.update(fold(run_events(40, every=10, level=0.3)))
    assert curves.curve(LOSS).n == 40


def test_a_loss_that_is_no_number_does_not_start_the_curves_anew() -> None:
    step = Step(iteration=1, loss=math.nan, losses=[math.nan], lr=0.1)
    run = reduce(RunState(), step)
    curves = RunCurves()
    curves.update(run)
    assert not curves.update(reduce(run, Step(iteration=2, loss=1.0, losses=[1.0], lr=0.1)))
    assert curves.curve(LOSS).n == 2


@pytest.mark.parametrize("end", ["finished", "cancelled", ""])
def test_many_events_at_once_give_the_state_of_one_after_the_other(end: str) -> None:
    events = run_events(50, every=10, end=end, previews=True)
    assert fold(events) == functools.reduce(reduce, events, RunState())
    late = [*events, Step(iteration=99, loss=1.0, losses=[], lr=0.0)]
    assert len(fold(late).steps) == (51 if not end else 50)


def test_the_table_holds_every_figure_exactly() -> None:
    run = fold(run_events(40, every=10, labels=("H", "M")))
    rows = list(csv.DictReader(io.StringIO(run_csv(run))))
    assert [int(row["iteration"]) for row in rows] == list(range(1, 41))
    assert [float(row["loss"]) for row in rows] == [step.loss for step in run.steps]
    assert float(rows[3]["loss_head_2"]) == run.steps[3].losses[1]
    assert rows[3]["dice_H"] == ""
    evaluation = run.evaluations[0]
    assert float(rows[9]["dice_patients"]) == evaluation.mean_dice
    assert float(rows[9]["iou_M"]) == evaluation.iou["M"]
    patient = evaluation.cases[2]
    assert float(rows[9][f"dice_patient_{patient.patient_hash}"]) == patient.foreground_dice


def test_the_facts_of_a_run() -> None:
    events = run_events(400, every=50, end="")
    run = fold([e for e in events if getattr(e, "iteration", 0) <= 310])
    facts = run_facts(run, 400)
    assert (facts.device, facts.threads, facts.memory_bytes) == ("cpu", 2, 1_430_000_000)
    assert facts.step_s == pytest.approx(STEP_S, rel=0.02)
    assert facts.wait_share == pytest.approx(0.004 / STEP_S, rel=0.05)
    # 90 steps and about two evaluations of 6 s.
    assert facts.remaining_s == pytest.approx(90 * STEP_S + 90 / 50 * 6, rel=0.05)
    assert facts.since_best == 0


def test_evaluations_without_a_better_one_are_counted() -> None:
    run = fold(run_events(400, every=50))  # the last one is worse
    scores = [found.mean_dice or 0.0 for found in run.evaluations]
    since = len(scores) - 1 - scores.index(max(scores))
    assert since > 0
    assert run_facts(run, 400).since_best == since
    assert run_facts(run, 400).remaining_s is None


def test_nothing_is_known_before_the_first_step() -> None:
    facts = run_facts(RunState(), 100)
    assert (facts.step_s, facts.memory_bytes, facts.wait_share, facts.remaining_s) == (None,) * 4


def test_the_speed_of_a_continued_training_is_not_that_of_what_was_done_before() -> None:
    run = fold(
        [
            Started(kind="train", pid=1, time=0),
            Progress(phase="train", done=300, total=400, time=0),
            Progress(phase="train", done=310, total=400, time=20),
        ]
    )
    assert run.remaining_s == 180.0


def test_only_a_training_at_its_steps_can_be_halted() -> None:
    at_work: list[Event] = [
        Started(kind="train", pid=1),
        Progress(phase="train", done=1, total=9),
        Step(iteration=1, loss=1.0, losses=[], lr=0.1),
    ]
    run = fold(at_work)
    assert can_pause(run)
    assert not can_pause(fold(at_work[:1]))
    paused = reduce(run, Paused(iteration=1, paused=True))
    assert paused.status is RunStatus.PAUSED
    assert not can_pause(paused)
