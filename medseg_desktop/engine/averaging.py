"""An exponential moving average of the weights, which predicts better than the last ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.networks.network import Weights, load_state, read_state

if TYPE_CHECKING:
    from paddle import Tensor
    from paddle.nn import Layer


class WeightAverage:
    """The average of a network's weights and running statistics over the steps so far.

    After n steps a value counts `decay` of the average and 1 - `decay` of the network, with
    min(decay, (1 + n) / (10 + n)) in place of `decay` at first, so that the average does not
    hang on to the random start (as TensorFlow's ExponentialMovingAverage with `num_updates`).

    Args:
        source: the network that is trained.
        copy: another network of the same kind; it receives the average.
    """

    def __init__(self, source: Layer, copy: Layer, decay: float) -> None:
        self.network = copy
        self._decay = decay
        load_state(copy, read_state(source))
        copy.eval()
        mine = copy.state_dict()
        self._pairs: list[tuple[Tensor, Tensor]] = [
            (mine[name], tensor) for name, tensor in source.state_dict().items()
        ]

    def update(self, steps: int) -> None:
        """Take in the network's state after `steps` steps (counted from 1)."""
        weight = 1 - min(self._decay, (1 + steps) / (10 + steps))
        with paddle.no_grad():
            for average, current in self._pairs:
                average.lerp_(current, weight)

    def read(self) -> Weights:
        """A copy of the averaged state, by name."""
        return read_state(self.network)

    def load(self, weights: Weights) -> None:
        """Set the averaged state."""
        load_state(self.network, weights)
