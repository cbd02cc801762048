"""Convolutions lose the biases that the batch normalisation after them takes away again.

PaddleSeg's blocks add a bias to each convolution, and subtract it with the mean straight after.
Its gradient is zero but for rounding, and both cost a quarter of a training step on a
processor.  A network without them computes the same when each bias b is taken off the running
mean m, because (y + b) - m = y - (m - b); in training the mean of the batch does it anyway.

Stored weights keep all of PaddleSeg's names, with zeros for these biases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from medseg_desktop.engine.backend import layers

if TYPE_CHECKING:
    from paddle.nn import Layer

_BLOCKS = (layers.ConvBN, layers.ConvBNReLU, layers.ConvBNAct)
#: Set on a convolution that has lost its bias; those that never had one lack it.
_MARK = "lost_bias"


def drop_spare_biases(network: Layer) -> None:
    """Take the biases out of a network, which computes the same as before up to rounding.

    Once is enough; those that are gone stay gone.
    """
    for _, block in _blocks(network):
        convolution = block._conv
        if convolution.bias is None:
            continue
        mean = block._batch_norm._mean
        mean.set_value(mean - convolution.bias.detach())
        convolution.bias = None
        setattr(convolution, _MARK, True)


def with_spare_biases(
    network: Layer, weights: Mapping[str, npt.NDArray[np.float32]]
) -> dict[str, npt.NDArray[np.float32]]:
    """The weights of a network, by name, with zeros for the biases it has lost."""
    zeros = {bias: np.zeros_like(weights[mean]) for bias, mean in _lost(network)}
    return {**weights, **zeros}


def without_spare_biases(
    network: Layer, weights: Mapping[str, npt.NDArray[np.float32]]
) -> dict[str, npt.NDArray[np.float32]]:
    """Weights for a network that has lost biases, from weights that have values for them."""
    kept = dict(weights)
    for bias, mean in _lost(network):
        if bias in kept and mean in kept:
            kept[mean] = kept[mean] - kept.pop(bias)
    return kept


def _blocks(network: Layer) -> Iterator[tuple[str, Layer]]:
    """Each convolution with a batch normalisation straight after it, and their name."""
    for name, layer in network.named_sublayers():
        if isinstance(layer, _BLOCKS):
            yield name, layer


def _lost(network: Layer) -> Iterator[tuple[str, str]]:
    """The name of each bias that is gone, and of the running mean that took it."""
    for name, block in _blocks(network):
        if hasattr(block._conv, _MARK):
            yield f"{name}._conv.bias", f"{name}._batch_norm._mean"
