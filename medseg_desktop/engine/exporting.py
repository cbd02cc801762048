"""The job `export`: a model as Paddle's inference model, as PaddleSeg's own export writes it.

`tools/export.py` of PaddleSeg 2.8 appends an argmax by default, saves the network with
`paddle.jit.save`, and describes it in `deploy.yaml`.  Paddle 3.3 calls the file of the network
`model.json` where 2.6 called it `model.pdmodel`; `deploy.yaml` names the file that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import yaml

from medseg_desktop.core.errors import JobError, WorkspaceError, describe_os_error
from medseg_desktop.core.preprocessing import Preprocessing, network_input
from medseg_desktop.core.specs import ExportSpec
from medseg_desktop.engine.backend import paddle, quiet
from medseg_desktop.engine.networks.export import (
    COMPARED_SLICES,
    REQUIRED_AGREEMENT,
    Compared,
    compare,
    export_onnx,
    onnx_session,
)
from medseg_desktop.engine.networks.network import build_network, decode_weights, load_exactly
from medseg_desktop.engine.networks.sample_slices import generated_slices
from medseg_desktop.io.model_package import open_model, read_weights
from medseg_desktop.io.models.info import ModelInfo
from medseg_desktop.io.onnx_check import INPUT_NAME, OUTPUT_NAME

if TYPE_CHECKING:
    from paddle import Tensor
    from paddle.nn import Layer

    from medseg_desktop.jobs.worker import JobContext

DEPLOY = "deploy.yaml"
_STEM = "model"
_CHANNELS = 1
_OUTPUT_OP: Final = "argmax"
_OUTPUT_TYPE: Final = "int32"
_STEPS = 5


class _WithArgmax(paddle.nn.Layer):
    """The network with class indices, int32 (N, H, W), as its one output."""

    def __init__(self, network: Layer) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        labels: Tensor = paddle.argmax(self.network(x)[0], axis=1, dtype=_OUTPUT_TYPE)
        return labels


def run_export(spec: ExportSpec, context: JobContext) -> dict[str, Any]:
    """Write `model.json`, `model.pdiparams` and `deploy.yaml`, and load them back.

    Returns:
        out, files (names), size, agreement (share of pixels, 0..1, on which Paddle Inference
        and the package's ONNX choose the same class), slices (how many were compared).

    Raises:
        Cancelled: stopped by the user.
        ModelError: the package, or its weights, fail a check.
        JobError: Paddle cannot write or read the network, or it computes something else.
    """
    if spec.size % 32 or not 64 <= spec.size <= 2048:
        raise JobError(f"{spec.size} is no size for the network's input.", "Choose 512.")
    with quiet():
        return _export(spec, context)


def _export(spec: ExportSpec, context: JobContext) -> dict[str, Any]:
    def step(number: int, phase: str) -> None:
        context.check()
        context.progress(phase, number, _STEPS)

    step(0, "load")
    package = open_model(Path(spec.model))
    info, out = package.info, Path(spec.out)
    paddle.device.set_device("cpu")
    network = _network(Path(spec.model), info)
    step(1, "verify")
    slices = generated_slices(COMPARED_SLICES)
    onnx, first = _onnx_at(spec.size, network, info, package.onnx, slices)
    step(2, "export")
    network.eval()
    _save(network, out, spec.size)
    _describe(out, info, spec.size)
    step(3, "verify")
    second = _compare(_inference(out), onnx, slices, spec.size, info.preprocessing, context.check)
    step(_STEPS, "verify")
    return {
        "out": str(out),
        "files": sorted(path.name for path in out.iterdir()),
        "size": spec.size,
        "agreement": min(first, second),
        "slices": len(slices),
    }


def _network(path: Path, info: ModelInfo) -> Layer:
    """The package's weights in its architecture."""
    network = build_network(info.architecture, len(info.labels), info.input.channels)
    weights = decode_weights(read_weights(path, info), info.title)
    load_exactly(network, weights, f"{info.title} does not hold the weights of its network")
    return network


def _onnx_at(
    size: int, network: Layer, info: ModelInfo, onnx: bytes, slices: Sequence[Compared]
) -> tuple[bytes, float]:
    """The network as ONNX with an input of this size, and how far it is the package's.

    A package's own ONNX has one size.  Where another is asked for, Paddle is compared with it
    at its own, and the same weights are exported again.
    """
    own = (info.input.height, info.input.width)
    if own == (size, size):
        return onnx, 1.0
    if own[0] != own[1]:
        raise JobError(f"{info.title} takes slices of {own[0]} x {own[1]}, which are no squares.")
    agreement = compare(network, onnx, slices, size=own[0], how=info.preprocessing, hint="")
    again = export_onnx(network, size=size, table=info.table, preprocessing=info.preprocessing)
    return again, agreement


def _save(network: Layer, out: Path, size: int) -> None:
    """`model.json` and `model.pdiparams`."""
    layer = _WithArgmax(network)
    layer.eval()
    shape = paddle.static.InputSpec([1, _CHANNELS, size, size], "float32")
    try:
        out.mkdir(parents=True, exist_ok=True)
        paddle.jit.save(paddle.jit.to_static(layer, input_spec=[shape]), str(out / _STEM))
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, out, "write")) from error


