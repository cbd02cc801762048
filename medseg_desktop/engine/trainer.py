"""The training loop: steps, logs, evaluations, checkpoints.  What comes before and after it
is in `training`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from medseg_desktop.core.errors import DataError
from medseg_desktop.core.events import Checkpoint, Paused
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.engine.averaging import WeightAverage
from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.checkpoints import (
    CheckpointInfo,
    Checkpoints,
    Latest,
    Score,
    load_optimiser,
    read_optimiser,
)
from medseg_desktop.engine.data import BatchSource
from medseg_desktop.engine.device import Device, LossTrace
from medseg_desktop.engine.feed import open_feed
from medseg_desktop.engine.networks.network import Weights, load_state, read_state
from medseg_desktop.engine.parallel.world import World
from medseg_desktop.engine.previews import PreviewWriter
from medseg_desktop.engine.recipe import Recipe, intervals_of
from medseg_desktop.engine.step import TrainingStep
from medseg_desktop.engine.step_log import StepLog
from medseg_desktop.engine.validation import Validation, Validator

if TYPE_CHECKING:
    from paddle import Tensor
    from paddle.nn import Layer
    from paddle.optimizer import Optimizer

    from medseg_desktop.jobs.worker import JobContext

PHASE = "train"


@dataclass(frozen=True, slots=True)
class Best:
    """The weights of the best evaluation so far, and that evaluation."""

    validation: Validation
    weights: Weights

    @property
    def iteration(self) -> int:
        return self.validation.evaluation.iteration


@dataclass(frozen=True, slots=True)
class Parts:
    """What a trainer works with.

    Attributes:
        average: follows `network` and is evaluated in its place; None for no averaging.
        world: the processes that train it together.
    """

    device: Device
    network: Layer
    average: WeightAverage | None
    source: BatchSource
    validator: Validator
    checkpoints: Checkpoints
    previews: PreviewWriter
    world: World = field(default_factory=World)


def make_optimiser(recipe: Recipe, network: Layer) -> Optimizer:
    """The recipe's optimiser over all parameters of the network."""
    if recipe.optimiser == "adamw":
        return paddle.optimizer.AdamW(
            recipe.schedule.rate(0, recipe.iterations),
            parameters=network.parameters(),
            weight_decay=recipe.weight_decay,
        )
    return paddle.optimizer.Momentum(
        recipe.schedule.rate(0, recipe.iterations),
        momentum=recipe.momentum,
        parameters=network.parameters(),
        weight_decay=recipe.weight_decay,
    )


