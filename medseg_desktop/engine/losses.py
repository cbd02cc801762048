"""The training loss: cross-entropy, and soft Dice, of the head and of each auxiliary head.

Paddle's softmax over the classes is slow on a processor where each class is a plane, so both
losses are made of one pass over whole planes: a sixth of the time with two classes, a quarter
with four.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from medseg_desktop.engine.backend import paddle

if TYPE_CHECKING:
    from paddle import Tensor

softplus = paddle.nn.functional.softplus


def head_losses(
    logits: Sequence[Tensor],
    labels: Tensor,
    dice_weight: float = 0.0,
    pool: Callable[[Tensor], Tensor] | None = None,
) -> list[Tensor]:
    """Mean cross-entropy over all pixels, plus weighted soft Dice, one scalar for each head.

    Args:
        logits: of each head, float32 (N, K, H, W) with K of 2 or more.
        labels: class indices, int64 (N, 1, H, W).
        dice_weight: 0 leaves the soft Dice out.
        pool: see `soft_dice_loss`.

    PaddleSeg's own class does not run on Paddle 3; without ignored pixels and class weights
    it computes this.
    """
    truth = foreground(labels, logits[0].shape[1])
    losses = []
    for x in logits:
        rises, log_sum = log_odds(x)
        loss = _cross_entropy(rises, log_sum, truth)
        if dice_weight:
            loss = loss + dice_weight * _soft_dice(rises, log_sum, truth, pool)
        losses.append(loss)
    return losses


def foreground(labels: Tensor, n_labels: int) -> list[Tensor]:
    """Class indices (N, 1, H, W) -> a plane of 0 and 1 for each class but the background."""
    return [(labels == index).astype("float32") for index in range(1, n_labels)]


def log_odds(logits: Tensor) -> tuple[list[Tensor], Tensor]:
    """What softmax is made of, in planes float32 (N, 1, H, W).

    Returns:
        d: for each class but the background, its logit minus the background's.
        s: log(1 + sum of exp(d)), so that the probability of class k is exp(d[k] - s), and
            that of the background exp(-s).
    """
    background, *others = paddle.split(logits.astype("float32"), logits.shape[1], axis=1)
    rises = [plane - background for plane in others]
    log_sum = softplus(rises[0])
    for rise in rises[1:]:  # log(e^a + e^b) = a + softplus(b - a), which cannot overflow
        log_sum = log_sum + softplus(rise - log_sum)
    return rises, log_sum


def _cross_entropy(rises: Sequence[Tensor], log_sum: Tensor, truth: Sequence[Tensor]) -> Tensor:
    """Mean of -log(probability of the true class)."""
    log_loss = log_sum
    for rise, plane in zip(rises, truth, strict=True):
        log_loss = log_loss - rise * plane
    return log_loss.mean()


def soft_dice_loss(
    logits: Tensor,
    truth: Sequence[Tensor],
    pool: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """1 - 2 sum(p t) / (sum p + sum t), over the batch, mean over the foreground classes.

    F. Milletari et al., V-Net, arXiv:1606.04797, in the linear form.  Pooling over the batch
    keeps slices without lesion from counting as misses.

    Args:
        logits: float32 (N, K, H, W).
        truth: see `foreground`.
        pool: adds up sums over pixels, float32 (2, K - 1), where the batch is spread over
            several processes.
    """
    return _soft_dice(*log_odds(logits), truth, pool)


def _soft_dice(
    rises: Sequence[Tensor],
    log_sum: Tensor,
    truth: Sequence[Tensor],
    pool: Callable[[Tensor], Tensor] | None,
) -> Tensor:
    planes = [(rise - log_sum).exp() for rise in rises]
    both = [(p * plane).sum() for p, plane in zip(planes, truth, strict=True)]
    total = [p.sum() + plane.sum() for p, plane in zip(planes, truth, strict=True)]
    sums = paddle.stack([paddle.stack(both), paddle.stack(total)])
    if pool is not None:
        sums = pool(sums)
    return (1 - (2 * sums[0] + 1) / (sums[1] + 1)).mean()


def weighted_sum(losses: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The scalar that is minimised.

    Raises:
        ValueError: there is not one weight for each head.
    """
    total = paddle.zeros([])
    for loss, weight in zip(losses, weights, strict=True):
        total = total + loss * weight
    return total
