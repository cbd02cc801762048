"""The training loop: steps, logs, evaluations, checkpoints.  What comes before and after it
is in `training`."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medseg_desktop.core.errors import DataError
from medseg_desktop.core.events import Checkpoint, Step
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.checkpoints import CheckpointInfo, Checkpoints, read_optimiser
from medseg_desktop.engine.data import Batch, BatchSource, Prefetcher
from medseg_desktop.engine.losses import head_losses, weighted_sum
from medseg_desktop.engine.network import Weights, read_state
from medseg_desktop.engine.recipe import Recipe, intervals_of
from medseg_desktop.engine.validation import Validation, Validator

if TYPE_CHECKING:
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


class _Window:
    """Means over the steps since the last log line."""

    def __init__(self) -> None:
        self._losses: list[list[float]] = []
        self._begun_s = time.monotonic()
        self._elapsed_s = 0.0

    def start_step(self) -> None:
        self._begun_s = time.monotonic()

    def add(self, losses: list[float]) -> None:
        """One step's loss: the weighted sum, then each head's."""
        self._elapsed_s += time.monotonic() - self._begun_s
        self._losses.append(losses)

    def flush(self, iteration: int, rate: float) -> Step:
        """The event for the steps so far; begins anew."""
        n = len(self._losses)
        total, *heads = [math.fsum(column) / n for column in zip(*self._losses, strict=True)]
        step = Step(
            iteration=iteration, loss=total, losses=heads, lr=rate, step_s=self._elapsed_s / n
        )
        self._losses.clear()
        self._elapsed_s = 0.0
        return step


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

    Attributes:
        best: the best evaluated weights; None before the first evaluation.
        iteration: steps done.
    """

    def __init__(
        self,
        spec: TrainSpec,
        recipe: Recipe,
        context: JobContext,
        *,
        network: Layer,
        source: BatchSource,
        validator: Validator,
        checkpoints: Checkpoints,
        table: LabelTable,
    ) -> None:
        self.best: Best | None = None
        self.iteration = 0
        self._spec = spec
        self._recipe = recipe
        self._intervals = intervals_of(spec)
        self._context = context
        self._network = network
        self._source = source
        self._validator = validator
        self._checkpoints = checkpoints
        self._labels = table.names
        self._saved_iteration = 0
        self._window = _Window()
        self._optimiser = make_optimiser(recipe, network)

    def run(self) -> None:
        """Train.

        Raises:
            DataError: the loss is no longer a number.
            WorkspaceError: a checkpoint could not be written; the one before it is whole.
        """
        total = self._spec.iterations
        self._network.train()
        self._context.progress(PHASE, 0, total)
        with Prefetcher(self._source.batch, 1, total) as batches:
            while self.iteration < total and not self._context.stop_requested:
                self._window.start_step()
                batch = batches.take()
                self._step(batch)
                if self._intervals.evaluates_after(self.iteration):
                    self._evaluate()
                self._context.progress(PHASE, self.iteration, total)
        if self._saved_iteration < self.iteration:
            self._save_latest()
            self._context.emit(Checkpoint(iteration=self.iteration, best=False))

    def _step(self, batch: Batch) -> None:
        """One batch forward and backward, and one step of the optimiser."""
        images, labels = batch
        recipe = self._recipe
        rate = recipe.schedule.rate(self.iteration, self._spec.iterations)
        self._optimiser.set_lr(rate)
        logits = self._network(paddle.to_tensor(images))
        losses = head_losses(logits, paddle.to_tensor(labels), recipe.dice_weight)
        loss = weighted_sum(losses, recipe.loss_weights)
        value = float(loss)
        if not math.isfinite(value):
            raise DataError(
                f"The training broke down at iteration {self.iteration + 1}: the loss is not a "
                "number any more.",
                "Check the slices of the training set, or start from another model.",
            )
        loss.backward()
        self._optimiser.step()
        self._optimiser.clear_grad()
        self.iteration += 1
        self._window.add([value, *(float(x) for x in losses)])
        if self._intervals.logs_after(self.iteration):
            self._context.emit(self._window.flush(self.iteration, rate))

    def _evaluate(self) -> None:
        """Evaluate and write checkpoints, unless a stop comes in between."""
        context = self._context
        validation = self._validator.run(
            self._network, self.iteration, lambda: context.stop_requested
        )
        if validation is None:
            return
        context.emit(validation.evaluation)
        is_best = self.best is None or validation.rank > self.best.validation.rank
        if is_best:
            self.best = Best(validation, read_state(self._network))
            self._checkpoints.write_best(self._info(), self.best.weights)
        self._save_latest()
        context.emit(Checkpoint(iteration=self.iteration, best=is_best))

    def _save_latest(self) -> None:
        optimiser = read_optimiser(self._network, self._optimiser)
        self._checkpoints.write_latest(self._info(), read_state(self._network), optimiser)
        self._saved_iteration = self.iteration

    def _info(self) -> CheckpointInfo:
        best = self.best
        return CheckpointInfo(
            iteration=self.iteration,
            preset=self._recipe.name,
            seed=self._spec.seed,
            labels=self._labels,
            best_iteration=best.iteration if best else None,
            best_rank=best.validation.rank if best else None,
        )
