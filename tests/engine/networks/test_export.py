from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest

from medseg_desktop.core.errors import JobError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.engine.backend import paddle, quiet
from medseg_desktop.engine.data import load_samples
from medseg_desktop.engine.networks.export import compare, export_onnx
from medseg_desktop.engine.networks.network import build_network, load_state, read_state
from medseg_desktop.io.dataset import read_dataset

TABLE = LabelTable.from_names(["H", "edema"])
HOW = Preprocessing(mean=0.4)
SIZE = 96


@pytest.fixture(scope="module")
def network() -> paddle.nn.Layer:
    """Fresh weights, and running statistics that are not the initial ones."""
    paddle.seed(0)
    net = build_network("bisenetv2", len(TABLE))
    with quiet(), paddle.no_grad():
        for _ in range(3):
            net(paddle.randn([2, 1, 64, 64]))
    return net


@pytest.fixture(scope="module")
def exported(network: paddle.nn.Layer) -> bytes:
    with quiet():
        return export_onnx(network, size=SIZE, table=TABLE, preprocessing=HOW)


def test_the_export_declares_both_shapes_with_a_free_number_of_slices(exported: bytes) -> None:
    graph = onnx.load_model_from_string(exported).graph
    for value, name, channels in ((graph.input, "image", 1), (graph.output, "logits", 3)):
        (tensor,) = value
        dims = tensor.type.tensor_type.shape.dim
        assert tensor.name == name
        assert tensor.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        assert [d.dim_value for d in dims] == [0, channels, SIZE, SIZE]


def test_the_export_computes_what_paddle_computes(
    network: paddle.nn.Layer, exported: bytes
) -> None:
    image = np.random.default_rng(0).normal(0, 1, (3, 1, SIZE, SIZE)).astype(np.float32)
    network.eval()
    with paddle.no_grad():
        expected = network(paddle.to_tensor(image))[0].numpy()
    network.train()
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"image": image})
    np.testing.assert_allclose(logits, expected, atol=1e-3)


def test_the_export_is_a_valid_and_tidy_network(exported: bytes) -> None:
    model = onnx.load_model_from_string(exported)
    onnx.checker.check_model(model, full_check=True)
    assert {"Constant", "Identity"}.isdisjoint(node.op_type for node in model.graph.node)
    used = {name for node in model.graph.node for name in node.input}
    assert {t.name for t in model.graph.initializer} <= used


def test_preprocessing_and_labels_travel_in_the_metadata(exported: bytes) -> None:
    model = onnx.load_model_from_string(exported)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert msgspec.json.decode(metadata["preprocessing"], type=Preprocessing) == HOW
    assert [x["name"] for x in msgspec.json.decode(metadata["labels"])] == list(TABLE.names)


def test_the_network_is_left_in_training_mode(network: paddle.nn.Layer, exported: bytes) -> None:
    assert network.training


def test_an_export_that_differs_from_the_trained_network_is_refused(
    network: paddle.nn.Layer, exported: bytes, dataset_folder: Path
) -> None:
    dataset = read_dataset(dataset_folder)
    samples = load_samples(dataset, ("val",), lambda done, total: None)["val"]
    assert compare(network, exported, samples, size=SIZE, how=HOW) > 0.999
    weights = read_state(network)
    weights["head.conv_1x1.bias"] = weights["head.conv_1x1.bias"] + [0, 0, 100]
    other = build_network("bisenetv2", len(TABLE))
    load_state(other, {k: v.astype(np.float32) for k, v in weights.items()})
    with quiet(), pytest.raises(JobError, match=r"agrees with the trained one on only \d+\.\d\d%"):
        compare(other, exported, samples, size=SIZE, how=HOW)
