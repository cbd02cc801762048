"""A retraining: check, convert, train, compare; one value that outlives the program.

It stands in `retrain.json` of its run folder before a stage begins, so that whatever ends the
program, the retraining can go on with the stage it was in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal

import msgspec

from medseg_desktop.core.specs import STARTER, EvaluateSpec, TrainSpec

#: Each training slice is seen about so often (7.4 times in the best run of docs/experiments.md:
#: 400 steps of 8 slices on 17 patients), within these numbers of steps.
_TIMES_SEEN = 7.5
_FEWEST_STEPS, _MOST_STEPS, _ROUND_STEPS = 400, 3000, 50


class Stage(StrEnum):
    """The stages, in their order; DONE is none that has work to do."""

    CHECK = "check"
    CONVERT = "convert"
    TRAIN = "train"
    EVALUATE = "evaluate"
    DONE = "done"


STAGES = tuple(Stage)


class Progress(StrEnum):
    """What becomes of the present stage.

    UNDER_WAY in a file that no running program holds: the program was ended in the middle of it.
    """

    UNDER_WAY = "under_way"
    STOPPED = "stopped"
    FAILED = "failed"


class Mark(StrEnum):
    """How a stage looks in the list."""

    DONE = "done"
    RUNNING = "running"
    WAITING = "waiting"
    STOPPED = "stopped"
    FAILED = "failed"


class RetrainOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What may be chosen; every default is the program's choice.

    Attributes:
        name: of the model; "" for the champion's.
        iterations: 0 goes by the number of training slices, see `steps_for`.
        size, batch_size: 0 for the champion's.
        start: "auto" for the champion, unless it knows test patients or cannot be trained.
        skip_broken: leave out annotation files that cannot be used instead of refusing.
    """

    name: str = ""
    iterations: int = 0
    size: int = 0
    batch_size: int = 0
    device: str = "auto"
    seed: int = 0
    start: Literal["auto", "starter"] = "auto"
    skip_broken: bool = False


class RetrainPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the check has decided.  Folders of the workspace go by their names alone.

    Attributes:
        dataset, evaluation: folders to be made in `datasets` and `evaluations`.
        champion: folder in `models` to train from; "" for none.
        conversion: preset of the conversion; recipe: of the training.
        iterations: 0 goes by the number of training slices.
    """

    dataset: str
    evaluation: str
    model_name: str
    champion: str = ""
    init: Literal["champion", "starter", "none"] = "starter"
    conversion: str = "default"
    recipe: str = "default"
    architecture: str = "bisenetv2"
    size: int = 256
    batch_size: int = 8
    iterations: int = 0
    device: str = "auto"
    seed: int = 0

    def of_run(self, run: str) -> RetrainPlan:
        """Its folders go by the name of its run, which no other one has: two that begin at once
        must not take one another's dataset for their own."""
        return msgspec.structs.replace(self, dataset=f"retrain-{run}", evaluation=run)


