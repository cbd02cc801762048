"""Each network at tiny size, from the dataset to a second training that starts from the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from medseg_desktop.core.errors import ModelError
from medseg_desktop.core.events import Step
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.engine.backend import paddle, quiet
from medseg_desktop.engine.networks.architectures import ARCHITECTURES
from medseg_desktop.engine.networks.export import export_onnx
from medseg_desktop.engine.networks.network import build_network
from medseg_desktop.engine.training import run_training
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.model_package import open_model

MakeSpec = Callable[..., TrainSpec]


@pytest.mark.parametrize("architecture", ["unet", "pp_liteseg"])
def test_a_network_is_trained_exported_predicts_and_is_started_from(
    architecture: str, tmp_path: Path, make_spec: MakeSpec, make_context: Any
) -> None:
    first = make_spec(
        run=str(tmp_path / "first"), architecture=architecture, preset="default", iterations=2
    )
    context = make_context()
    result = run_training(first, context)

    n_heads = {"unet": 1, "pp_liteseg": 3}[architecture]
    assert len(context.of(Step)[0].losses) == n_heads
    package = open_model(Path(result["model"]))  # with all its checks
    assert package.info.architecture == architecture
    assert package.info.training["onnx_agreement"] > 0.999
    dataset = read_dataset(Path(first.dataset))
    grey = dataset.slice(dataset.files("val")[0])
    predicted = Predictor.open(Path(result["model"])).predict_grey(grey)
    assert predicted.shape == grey.shape
    assert set(np.unique(predicted)) <= {0, 1}

    context = make_context()
    second = make_spec(
        run=str(tmp_path / "second"),
        architecture=architecture,
        init=result["model"],
        iterations=1,
    )
    result = run_training(second, context)
    assert "Training starts from discs-v1, which knows H." in context.log_text
    assert open_model(Path(result["model"])).info.parent == "discs-v1"

    other = make_spec(run=str(tmp_path / "other"), init=result["model"])
    with pytest.raises(ModelError, match=f"is a {architecture} network, not bisenetv2"):
        run_training(other, make_context())


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
@pytest.mark.parametrize("size", [64, 224])
def test_the_export_computes_what_paddle_computes(architecture: str, size: int) -> None:
    """At sizes at which the pooled windows of PP-LiteSeg are larger or smaller than a pixel."""
    paddle.seed(0)
    network = build_network(architecture, 4)
    table = LabelTable.from_names(["H", "edema", "cyst"])
    image = np.random.default_rng(0).normal(0, 1, (2, 1, size, size)).astype(np.float32)
    with quiet(), paddle.no_grad():
        for _ in range(2):  # running statistics that are not the initial ones
            network(paddle.randn([2, 1, 64, 64]))
        data = export_onnx(network, size=size, table=table, preprocessing=Preprocessing(mean=0.4))
        network.eval()
        expected = network(paddle.to_tensor(image))[0].numpy()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"image": image})
    np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("n", [2, 3, 7, 8])
def test_means_over_windows_are_those_of_adaptive_pooling(n: int) -> None:
    network = build_network("pp_liteseg", 2)
    features = paddle.randn([2, 3, n, n + 1])
    for stage, bins in zip(network.ppseg_head.cm.stages, (1, 2, 4), strict=True):
        expected = paddle.nn.functional.adaptive_avg_pool2d(features, bins)
        np.testing.assert_allclose(stage[0](features).numpy(), expected.numpy(), atol=1e-6)
