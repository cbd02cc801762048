"""Sums over all processes that gradients flow through, and batch norm over the whole batch."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from medseg_desktop.engine.backend import paddle

if TYPE_CHECKING:
    from paddle import Tensor
    from paddle.nn import Layer


class _SumOverProcesses(paddle.autograd.PyLayer):
    """The sum of a tensor over all processes.

    What is minimised is the mean of the processes' losses.  A term of one process has a part
    in the sum of each, so its gradient is the sum of the gradients of all.
    """

    @staticmethod
    def forward(context: object, x: Tensor) -> Tensor:
        return _summed(x)

    @staticmethod
    def backward(context: object, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _summed(x: Tensor) -> Tensor:
    total = x.clone()
    paddle.distributed.all_reduce(total)
    return total


def sum_over_processes(x: Tensor) -> Tensor:
    """Sum of `x`, which has one shape everywhere, over all processes; differentiable."""
    total: Tensor = _SumOverProcesses.apply(x)  # type: ignore[no-untyped-call]
    return total


def synchronise(network: Layer, rank: int, size: int) -> None:
    """Let every batch norm of `network`, when it trains, use the statistics of all processes.

    The layers stay what they are, with their names, weights and running statistics; see
    `unsynchronise`.
    """
    for layer in network.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm2D):
            vars(layer)["forward"] = functools.partial(_batch_norm, layer, rank, size)


def unsynchronise(network: Layer) -> None:
    """Undo `synchronise`."""
    for layer in network.sublayers():
        vars(layer).pop("forward", None)


def _batch_norm(layer: Any, rank: int, size: int, x: Tensor) -> Tensor:
    """Batch norm of float32 (N, C, H, W), where each process holds N slices of the batch."""
    out: Tensor
    if not layer.training:
        out = type(layer).forward(layer, x)
    elif x.place.is_gpu_place():
        out = paddle.nn.SyncBatchNorm.forward(layer, x)
    else:
        out = _batch_norm_on_processor(layer, rank, size, x)
    return out


def _batch_norm_on_processor(layer: Any, rank: int, size: int, x: Tensor) -> Tensor:
    """Paddle has no synchronised batch norm for processors.

    Mean and variance of all are put together from those of each process, all of which hold
    equally many values: T. F. Chan, G. H. Golub and R. J. LeVeque, Updating formulae and a
    pairwise algorithm for computing sample variances, 1979.
    """
    n_channels = x.shape[1]
    own_mean = x.mean(axis=[0, 2, 3])
    centred = x - own_mean.reshape([1, n_channels, 1, 1])
    own = paddle.concat([own_mean, (centred * centred).mean(axis=[0, 2, 3])])
    row = paddle.nn.functional.one_hot(paddle.to_tensor([rank]), size).transpose([1, 0])
    means, variances = paddle.split(sum_over_processes(row * own), 2, axis=1)
    mean = means.mean(axis=0)
    variance = variances.mean(axis=0) + ((means - mean) ** 2).mean(axis=0)
    with paddle.no_grad():
        keep = layer._momentum
        layer._mean.set_value(layer._mean * keep + mean * (1 - keep))
        layer._variance.set_value(layer._variance * keep + variance * (1 - keep))
    scale = layer.weight * paddle.rsqrt(variance + layer._epsilon)
    shift = layer.bias - mean * scale
    shape = [1, n_channels, 1, 1]
    out: Tensor = x * scale.reshape(shape) + shift.reshape(shape)
    return out
