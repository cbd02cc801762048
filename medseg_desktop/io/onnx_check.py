"""What an ONNX network must look like before it is run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from medseg_desktop.core.errors import ModelError

if TYPE_CHECKING:
    import onnx

#: Standard operators that exported convolutional networks consist of.  No control flow, no
#: operator that reads files, no custom domain.
ALLOWED_OPERATORS = frozenset(
    """Add ArgMax AveragePool BatchNormalization Cast Clip Concat Constant ConstantOfShape Conv
    ConvTranspose Div Dropout Equal Exp Expand Flatten Gather Gemm GlobalAveragePool
    GlobalMaxPool HardSigmoid HardSwish Identity LeakyRelu MatMul MaxPool Mul Pad Pow PRelu
    ReduceMax ReduceMean ReduceSum Relu Reshape Resize Shape Sigmoid Slice Softmax Split Sqrt
    Squeeze Sub Tanh Transpose Unsqueeze Where""".split()
)
INPUT_NAME = "image"
OUTPUT_NAME = "logits"
_MAXIMUM_NODES = 20_000
_MAXIMUM_OPSET = 22


def check_onnx(
    data: bytes, *, source: str, input_shape: tuple[int, int, int], n_labels: int
) -> None:
    """Refuse a network that is not plainly a segmentation network of the declared shape.

    Args:
        data: the bytes of the .onnx file.
        source: names the model in messages.
        input_shape: declared (channels, height, width).
        n_labels: number of classes K; the output must be (N, K, height, width).

    Raises:
        ModelError: what is wrong.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError, TypeError) as error:
        raise ModelError(f"The network in {source} is damaged.", "Copy the model again.") from error
    graph = model.graph
    if len(graph.node) > _MAXIMUM_NODES or len(model.functions) or len(model.training_info):
        raise ModelError(f"The network in {source} is not one this program can run.")
    _check_opsets(model, source)
    _check_nodes(graph.node, source)
    if any(_is_external(t) for t in graph.initializer) or len(graph.sparse_initializer):
        raise ModelError(f"The network in {source} keeps data outside its file.")
    initializers = {t.name for t in graph.initializer}
    inputs = [i for i in graph.input if i.name not in initializers]
    channels, height, width = input_shape
    _check_tensor(inputs, INPUT_NAME, (channels, height, width), source)
    _check_tensor(list(graph.output), OUTPUT_NAME, (n_labels, height, width), source)


def _check_opsets(model: onnx.ModelProto, source: str) -> None:
    for opset in model.opset_import:
        if opset.domain not in ("", "ai.onnx") or not 1 <= opset.version <= _MAXIMUM_OPSET:
            raise ModelError(f"The network in {source} uses operators outside the standard.")


def _check_nodes(nodes: Iterable[onnx.NodeProto], source: str) -> None:
    for node in nodes:
        if node.domain not in ("", "ai.onnx") or node.op_type not in ALLOWED_OPERATORS:
            name = node.op_type[:40]
            raise ModelError(f"The network in {source} uses the operator {name}, which is barred.")
        for attribute in node.attribute:
            tensors = [attribute.t, *attribute.tensors]
            if any(_is_external(t) for t in tensors):
                raise ModelError(f"The network in {source} keeps data outside its file.")
            if attribute.HasField("sparse_tensor") or len(attribute.sparse_tensors):
                raise ModelError(f"The network in {source} keeps values in a way that is barred.")
            if attribute.HasField("g") or len(attribute.graphs):
                raise ModelError(f"The network in {source} holds a nested network.")


def _is_external(tensor: onnx.TensorProto) -> bool:
    return bool(tensor.external_data) or tensor.data_location != 0


def _check_tensor(
    values: list[onnx.ValueInfoProto], name: str, shape: tuple[int, int, int], source: str
) -> None:
    """Exactly one float32 tensor called `name` of shape (N, *shape)."""
    float32 = 1  # TensorProto.FLOAT
    if len(values) == 1 and values[0].name == name:
        tensor = values[0].type.tensor_type
        sizes = tuple(d.dim_value for d in tensor.shape.dim)
        # N is 0, or -1, where any number of slices is taken; slices come one by one.
        is_shape = len(sizes) == 4 and sizes[1:] == shape and sizes[0] <= 1
        if tensor.elem_type == float32 and is_shape:
            return
    wanted = " x ".join(str(n) for n in shape)
    raise ModelError(f"The network in {source} has no float32 tensor {name} of N x {wanted}.")
