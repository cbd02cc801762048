"""What a retraining would cost on this computer, told before it begins and while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from medseg_desktop.core.estimate import (
    evaluations,
    memory_bytes,
    total_seconds,
    training_seconds,
)
from medseg_desktop.core.measurement import Measurement
from medseg_desktop.core.retraining.state import STAGES, Retraining, Stage
from medseg_desktop.core.run_facts import run_facts
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import TrainSpec

# Measured on 2 cores with slices of 256 x 256: seconds of one core to decode, prepare and write
# a slice, and to read one and draw its label map in an evaluation, each for a pixel.
_CONVERT_S_PER_PIXEL = 0.55 * 2 / (81 * 256**2)
_EVALUATE_S_PER_PIXEL = 0.4 * 2 / (81 * 256**2)
#: Starting a process, listing the files.
_JOB_S = 1.0
#: Exporting and checking the model at the end of a training.
_EXPORT_S = 8.0
#: Without a measurement: what a prediction takes of the step's duration, for each slice.
_FORWARD_SHARE = 0.25
#: So many reports of a training tell how long its steps take.
_ENOUGH = 20


class StepCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a few steps have told of a device.

    Attributes:
        step_s: duration of a training step; predict_s: of predicting one slice.
        start_s: from the start of the process to the first step.
        memory_mb: of a training with hardly any slices.
        is_disturbed: other programs kept the processor busy, so it is faster by itself.
        when: UTC, ISO 8601.
    """

    device: str
    step_s: float
    predict_s: float
    start_s: float
    memory_mb: int
    is_disturbed: bool = False
    when: str = ""

    @classmethod
    def of(cls, measured: Measurement, val_slices: int, when: str) -> StepCost:
        """From a measurement on a dataset with so many validation slices."""
        return cls(
            device=measured.device,
            step_s=measured.step_s,
            predict_s=measured.evaluation_s / max(val_slices, 1),
            start_s=measured.start_s,
            memory_mb=measured.memory_mb,
            is_disturbed=bool(measured.warnings()),
            when=when,
        )

    def refined(self, run: RunState) -> StepCost:
        """With the steps of a training that was finished, which tell more than a few."""
        facts = run_facts(run, 0)
        if run.status is not RunStatus.FINISHED or not facts.step_s or len(run.steps) < _ENOUGH:
            return self
        return msgspec.structs.replace(self, step_s=round(facts.step_s, 4), is_disturbed=False)


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is to do.

    Attributes:
        slices: reviewed ones of the source; pixels: of one, on average.
        models: that are evaluated: 2 with a champion, 1 without.
    """

    train: TrainSpec
    slices: int
    pixels: float
    train_slices: int
    val_slices: int
    test_slices: int
    models: int = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """Attributes:
    stages: estimated seconds of each stage.
    memory_bytes: of the training, which needs most.
    is_measured: steps were measured on this computer; else the figures are rough.
    is_disturbed: they were measured while other programs kept the processor busy.
    """

    stages: Mapping[Stage, float]
    memory_bytes: int
    is_measured: bool
    is_disturbed: bool = False

    @property
    def total_s(self) -> float:
        return sum(self.stages.values())


def cost_of(load: Workload, cores: int, measured: StepCost | None) -> Cost:
    """The cost, from a measurement where there is one."""
    cores = max(cores, 1)
    train_s = _training_s(load, cores, measured)
    evaluate_s = _JOB_S + load.models * load.test_slices * (
        _predict_s(load.train, cores, measured) + load.pixels * _EVALUATE_S_PER_PIXEL / cores
    )
    stages = {
        Stage.CHECK: 0.0,
        Stage.CONVERT: _JOB_S + load.slices * load.pixels * _CONVERT_S_PER_PIXEL / cores,
        Stage.TRAIN: train_s,
        Stage.EVALUATE: evaluate_s,
    }
    held = round(2 * load.pixels * (load.train_slices + load.val_slices))
    memory = measured.memory_mb * 1_000_000 if measured else memory_bytes(load.train)
    is_disturbed = measured is not None and measured.is_disturbed
    return Cost(stages, memory + held, measured is not None, is_disturbed)


def remaining_s(
    cost: Cost, retraining: Retraining, stage_left_s: float | None, stage_elapsed_s: float = 0.0
) -> float:
    """What is left of a retraining that runs, in seconds.

    Args:
        stage_left_s: of the present stage, as its job tells; None where it does not yet.
        stage_elapsed_s: how long the present stage has been going on.
    """
    if retraining.is_done:
        return 0.0
    place = STAGES.index(retraining.stage)
    later = sum(cost.stages.get(stage, 0.0) for stage in STAGES[place + 1 :])
    if stage_left_s is None:
        stage_left_s = max(0.0, cost.stages.get(retraining.stage, 0.0) - stage_elapsed_s)
    return stage_left_s + later


def _training_s(load: Workload, cores: int, measured: StepCost | None) -> float:
    if measured is None:
        return training_seconds(load.train, cores, load.val_slices)
    return total_seconds(
        load.train,
        around_s=measured.start_s + _EXPORT_S,
        step_s=measured.step_s,
        evaluations=evaluations(load.train),
        evaluation_s=measured.predict_s * load.val_slices,
    )


def _predict_s(train: TrainSpec, cores: int, measured: StepCost | None) -> float:
    if measured is not None:
        return measured.predict_s
    one = training_seconds(msgspec.structs.replace(train, iterations=1), cores, 0)
    none = training_seconds(msgspec.structs.replace(train, iterations=0), cores, 0)
    return (one - none) / max(train.batch_size, 1) * _FORWARD_SHARE
