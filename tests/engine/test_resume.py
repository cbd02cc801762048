"""A training that goes on: after a stop, a crash, its end; a pause; an early end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import safetensors.numpy

from medseg_desktop.core.errors import Cancelled, DataError, ModelError, WorkspaceError
from medseg_desktop.core.events import (
    Checkpoint,
    Evaluation,
    Event,
    Paused,
    Preview,
    Started,
    Step,
    encode_event,
)
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.engine import recipe as recipes
from medseg_desktop.engine import trainer
from medseg_desktop.engine.history import earlier_curve
from medseg_desktop.engine.training import run_training
from medseg_desktop.engine.validation import Validation, Validator
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.model_package import read_info
from medseg_desktop.io.png import read_grey_png
from medseg_desktop.jobs.record import keep_aside
from tests.builders import write_dataset

MakeSpec = Callable[..., TrainSpec]


@pytest.fixture(autouse=True)
def averaging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every preset averages its weights here, so that the average has to come back as well."""
    kept = {name: replace(r, average_decay=0.9) for name, r in recipes.RECIPES.items()}
    monkeypatch.setattr(recipes, "RECIPES", kept)


def stopped_after(iteration: int, make_context: Any) -> Any:
    def stop(context: Any, event: Event) -> None:
        context.stop_requested |= isinstance(event, Step) and event.iteration == iteration

    return make_context(stop)


def record(context: Any, run: Path) -> None:
    """The events of a fake context as the file a worker writes, kept aside as a parent does."""
    (run / "events.jsonl").write_bytes(b"".join(map(encode_event, context.events)))
    keep_aside(run)


def curve(context: Any) -> list[Any]:
    """Losses, rates and scores without what depends on the clock."""
    rows: list[Any] = []
    for event in context.events:
        if isinstance(event, Step):
            rows.append((event.iteration, event.loss, event.losses, event.lr))
        elif isinstance(event, Evaluation):
            rows.append((event.iteration, event.mean_dice, event.dice, event.cases))
        elif isinstance(event, Checkpoint):
            rows.append((event.iteration, event.best))
    return rows


@pytest.mark.parametrize("preset", ["default", "reference"])
def test_a_resumed_training_equals_one_that_was_never_stopped(
    preset: str, make_spec: MakeSpec, tmp_path: Path, make_context: Any
) -> None:
    common = {"preset": preset, "iterations": 8, "evaluate_every": 2, "log_every": 1}
    whole = make_context()
    whole_spec = make_spec(run=str(tmp_path / "whole"), **common)
    run_training(whole_spec, whole)

    spec = make_spec(run=str(tmp_path / "parts"), **common)
    first = stopped_after(5, make_context)
    with pytest.raises(Cancelled):
        run_training(spec, first)
    record(first, Path(spec.run))
    second = make_context()
    result = run_training(msgspec.structs.replace(spec, resume=True), second)

    assert second.details["resumed_from"] == 5
    # The stop itself left one checkpoint more, which the whole training has not.
    told = [row for row in curve(second) if row != (5, False)]
    assert told == curve(whole)
    assert result["iterations"] == 8
    for name in ("latest", "best"):
        paths = [Path(s.run) / "checkpoints" / f"{name}.safetensors" for s in (whole_spec, spec)]
        one, other = (safetensors.numpy.load(path.read_bytes()) for path in paths)
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_array_equal(one[key], other[key], err_msg=key)


def test_a_finished_training_goes_on_to_more_steps_and_keeps_its_first_model(
    make_spec: MakeSpec, make_context: Any
) -> None:
    spec = make_spec(iterations=2, evaluate_every=1, log_every=1)
    context = make_context()
    first = run_training(spec, context)
    record(context, Path(spec.run))
    again = make_context()
    more = msgspec.structs.replace(spec, resume=True, iterations=4)
    result = run_training(more, again)
    assert [step.iteration for step in again.of(Step)] == [1, 2, 3, 4]
    assert result["iterations"] == 4
    assert read_info(Path(result["model"])).training["iterations"] == 4
    kept = Path(first["model"]).with_name("model-000002")
    assert read_info(kept).training["iterations"] == 2


def test_a_crashed_training_goes_on_from_its_last_checkpoint(
    make_spec: MakeSpec, make_context: Any
) -> None:
    """As after a kill: steps beyond the checkpoint were told, and are done and told again."""

    class Killed(BaseException):
        pass

    def kill(context: Any, event: Event) -> None:
        if isinstance(event, Step) and event.iteration == 3:
            raise Killed

    spec = make_spec(iterations=4, evaluate_every=2, log_every=1)
    context = make_context(kill)
    with pytest.raises(Killed):
        run_training(spec, context)
    assert not (Path(spec.run) / "model").exists()
    record(context, Path(spec.run))
    again = make_context()
    result = run_training(msgspec.structs.replace(spec, resume=True), again)
    assert again.details["resumed_from"] == 2
    assert [step.iteration for step in again.of(Step)] == [1, 2, 3, 4]
    Predictor.open(Path(result["model"]))


def test_a_run_without_checkpoint_cannot_go_on(make_spec: MakeSpec, context: Any) -> None:
    with pytest.raises(WorkspaceError, match="holds no checkpoint to go on from"):
        run_training(make_spec(resume=True), context)


