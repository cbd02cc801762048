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


@pytest.mark.parametrize("n_labels", [2, 3, 5])
@pytest.mark.parametrize("spread", [1.0, 12.0])
def test_gradients_are_those_of_softmax(n_labels: int, spread: float) -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(0, spread, (2, n_labels, 6, 7)).astype(np.float32)
    labels = paddle.to_tensor(rng.integers(0, n_labels, (2, 1, 6, 7)))
    gradients = []
    for by_softmax in (True, False):
        x = paddle.to_tensor(values, stop_gradient=False)
        if by_softmax:
            p = paddle.nn.functional.softmax(x, axis=1)[:, 1:]
            truth = paddle.concat(foreground(labels, n_labels), axis=1)
            both, total = (p * truth).sum([0, 2, 3]), (p + truth).sum([0, 2, 3])
            cross_entropy = paddle.nn.functional.cross_entropy(x, labels, axis=1)
            loss = cross_entropy + 0.5 * (1 - (2 * both + 1) / (total + 1)).mean()
        else:
            loss = head_losses([x], labels, 0.5)[0]
        loss.backward()
        gradients.append(x.grad.numpy())
    np.testing.assert_allclose(*gradients, atol=1e-5 * np.abs(gradients[0]).max())


def test_a_very_wrong_answer_has_a_finite_loss_and_gradient() -> None:
    labels = paddle.to_tensor(np.array([[[[0, 1, 2]]]]))
    x = paddle.to_tensor(
        np.array([[[[-1e4, 1e4, 0.0]], [[1e4, -1e4, 0.0]], [[0.0, 0.0, -1e4]]]], np.float32),
        stop_gradient=False,
    )
    loss = head_losses([x], labels, 1.0)[0]
    loss.backward()
    assert float(loss) > 1e4
    assert np.isfinite(x.grad.numpy()).all()
    assert x.grad.numpy()[0, 0, 0, 0] < 0 < x.grad.numpy()[0, 1, 0, 0]


def test_soft_dice_is_nearly_zero_for_a_sure_and_right_answer() -> None:
    labels = paddle.to_tensor(np.eye(8, dtype=np.int64)[None, None])
    logits = paddle.concat([-50.0 * (labels * 2 - 1), 50.0 * (labels * 2 - 1)], axis=1)
    loss = soft_dice_loss(logits.astype("float32"), foreground(labels, 2))
    assert float(loss) == pytest.approx(0, abs=1e-5)
