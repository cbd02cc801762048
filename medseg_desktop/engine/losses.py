"""The training loss: cross-entropy, and soft Dice, of the head and of each auxiliary head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from medseg_desktop.engine.backend import paddle

if TYPE_CHECKING:
    from paddle import Tensor


def head_losses(
    logits: Sequence[Tensor],
    labels: Tensor,
    dice_weight: float = 0.0,
    pool: Callable[[Tensor], Tensor] | None = None,
) -> list[Tensor]:
    """Mean cross-entropy over all pixels, plus weighted soft Dice, one scalar for each head.

    Args:
        logits: of each head, float32 (N, K, H, W).
        labels: class indices, int64 (N, 1, H, W).
        dice_weight: 0 leaves the soft Dice out.
        pool: see `soft_dice_loss`.

    PaddleSeg's own class does not run on Paddle 3; without ignored pixels and class weights
    it computes this.
    """
    losses = [paddle.nn.functional.cross_entropy(x, labels, axis=1) for x in logits]
    if not dice_weight:
        return losses
    truth = foreground(labels, logits[0].shape[1])
    return [
        loss + dice_weight * soft_dice_loss(x, truth, pool)
        for loss, x in zip(losses, logits, strict=True)
    ]


def foreground(labels: Tensor, n_labels: int) -> Tensor:
    """Class indices (N, 1, H, W) -> one plane of 0 and 1 for each class but the background."""
    planes = [(labels == index).astype("float32") for index in range(1, n_labels)]
    return paddle.concat(planes, axis=1)


def soft_dice_loss(
    logits: Tensor, truth: Tensor, pool: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """1 - 2 sum(p t) / (sum p + sum t), over the batch, mean over the foreground classes.

    F. Milletari et al., V-Net, arXiv:1606.04797, in the linear form.  Pooling over the batch
    keeps slices without lesion from counting as misses.

    Args:
        logits: float32 (N, K, H, W).
        truth: 0 or 1, float32 (N, K - 1, H, W), see `foreground`.
        pool: adds up sums over pixels, float32 (2, K - 1), where the batch is spread over
            several processes.
    """
    p = paddle.nn.functional.softmax(logits, axis=1)[:, 1:]
    both = (p * truth).sum(axis=[0, 2, 3])
    total = p.sum(axis=[0, 2, 3]) + truth.sum(axis=[0, 2, 3])
    if pool is not None:
        both, total = pool(paddle.stack([both, total]))
    return (1 - (2 * both + 1) / (total + 1)).mean()


def weighted_sum(losses: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The scalar that is minimised.

    Raises:
        ValueError: there is not one weight for each head.
    """
    total = paddle.zeros([])
    for loss, weight in zip(losses, weights, strict=True):
        total = total + loss * weight
    return total
