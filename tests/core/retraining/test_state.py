from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.retraining.state import (
    STAGES,
    Mark,
    Progress,
    Retraining,
    RetrainOptions,
    RetrainPlan,
    Stage,
    evaluate_spec,
    steps_for,
    train_spec,
)

PLAN = RetrainPlan(dataset="d", evaluation="e", model_name="flair", champion="flair-v2")
ASKED = Retraining(source=("/study",), options=RetrainOptions(seed=3), by="Li Wei")
WORK = STAGES[:-1]


def finish(retraining: Retraining) -> Retraining:
    """The present stage was finished."""
    if retraining.stage is Stage.CHECK:
        return retraining.checked(PLAN)
    if retraining.stage is Stage.CONVERT:
        return retraining.converted({"train": 10, "test": 2})
    if retraining.stage is Stage.TRAIN:
        return retraining.trained("flair-v3")
    return retraining.evaluated()


def after_restart(retraining: Retraining) -> Retraining:
    """What another program reads, and goes on with."""
    read = msgspec.json.decode(msgspec.json.encode(retraining), type=Retraining)
    return read.resumed()


@given(st.lists(st.sampled_from(["finish", "fail", "cancel", "restart", "resume"]), max_size=30))
def test_no_stage_is_skipped_or_done_twice_whatever_happens(events: list[str]) -> None:
    retraining, finished = ASKED, list[Stage]()
    for event in events:
        before = retraining
        if event == "finish":
            if not retraining.is_under_way:
                continue  # nobody works at it
            finished.append(retraining.stage)
            retraining = finish(retraining)
        elif event == "fail":
            retraining = retraining.failed("It broke.", "Mend it.")
        elif event == "cancel":
            retraining = retraining.stopped()
        elif event == "resume":
            retraining = retraining.resumed()
        else:
            retraining = after_restart(retraining)
        if event != "finish":
            assert retraining.stage is before.stage
            assert (retraining.plan, retraining.candidate) == (before.plan, before.candidate)
        assert tuple(finished) == WORK[: len(finished)]
        assert retraining.stage is STAGES[len(finished)]
        assert retraining.is_under_way == (
            not retraining.is_done and retraining.progress is Progress.UNDER_WAY
        )
        marks = [retraining.mark(stage) for stage in WORK]
        assert marks[: len(finished)] == [Mark.DONE] * len(finished)
        assert marks[len(finished) + 1 :] == [Mark.WAITING] * len(marks[len(finished) + 1 :])


@given(st.sampled_from(STAGES), st.sampled_from(WORK))
def test_only_the_present_stage_can_be_finished(at: Stage, other: Stage) -> None:
    retraining = ASKED
    while retraining.stage is not at:
        retraining = finish(retraining)
    steps = {
        Stage.CHECK: lambda: retraining.checked(PLAN),
        Stage.CONVERT: lambda: retraining.converted({}),
        Stage.TRAIN: lambda: retraining.trained("x"),
        Stage.EVALUATE: lambda: retraining.evaluated(),
    }
    if other is at:
        assert steps[other]().stage is STAGES[STAGES.index(at) + 1]
    else:
        with pytest.raises(ValueError, match=f"is at {at.value}, not at {other.value}"):
            steps[other]()


def test_one_that_is_done_stays_done() -> None:
    done = ASKED
    for _ in WORK:
        done = finish(done)
    assert done.is_done
    assert done.failed("late").stopped().resumed() == done


def test_a_failure_is_told_until_it_goes_on() -> None:
    failed = ASKED.checked(PLAN).failed("The disk is full.", "Make room.")
    assert failed.mark(Stage.CONVERT) is Mark.FAILED
    assert (failed.message, failed.hint) == ("The disk is full.", "Make room.")
    again = failed.resumed()
    assert (again.message, again.hint) == ("", "")
    assert again.mark(Stage.CONVERT) is Mark.RUNNING


@given(st.integers(0, 100_000), st.integers(1, 64))
def test_more_slices_never_take_fewer_steps(slices: int, batch: int) -> None:
    steps = steps_for(slices, batch)
    assert 400 <= steps <= 3000
    assert steps <= steps_for(slices + 1, batch)
    assert steps >= steps_for(slices, batch + 1)


def test_the_training_begins_with_what_the_plan_says() -> None:
    def spec(init: str, iterations: int = 0) -> tuple[str, int]:
        plan = msgspec.structs.replace(PLAN, init=init, iterations=iterations)
        made = train_spec(
            plan, dataset="/d", run="/r", champion="/models/flair-v2", train_slices=800
        )
        assert (made.model_name, made.size, made.batch_size) == ("flair", 256, 8)
        return made.init, made.iterations

    assert spec("champion") == ("/models/flair-v2", 750)
    assert spec("starter") == ("starter", 750)
    assert spec("none", 60) == ("none", 60)


def test_the_evaluation_is_of_the_test_patients_and_beside_the_champion() -> None:
    made = evaluate_spec(
        ASKED, candidate="/c", against="/a", out="/o", salt="00", workspace="/w", threads=2
    )
    assert (made.model, made.against, made.out, made.subset) == ("/c", "/a", "/o", "test")
    assert made.source == ["/study"]
