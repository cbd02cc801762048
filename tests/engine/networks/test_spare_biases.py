from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from medseg_desktop.engine.backend import paddle, quiet
from medseg_desktop.engine.checkpoints import load_optimiser, read_optimiser
from medseg_desktop.engine.networks.architectures import ARCHITECTURES
from medseg_desktop.engine.networks.network import build_network, load_state, read_state
from medseg_desktop.engine.networks.spare_biases import drop_spare_biases

Weights = dict[str, npt.NDArray[np.float32]]


def used_weights(network: Any) -> Weights:
    """Weights as after a training with biases: none of them zero, statistics not the first."""
    rng = np.random.default_rng(0)
    weights = {}
    for name, tensor in network.state_dict().items():
        array = np.array(tensor.numpy())
        if name.endswith(("bias", "_mean")):
            array = rng.normal(0, 0.5, array.shape).astype(np.float32)
        elif name.endswith("_variance"):
            array = rng.uniform(0.5, 2, array.shape).astype(np.float32)
        weights[name] = array
    if "conv.bias" in weights:  # two names of one layer
        weights["conv.bias"] = weights["cls.bias"]
    return weights


def as_made_by_paddleseg(architecture: str, weights: Weights | None = None) -> Any:
    paddle.seed(0)
    network = ARCHITECTURES[architecture].make(3, 1)
    if weights is None:
        weights = used_weights(network)
    network.set_state_dict({n: paddle.to_tensor(array) for n, array in weights.items()})
    return network


def outputs(network: Any, training: bool) -> list[npt.NDArray[np.float32]]:
    (network.train if training else network.eval)()
    image = np.random.default_rng(1).normal(0, 1, (2, 1, 64, 64)).astype(np.float32)
    paddle.seed(7)  # of the dropout
    with quiet(), paddle.no_grad():
        return [x.numpy() for x in network(paddle.to_tensor(image))]


def assert_same(a: Any, b: Any, training: bool) -> None:
    for x, y in zip(outputs(a, training), outputs(b, training), strict=True):
        np.testing.assert_allclose(x, y, atol=2e-4 * np.abs(x).max())


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_a_network_computes_the_same_without_them(architecture: str, training: bool) -> None:
    whole, bare = as_made_by_paddleseg(architecture), as_made_by_paddleseg(architecture)
    drop_spare_biases(bare)
    assert len(bare.parameters()) < len(whole.parameters())
    assert_same(whole, bare, training)


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_weights_fit_in_both_directions(architecture: str) -> None:
    whole = as_made_by_paddleseg(architecture)
    weights = {name: np.array(t.numpy()) for name, t in whole.state_dict().items()}
    bare = build_network(architecture, 3)
    load_state(bare, weights)
    assert_same(whole, bare, training=False)

    back = read_state(bare)
    assert {name: a.shape for name, a in back.items()} == {n: a.shape for n, a in weights.items()}
    assert_same(as_made_by_paddleseg(architecture, back), bare, training=False)


def test_only_biases_before_a_batch_normalisation_are_dropped() -> None:
    whole, bare = as_made_by_paddleseg("bisenetv2"), build_network("bisenetv2", 3)
    dropped = whole.state_dict().keys() - bare.state_dict().keys()
    assert len(dropped) == 56
    assert all(name.endswith("._conv.bias") for name in dropped)
    assert "sb.ce.conv_3x3.bias" in bare.state_dict()


def test_dropping_twice_changes_nothing() -> None:
    network = as_made_by_paddleseg("bisenetv2")
    drop_spare_biases(network)
    once = read_state(network)
    drop_spare_biases(network)
    again = read_state(network)
    assert all(np.array_equal(once[name], again[name]) for name in once)


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_the_same_is_learned_without_them(architecture: str) -> None:
    """Gradients of all other weights, and running statistics, are equal."""
    whole = as_made_by_paddleseg(architecture)
    bare = as_made_by_paddleseg(architecture)
    drop_spare_biases(bare)
    image = paddle.to_tensor(np.random.default_rng(2).normal(0, 1, (2, 1, 64, 64)))
    with quiet():
        for network in (whole, bare):
            # In single precision rounding turns some ReLUs on or off.
            network.to(dtype="float64")
            paddle.seed(7)
            paddle.add_n([(x**2).mean() for x in network(image)]).backward()
    learned = {name: p for name, p in whole.named_parameters() if not p.stop_gradient}
    for name, parameter in bare.named_parameters():
        if not parameter.stop_gradient:
            expected = learned[name].grad.numpy()
            tolerance = 1e-5 * np.abs(expected).max() + 1e-12
            np.testing.assert_allclose(parameter.grad.numpy(), expected, atol=tolerance)
    # The running statistics go on from where they were, each without its bias.
    drop_spare_biases(whole)
    statistics = read_state(bare)
    for name, expected in read_state(whole).items():
        if name.endswith(("_mean", "_variance")):
            np.testing.assert_allclose(statistics[name], expected, rtol=1e-5, atol=1e-6)


def test_the_optimisers_memory_survives_beside_them() -> None:
    networks = [build_network("bisenetv2", 2) for _ in range(2)]
    optimisers = [paddle.optimizer.AdamW(parameters=n.parameters()) for n in networks]
    with quiet():
        networks[0](paddle.randn([2, 1, 64, 64]))[0].mean().backward()
    optimisers[0].step()
    memory = read_optimiser(networks[0], optimisers[0])
    load_optimiser(networks[1], optimisers[1], memory)
    again = read_optimiser(networks[1], optimisers[1])
    assert again.keys() == memory.keys()
    assert all(np.array_equal(again[name], memory[name]) for name in memory)
