"""One step of a training: the same where it trains, is measured, and is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medseg_desktop.engine.losses import head_losses, weighted_sum

if TYPE_CHECKING:
    from paddle import Tensor
    from paddle.nn import Layer
    from paddle.optimizer import Optimizer

    from medseg_desktop.engine.device import Device
    from medseg_desktop.engine.recipe import Recipe


class TrainingStep:
    """Call it with a batch; the network, its optimiser and the device are changed."""

    def __init__(
        self, network: Layer, optimiser: Optimizer, recipe: Recipe, device: Device
    ) -> None:
        self._network = network
        self._optimiser = optimiser
        self._recipe = recipe
        self._device = device

    def __call__(self, images: Tensor, labels: Tensor) -> list[Tensor]:
        """Forward, backward, one step of the optimiser.

        Args:
            images: float32 (N, 1, H, W), normalised.
            labels: class indices, int64 (N, 1, H, W).

        Returns:
            The weighted sum of the losses and each head's, scalars on the device.  Nothing
            has waited for them.
        """
        with self._device.autocast():
            logits = self._network(images)
        if self._device.precision != "float32":
            # The losses sum over many pixels, which needs float32.
            logits = [x.astype("float32") for x in logits]
        losses = head_losses(logits, labels, self._recipe.dice_weight)
        total = weighted_sum(losses, self._recipe.loss_weights)
        self._device.backward_and_step(total, self._optimiser)
        return [total, *losses]