class Retraining(msgspec.Struct, frozen=True, kw_only=True):
    """Where a retraining stands.

    Attributes:
        source: absolute paths of what is converted and evaluated.
        by: who asked for it.
        plan: None before the check is finished.
        stage: the one that is to be done, or under way; all before it are finished.
        begun: UTC, ISO 8601.
        message, hint: why it failed.
        slices: of the dataset, by set; empty before the conversion.
        notes: what the conversion has said of the data, such as patients that look the same.
        candidate: folder in `models`; "" before the training is finished.
        not_compared: a sentence on why there is no evaluation; "" where there is one.
    """

    schema: int = 1
    source: tuple[str, ...]
    patient_key: Literal["id", "folder"] = "id"
    options: RetrainOptions = RetrainOptions()
    by: str = ""
    begun: str = ""
    stage: Stage = Stage.CHECK
    progress: Progress = Progress.UNDER_WAY
    message: str = ""
    hint: str = ""
    plan: RetrainPlan | None = None
    slices: dict[str, int] = {}
    notes: tuple[str, ...] = ()
    candidate: str = ""
    not_compared: str = ""

    @property
    def is_done(self) -> bool:
        return self.stage is Stage.DONE

    @property
    def is_under_way(self) -> bool:
        return not self.is_done and self.progress is Progress.UNDER_WAY

    def checked(self, plan: RetrainPlan) -> Retraining:
        """The check found nothing that forbids it."""
        return msgspec.structs.replace(self._after(Stage.CHECK), plan=plan)

    def converted(self, slices: Mapping[str, int], notes: Iterable[str] = ()) -> Retraining:
        """The dataset is there."""
        after = self._after(Stage.CONVERT)
        return msgspec.structs.replace(after, slices=dict(slices), notes=tuple(notes))

    def trained(self, candidate: str) -> Retraining:
        """The candidate is among the models of the workspace."""
        return msgspec.structs.replace(self._after(Stage.TRAIN), candidate=candidate)

    def evaluated(self, not_compared: str = "") -> Retraining:
        """The evaluation is there, or there cannot be one."""
        return msgspec.structs.replace(self._after(Stage.EVALUATE), not_compared=not_compared)

    def stopped(self) -> Retraining:
        """Somebody has asked for it; what the stage has kept is gone on with."""
        return self if self.is_done else self._with(Progress.STOPPED)

    def failed(self, message: str, hint: str = "") -> Retraining:
        """The stage did not work."""
        return self if self.is_done else self._with(Progress.FAILED, message, hint)

    def resumed(self) -> Retraining:
        """It goes on with its stage."""
        return self if self.is_done else self._with(Progress.UNDER_WAY)

    def mark(self, stage: Stage) -> Mark:
        """How a stage looks in the list."""
        place = STAGES.index(stage) - STAGES.index(self.stage)
        if place < 0 or self.is_done:
            return Mark.DONE
        if place > 0:
            return Mark.WAITING
        marks = {Progress.FAILED: Mark.FAILED, Progress.STOPPED: Mark.STOPPED}
        return marks.get(self.progress, Mark.RUNNING)

    def _after(self, stage: Stage) -> Retraining:
        if self.stage is not stage:
            raise ValueError(f"the retraining is at {self.stage}, not at {stage}")
        following = STAGES[STAGES.index(stage) + 1]
        done = msgspec.structs.replace(self, stage=following)
        return done._with(Progress.UNDER_WAY)

    def _with(self, progress: Progress, message: str = "", hint: str = "") -> Retraining:
        return msgspec.structs.replace(self, progress=progress, message=message, hint=hint)


def steps_for(train_slices: int, batch_size: int) -> int:
    """How many steps a retraining takes where nobody has chosen: enough for its slices."""
    wanted = _TIMES_SEEN * train_slices / max(batch_size, 1)
    rounded = math.ceil(wanted / _ROUND_STEPS) * _ROUND_STEPS
    return min(max(rounded, _FEWEST_STEPS), _MOST_STEPS)


def train_spec(
    plan: RetrainPlan,
    *,
    dataset: str,
    run: str,
    champion: str,
    train_slices: int,
    resume: bool = False,
) -> TrainSpec:
    """The training of a plan.

    Args:
        dataset, run: paths of the folders.
        champion: path of the model that `init` may name.
        resume: there is a checkpoint to go on from.
    """
    init = {"champion": champion, "starter": STARTER}.get(plan.init, "none")
    return TrainSpec(
        dataset=dataset,
        run=run,
        model_name=plan.model_name,
        preset=plan.recipe,
        architecture=plan.architecture,
        iterations=plan.iterations or steps_for(train_slices, plan.batch_size),
        batch_size=plan.batch_size,
        size=plan.size,
        device=plan.device,
        init=init or "none",
        seed=plan.seed,
        resume=resume,
    )


def evaluate_spec(
    retraining: Retraining,
    *,
    candidate: str,
    against: str,
    out: str,
    salt: str,
    workspace: str,
    threads: int = 0,
) -> EvaluateSpec:
    """The evaluation: candidate and champion on the frozen test patients; all are paths."""
    return EvaluateSpec(
        model=candidate,
        against=against,
        source=list(retraining.source),
        salt=salt,
        out=out,
        workspace=workspace,
        subset="test",
        patient_key=retraining.patient_key,
        skip_broken=retraining.options.skip_broken,
        threads=threads,
    )
