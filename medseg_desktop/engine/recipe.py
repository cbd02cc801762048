"""Presets of the optimisation as data.  Preprocessing is not here: it belongs to the dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from medseg_desktop.core.errors import JobError
from medseg_desktop.core.specs import TrainSpec

#: The most that lies between two evaluations, and between two log lines, in iterations.
_EVALUATE_EVERY = 200
_LOG_EVERY = 20
#: A short training is evaluated at least this often, and logged about this often.
_EVALUATIONS = 3
_LOG_LINES = 30


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Random changes of a training slice at its own size.

    Attributes:
        flip_horizontal, flip_vertical: probability of mirroring columns, rows.
        noise: probability of adding normal noise of mean 0.
        noise_sigma: the standard deviation is drawn uniformly from 0 to this, in grey levels.
    """

    flip_horizontal: float = 0.5
    flip_vertical: float = 0.1
    noise: float = 0.5
    noise_sigma: float = 10.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the weights are optimised: momentum with a polynomially decaying learning rate.

    Attributes:
        weight_decay: factor of the L2 penalty on all parameters.
        start_rate, end_rate, decay_steps, power: of the learning rate, see `learning_rate`.
        loss_weights: of the head and the four auxiliary heads, in the network's order.
    """

    name: str
    momentum: float = 0.9
    weight_decay: float = 4e-5
    start_rate: float = 5e-4
    end_rate: float = 1e-4
    decay_steps: int = 1500
    power: float = 1.0
    iterations: int = 3000
    batch_size: int = 8
    loss_weights: tuple[float, ...] = (0.8, 0.2, 0.8, 0.2, 0.8)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def learning_rate(self, steps_done: int) -> float:
        """The rate of the step that follows `steps_done` steps; constant after `decay_steps`."""
        left = 1 - min(steps_done, self.decay_steps) / self.decay_steps
        return float((self.start_rate - self.end_rate) * left**self.power + self.end_rate)


REFERENCE = Recipe("reference")

#: By name (`train --preset`).  `default` is the reference recipe for now: one definition.
RECIPES: Mapping[str, Recipe] = MappingProxyType({"reference": REFERENCE, "default": REFERENCE})


@dataclass(frozen=True, slots=True)
class Intervals:
    """When to evaluate (and keep a checkpoint) and when to log, in iterations."""

    evaluate_every: int
    log_every: int
    iterations: int

    def evaluates_after(self, iteration: int) -> bool:
        """Whether iteration (counted from 1) ends with an evaluation; the last one always does."""
        return iteration % self.evaluate_every == 0 or iteration == self.iterations

    def logs_after(self, iteration: int) -> bool:
        """Whether iteration (counted from 1) is logged; the first and the last always are."""
        return iteration % self.log_every == 0 or iteration in (1, self.iterations)


def recipe_of(spec: TrainSpec) -> Recipe:
    """The preset of a spec.

    Raises:
        JobError: there is none of that name.
    """
    try:
        return RECIPES[spec.preset]
    except KeyError as error:
        raise JobError(
            f"There is no training preset called {spec.preset}.",
            f"Choose one of {', '.join(RECIPES)}.",
        ) from error


def intervals_of(spec: TrainSpec) -> Intervals:
    """The spec's intervals, or where it leaves them open the recipe's, shorter in short runs."""
    n = spec.iterations
    evaluate_every = spec.evaluate_every or min(_EVALUATE_EVERY, -(-n // _EVALUATIONS))
    log_every = spec.log_every or min(_LOG_EVERY, max(1, n // _LOG_LINES))
    return Intervals(max(1, evaluate_every), max(1, log_every), n)
