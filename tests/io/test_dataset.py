from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medseg_desktop.core.errors import DatasetError, WorkspaceError
from medseg_desktop.io.dataset import check_replaceable, read_dataset, split_digest
from medseg_desktop.io.png import write_png
from tests.builders import write_dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "训练 集", slices=2)


def change(folder: Path, **keys: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **keys}))


def test_a_dataset_is_read_back(folder: Path) -> None:
    dataset = read_dataset(folder)
    assert [len(dataset.files(s)) for s in ("train", "val", "test")] == [4, 2, 0]
    file = dataset.files("val")[0]
    assert dataset.slice(file).shape == dataset.label_map(file).shape == (64, 64)
    assert int((dataset.label_map(file) == 1).sum()) == file.pixels_per_label["H"]


def test_lists_hold_slice_and_label_map_with_one_space(folder: Path) -> None:
    lines = (folder / "train_list.txt").read_bytes().decode().split("\n")
    assert lines[0] == "images/00000.png masks2/00000.png"
    assert len(lines) == 5
    assert lines[-1] == ""


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 100_000, b"\xff"])
def test_a_damaged_manifest_is_refused(folder: Path, data: bytes) -> None:
    (folder / "manifest.json").write_bytes(data)
    with pytest.raises(DatasetError, match="manifest"):
        read_dataset(folder)


def test_a_folder_without_manifest_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is no dataset"):
        read_dataset(tmp_path)


def test_newer_schemas_gaps_and_strange_names_are_refused(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    file = manifest["files"][0]
    for keys in (
        {"schema": 2},
        {"labels": [{"index": 1, "name": "H", "color": [0, 0, 0]}]},
        {"files": [{**file, "name": "../x.png"}]},
        {"files": [{**file, "name": "/etc/passwd"}]},
    ):
        change(folder, **{**manifest, **keys})
        with pytest.raises(DatasetError):
            read_dataset(folder)


def test_a_patient_on_two_sides_is_refused(folder: Path) -> None:
    files = json.loads((folder / "manifest.json").read_text("utf-8"))["files"]
    files[0]["patient_hash"] = files[-1]["patient_hash"]
    change(folder, files=files)
    with pytest.raises(DatasetError, match="two sides") as refused:
        read_dataset(folder)
    assert f"train ({files[0]['name']}) and val ({files[-2]['name']})" in refused.value.message
    assert files[0]["patient_hash"] in refused.value.message


def test_a_missing_slice_and_an_unknown_class_are_said(folder: Path) -> None:
    dataset = read_dataset(folder)
    first, second = dataset.files("train")[:2]
    (folder / "images" / first.name).unlink()
    with pytest.raises(DatasetError, match=f"images/{first.name}"):
        dataset.slice(first)
    write_png(folder / "masks2" / second.name, np.full((4, 4), 7, np.uint8))
    with pytest.raises(DatasetError, match="class 7"):
        dataset.label_map(second)


def test_only_a_dataset_and_nothing_else_may_be_replaced(folder: Path, tmp_path: Path) -> None:
    check_replaceable(folder)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(WorkspaceError, match=r"notes\.txt"):
        check_replaceable(folder)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "manifest.json").write_text('{"name": "my web page"}')
    with pytest.raises(WorkspaceError, match="not a dataset"):
        check_replaceable(tmp_path / "web")


def test_equal_splits_have_equal_digests() -> None:
    assert split_digest({"a": "train", "b": "val"}) == split_digest({"b": "val", "a": "train"})
    assert split_digest({"a": "train"}) != split_digest({"a": "val"})
