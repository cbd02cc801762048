"""PaddleSeg's weights become a model package, or are refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from medseg_desktop.core.errors import Cancelled, JobError, ModelError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.preprocessing import PRESETS
from medseg_desktop.core.specs import ImportSpec
from medseg_desktop.engine import importing
from medseg_desktop.engine.backend import models, paddle, quiet
from medseg_desktop.engine.importing import run_import
from medseg_desktop.engine.networks import export
from medseg_desktop.engine.networks.network import build_network, decode_weights
from medseg_desktop.io.model_package import open_model, read_weights
from tests.weight_files import as_numpy_1, pickled

Arrays = dict[str, npt.NDArray[Any]]
SIZE = 64


def paddleseg_network(n_labels: int = 2, channels: int = 1) -> paddle.nn.Layer:
    """PaddleSeg's own BiSeNetV2, with biases and running statistics that are not the first ones."""
    paddle.seed(n_labels)
    network: paddle.nn.Layer = models.BiSeNetV2(
        num_classes=n_labels, in_channels=channels, lambd=0.25
    )
    rng = np.random.default_rng(1)
    for name, tensor in network.state_dict().items():
        values = tensor.numpy()
        if name.endswith("_conv.bias"):
            tensor.set_value(rng.normal(0, 0.1, values.shape).astype(np.float32))
    with quiet(), paddle.no_grad():
        for _ in range(2):
            network(paddle.randn([2, channels, 64, 64]))
    network.eval()
    return network


@pytest.fixture(scope="module")
def network() -> paddle.nn.Layer:
    return paddleseg_network()


@pytest.fixture(scope="module")
def arrays(network: paddle.nn.Layer) -> Arrays:
    return {name: np.array(t.numpy()) for name, t in network.state_dict().items()}


@pytest.fixture(scope="module")
def imported(
    network: paddle.nn.Layer, tmp_path_factory: pytest.TempPathFactory, make_context: Any
) -> tuple[Path, Path, dict[str, Any], Any]:
    """The file as Paddle writes it, the package, the job's result and its context."""
    folder = tmp_path_factory.mktemp("import")
    paddle.save(network.state_dict(), str(folder / "model.pdparams"))
    context = make_context()
    context.work_dir = folder
    spec = ImportSpec(file=str(folder / "model.pdparams"), name="old", size=SIZE)
    result = run_import(spec, context)
    return folder / "model.pdparams", folder / "model", result, context


def test_the_package_computes_what_paddleseg_computes(
    imported: Any, network: paddle.nn.Layer
) -> None:
    package = open_model(imported[1])
    image = np.random.default_rng(0).normal(0, 1, (3, 1, SIZE, SIZE)).astype(np.float32)
    with paddle.no_grad():
        expected = network(paddle.to_tensor(image))[0].numpy()
    session = onnxruntime.InferenceSession(package.onnx, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"image": image})
    np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_the_package_tells_what_it_is_and_what_nobody_knows(imported: Any) -> None:
    file, folder, result, context = imported
    info = open_model(folder).info
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (info.title, info.architecture) == ("old-v1", "bisenetv2")
    assert info.imported == {"format": "PaddleSeg .pdparams", "sha256": digest}
    assert info.unknown_patients
    assert info.table.names == ("_background_", "H")
    assert info.preprocessing == PRESETS["reference"]
    assert (info.input.height, info.input.width) == (SIZE, SIZE)
    assert str(file.parent) not in (folder / "model.json").read_text("utf-8")
    assert result["sha256"] == digest
    assert result["agreement"] == info.training["onnx_agreement"] > 0.999
    assert context.phases[0] == ("read", 0, 4)
    assert context.phases[-1] == ("export", 4, 4)


def test_the_weights_can_be_trained_further(imported: Any) -> None:
    folder = imported[1]
    weights = decode_weights(read_weights(folder, open_model(folder).info), "old")
    other = build_network("bisenetv2", 2)
    from medseg_desktop.engine.networks.network import load_exactly, read_state

    load_exactly(other, weights, "x")
    held = read_state(other)
    assert all(np.array_equal(held[name], array) for name, array in weights.items())


def run(
    arrays: Arrays, folder: Path, context: Any, *, numpy_1: bool = False, **spec: Any
) -> dict[str, Any]:
    data = pickled(arrays)
    path = folder / "w.pdparams"
    path.write_bytes(as_numpy_1(data) if numpy_1 else data)
    fields: dict[str, Any] = {"package": str(folder / "package"), "name": "m", "size": SIZE}
    return run_import(ImportSpec(file=str(path), **(fields | spec)), context)


