from __future__ import annotations

from collections.abc import Callable

import onnx
import pytest
from onnx import TensorProto, helper

from medseg_desktop.core.errors import ModelError
from medseg_desktop.io.onnx_check import check_onnx
from tests.builders import threshold_network

SIZE = (32, 40)


def check(data: bytes, input_shape: tuple[int, int, int] = (1, *SIZE), n_labels: int = 2) -> None:
    check_onnx(data, source="tiny", input_shape=input_shape, n_labels=n_labels)


def test_a_plain_segmentation_network_passes() -> None:
    check(threshold_network(SIZE, (128,)).SerializeToString())


@pytest.mark.parametrize("data", [b"hello", b"\x08\xff\xff", b"", b"\x80\x04K\x01."])
def test_what_is_no_network_is_refused(data: bytes) -> None:
    with pytest.raises(ModelError, match="tiny"):
        check(data)


@pytest.mark.parametrize(
    ("input_shape", "n_labels"), [((3, *SIZE), 2), ((1, 40, 32), 2), ((1, *SIZE), 3)]
)
def test_declared_and_real_shapes_must_agree(
    input_shape: tuple[int, int, int], n_labels: int
) -> None:
    with pytest.raises(ModelError, match="float32 tensor"):
        check(threshold_network(SIZE, (128,)).SerializeToString(), input_shape, n_labels)


def test_the_output_has_a_fixed_name() -> None:
    with pytest.raises(ModelError, match="logits"):
        check(threshold_network(SIZE, (128,), output="other").SerializeToString())


def another_operator(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Einsum", ["image"], ["x"], equation="a->a"))


def another_domain(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "com.evil"


def another_opset(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def external_data(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def external_constant(model: onnx.ModelProto) -> None:
    tensor = helper.make_tensor("c", TensorProto.FLOAT, [1], [1.0])
    tensor.external_data.add(key="location", value="../x")
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))


def sparse_constant(model: onnx.ModelProto) -> None:
    values = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    values.external_data.add(key="location", value="../x")
    places = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    sparse = helper.make_sparse_tensor(values, places, [1 << 40])
    model.graph.node.append(helper.make_node("Constant", [], ["c"], sparse_value=sparse))


def fixed_batch(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 3


def nested_graph(model: onnx.ModelProto) -> None:
    graph = helper.make_graph([], "inner", [], [])
    model.graph.node.append(helper.make_node("Identity", ["image"], ["y"], body=graph))


def control_flow(model: onnx.ModelProto) -> None:
    graph = helper.make_graph([], "inner", [], [])
    model.graph.node.append(helper.make_node("Loop", ["image"], ["y"], body=graph))


def second_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))


def function(model: onnx.ModelProto) -> None:
    model.functions.add(name="f", domain="")


@pytest.mark.parametrize(
    "spoil",
    [
        another_operator, another_domain, another_opset, external_data, external_constant,
        sparse_constant, fixed_batch, nested_graph, control_flow, second_input, function,
    ],
)  # fmt: skip
def test_anything_but_plain_standard_operators_is_refused(
    spoil: Callable[[onnx.ModelProto], None],
) -> None:
    model = threshold_network(SIZE, (128,))
    spoil(model)
    with pytest.raises(ModelError, match="tiny"):
        check(model.SerializeToString())
