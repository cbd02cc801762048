"""The inference model for Paddle: as PaddleSeg's own export writes it, and it computes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
import yaml

from medseg_desktop.core.errors import Cancelled, JobError, ModelError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.preprocessing import Preprocessing, network_input
from medseg_desktop.core.specs import ExportSpec
from medseg_desktop.engine import exporting
from medseg_desktop.engine.backend import paddle, quiet
from medseg_desktop.engine.exporting import run_export
from medseg_desktop.engine.networks.export import export_onnx
from medseg_desktop.engine.networks.network import (
    build_network,
    decode_weights,
    encode_weights,
    read_state,
)
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.model_package import InputShape, ModelInfo, read_info, write_model
from tests.builders import write_model_package

SIZE = 64
HOW = Preprocessing(mean=0.4, std=0.3)


def write_package(folder: Path, architecture: str = "bisenetv2", **changes: Any) -> Path:
    """A package with fresh weights and running statistics that are not the first ones."""
    paddle.seed(3)
    table = LabelTable.from_names(["H", "水肿"])
    network = build_network(architecture, len(table))
    with quiet(), paddle.no_grad():
        for _ in range(2):
            network(paddle.randn([2, 1, 64, 64]))
        onnx = export_onnx(network, size=SIZE, table=table, preprocessing=HOW)
    info = ModelInfo(
        name="brain",
        architecture=architecture,
        labels=table.labels,
        preprocessing=HOW,
        input=InputShape(1, SIZE, SIZE),
    )
    weights = encode_weights(read_state(network))
    write_model(folder, msgspec.structs.replace(info, **changes), onnx, weights)
    return folder


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("package") / "m")


@pytest.fixture(scope="module")
def exported(
    package: Path, tmp_path_factory: pytest.TempPathFactory, make_context: Any
) -> tuple[Path, dict[str, Any], Any]:
    """The folder, the job's result and its context."""
    out = tmp_path_factory.mktemp("export") / "out"
    context = make_context()
    return (
        out,
        run_export(ExportSpec(model=str(package), out=str(out), size=SIZE), context),
        context,
    )


def infer(out: Path, image: Any) -> Any:
    """What deploy.yaml's network says, with Paddle Inference as its documentation uses it."""
    from paddle import inference

    deploy = yaml.safe_load((out / "deploy.yaml").read_text("utf-8"))["Deploy"]
    config = inference.Config(str(out / deploy["model"]), str(out / deploy["params"]))
    config.disable_mkldnn()
    config.disable_glog_info()
    predictor = inference.create_predictor(config)
    handle = predictor.get_input_handle(predictor.get_input_names()[0])
    handle.reshape(image.shape)
    handle.copy_from_cpu(image)
    predictor.run()
    return predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()


def test_deploy_yaml_says_what_paddleseg_s_says(exported: Any, package: Path) -> None:
    out, _, _ = exported
    text = (out / "deploy.yaml").read_text("utf-8")
    deploy = yaml.safe_load(text)["Deploy"]
    assert deploy["input_shape"] == [1, 1, SIZE, SIZE]
    assert (deploy["output_op"], deploy["output_dtype"]) == ("argmax", "int32")
    assert deploy["params"] == "model.pdiparams"
    assert (out / deploy["model"]).is_file()
    assert deploy["labels"] == ["_background_", "H", "水肿"]
    assert "水肿" in text
    assert deploy["transforms"] == [
        {"type": "Resize", "target_size": [SIZE, SIZE]},
        {"type": "Normalize", "mean": [0.4], "std": [0.3]},
    ]
    assert deploy["preprocessing"] == msgspec.to_builtins(HOW)
    assert deploy["title"] == "brain-v1"


def test_paddleseg_s_own_transforms_read_it_and_prepare_a_slice_as_we_do(exported: Any) -> None:
    from paddleseg import transforms
    from paddleseg.cvlibs import manager

    out, _, _ = exported
    deploy = yaml.safe_load((out / "deploy.yaml").read_text("utf-8"))["Deploy"]
    steps = [manager.TRANSFORMS[step.pop("type")](**step) for step in deploy["transforms"]]
    grey = np.random.default_rng(0).integers(0, 256, (100, 80)).astype(np.uint8)
    grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), 3), np.uint8)
    prepared = transforms.Compose(steps, img_channels=1)({"img": grey.astype(np.float32)})["img"]
    ours = network_input(grey, SIZE, SIZE, HOW)
    assert prepared.shape == (1, SIZE, SIZE)
    # PaddleSeg resizes floating point numbers, we whole grey values: at most one apart.
    assert np.abs(prepared[0] - ours).max() <= 1 / 255 / HOW.std