@pytest.fixture(scope="module")
def two_steps(
    dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory, make_context: Any
) -> TrainSpec:
    """A finished training of two steps; the tests only look at it, or fail to go on."""
    run = tmp_path_factory.mktemp("two") / "run"
    spec = TrainSpec(
        dataset=str(dataset_folder),
        run=str(run),
        model_name="discs",
        iterations=2,
        batch_size=2,
        size=64,
        device="cpu",
        seed=1,
    )
    run_training(spec, make_context())
    return msgspec.structs.replace(spec, resume=True)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"preset": "default"}, r"has another preset \(reference\) than asked for \(default\)"),
        ({"seed": 2}, "has another seed"),
    ],
)
def test_another_training_does_not_go_on_in_its_folder(
    two_steps: TrainSpec, context: Any, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(WorkspaceError, match=sentence):
        run_training(msgspec.structs.replace(two_steps, **changes), context)
    assert (Path(two_steps.run) / "model" / "model.json").is_file()


def test_a_dataset_that_has_changed_is_not_gone_on_with(
    two_steps: TrainSpec, tmp_path: Path, context: Any
) -> None:
    other = write_dataset(tmp_path / "other", slices=4)
    with pytest.raises(WorkspaceError, match="The dataset other has changed since the training"):
        run_training(msgspec.structs.replace(two_steps, dataset=str(other)), context)


@pytest.mark.parametrize("damage", [b"", b"{}", "cut"])
def test_a_damaged_checkpoint_is_named(
    two_steps: TrainSpec, tmp_path: Path, context: Any, damage: bytes | str
) -> None:
    folder = tmp_path / "run" / "checkpoints"
    folder.mkdir(parents=True)
    whole = (Path(two_steps.run) / "checkpoints" / "latest.safetensors").read_bytes()
    (folder / "latest.safetensors").write_bytes(whole[:-7] if damage == "cut" else damage)  # type: ignore[arg-type]
    with pytest.raises((ModelError, WorkspaceError), match=r"latest\.safetensors"):
        run_training(msgspec.structs.replace(two_steps, run=str(tmp_path / "run")), context)


def test_a_pause_saves_a_checkpoint_and_waits(make_spec: MakeSpec, make_context: Any) -> None:
    def pause(context: Any, event: Event) -> None:
        context.pause_requested |= isinstance(event, Step) and event.iteration == 2

    context = make_context(pause)
    spec = make_spec(iterations=4, evaluate_every=4, log_every=1)
    run_training(spec, context)
    assert context.waits == 1
    kinds = [(type(e), e.iteration) for e in context.events if isinstance(e, Step | Paused)]
    assert kinds == [(Step, 1), (Step, 2), (Paused, 2), (Paused, 2), (Step, 3), (Step, 4)]
    assert [e.paused for e in context.of(Paused)] == [True, False]


def test_a_training_that_does_not_get_better_ends_by_itself(
    make_spec: MakeSpec, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.3, 0.5, 0.4, 0.45])

    def run(self: Any, network: Any, iteration: int, is_stopping: Any) -> Validation:
        scored = Evaluation(iteration=iteration, dice={}, iou={}, cases=[], mean_dice=next(scores))
        return Validation(scored, 0.0)

    monkeypatch.setattr(Validator, "run", run)
    result = run_training(make_spec(iterations=50, evaluate_every=1, patience=2), context)
    assert result["ended_early"]
    assert (result["iterations"], result["best"]["iteration"]) == (4, 2)
    assert "The last 2 evaluations were not better" in context.log_text


def test_weights_that_are_no_numbers_never_replace_a_checkpoint(
    make_spec: MakeSpec, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step with a finite loss can still destroy the weights, which the next save must see."""
    spec = make_spec(iterations=6, evaluate_every=2, log_every=1)
    real = trainer.Trainer._step

    def step(self: Any, *batch: Any) -> None:
        real(self, *batch)
        if self.iteration == 4:
            for parameter in self._parts.network.parameters():
                parameter.set_value(parameter * float("nan"))

    monkeypatch.setattr(trainer.Trainer, "_step", step)
    with pytest.raises(DataError, match="broke down at iteration 4: the weights are not numbers"):
        run_training(spec, context)
    assert [e.iteration for e in context.of(Checkpoint)] == [2]
    info = read_info(Path(spec.run) / "model")
    assert info.metrics["iteration"] == 2
    assert "The best model so far, of step 2, is in" in context.log_text


def test_each_evaluation_leaves_pictures_of_three_slices(
    make_spec: MakeSpec, tmp_path: Path, context: Any
) -> None:
    folder = write_dataset(tmp_path / "data", slices=4)
    spec = make_spec(dataset=str(folder), iterations=2, evaluate_every=1)
    run_training(spec, context)
    first, second = context.of(Preview)
    assert (first.iteration, second.iteration) == (1, 2)
    assert [s.rank for s in first.slices] == ["worst", "median", "best"]
    assert [s.dice for s in first.slices] == sorted(s.dice for s in first.slices)
    for found in (*first.slices, *second.slices):
        pictures = [
            read_grey_png(Path(spec.run) / name)
            for name in (found.grey, found.reference, found.prediction)
        ]
        assert len({p.shape for p in pictures}) == 1
        assert pictures[1].max() == 1
        assert pictures[2].max() <= 1


def test_a_part_that_was_killed_before_it_told_the_curve_again_loses_nothing(
    tmp_path: Path,
) -> None:
    def part(*events: Event) -> None:
        (tmp_path / "events.jsonl").write_bytes(b"".join(map(encode_event, events)))
        keep_aside(tmp_path)

    def step(iteration: int) -> Step:
        return Step(iteration=iteration, loss=1.0, losses=[], lr=0.1)

    saved = Checkpoint(iteration=3, best=True)
    part(step(1), step(2), step(3), saved, step(4), step(5))
    part(Started(kind="train", pid=1))
    part(Started(kind="train", pid=2), step(1), step(2))
    told = [event.iteration for event in earlier_curve(tmp_path, 3)]
    assert told == [1, 2, 3, 3]
    assert earlier_curve(tmp_path / "nowhere", 3) == []