def test_a_file_of_paddle_2_6_gives_the_same_package(
    imported: Any, arrays: Arrays, tmp_path: Path, context: Any
) -> None:
    run(arrays, tmp_path, context, numpy_1=True)
    weights = "weights.safetensors"
    assert (tmp_path / "package" / weights).read_bytes() == (imported[1] / weights).read_bytes()


def test_more_classes_need_their_labels(tmp_path: Path, context: Any) -> None:
    state = paddleseg_network(3).state_dict()
    arrays = {name: np.array(t.numpy()) for name, t in state.items()}
    with pytest.raises(ModelError, match=r"has 3 classes: the background and 2 more\. Name"):
        run(arrays, tmp_path, context)
    with pytest.raises(ModelError, match="but 1 label was named"):
        run(arrays, tmp_path, context, labels=LabelTable.from_names(["H"]))
    assert not (tmp_path / "package").exists()
    result = run(arrays, tmp_path, context, labels=LabelTable.from_names(["H", "水肿"]))
    assert result["labels"] == ["_background_", "H", "水肿"]
    assert len(open_model(tmp_path / "package").info.labels) == 3


def changed(arrays: Arrays, kind: str) -> Arrays:
    copy = dict(arrays)
    name = "db.convs.0._conv.weight"
    if kind == "lacks one":
        del copy[name]
    elif kind == "lacks the head":
        del copy["head.conv_1x1.weight"]
    elif kind == "holds more":
        copy["decode_head.weight"] = copy[name]
    elif kind == "colour":
        copy[name] = np.repeat(copy[name], 3, axis=1)
    elif kind == "integers":
        copy[name] = copy[name].astype(np.int32)
    elif kind == "half a head":
        copy["head.conv_1x1.weight"] = copy["head.conv_1x1.weight"][0]
    elif kind == "one class":
        copy["head.conv_1x1.weight"] = copy["head.conv_1x1.weight"][:1]
    else:
        values = copy[name].astype(np.float64)
        values[0, 0, 0, 0] = {"nan": np.nan, "infinite": np.inf, "beyond float32": 1e300}[kind]
        copy[name] = values
    return copy


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("lacks one", r"not a BiSeNetV2 .*: it lacks db\.convs\.0\._conv\.weight\."),
        ("lacks the head", r"not a BiSeNetV2 .*: it lacks head\.conv_1x1\.weight\."),
        ("holds more", r"not a BiSeNetV2 .*: it also holds decode_head\.weight\."),
        ("colour", r"for grey slices: .* has the shape 64 x 3 x 3 x 3 instead of 64 x 1 x 3 x 3"),
        ("integers", "holds values of the type int32"),
        ("half a head", "not a BiSeNetV2"),
        ("one class", "has 1 outputs, which"),
        ("nan", "holds values that are no numbers"),
        ("infinite", "holds values that are no numbers"),
        ("beyond float32", "holds values that are no numbers"),
    ],
)
def test_weights_of_anything_else_are_refused(
    arrays: Arrays, tmp_path: Path, context: Any, kind: str, words: str
) -> None:
    with pytest.raises(ModelError, match=words) as refused:
        run(changed(arrays, kind), tmp_path, context)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "package").exists()


def test_weights_of_a_u_net_are_refused(tmp_path: Path, context: Any) -> None:
    state = build_network("unet", 2).state_dict()
    arrays = {name: np.array(t.numpy()) for name, t in state.items()}
    with pytest.raises(ModelError, match="is not a BiSeNetV2"):
        run(arrays, tmp_path, context)


def test_an_export_that_differs_leaves_no_package(
    arrays: Arrays, tmp_path: Path, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_share_equal", lambda *a: 0.5)
    with pytest.raises(JobError, match=r"agrees with the trained one on only 50\.00%"):
        run(arrays, tmp_path, context)
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize("phase", ["read", "load"])
def test_a_stop_leaves_no_package(arrays: Arrays, tmp_path: Path, context: Any, phase: str) -> None:
    context.stop_in = phase
    with pytest.raises(Cancelled):
        run(arrays, tmp_path, context)
    assert not (tmp_path / "package").exists()


def test_a_file_that_takes_too_much_memory_is_told(
    arrays: Arrays, tmp_path: Path, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> None:
        raise MemoryError

    monkeypatch.setattr(importing, "read_pdparams", read)
    with pytest.raises(ModelError, match="needs more memory than the weights of a network can"):
        run(arrays, tmp_path, context)


def test_a_size_that_the_network_cannot_take_is_refused(tmp_path: Path, context: Any) -> None:
    for size in (0, 50, 4096):
        with pytest.raises(JobError, match=f"{size} is no size"):
            run({}, tmp_path, context, size=size)
    assert msgspec.json.decode(msgspec.json.encode(ImportSpec(file="f", name="n")), type=ImportSpec)
