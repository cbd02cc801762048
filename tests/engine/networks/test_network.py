from __future__ import annotations

import re

import numpy as np
import pytest

from medseg_desktop.core.errors import JobError, ModelError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.engine.backend import paddle, quiet
from medseg_desktop.engine.networks.architectures import ARCHITECTURES
from medseg_desktop.engine.networks.network import (
    build_network,
    decode_weights,
    encode_weights,
    load_matching,
    load_state,
    read_state,
)
from medseg_desktop.io import preflight

H = LabelTable.from_names(["H"])
E_H = LabelTable.from_names(["edema", "H"])

#: By architecture: number of outputs in training, and of weights that are matched by label.
HEADS = {"bisenetv2": (5, 10), "unet": (1, 4), "pp_liteseg": (3, 3)}
each_network = pytest.mark.parametrize("architecture", list(HEADS))


def network(n_labels: int, seed: int = 0, architecture: str = "bisenetv2") -> paddle.nn.Layer:
    paddle.seed(seed)
    return build_network(architecture, n_labels)


def class_layers(architecture: str, names: list[str]) -> list[str]:
    return [name for name in names if ARCHITECTURES[architecture].class_layers.fullmatch(name)]


def test_preflight_knows_the_same_networks() -> None:
    assert tuple(ARCHITECTURES) == preflight.ARCHITECTURES == tuple(HEADS)


@each_network
def test_a_network_has_its_heads_in_training_and_one_otherwise(architecture: str) -> None:
    net = network(3, architecture=architecture)
    image = paddle.zeros([2, 1, 64, 96])
    with quiet(), paddle.no_grad():
        expected = [(2, 3, 64, 96)] * HEADS[architecture][0]
        assert [tuple(x.shape) for x in net(image)] == expected
        net.eval()
        assert len(net(image)) == 1


@each_network
def test_weights_survive_the_file_exactly(architecture: str) -> None:
    weights = read_state(network(2, architecture=architecture))
    again = decode_weights(encode_weights(weights), "m")
    assert again.keys() == weights.keys()
    assert all(np.array_equal(again[name], weights[name]) for name in weights)
    other = network(2, 5, architecture)
    load_state(other, again)
    assert all(np.array_equal(read_state(other)[name], weights[name]) for name in weights)


def test_read_weights_do_not_change_when_the_network_learns_on() -> None:
    net = network(2)
    weights = read_state(net)
    name, parameter = next(iter(net.named_parameters()))
    before = weights[name].copy()
    parameter.set_value(parameter * 2 + 1)
    np.testing.assert_array_equal(weights[name], before)


@each_network
def test_equal_tables_take_everything(architecture: str) -> None:
    old, new = read_state(network(2, 1, architecture)), network(2, 2, architecture)
    sentence = load_matching(new, old, H, H, "M-v1")
    assert all(np.array_equal(read_state(new)[name], old[name]) for name in old)
    assert sentence == "Training starts from M-v1, which knows H."


@each_network
def test_class_outputs_are_matched_by_name_and_a_new_class_stays_fresh(architecture: str) -> None:
    old, new = read_state(network(2, 1, architecture)), network(3, 2, architecture)
    for name in class_layers(architecture, list(old)):
        old[name] = old[name] + 1  # fresh biases are all equal
    fresh = read_state(new)
    sentence = load_matching(new, old, H, E_H, "M-v1")
    taken = read_state(new)
    heads = class_layers(architecture, list(taken))
    assert len(heads) == HEADS[architecture][1]
    for name in heads:
        np.testing.assert_array_equal(taken[name][0], old[name][0])  # background
        np.testing.assert_array_equal(taken[name][1], fresh[name][1])  # edema is new
        np.testing.assert_array_equal(taken[name][2], old[name][1])  # H moved to index 2
    assert all(np.array_equal(taken[n], old[n]) for n in taken if n not in heads)
    assert sentence == "Training starts from M-v1, which knows H; new: edema."


@each_network
def test_what_a_label_is_predicted_from_moves_with_it(architecture: str) -> None:
    """The logits of a label that the model knew are the model's, wherever it stands now."""
    old, new = network(2, 1, architecture), network(3, 2, architecture)
    with quiet(), paddle.no_grad():
        for _ in range(2):  # running statistics that are not the initial ones
            old(paddle.randn([2, 1, 64, 64]))
        load_matching(new, read_state(old), H, E_H, "M-v1")
        image = paddle.randn([1, 1, 64, 64])
        old.eval()
        new.eval()
        before, after = old(image)[0].numpy(), new(image)[0].numpy()
    np.testing.assert_allclose(after[:, [0, 2]], before, atol=1e-5)


def test_a_class_that_was_renamed_since_keeps_its_outputs() -> None:
    renamed = H.renamed(1, "haematoma")
    name = "head.conv_1x1.weight"
    for before, after in ((H, renamed), (renamed, H)):
        old, new = read_state(network(2, 1)), network(2, 2)
        sentence = load_matching(new, old, before, after, "M-v1")
        np.testing.assert_array_equal(read_state(new)[name], old[name])
        assert sentence == f"Training starts from M-v1, which knows {after.names[1]}."


@each_network
def test_a_class_that_is_gone_is_left_out(architecture: str) -> None:
    old, new = read_state(network(3, 1, architecture)), network(2, 2, architecture)
    load_matching(new, old, E_H, H, "M-v1")
    for name in class_layers(architecture, list(old)):
        np.testing.assert_array_equal(read_state(new)[name][1], old[name][2])


@pytest.mark.parametrize("damage", ["missing", "shape", "classes", "extra"])
def test_weights_of_another_network_are_refused(damage: str) -> None:
    old = read_state(network(2, 1))
    name = "db.convs.0._conv.weight"
    if damage == "missing":
        del old[name]
    elif damage == "shape":
        old[name] = old[name][:, :, :1]
    elif damage == "classes":
        old["head.conv_1x1.weight"] = old["head.conv_1x1.weight"][:1]
    else:
        old["other"] = old[name]
    with pytest.raises(ModelError, match="The weights of M-v1 belong to another network"):
        load_matching(network(2, 2), old, H, H, "M-v1")


def test_weights_of_another_architecture_are_refused() -> None:
    old = read_state(network(2, 1, "unet"))
    with pytest.raises(ModelError, match="The weights of M-v1 belong to another network"):
        load_matching(network(2, 2, "pp_liteseg"), old, H, H, "M-v1")


@pytest.mark.parametrize("data", [b"", b"\x80\x04pickle", b"\xff" * 64])
def test_damaged_weights_are_refused(data: bytes) -> None:
    with pytest.raises(ModelError, match="damaged"):
        decode_weights(data, "M-v1")


def test_weights_that_are_no_numbers_are_refused() -> None:
    data = encode_weights({"w": np.array([1, np.nan], np.float32)})
    with pytest.raises(ModelError, match="no numbers"):
        decode_weights(data, "M-v1")


def test_an_unknown_architecture_is_refused() -> None:
    message = "no network called resnet. Choose one of bisenetv2, unet, pp_liteseg."
    with pytest.raises(JobError, match=re.escape(message)):
        build_network("resnet", 2)
