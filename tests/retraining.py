"""What the tests of retrainings share: a study, a champion, and jobs that play their part."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from medseg_desktop.core.evaluation.result import (
    Estimate,
    EvaluationRecord,
    EvaluationResult,
    ModelComparison,
)
from medseg_desktop.core.events import Failed, Finished, Started, encode_event
from medseg_desktop.core.run_state import RunState, RunStatus, fold
from medseg_desktop.core.specs import ConvertSpec, EvaluateSpec, TrainSpec, decode_spec, encode_spec
from medseg_desktop.io.atomic import new_folder
from medseg_desktop.io.conversion import run_conversion
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.evaluation.folder import REPORT, write_record
from medseg_desktop.io.model_package import InputShape, read_info
from medseg_desktop.io.models.champions import Champions
from medseg_desktop.io.run_folder import CHECKPOINTS, LATEST
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.jobs.chain import Job
from tests.builders import QuietContext, model_info, write_model_package, write_study

SIX = ("A", "B", "C", "D", "E", "F")


def write_six(folder: Path) -> Path:
    """A study of six patients, of whom the first conversion keeps one for testing."""
    return write_study(folder, SIX, slices=2, size=(64, 64))


class FakeJobs:
    """Runs the jobs of a chain: conversions for real, in this process; the others at once.

    Attributes:
        done: the kind of each job that was run.
        fails: kinds of jobs that fail; cancels: that are stopped.
    """

    def __init__(self, fails: Sequence[str] = (), cancels: Sequence[str] = ()) -> None:
        self.done: list[str] = []
        self.fails, self.cancels = list(fails), list(cancels)
        self.specs: list[ConvertSpec | TrainSpec | EvaluateSpec] = []

    def __call__(self, job: Job) -> RunState:
        kind = str(type(job.spec).__struct_config__.tag)
        self.done.append(kind)
        self.specs.append(job.spec)
        if kind in self.fails:
            return fold([Failed(message=f"The job {kind} failed.", hint="Try again.")])
        if kind in self.cancels:
            return RunState(status=RunStatus.CANCELLED)
        return fold([Finished(result=work(job))])


def work(job: Job) -> dict[str, object]:
    """Do what a job is there for."""
    if isinstance(job.spec, ConvertSpec):
        return run_conversion(job.spec, QuietContext())
    if isinstance(job.spec, TrainSpec):
        return pretend_to_train(job.spec)
    pretend_to_evaluate(job.spec)
    return {}


def begin_training(spec: TrainSpec, checkpoint: bool = True) -> Path:
    """A run folder as one looks whose training is under way."""
    run = Path(spec.run)
    run.mkdir(parents=True, exist_ok=True)
    (run / "spec.json").write_bytes(encode_spec(spec))
    events = [Started(kind="train", pid=2**22 + 1, time=time.time())]
    (run / "events.jsonl").write_bytes(b"".join(map(encode_event, events)))
    if checkpoint:
        (run / CHECKPOINTS).mkdir(exist_ok=True)
        (run / CHECKPOINTS / LATEST).write_bytes(b"x")
    return run


def pretend_to_train(spec: TrainSpec) -> dict[str, object]:
    """Leave what a training leaves: events, a checkpoint, a model that knows its dataset."""
    run = begin_training(spec)
    dataset = read_dataset(Path(spec.dataset))
    info = model_info(name=spec.model_name)
    package = write_model_package(
        run / "model",
        msgspec.structs.replace(
            info,
            architecture=spec.architecture,
            labels=dataset.manifest.labels,
            preprocessing=dataset.manifest.preprocessing,
            input=InputShape(1, spec.size, spec.size),
            dataset_hash=dataset.digest,
            split=dataset.manifest.patients,
            salt_id=dataset.manifest.salt_id,
            parent=Path(spec.init).name,
            training={"preset": spec.preset, "batch_size": spec.batch_size},
        ),
        thresholds=[100.5 + len(list(run.parent.iterdir()))] * (len(dataset.manifest.labels) - 1),
    )
    with (run / "events.jsonl").open("ab") as file:
        file.write(encode_event(Finished(result={"model": str(package)}, time=time.time())))
    return {"model": str(package)}


def pretend_to_evaluate(spec: EvaluateSpec, difference: float = 0.04) -> None:
    """Leave what an evaluation leaves."""
    result, champion = _evaluated(Path(spec.model), 0.7), None
    comparison = None
    if spec.against:
        champion = _evaluated(Path(spec.against), 0.7 - difference)
        found = Estimate(mean=difference, low=difference - 0.01, high=difference + 0.01, n=5)
        comparison = ModelComparison(
            candidate=result.model,
            champion=champion.model,
            differences={"foreground_dice": found},
        )
    record = EvaluationRecord(
        subset="test", candidate=result, champion=champion, comparison=comparison
    )
    with new_folder(Path(spec.out)) as folder:
        write_record(folder, record)
        (folder / REPORT).write_text("<!doctype html>", encoding="utf-8")


def _evaluated(model: Path, dice: float) -> EvaluationResult:
    info = read_info(model)
    return EvaluationResult(
        model=info.title,
        network=info.network_digest,
        cases=(),
        mean={"foreground_dice": dice, "n": 1},
        summary={"foreground_dice": Estimate(mean=dice, n=1)},
    )


def promote(workspace: Workspace, model: str) -> Path:
    """Make a model of the workspace its champion; its folder."""
    Champions(workspace).promote(model, "Li Wei", "It is the first.")
    return workspace.models / model


def player_command(spec: TrainSpec | EvaluateSpec) -> list[str]:
    """A child process that only pretends to train, or to evaluate."""
    return [sys.executable, "-m", "tests.retraining", encode_spec(spec).decode()]


def play(arguments: Sequence[str], tell: Callable[[bytes], object]) -> None:
    """What `player_command` runs."""
    spec = decode_spec(arguments[0].encode())
    assert isinstance(spec, TrainSpec | EvaluateSpec)
    kind = str(type(spec).__struct_config__.tag)
    tell(encode_event(Started(kind=kind, pid=1, seq=0, time=time.time())))
    result = work(Job(spec))
    tell(encode_event(Finished(result=result, seq=1, time=time.time())))


if __name__ == "__main__":
    play(sys.argv[1:], sys.stdout.buffer.write)