class Trainer:
    """Trains one network; `run` returns when all iterations are done or a stop is asked for.

    Args:
        about: what every checkpoint says of the training.

    Attributes:
        best: the best evaluated weights; None before the first evaluation.
        iteration: steps done.
        ended_early: the evaluations had not become better for as long as the spec allows.
    """

    def __init__(
        self,
        spec: TrainSpec,
        recipe: Recipe,
        context: JobContext,
        parts: Parts,
        about: CheckpointInfo,
    ) -> None:
        self.best: Best | None = None
        self.iteration = about.iteration
        self.ended_early = False
        self._spec = spec
        self._recipe = recipe
        self._intervals = intervals_of(spec)
        self._context = context
        self._parts = parts
        self._about = about
        self._without_gain = 0
        self._saved_iteration = about.iteration
        self._log = StepLog(parts.device)
        self._losses = LossTrace()
        self._optimiser = make_optimiser(recipe, parts.network)
        self._step_on = TrainingStep(parts.network, self._optimiser, recipe, parts.device)

    def restore(self, latest: Latest, best: tuple[Score, Weights] | None) -> None:
        """Go on from a checkpoint, as if the training had never been interrupted.

        Batches and dropout follow from the seed and the iteration, so nothing else is needed.
        """
        parts = self._parts
        load_state(parts.network, latest.network)
        load_optimiser(parts.network, self._optimiser, latest.optimiser)
        parts.device.load_state(latest.info.device_state)
        if parts.average is not None:
            parts.average.load(latest.average or latest.network)
        if best is not None:
            score, weights = best
            self.best = Best(Validation(score.evaluation, score.loss), weights)
        self.iteration = self._saved_iteration = latest.info.iteration
        self._without_gain = latest.info.without_gain

    def run(self) -> None:
        """Train.

        Raises:
            DataError: the loss, or the weights, are no numbers any more; the checkpoint before
                is whole.
            WorkspaceError: a checkpoint could not be written; the one before it is whole.
        """
        parts, total = self._parts, self._spec.iterations
        world = parts.world
        parts.network.train()
        self._step_on = TrainingStep(
            world.wrap(parts.network), self._optimiser, self._recipe, parts.device, world.pool
        )
        self._context.progress(PHASE, self.iteration, total)
        with open_feed(parts.source, parts.device, self.iteration + 1, total, world.share) as feed:
            while self._goes_on(total):
                self._log.start_step()
                images, labels = feed.take()
                self._log.got_data()
                self._step(images, labels)
                if world.is_first and self._intervals.evaluates_after(self.iteration):
                    self._evaluate()
                self._context.progress(PHASE, self.iteration, total)
        if world.is_first and self._saved_iteration < self.iteration:
            self._save_latest()
            self._context.emit(Checkpoint(iteration=self.iteration, best=False))

    def _goes_on(self, total: int) -> bool:
        """Whether all make another step; halts here while the training is paused.

        Only the first process evaluates and halts: the others wait for it where they agree.
        """
        if self.iteration >= total:
            return False
        context, world = self._context, self._parts.world
        is_over, is_paused = world.agree(
            self.ended_early or context.stop_requested, world.is_first and context.pause_requested
        )
        if is_paused and not is_over:
            if world.is_first:
                self._halt()
            (is_over,) = world.agree(context.stop_requested)
        return not is_over

    def _halt(self) -> None:
        self._save_latest()  # the computer may be switched off meanwhile
        self._context.emit(Paused(iteration=self.iteration, paused=True))
        self._context.wait_while_paused()
        self._context.emit(Paused(iteration=self.iteration, paused=False))

    def _step(self, images: Tensor, labels: Tensor) -> None:
        """One batch forward and backward, and one step of the optimiser."""
        recipe, iteration, world = self._recipe, self.iteration + 1, self._parts.world
        # Dropout of a step, like its batch, follows from the seed and the iteration alone.
        paddle.seed((self._spec.seed * 1_000_003 + iteration + 7919 * world.rank) % 2**31)
        rate = recipe.schedule.rate(self.iteration, self._spec.iterations)
        self._optimiser.set_lr(rate)
        losses = self._step_on.losses(images, labels)
        self._losses.add(losses)
        if self._parts.device.kind == "cpu":
            self._look(iteration)  # costs nothing there, so nothing is learnt from a broken loss
        self._step_on.learn(losses[0])
        self.iteration = iteration
        if self._parts.average is not None:
            self._parts.average.update(iteration)
        is_logged = self._intervals.logs_after(iteration)
        if is_logged or self._intervals.evaluates_after(iteration):
            self._look(iteration)
        self._log.end_step()
        if is_logged:
            self._context.emit(self._log.flush(iteration, rate))

    def _look(self, iteration: int) -> None:
        """Fetch the losses of the steps up to `iteration` from the device, and check them.

        A loss that is no number in one process is none in all, so all end at this step.
        """
        rows = [self._parts.world.mean(row) for row in self._losses.fetch()]
        for number, losses in enumerate(rows, iteration - len(rows) + 1):
            if not math.isfinite(losses[0]):
                raise self._broken(number, "the loss is not a number any more")
            self._log.add(losses)

    def _broken(self, iteration: int, what: str) -> DataError:
        names = ", ".join(self._parts.source.names(iteration))
        kept = "The best model so far is kept. " if self.best is not None else ""
        return DataError(
            f"The training broke down at iteration {iteration}: {what} (slices {names}).",
            f"{kept}Choose a lower learning rate, or look at these slices of the training set.",
        )

    def _evaluate(self) -> None:
        """Evaluate and write checkpoints, unless a stop comes in between."""
        context, parts = self._context, self._parts
        evaluated = parts.average.network if parts.average is not None else parts.network
        validation = parts.validator.run(evaluated, self.iteration, lambda: context.stop_requested)
        if validation is None:
            return
        context.emit(validation.evaluation)
        preview = parts.previews.write(self.iteration, validation.slices)
        if preview is not None:
            context.emit(preview)
        # A training that was killed between its two files has its next best one already.
        is_best = (
            self.best is None
            or validation.rank > self.best.validation.rank
            or self.iteration == self.best.iteration
        )
        self._without_gain = 0 if is_best else self._without_gain + 1
        if is_best:
            # The pictures are written; a long training need not hold on to them.
            kept = Validation(validation.evaluation, validation.loss)
            self.best = Best(kept, self._finite(read_state(evaluated)))
            parts.checkpoints.write_best(self._info(), self.best.weights)
        self._save_latest()
        context.emit(Checkpoint(iteration=self.iteration, best=is_best))
        if self._spec.patience and self._without_gain >= self._spec.patience:
            self.ended_early = True
            context.log(
                f"The last {self._without_gain} evaluations were not better than the one after "
                f"step {self.best.iteration if self.best else 0}, so the training ends here."
            )

    def _save_latest(self) -> None:
        parts = self._parts
        latest = Latest(
            self._info(),
            network=self._finite(read_state(parts.network)),
            average=parts.average.read() if parts.average is not None else {},
            optimiser=read_optimiser(parts.network, self._optimiser),
        )
        parts.checkpoints.write_latest(latest)
        self._saved_iteration = self.iteration

    def _finite(self, weights: Weights) -> Weights:
        """The weights, which a checkpoint must be able to go on from."""
        if not all(np.isfinite(array).all() for array in weights.values()):
            raise self._broken(self.iteration, "the weights are not numbers any more")
        return weights

    def _info(self) -> CheckpointInfo:
        best = self.best
        score = best and Score(evaluation=best.validation.evaluation, loss=best.validation.loss)
        return msgspec.structs.replace(
            self._about,
            iteration=self.iteration,
            best=score,
            without_gain=self._without_gain,
            device_state=self._parts.device.state(),
        )
