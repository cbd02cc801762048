from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.core.errors import ModelError, WorkspaceError
from medseg_desktop.io.model_package import check_model_name, open_model, read_info, read_weights
from tests.builders import model_info, write_model_package


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_model_package(tmp_path / "模型 1")


def change(package: Path, **keys: Any) -> None:
    path = package / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **keys}))


def zip_package(package: Path, path: Path, folder: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in package.iterdir():
            archive.write(file, folder + file.name)
    return path


def test_a_package_is_a_folder_of_four_files_that_opens(package: Path) -> None:
    names = {p.name for p in package.iterdir()}
    assert names == {"model.json", "model.onnx", "weights.safetensors", "card.md"}
    opened = open_model(package)
    assert opened.info.title == "tiny-v1"
    assert opened.onnx == (package / "model.onnx").read_bytes()
    assert read_weights(package, opened.info)
    assert "Not a medical device" in (package / "card.md").read_text("utf-8")


@pytest.mark.parametrize("folder", ["", "tiny-v1/", "影像/"])
def test_a_zip_of_a_package_opens_too(package: Path, tmp_path: Path, folder: str) -> None:
    opened = open_model(zip_package(package, tmp_path / "m.zip", folder))
    assert opened.info == open_model(package).info


def test_an_existing_folder_is_never_written_into(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine").write_text("1")
    with pytest.raises(WorkspaceError, match="not empty"):
        write_model_package(tmp_path / "m")


@pytest.mark.parametrize("name", ["model.onnx", "weights.safetensors"])
def test_a_changed_byte_is_noticed(package: Path, name: str) -> None:
    data = bytearray((package / name).read_bytes())
    data[-1] ^= 1
    (package / name).write_bytes(data)
    info = read_info(package)
    with pytest.raises(ModelError, match="not the file the model was saved with"):
        (open_model(package), read_weights(package, info))


@pytest.mark.parametrize("name", ["model.json", "model.onnx"])
def test_a_missing_file_is_said(package: Path, name: str) -> None:
    (package / name).unlink()
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        open_model(package)


@pytest.mark.parametrize(
    "keys",
    [
        {"schema": 2},
        {"labels": []},
        {"labels": [{"index": 0, "name": "_background_", "color": [0, 0, 0]}]},
        {"labels": [{"index": i, "name": "x", "color": [0, 0, 0]} for i in (0, 2)]},
        {"labels": [{"index": i, "name": f"x{i}", "color": [0, 0, 0]} for i in range(300)]},
        {"input": {"channels": 0, "height": 32, "width": 40}},
        {"input": {"channels": 1, "height": 10**6, "width": 40}},
        {"input": {"channels": 3, "height": 32, "width": 40}},
        {"input": {"channels": 1, "height": 64, "width": 40}},
        {"name": ""},
        {"name": "../x"},
        {"name": "a\\b"},
        {"name": ".."},
        {"name": "a\nb"},
        {"preprocessing": {"std": 0}},
        {"preprocessing": {"mean": 1e308}},
        {"preprocessing": {"std": 1e-300}},
        {"preprocessing": {"version": 2}},
        {"preprocessing": {"low": 90, "high": 10}},
        {"preprocessing": {"scaling": "magic"}},
        {"preprocessing": {"denoise": {"diameter": 10**6}}},
        {"files": {}},
        {"files": {"model.onnx": "0" * 64}},
        {"split": {"x": "nowhere"}},
    ],
)
def test_a_model_json_that_makes_no_sense_is_refused(package: Path, keys: dict[str, Any]) -> None:
    change(package, **keys)
    with pytest.raises(ModelError) as caught:
        open_model(package)
    assert "模型 1" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"PK\x03\x04", b"\x80\x04"])
def test_damaged_json_and_files_of_other_kinds_are_refused(package: Path, data: bytes) -> None:
    (package / "model.json").write_bytes(data)
    with pytest.raises(ModelError):
        open_model(package)
    (package / "file.pdparams").write_bytes(data)
    with pytest.raises(ModelError):
        open_model(package / "file.pdparams")


def test_a_zip_bomb_is_refused_unread(package: Path, tmp_path: Path) -> None:
    (package / "model.onnx").write_bytes(bytes(300 << 20))
    path = zip_package(package, tmp_path / "m.zip")
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ModelError, match="larger than a model can be"):
        open_model(path)


def test_only_the_named_files_of_a_zip_are_ever_read(package: Path, tmp_path: Path) -> None:
    path = zip_package(package, tmp_path / "m.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../evil.txt", "x")
        archive.writestr("/abs/evil.txt", "x")
        archive.writestr("C:\\evil.txt", "x")
    before = set(tmp_path.rglob("*"))
    open_model(path)
    assert set(tmp_path.rglob("*")) == before


def test_a_zip_with_two_networks_is_refused(package: Path, tmp_path: Path) -> None:
    path = zip_package(package, tmp_path / "m.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x/model.onnx", "other")
    with pytest.raises(ModelError, match=r"no readable model\.onnx"):
        open_model(path)


def test_an_encrypted_or_damaged_zip_is_refused(package: Path, tmp_path: Path) -> None:
    path = zip_package(package, tmp_path / "m.zip")
    data = path.read_bytes()
    encrypted = bytearray(data)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := encrypted.find(signature, at + 1)) >= 0:
            encrypted[at + offset] |= 1
    for changed in (bytes(encrypted), data[: len(data) // 2], data[:60] + b"\xff" + data[61:]):
        path.write_bytes(changed)
        with pytest.raises(ModelError):
            open_model(path)


def test_the_digests_are_those_of_the_files(tmp_path: Path) -> None:
    package = write_model_package(tmp_path / "m", model_info(labels=["H", "W"]), thresholds=(9, 90))
    files = read_info(package).files
    for name in ("model.onnx", "weights.safetensors", "card.md"):
        assert files[name] == hashlib.sha256((package / name).read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["flair 2026", "脑 MRI", "a.b-c_d", "x" * 150])
def test_names_that_a_model_may_be_given(name: str) -> None:
    check_model_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "", " ", ".", "..", "a/b", "a\\b", "/a", "C:a", "a:b", "con", "nul.x", "a\nb", "a ", " a",
        "a.", "a?", "x" * 151, "a\x7f",
    ],
)  # fmt: skip
def test_names_that_no_model_can_have_everywhere(name: str) -> None:
    with pytest.raises(ModelError, match="name"):
        check_model_name(name)
