"""One step of a training: the same where it trains, is measured, and is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from medseg_desktop.engine.losses import head_losses, weighted_sum

if TYPE_CHECKING:
    from paddle import Tensor
    from paddle.nn import Layer
    from paddle.optimizer import Optimizer

    from medseg_desktop.engine.device import Device
    from medseg_desktop.engine.recipe import Recipe


class TrainingStep:
    """Forward, backward and the optimiser's step on a device; nothing waits for it.

    `losses` and `learn` are one step; a call is both.

    Args:
        pool: see `engine.losses.head_losses`.
    """

    def __init__(
        self,
        network: Layer,
        optimiser: Optimizer,
        recipe: Recipe,
        device: Device,
        pool: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self._pool = pool
        self._network = network
        self._optimiser = optimiser
        self._recipe = recipe
        self._device = device

    def __call__(self, images: Tensor, labels: Tensor) -> list[Tensor]:
        """A whole step; returns what `losses` does."""
        losses = self.losses(images, labels)
        self.learn(losses[0])
        return losses

    def losses(self, images: Tensor, labels: Tensor) -> list[Tensor]:
        """The weighted sum of the losses and each head's, as scalars on the device.

        Args:
            images: float32 (N, 1, H, W), normalised.
            labels: class indices, int64 (N, 1, H, W).
        """
        with self._device.autocast():
            logits = self._network(images)
        if self._device.precision != "float32":
            # The losses sum over many pixels, which needs float32.
            logits = [x.astype("float32") for x in logits]
        losses = head_losses(logits, labels, self._recipe.dice_weight, self._pool)
        return [weighted_sum(losses, self._recipe.head_weights(len(losses))), *losses]

    def learn(self, total: Tensor) -> None:
        """Follow the gradient of the weighted sum."""
        self._device.backward_and_step(total, self._optimiser)
