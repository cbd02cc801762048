from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from medseg_desktop.core.display import PixelFormat
from medseg_desktop.core.errors import ModelError
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.inference.predictor import Predictor
from tests.builders import lesion_slice, model_info, threshold_network, write_model_package


def test_a_slice_of_the_networks_size_is_predicted_exactly(tmp_path: Path) -> None:
    predictor = Predictor.open(write_model_package(tmp_path / "m"))
    label_map = predictor.predict(lesion_slice(), PixelFormat())
    expected = np.zeros((32, 40), np.uint8)
    expected[8:16, 10:20] = 1
    assert np.array_equal(label_map, expected)
    assert label_map.dtype == np.uint8


def test_classes_keep_their_order(tmp_path: Path) -> None:
    info = model_info(labels=["H", "W"])
    predictor = Predictor.open(write_model_package(tmp_path / "m", info, thresholds=(100, 200)))
    pixels = np.zeros((32, 40), np.uint8)
    pixels[:, 10:20], pixels[:, 20:] = 150, 255
    assert np.array_equal(
        predictor.predict(pixels, PixelFormat()), (pixels > 100).astype(int) + (pixels > 200)
    )


@pytest.mark.parametrize("size", [(32, 40), (50, 30), (30, 50), (17, 64), (256, 200)])
def test_a_label_map_has_the_slices_own_rows_and_columns(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    predictor = Predictor.open(write_model_package(tmp_path / "m"))
    pixels = np.zeros(size, np.uint8)
    pixels[: size[0] // 2, : size[1] // 4] = 255  # a quarter wide, half high: not symmetric
    network = cv2.resize(pixels, (40, 32), interpolation=cv2.INTER_LINEAR) > 128
    expected = cv2.resize(network.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST)
    label_map = predictor.predict(pixels, PixelFormat())
    assert label_map.shape == size
    assert np.array_equal(label_map, expected)


def test_the_models_preprocessing_is_used(tmp_path: Path) -> None:
    info = model_info(preprocessing=Preprocessing(scaling="percentile", denoise=None))
    predictor = Predictor.open(write_model_package(tmp_path / "m", info))
    pixels = (4095 - lesion_slice()).astype(np.uint16)
    label_map = predictor.predict(pixels, PixelFormat(inverted=True))
    assert label_map[8:16, 10:20].all()
    assert label_map.sum() == 80


def test_threads_get_the_same_answer(tmp_path: Path) -> None:
    predictor = Predictor.open(write_model_package(tmp_path / "m"), threads=1)
    expected = predictor.predict(lesion_slice(), PixelFormat())
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda _: predictor.predict(lesion_slice(), PixelFormat()), range(16))
        )
    assert all(np.array_equal(f, expected) for f in found)


def test_a_network_that_does_not_load_is_said(tmp_path: Path) -> None:
    network = threshold_network((32, 40), (128,))
    network.graph.node[0].input[1] = "missing"
    package = write_model_package(tmp_path / "m", network=network)
    with pytest.raises(ModelError, match="does not load"):
        Predictor.open(package)


def enlarged(network: onnx.ModelProto) -> None:
    """Its answer is twice as large as it declares."""
    network.graph.node[0].output[0] = "small"
    scales = helper.make_tensor("scales", TensorProto.FLOAT, [4], [1.0, 1.0, 2.0, 2.0])
    network.graph.initializer.append(scales)
    network.graph.node.append(helper.make_node("Resize", ["small", "", "scales"], ["logits"]))


def not_a_number(network: onnx.ModelProto) -> None:
    network.graph.initializer[1].float_data[1] = np.nan


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(enlarged, "answers in another size"), (not_a_number, "values that are no numbers")],
)
def test_an_answer_that_is_none_is_no_label_map(
    tmp_path: Path, spoil: Callable[[onnx.ModelProto], None], words: str
) -> None:
    network = threshold_network((32, 40), (128,))
    spoil(network)
    package = write_model_package(tmp_path / "m", network=network)
    with pytest.raises(ModelError, match=words):
        Predictor.open(package).predict(lesion_slice(), PixelFormat())
    with pytest.raises(ModelError, match=words):
        Predictor.require_runnable(package)