def _describe(out: Path, info: ModelInfo, size: int) -> None:
    """`deploy.yaml`: what PaddleSeg's deployment reads, and what the input and output mean.

    PaddleSeg's transforms begin with the 8-bit slice; how it is made of stored values stands
    under `preprocessing`, which PaddleSeg does not look at, like `labels` and `title`.
    """
    how = info.preprocessing
    deploy = {
        "model": _network_file(out).name,
        "params": f"{_STEM}.pdiparams",
        "transforms": [
            {"type": "Resize", "target_size": [size, size]},
            {"type": "Normalize", "mean": [how.mean], "std": [how.std]},
        ],
        "input_shape": [1, _CHANNELS, size, size],
        "output_op": _OUTPUT_OP,
        "output_dtype": _OUTPUT_TYPE,
        "labels": list(info.table.names),
        "preprocessing": msgspec.to_builtins(how),
        "title": info.title,
        "network": info.network_digest,
    }
    text = yaml.safe_dump({"Deploy": deploy}, allow_unicode=True)
    try:
        (out / DEPLOY).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, out, "write")) from error


def _network_file(out: Path) -> Path:
    """What `paddle.jit.save` has called the network."""
    for suffix in (".json", ".pdmodel"):
        if (out / f"{_STEM}{suffix}").is_file():
            return out / f"{_STEM}{suffix}"
    raise JobError("Paddle has not written the inference model.", "Try again, or see the log.")


def _inference(out: Path) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.int32]]:
    """Paddle Inference with what lies in a folder: images (1, 1, H, W) -> labels (1, H, W)."""
    from paddle import inference

    config = inference.Config(str(_network_file(out)), str(out / f"{_STEM}.pdiparams"))
    config.disable_gpu()
    config.disable_glog_info()
    # Paddle 3.3 cannot run an interpolation of its new format in oneDNN, which it uses unless
    # it is told not to (PaddlePaddle/Paddle issue 79749).
    config.disable_mkldnn()
    predictor = inference.create_predictor(config)

    def run(image: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
        source = predictor.get_input_handle(predictor.get_input_names()[0])
        source.reshape(image.shape)
        source.copy_from_cpu(image)
        predictor.run()
        output = predictor.get_output_handle(predictor.get_output_names()[0])
        labels: npt.NDArray[np.int32] = output.copy_to_cpu()
        return labels

    return run


def _compare(
    run: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.int32]],
    onnx: bytes,
    slices: Sequence[Compared],
    size: int,
    how: Preprocessing,
    check: Callable[[], None],
) -> float:
    """Share of pixels on which Paddle Inference and ONNX Runtime choose the same class."""
    session = onnx_session(onnx)
    agreeing: list[float] = []
    for item in slices:
        check()
        image = np.ascontiguousarray(network_input(item.grey, size, size, how)[None, None])
        (logits,) = session.run([OUTPUT_NAME], {INPUT_NAME: image})
        agreeing.append(float(np.mean(run(image) == logits.argmax(axis=1))))
    agreement = float(np.mean(agreeing))
    if agreement <= REQUIRED_AGREEMENT:
        raise JobError(
            f"Paddle Inference agrees with the model on only {agreement:.2%} of the pixels, so "
            "nothing was exported."
        )
    return agreement
