"""The fold from events to what a front end shows."""

from __future__ import annotations

import functools
import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.events import (
    TERMINAL,
    CancelledEvent,
    Evaluation,
    Event,
    Failed,
    Finished,
    Log,
    Progress,
    Started,
    Step,
)
from medseg_desktop.core.run_state import RunState, RunStatus, reduce

TEXT = st.text("ab", max_size=2)
COUNT = st.integers(-1, 5)
STAMP = {"seq": COUNT, "time": st.floats(0, 100)}
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Started, kind=TEXT, pid=COUNT, **STAMP),
    st.builds(Progress, phase=TEXT, done=COUNT, total=COUNT, **STAMP),
    st.builds(
        Step, iteration=COUNT, loss=st.floats(), losses=st.just([]), lr=st.just(0.1), **STAMP
    ),
    st.builds(
        Evaluation,
        iteration=COUNT,
        dice=st.just({}),
        iou=st.just({}),
        cases=st.just([]),
        mean_dice=st.none() | st.floats(0, 1) | st.just(math.nan),
        **STAMP,
    ),
    st.builds(Log, message=TEXT, **STAMP),
    st.builds(Finished, result=st.just({"a": 1}), **STAMP),
    st.builds(CancelledEvent, result=st.just({"b": 2}), **STAMP),
    st.builds(Failed, message=TEXT, **STAMP),
)


def fold(events: list[Event]) -> RunState:
    return functools.reduce(reduce, events, RunState())


@given(st.lists(EVENTS, max_size=30))
def test_any_events_in_any_order_give_a_sound_state(events: list[Event]) -> None:
    run = fold(events)
    ends = [i for i, event in enumerate(events) if isinstance(event, TERMINAL)]
    counted = events[: ends[0]] if ends else events
    assert run.is_over == bool(ends)
    assert list(run.steps) == [event for event in counted if isinstance(event, Step)]
    assert list(run.evaluations) == [e for e in counted if isinstance(e, Evaluation)]
    assert len(run.log) <= 500
    assert run.remaining_s is None or run.remaining_s >= 0
    scores = [e.mean_dice for e in run.evaluations if e.mean_dice is not None]
    numbers = [score for score in scores if not math.isnan(score)]
    assert (run.best.mean_dice if run.best else None) == max(numbers, default=None)


@given(st.lists(EVENTS, max_size=10), EVENTS)
def test_nothing_changes_after_the_end(events: list[Event], late: Event) -> None:
    run = fold([*events, Finished(result={})])
    assert reduce(run, late) is run


@given(st.lists(EVENTS, max_size=10), EVENTS)
def test_a_state_is_never_changed_in_place(events: list[Event], event: Event) -> None:
    run = fold(events)
    before = (run.steps, run.evaluations, run.log, run.status, run.done)
    reduce(run, event)
    assert (run.steps, run.evaluations, run.log, run.status, run.done) == before


def test_a_whole_training_is_told() -> None:
    events: list[Event] = [
        Started(kind="train", pid=1, details={"device": "cpu"}, time=10),
        Progress(phase="train", done=1, total=4, time=10),
        Log(message="hello", time=11),
        Progress(phase="train", done=2, total=4, time=14),
    ]
    run = fold(events)
    assert (run.status, run.kind, run.details) == (RunStatus.RUNNING, "train", {"device": "cpu"})
    assert (run.phase, run.done, run.total, run.log) == ("train", 2, 4, ("hello",))
    assert run.remaining_s == 8.0  # one in four seconds, two to come
    failed = reduce(run, Failed(message="The disk is full.", hint="Free some space.", time=15))
    assert (failed.status, failed.message, failed.hint) == (
        RunStatus.FAILED,
        "The disk is full.",
        "Free some space.",
    )


def test_a_phase_that_begins_again_is_timed_again() -> None:
    run = fold(
        [
            Progress(phase="validate", done=5, total=5, time=0),
            Progress(phase="validate", done=0, total=4, time=100),
            Progress(phase="validate", done=2, total=4, time=102),
        ]
    )
    assert run.remaining_s == 2.0


def test_only_the_last_lines_of_the_log_are_kept() -> None:
    run = fold([Log(message=str(i)) for i in range(600)])
    assert run.log[0] == "100"
    assert run.log[-1] == "599"


def test_the_first_of_two_equally_good_evaluations_is_the_best() -> None:
    evaluation = Evaluation(iteration=1, dice={}, iou={}, cases=[], mean_dice=0.5)
    later = msgspec.structs.replace(evaluation, iteration=2)
    assert fold([evaluation, later]).best == evaluation
