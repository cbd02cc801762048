"""The trained network as ONNX, tidied up, and compared with Paddle on real slices."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import onnx

from medseg_desktop.core.errors import JobError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.preprocessing import Preprocessing, network_input
from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.validation import argmax
from medseg_desktop.io.models.onnx_metadata import described
from medseg_desktop.io.onnx_check import INPUT_NAME, OUTPUT_NAME, check_onnx

if TYPE_CHECKING:
    from paddle import Tensor
    from paddle.nn import Layer

_OPSET = 17
_CHANNELS = 1
#: Below this share of pixels with the same class the exported network is not used.
REQUIRED_AGREEMENT = 0.999
COMPARED_SLICES = 8


class Compared(Protocol):
    """A slice that two networks are compared on: both uint8 (rows, columns)."""

    @property
    def grey(self) -> npt.NDArray[np.uint8]: ...
    @property
    def label_map(self) -> npt.NDArray[np.uint8]: ...


class _Head(paddle.nn.Layer):
    """Only the head of the network, with the input named as in the package."""

    def __init__(self, network: Layer) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Any:
        return self.network(image)[0]


def export_onnx(
    network: Layer, *, size: int, table: LabelTable, preprocessing: Preprocessing
) -> bytes:
    """The network in evaluation mode as a self-contained ONNX file.

    Input `image` float32 (N, 1, size, size), output `logits` float32 (N, K, size, size); N is
    free.  Labels and preprocessing are repeated as JSON in its metadata.

    Raises:
        JobError, ModelError: the export failed, or made a network that fails our own check.
    """
    network.eval()
    try:
        model = onnx.load_model_from_string(_convert(network, size))
    finally:
        network.train()
    _simplify(model.graph)
    _declare(model.graph, size, len(table))
    model.producer_name = "medseg-desktop"
    model.ClearField("metadata_props")
    data = described(model.SerializeToString(), preprocessing, table.labels)
    check_onnx(
        data,
        source="the exported model",
        input_shape=(_CHANNELS, size, size),
        n_labels=len(table),
    )
    return data


def _convert(network: Layer, size: int) -> bytes:
    """Paddle -> ONNX bytes through a temporary folder, which is gone afterwards."""
    import paddle2onnx

    shape = paddle.static.InputSpec([None, _CHANNELS, size, size], "float32", INPUT_NAME)
    head = _Head(network)
    head.eval()
    with tempfile.TemporaryDirectory(prefix="medseg-export-") as folder:
        stem = Path(folder) / "network"
        paddle.jit.save(head, str(stem), input_spec=[shape])
        try:
            # With a file to save to it would run an optimiser that installs packages.
            data = paddle2onnx.export(
                f"{stem}.json", f"{stem}.pdiparams", None, opset_version=_OPSET
            )
        except Exception as error:  # the converter is native code and raises what it likes
            raise JobError(
                "The trained network cannot be converted to ONNX.",
                "The checkpoints of the run are kept; see its log.",
            ) from error
    if not isinstance(data, bytes):
        raise JobError("The trained network cannot be converted to ONNX.")
    return data


def _simplify(graph: onnx.GraphProto) -> None:
    """Constants become initializers, identities and what nobody uses disappear."""
    outputs = {value.name for value in graph.output}
    alias: dict[str, str] = {}
    kept: list[onnx.NodeProto] = []
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = alias.get(name, name)
        if node.op_type == "Identity" and node.output[0] not in outputs:
            alias[node.output[0]] = node.input[0]
        elif node.op_type == "Constant" and node.attribute[0].name == "value":
            tensor = graph.initializer.add()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
        else:
            kept.append(node)
    used = set(outputs)
    live: list[onnx.NodeProto] = []
    for node in reversed(kept):  # nodes are in topological order
        if used.intersection(node.output):
            used.update(node.input)
            live.append(node)
    initializers = [t for t in graph.initializer if t.name in used]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(reversed(live))
    graph.initializer.extend(initializers)


def _declare(graph: onnx.GraphProto, size: int, n_labels: int) -> None:
    """Rename the output to `logits` and declare both shapes with a free N."""
    old = graph.output[0].name
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = OUTPUT_NAME
    for values, name, channels in (
        (graph.input, INPUT_NAME, _CHANNELS),
        (graph.output, OUTPUT_NAME, n_labels),
    ):
        value = onnx.helper.make_tensor_value_info(
            name, onnx.TensorProto.FLOAT, ["N", channels, size, size]
        )
        del values[:]
        values.append(value)


def compare(
    network: Layer,
    data: bytes,
    samples: Sequence[Compared],
    *,
    size: int,
    how: Preprocessing,
    hint: str = "The checkpoints of the run are kept.",
) -> float:
    """Share of pixels, 0..1, on which Paddle and ONNX Runtime choose the same class.

    Args:
        samples: the slices to compare on; up to `COMPARED_SLICES`, those with most lesion.
        hint: what to do where they do not agree.

    Raises:
        JobError: it is not above `REQUIRED_AGREEMENT`.
    """
    session = onnx_session(data)
    ranked = sorted(samples, key=lambda s: -int(np.count_nonzero(s.label_map)))
    agreeing: list[float] = []
    network.eval()
    try:
        with paddle.no_grad():
            for sample in ranked[:COMPARED_SLICES]:
                image = network_input(sample.grey, size, size, how)[None, None]
                expected = argmax(network(paddle.to_tensor(image))[0])
                agreeing.append(_share_equal(session, image, expected))
    finally:
        network.train()
    agreement = float(np.mean(agreeing))
    if agreement <= REQUIRED_AGREEMENT:
        raise JobError(
            f"The exported network agrees with the trained one on only {agreement:.2%} of the "
            "pixels, so no model was saved.",
            hint,
        )
    return agreement


def onnx_session(data: bytes) -> Any:
    """ONNX Runtime's session of a checked network, on the processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _share_equal(
    session: Any, image: npt.NDArray[np.float32], expected: npt.NDArray[np.uint8]
) -> float:
    (logits,) = session.run([OUTPUT_NAME], {INPUT_NAME: image})
    return float(np.mean(logits.argmax(axis=1) == expected))
