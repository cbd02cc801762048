"""The training loss: cross-entropy of the head and of each auxiliary head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medseg_desktop.engine.backend import paddle

if TYPE_CHECKING:
    from paddle import Tensor


def head_losses(logits: Sequence[Tensor], labels: Tensor) -> list[Tensor]:
    """Mean cross-entropy over all pixels, one scalar for each head.

    Args:
        logits: of each head, float32 (N, K, H, W).
        labels: class indices, int64 (N, 1, H, W).

    PaddleSeg's own class does not run on Paddle 3; without ignored pixels and class weights
    it computes this.
    """
    return [paddle.nn.functional.cross_entropy(x, labels, axis=1) for x in logits]


def weighted_sum(losses: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The scalar that is minimised.

    Raises:
        ValueError: there is not one weight for each head.
    """
    total = paddle.zeros([])
    for loss, weight in zip(losses, weights, strict=True):
        total = total + loss * weight
    return total
