"""Presets of the optimisation as data.  Preprocessing is not here: it belongs to the dataset."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from medseg_desktop.core.augmentation import SliceChanges
from medseg_desktop.core.errors import JobError
from medseg_desktop.core.specs import TrainSpec

#: The most that lies between two evaluations, and between two log lines, in iterations.
_EVALUATE_EVERY = 200
_LOG_EVERY = 20
#: A short training is evaluated at least this often, and logged about this often.
_EVALUATIONS = 5
_LOG_LINES = 30


@dataclass(frozen=True, slots=True)
class PolynomialDecay:
    """From `start_rate` to `end_rate` within `decay_steps`, constant afterwards."""

    start_rate: float = 5e-4
    end_rate: float = 1e-4
    decay_steps: int = 1500
    power: float = 1.0

    def rate(self, steps_done: int, iterations: int) -> float:
        """The rate of the step that follows `steps_done` steps."""
        left = 1 - min(steps_done, self.decay_steps) / self.decay_steps
        return float((self.start_rate - self.end_rate) * left**self.power + self.end_rate)

    def with_peak(self, rate: float) -> PolynomialDecay:
        """The same course with another highest rate."""
        factor = rate / self.start_rate
        return replace(self, start_rate=rate, end_rate=self.end_rate * factor)


@dataclass(frozen=True, slots=True)
class OneCycle:
    """One rise and one fall of the rate over the whole training, both as half a cosine.

    L. N. Smith and N. Topin, Super-convergence, arXiv:1708.07120.  It fits a training of any
    length, which a decay over a fixed number of steps does not.
    """

    peak_rate: float = 1.5e-3
    rise: float = 0.25
    start_factor: float = 0.04
    end_factor: float = 0.001

    def rate(self, steps_done: int, iterations: int) -> float:
        """The rate of the step that follows `steps_done` of `iterations` steps."""
        top = max(1.0, self.rise * iterations)
        if steps_done < top:
            low, share = self.start_factor, steps_done / top
        else:
            low = self.end_factor
            share = 1 - min(1.0, (steps_done - top) / max(1.0, iterations - top))
        return self.peak_rate * (low + (1 - low) * (1 - math.cos(math.pi * share)) / 2)

    def with_peak(self, rate: float) -> OneCycle:
        """The same course with another highest rate."""
        return replace(self, peak_rate=rate)


#: Flips and noise, as in the original method.
_ORIGINAL_CHANGES = SliceChanges(
    flip_vertical=0.1, rotation_deg=0.0, scale=1.0, shift=0.0, gamma=1.0, noise_share=0.5
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the weights are optimised.

    Attributes:
        momentum: of the optimiser `momentum`.
        weight_decay: factor of the L2 penalty on all parameters (`adamw`: decoupled).
        loss_weights: of the head and the four auxiliary heads of BiSeNetV2, in its order.
        dice_weight: of the soft Dice loss that is added to each head's cross-entropy.
        average_decay: of the moving average of the weights, which is what is evaluated and kept;
            None evaluates the weights themselves.
        lesion_share: share of slices with lesion in every batch; None takes them as they come.
        resize_first: slices are brought to the network's size once, before all augmentation.
    """

    name: str
    optimiser: Literal["momentum", "adamw"] = "momentum"
    momentum: float = 0.9
    weight_decay: float = 4e-5
    schedule: PolynomialDecay | OneCycle = PolynomialDecay()
    iterations: int = 3000
    batch_size: int = 8
    loss_weights: tuple[float, ...] = (0.8, 0.2, 0.8, 0.2, 0.8)
    dice_weight: float = 0.0
    average_decay: float | None = None
    lesion_share: float | None = None
    augmentation: SliceChanges = _ORIGINAL_CHANGES
    resize_first: bool = False

    def head_weights(self, n_heads: int) -> tuple[float, ...]:
        """What each head's loss is multiplied by.

        A network with other auxiliary heads than BiSeNetV2's counts its head once, and each
        auxiliary head like the mean of those.
        """
        if n_heads == len(self.loss_weights):
            return self.loss_weights
        return (1.0, *[fmean(self.loss_weights[1:])] * (n_heads - 1))


#: The method this project grew from, with its exact parameters.
REFERENCE = Recipe("reference")

#: For few patients and few steps, see docs/experiments.md: lesions are rare, so they are shown
#: more often and weigh more in the loss, and the rate follows the length of the training.
DEFAULT = Recipe(
    "default",
    optimiser="adamw",
    weight_decay=0.01,
    schedule=OneCycle(),
    loss_weights=(1.0, 0.3, 0.3, 0.3, 0.3),
    dice_weight=1.0,
    lesion_share=0.625,
    resize_first=True,
    augmentation=SliceChanges(
        stretch=1.1, elastic=0.012, gamma=1.15, contrast=1.1, bias=0.12, blur_share=0.1
    ),
)

#: By name (`train --preset`).
RECIPES: Mapping[str, Recipe] = MappingProxyType({"reference": REFERENCE, "default": DEFAULT})


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
    """The preset of a spec, with the learning rate the spec asks for.

    Raises:
        JobError: there is none of that name.
    """
    try:
        recipe = RECIPES[spec.preset]
    except KeyError as error:
        raise JobError(
            f"There is no training preset called {spec.preset}.",
            f"Choose one of {', '.join(RECIPES)}.",
        ) from error
    if not spec.learning_rate:
        return recipe
    return replace(recipe, schedule=recipe.schedule.with_peak(spec.learning_rate))


def recipe_facts(recipe: Recipe) -> dict[str, Any]:
    """All parameters of a recipe as plain JSON; `schedule.kind` names the schedule.

    Without its number of steps and batch size: every training says its own.
    """
    facts: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(recipe))
    del facts["iterations"], facts["batch_size"]
    schedule = {"kind": type(recipe.schedule).__name__, **facts["schedule"]}
    return facts | {"schedule": schedule}


def intervals_of(spec: TrainSpec) -> Intervals:
    """The spec's intervals, or where it leaves them open the recipe's, shorter in short runs."""
    n = spec.iterations
    evaluate_every = spec.evaluate_every or min(_EVALUATE_EVERY, -(-n // _EVALUATIONS))
    log_every = spec.log_every or min(_LOG_EVERY, max(1, n // _LOG_LINES))
    return Intervals(max(1, evaluate_every), max(1, log_every), n)
