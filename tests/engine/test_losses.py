from __future__ import annotations

import numpy as np
import pytest

from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.losses import (
    foreground,
    head_losses,
    soft_dice_loss,
    weighted_sum,
)

WEIGHTS = (0.8, 0.2, 0.8, 0.2, 0.8)


def test_losses_are_the_mean_cross_entropy_computed_by_hand() -> None:
    rng = np.random.default_rng(0)
    logits = [rng.normal(0, 3, (2, 3, 4, 5)).astype(np.float32) for _ in WEIGHTS]
    labels = rng.integers(0, 3, (2, 1, 4, 5))
    expected = []
    for x in logits:
        log_sum = np.log(np.exp(x).sum(axis=1, keepdims=True))
        expected.append(float((log_sum - np.take_along_axis(x, labels, axis=1)).mean()))

    losses = head_losses([paddle.to_tensor(x) for x in logits], paddle.to_tensor(labels))

    assert [float(x) for x in losses] == pytest.approx(expected, rel=1e-5)
    by_hand = sum(w * x for w, x in zip(WEIGHTS, expected, strict=True))
    assert float(weighted_sum(losses, WEIGHTS)) == pytest.approx(by_hand, rel=1e-5)


def test_a_missing_head_is_noticed() -> None:
    one = [paddle.zeros([])] * 4
    with pytest.raises(ValueError, match="zip"):
        weighted_sum(one, WEIGHTS)


def test_soft_dice_is_pooled_over_the_batch_and_computed_by_hand() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (2, 3, 4, 5)).astype(np.float32)
    labels = rng.integers(0, 3, (2, 1, 4, 5))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    by_class = []
    for k in (1, 2):
        truth = labels[:, 0] == k
        by_class.append(1 - (2 * p[:, k][truth].sum() + 1) / (p[:, k].sum() + truth.sum() + 1))

    truth_planes = foreground(paddle.to_tensor(labels), 3)
    loss = soft_dice_loss(paddle.to_tensor(logits), truth_planes)

    assert float(loss) == pytest.approx(np.mean(by_class), rel=1e-5)
    x, y = paddle.to_tensor(logits), paddle.to_tensor(labels)
    plain, both = head_losses([x], y)[0], head_losses([x], y, 0.5)[0]
    assert float(both) == pytest.approx(float(plain) + 0.5 * float(loss), rel=1e-5)


def test_soft_dice_is_nearly_zero_for_a_sure_and_right_answer() -> None:
    labels = paddle.to_tensor(np.eye(8, dtype=np.int64)[None, None])
    logits = paddle.concat([-50.0 * (labels * 2 - 1), 50.0 * (labels * 2 - 1)], axis=1)
    loss = soft_dice_loss(logits.astype("float32"), foreground(labels, 2))
    assert float(loss) == pytest.approx(0, abs=1e-5)