def test_paddle_inference_predicts_what_the_package_predicts(exported: Any, package: Path) -> None:
    out, result, _ = exported
    assert result["agreement"] > 0.999
    assert result["slices"] == 8
    assert result["files"] == ["deploy.yaml", "model.json", "model.pdiparams"]
    grey = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE)).astype(np.uint8)
    labels = infer(out, network_input(grey, SIZE, SIZE, HOW)[None, None])
    assert labels.shape == (1, SIZE, SIZE)
    assert labels.dtype == np.int32
    predicted = Predictor.open(package).predict_grey(grey)
    assert (labels[0] == predicted).mean() > 0.999


def test_progress_is_told_and_a_stop_ends_it(exported: Any, package: Path, context: Any) -> None:
    assert exported[2].phases[0] == ("load", 0, 5)
    assert exported[2].phases[-1] == ("verify", 5, 5)
    context.stop_in = "load"
    with pytest.raises(Cancelled):
        run_export(ExportSpec(model=str(package), out=str(package.parent / "o"), size=64), context)


@pytest.mark.parametrize(
    ("architecture", "size"), [("unet", SIZE), ("pp_liteseg", SIZE), ("bisenetv2", 96)]
)
def test_each_network_can_be_exported_and_at_another_size(
    tmp_path: Path,
    context: Any,
    package: Path,
    architecture: str,
    size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exporting, "COMPARED_SLICES", 2)
    if architecture != "bisenetv2":
        package = write_package(tmp_path / "m", architecture)
    result = run_export(
        ExportSpec(model=str(package), out=str(tmp_path / "out"), size=size), context
    )
    assert result["size"] == size
    assert result["agreement"] > 0.999
    image = np.zeros((1, 1, size, size), np.float32)
    assert infer(tmp_path / "out", image).shape == (1, size, size)


def test_an_inference_model_that_differs_is_refused(
    package: Path, tmp_path: Path, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        exporting, "_inference", lambda out: lambda image: np.zeros((1, SIZE, SIZE), np.int32)
    )
    with pytest.raises(JobError, match=r"agrees with the model on only \d+\.\d\d% of the pixels"):
        run_export(ExportSpec(model=str(package), out=str(tmp_path / "o"), size=SIZE), context)


def test_weights_that_are_not_those_of_the_network_are_refused(
    package: Path, tmp_path: Path, context: Any
) -> None:
    info, onnx = read_info(package), (package / "model.onnx").read_bytes()
    weights = (package / "weights.safetensors").read_bytes()
    mixed = tmp_path / "mixed"
    write_model(mixed, msgspec.structs.replace(info, architecture="unet"), onnx, weights)
    with pytest.raises(ModelError, match="brain-v1 does not hold the weights of its network"):
        run_export(ExportSpec(model=str(mixed), out=str(tmp_path / "o"), size=SIZE), context)
    # The right names and shapes, but not what the package's own network computes.
    swapped = tmp_path / "swapped"
    negated = {name: -values for name, values in decode_weights(weights, "x").items()}
    write_model(swapped, info, onnx, encode_weights(negated))
    with pytest.raises(JobError, match="agrees"):
        run_export(ExportSpec(model=str(swapped), out=str(tmp_path / "o"), size=SIZE), context)


def test_a_network_that_nobody_knows_is_refused(tmp_path: Path, context: Any) -> None:
    package = write_model_package(tmp_path / "m")
    with pytest.raises(JobError, match="no network called threshold"):
        run_export(ExportSpec(model=str(package), out=str(tmp_path / "o")), context)
    with pytest.raises(JobError, match="100 is no size"):
        run_export(ExportSpec(model=str(package), out=str(tmp_path / "o"), size=100), context)
