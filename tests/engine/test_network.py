from __future__ import annotations

import numpy as np
import pytest

from medseg_desktop.core.errors import JobError, ModelError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.engine.backend import paddle, quiet
from medseg_desktop.engine.network import (
    build_network,
    decode_weights,
    encode_weights,
    load_matching,
    load_state,
    read_state,
)

H = LabelTable.from_names(["H"])
E_H = LabelTable.from_names(["edema", "H"])


def network(n_labels: int, seed: int = 0) -> paddle.nn.Layer:
    paddle.seed(seed)
    return build_network("bisenetv2", n_labels)


def test_the_network_has_five_heads_in_training_and_one_otherwise() -> None:
    net = network(3)
    image = paddle.zeros([2, 1, 64, 96])
    with quiet(), paddle.no_grad():
        assert [tuple(x.shape) for x in net(image)] == [(2, 3, 64, 96)] * 5
        net.eval()
        assert len(net(image)) == 1


def test_weights_survive_the_file_exactly() -> None:
    weights = read_state(network(2))
    again = decode_weights(encode_weights(weights), "m")
    assert again.keys() == weights.keys()
    assert all(np.array_equal(again[name], weights[name]) for name in weights)
    other = network(2, seed=5)
    load_state(other, again)
    assert all(np.array_equal(read_state(other)[name], weights[name]) for name in weights)


def test_read_weights_do_not_change_when_the_network_learns_on() -> None:
    net = network(2)
    weights = read_state(net)
    name, parameter = next(iter(net.named_parameters()))
    before = weights[name].copy()
    parameter.set_value(parameter * 2 + 1)
    np.testing.assert_array_equal(weights[name], before)


def test_equal_tables_take_everything() -> None:
    old, new = read_state(network(2, 1)), network(2, 2)
    sentence = load_matching(new, old, H, H, "M-v1")
    assert all(np.array_equal(read_state(new)[name], old[name]) for name in old)
    assert sentence == "Training starts from M-v1, which knows H."


def test_class_outputs_are_matched_by_name_and_a_new_class_stays_fresh() -> None:
    old, new = read_state(network(2, 1)), network(3, 2)
    fresh = read_state(new)
    sentence = load_matching(new, old, H, E_H, "M-v1")
    taken = read_state(new)
    heads = [n for n in taken if "conv_1x1" in n and "head" in n]
    assert len(heads) == 10
    for name in heads:
        np.testing.assert_array_equal(taken[name][0], old[name][0])  # background
        np.testing.assert_array_equal(taken[name][1], fresh[name][1])  # edema is new
        np.testing.assert_array_equal(taken[name][2], old[name][1])  # H moved to index 2
    assert all(np.array_equal(taken[n], old[n]) for n in taken if n not in heads)
    assert sentence == "Training starts from M-v1, which knows H; new: edema."


def test_a_class_that_was_renamed_since_keeps_its_outputs() -> None:
    renamed = H.renamed(1, "haematoma")
    name = "head.conv_1x1.weight"
    for before, after in ((H, renamed), (renamed, H)):
        old, new = read_state(network(2, 1)), network(2, 2)
        sentence = load_matching(new, old, before, after, "M-v1")
        np.testing.assert_array_equal(read_state(new)[name], old[name])
        assert sentence == f"Training starts from M-v1, which knows {after.names[1]}."


def test_a_class_that_is_gone_is_left_out() -> None:
    old, new = read_state(network(3, 1)), network(2, 2)
    load_matching(new, old, E_H, H, "M-v1")
    name = "head.conv_1x1.weight"
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


@pytest.mark.parametrize("data", [b"", b"\x80\x04pickle", b"\xff" * 64])
def test_damaged_weights_are_refused(data: bytes) -> None:
    with pytest.raises(ModelError, match="damaged"):
        decode_weights(data, "M-v1")


def test_weights_that_are_no_numbers_are_refused() -> None:
    data = encode_weights({"w": np.array([1, np.nan], np.float32)})
    with pytest.raises(ModelError, match="no numbers"):
        decode_weights(data, "M-v1")


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(JobError, match="no network called unet"):
        build_network("unet", 2)
