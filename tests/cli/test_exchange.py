"""`export` and `import-model` through the command line, with their real child processes."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
import safetensors.numpy
from onnx import TensorProto

from medseg_desktop.core.notice import RESEARCH_NOTICE_ZH
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.io.model_info import ModelInfo
from medseg_desktop.io.model_package import open_model, read_info, write_model
from medseg_desktop.io.workspace import Workspace
from tests.builders import model_info, threshold_network, write_model_package
from tests.cli.test_commands import Capture, last_json, one_line, run
from tests.weight_files import hostile_files, pickled, small_weights


def everything(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# -- export


def metadata(path: Path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def test_an_exported_network_tells_how_to_use_it(tmp_path: Path, capsys: Capture) -> None:
    model = write_model_package(tmp_path / "m", model_info(labels=("水肿",)))
    out = tmp_path / "out"
    assert run("export", model, "--out", out, "--format", "onnx", "--json") == 0
    assert last_json(capsys)["formats"] == {"onnx": {"files": ["model.onnx"]}}
    assert set(everything(out)) == {"model.onnx", "card.md"}
    told = metadata(out / "model.onnx")
    info = read_info(model)
    assert msgspec.json.decode(told["preprocessing"], type=Preprocessing) == info.preprocessing
    assert [x["name"] for x in json.loads(told["labels"])] == ["_background_", "水肿"]
    assert told["title"] == "tiny-v1"
    assert told["network"] == info.network_digest
    assert "Not a medical device" in told["notice"]
    assert RESEARCH_NOTICE_ZH in told["notice"]
    assert onnx.load(out / "model.onnx").graph == onnx.load(model / "model.onnx").graph
    assert RESEARCH_NOTICE_ZH in (out / "card.md").read_text("utf-8")
    assert run("export", model, "--out", out) == 1
    assert "not empty" in one_line(capsys)


def test_an_exported_package_reads_back(tmp_path: Path, capsys: Capture) -> None:
    split = {"p1": "train", "p2": "test"}
    model = write_model_package(tmp_path / "m", model_info(split=split, salt_id="ab"))  # type: ignore[arg-type]
    for name in ("a", "b"):
        assert run("export", model, "--out", tmp_path / name, "--format", "package") == 0
    archive = tmp_path / "a" / "tiny-v1.zip"
    assert archive.read_bytes() == (tmp_path / "b" / "tiny-v1.zip").read_bytes()
    workspace = Workspace(tmp_path / "ws")
    words = ("import-model", archive, "--name", "back", "--workspace", workspace.root, "--json")
    assert run(*words) == 0
    result = last_json(capsys)
    assert (result["title"], result["format"]) == ("back-v1", "package")
    there, back = open_model(model), open_model(Path(result["model"]))
    assert back.onnx == there.onnx
    same = msgspec.structs.replace(back.info, name="tiny", files=there.info.files)
    assert same == there.info
    (entry,) = workspace.audit.verify().entries
    assert entry.action == "model_imported"
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert entry.details == {"model": "back-v1", "source_sha256": digest}
    assert str(tmp_path) not in (workspace.root / "audit.jsonl").read_text("utf-8")


def test_a_folder_is_imported_too_and_is_no_champion(tmp_path: Path) -> None:
    model = write_model_package(tmp_path / "m")
    for file in (model, model / "model.json"):
        assert run("import-model", file, "--name", "x", "--workspace", tmp_path / "ws") == 0
    workspace = Workspace(tmp_path / "ws")
    assert {e.title for e in workspace.model_entries()} == {"x-v1", "x-v2"}
    assert not (workspace.root / "champion.json").exists()


def test_a_network_that_paddle_does_not_know_leaves_nothing(
    tmp_path: Path, capsys: Capture
) -> None:
    model = write_model_package(tmp_path / "m")
    out = tmp_path / "out"
    assert run("export", model, "--out", out, "--format", "onnx,paddle,package") == 1
    assert "There is no network called threshold" in one_line(capsys)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_another_size_than_the_model_has_learned_with_is_told(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "medseg_desktop.cli.export._write_paddle",
        lambda package, folder, size: {"files": ["x"], "size": size, "agreement": 1, "slices": 8},
    )
    model = write_model_package(tmp_path / "m", model_info(size=(64, 64)))
    assert run("export", model, "--out", tmp_path / "a", "--format", "paddle") == 0
    assert "has learned on slices of 64 x 64 pixels" in capsys.readouterr().err
    words = ("--format", "paddle", "--size", "64")
    assert run("export", model, "--out", tmp_path / "b", *words) == 0
    assert capsys.readouterr().err == ""


# -- import


def test_paddleseg_s_weights_go_in_and_out_again(tmp_path: Path, capsys: Capture) -> None:
    from medseg_desktop.engine.backend import models, paddle, quiet

    network = models.BiSeNetV2(num_classes=2, in_channels=1, lambd=0.25)
    with quiet(), paddle.no_grad():
        network(paddle.randn([2, 1, 64, 64]))
    file = tmp_path / "model.pdparams"
    paddle.save(network.state_dict(), str(file))
    place = ("--workspace", tmp_path / "ws")
    words = ("--name", "old", "--labels", "病灶", "--size", "64", "--json")
    assert run("import-model", file, *words, *place) == 0
    result = last_json(capsys)
    assert (result["title"], result["format"]) == ("old-v1", "pdparams")
    assert result["labels"] == ["_background_", "病灶"]
    assert result["agreement"] > 0.999
    assert result["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    workspace = Workspace(tmp_path / "ws")
    (entry,) = workspace.audit.verify().entries
    assert entry.details == {"model": "old-v1", "source_sha256": result["sha256"]}

    out = tmp_path / "out"
    formats = "onnx,paddle,package"
    assert run("export", "old", "--out", out, "--format", formats, "--size", "64", *place) == 0
    assert "Paddle Inference agrees with the model on" in capsys.readouterr().out
    assert set(everything(out)) == {
        "card.md", "deploy.yaml", "model.json", "model.onnx", "model.pdiparams", "old-v1.zip",
    }  # fmt: skip
    assert metadata(out / "model.onnx")["title"] == "old-v1"


def package_of(folder: Path, **changes: Any) -> Path:
    """A package whose digests are right and whose contents are not."""
    size = changes.pop("size", (32, 40))
    network = changes.pop("network", None) or threshold_network(size, (128.5,))
    weights = changes.pop("weights", None) or safetensors.numpy.save({})
    info: ModelInfo = msgspec.structs.replace(model_info(), **changes)
    write_model(folder, info, network.SerializeToString(), weights)
    return folder


def external(folder: Path) -> Path:
    network = threshold_network((32, 40), (128.5,))
    tensor = network.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    return package_of(folder, network=network)


def unrunnable(folder: Path) -> Path:
    network = threshold_network((32, 40), (128.5,))
    network.graph.node[0].input[1] = "missing"
    return package_of(folder, network=network)


def another_schema(folder: Path) -> Path:
    return package_of(folder, schema=2)


def schema_of_nothing(folder: Path) -> Path:
    package_of(folder)
    (folder / "model.json").write_text('{"schema": 1, "model": "x"}')
    return folder


def other_shapes(folder: Path) -> Path:
    return package_of(folder, size=(64, 64))


def no_numbers(folder: Path) -> Path:
    return package_of(folder, weights=safetensors.numpy.save({"a": np.array([np.nan], "f4")}))


def other_bytes(folder: Path) -> Path:
    package_of(folder)
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.onnx").write_bytes(data)
    return folder


def escaping_zip(folder: Path) -> Path:
    package_of(folder)
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"../{file.name}")
    shutil.rmtree(folder)
    return path


def other_weights(folder: Path) -> Path:
    return weight_file(folder, pickled(small_weights()))


def hostile(folder: Path) -> Path:
    return weight_file(folder, hostile_files(folder / "canary")["GLOBAL"])


def text(folder: Path) -> Path:
    return weight_file(folder, b"hello")


def weight_file(folder: Path, data: bytes) -> Path:
    folder.mkdir()
    path = folder / "x.pdparams"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (another_schema, "newer version"),
        (schema_of_nothing, "no model that this program can read"),
        (other_shapes, "no float32 tensor image of N x 1 x 32 x 40"),
        (external, "keeps data outside its file"),
        (unrunnable, "does not load"),
        (no_numbers, "values that are no numbers"),
        (other_bytes, "not the file the model was saved with"),
        (escaping_zip, "leads out of the folder"),
        (other_weights, "is not a BiSeNetV2 for grey slices: it lacks"),
        (hostile, "asks for builtins.eval, which weights do not need"),
        (text, "damaged, or no weight file"),
    ],
)
def test_what_is_no_model_is_refused_and_nothing_changes(
    tmp_path: Path, capsys: Capture, make: Callable[[Path], Path], words: str
) -> None:
    workspace = Workspace(tmp_path / "ws")
    run("import-model", package_of(tmp_path / "good"), "--name", "a", "--workspace", workspace.root)
    capsys.readouterr()
    file = make(tmp_path / "bad")
    before = everything(tmp_path)
    assert run("import-model", file, "--name", "b", "--workspace", workspace.root) == 1
    assert words in one_line(capsys)
    assert everything(tmp_path) == before


def test_a_refused_import_makes_no_workspace(tmp_path: Path, capsys: Capture) -> None:
    file = other_bytes(tmp_path / "bad")
    assert run("import-model", file, "--name", "b", "--workspace", tmp_path / "ws") == 1
    assert not (tmp_path / "ws").exists()


def test_a_damaged_audit_trail_stops_an_import(tmp_path: Path, capsys: Capture) -> None:
    model = write_model_package(tmp_path / "m")
    place = ("--workspace", tmp_path / "ws")
    assert run("import-model", model, "--name", "a", *place) == 0
    trail = tmp_path / "ws" / "audit.jsonl"
    trail.write_text(trail.read_text().replace("a-v1", "b-v1"))
    capsys.readouterr()
    before = everything(tmp_path / "ws")
    assert run("import-model", model, "--name", "c", *place) == 1
    assert "was changed, removed or moved" in one_line(capsys)
    assert everything(tmp_path / "ws") == before
