"""`train --check`: what it prints, its exit codes, and that it leaves nothing in the run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medseg_desktop.cli import main
from medseg_desktop.core.split import SetName
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.png import write_png
from tests.builders import model_info, patient_hash, write_dataset, write_model_package

Capture = pytest.CaptureFixture[str]
TINY = ["--size", "64", "--batch-size", "2", "--iters", "4", "--device", "cpu"]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "数据 集", {"train": 5, "val": 1, "test": 1}, slices=3)


def check(dataset: Path, *words: object) -> int:
    run = dataset.parent / "run"
    code = main(["train", str(dataset), "--run", str(run), "--check", *TINY, *map(str, words)])
    assert not run.exists()
    return code


def last_json(capsys: Capture) -> dict[str, Any]:
    value = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert isinstance(value, dict)
    return value


def test_json_has_the_numbers_and_what_was_measured(dataset: Path, capsys: Capture) -> None:
    sheet = dataset.parent / "sheet.png"
    assert check(dataset, "--json", "--sheet", sheet) == 0
    found = last_json(capsys)
    assert {
        "may_start", "problems", "warnings", "notes", "sets", "trained_on", "data_mb", "memory_mb",
        "free_mb", "disk_mb", "disk_free_mb", "estimate_s", "pixels_read", "measured", "sheet",
        "start",
    } == set(found)  # fmt: skip
    assert found["may_start"]
    assert found["pixels_read"]
    assert found["sheet"] == str(sheet)
    assert sheet.read_bytes().startswith(b"\x89PNG")
    train = found["sets"]["train"]
    assert set(train) == {
        "patients", "slices", "slices_with_lesion", "pixels", "shares", "lesions",
    }  # fmt: skip
    assert (train["patients"], train["slices"], train["slices_with_lesion"]) == (5, 15, 10)
    assert train["lesions"]["number"] == 10
    assert found["measured"]["batch_size"] == 2
    assert found["estimate_s"] == found["measured"]["total_s"] > 0
    assert found["memory_mb"] == found["measured"]["memory_mb"]


def test_without_measuring_nothing_but_the_estimate_is_there(
    dataset: Path, capsys: Capture
) -> None:
    assert check(dataset, "--json", "--no-measure") == 0
    found = last_json(capsys)
    assert found["measured"] is None
    assert found["sheet"] is None
    assert found["estimate_s"] > 0


def test_the_text_has_a_table_and_sentences(dataset: Path, capsys: Capture) -> None:
    assert check(dataset, "--no-measure") == 0
    out = capsys.readouterr().out
    lines = {line.split("  ")[0]: line.split() for line in out.splitlines()}
    assert lines["patients"][1:] == ["5", "1", "1"]
    assert lines["lesions"][1:] == ["10", "2", "2"]
    assert lines["H: of slices"][-6::2] == ["67", "67", "67"]
    assert "0 of 1 test patients seen in training." in out
    assert "No patient, slice or picture stands in two sets." in out
    assert "(estimated)" in out
    assert out.splitlines()[-1] == "Training can start."


def test_a_start_from_a_model_that_has_seen_test_patients_is_told(
    dataset: Path, tmp_path: Path, capsys: Capture
) -> None:
    def model(name: str, sets: list[SetName]) -> Path:
        split = {patient_hash(s, 0): "train" for s in sets}
        info = model_info(name=name, split=split, salt_id="0" * 16)  # type: ignore[arg-type]
        return write_model_package(tmp_path / name, info)

    assert check(dataset, "--no-measure", "--init", model("clean", ["train"])) == 0
    out = capsys.readouterr().out
    assert "0 of 1 test patients seen in training or by clean-v1, which it starts from." in out
    assert check(dataset, "--no-measure", "--init", model("knows", ["test"])) == 0
    captured = capsys.readouterr()
    assert "0 of 1 test patients" not in captured.out
    assert "1 of 1 test patients were seen by knows-v1" in captured.err
    assert check(dataset, "--no-measure", "--json", "--init", tmp_path / "knows") == 0
    assert last_json(capsys)["start"] == {"title": "knows-v1", "seen": 1}


def leak(dataset: Path) -> str:
    data = read_dataset(dataset)
    train, test = data.files("train")[0].name, data.files("test")[0].name
    shutil.copy(dataset / "images" / train, dataset / "images" / test)
    return "same picture stands in two sets"


def damage(dataset: Path) -> str:
    name = read_dataset(dataset).files("train")[0].name
    (dataset / "images" / name).unlink()
    return f"images/{name}"


def strange_label(dataset: Path) -> str:
    name = read_dataset(dataset).files("train")[0].name
    write_png(dataset / "masks2" / name, np.full((64, 64), 5, np.uint8))
    return f"masks2/{name} holds class 5"


@pytest.mark.parametrize("spoil", [leak, damage, strange_label])
def test_what_would_waste_the_training_ends_with_1(
    dataset: Path, capsys: Capture, spoil: Any
) -> None:
    sentence = spoil(dataset)
    assert check(dataset, "--json") == 1
    found = last_json(capsys)
    assert not found["may_start"]
    assert found["measured"] is None
    assert sentence in found["problems"][0]["message"]
    assert found["problems"][0]["cure"]
    assert check(dataset) == 1
    captured = capsys.readouterr()
    assert sentence in captured.err.splitlines()[-1]
    assert "patients" in captured.out
    # A training refuses it as well, before it starts.
    run = dataset.parent / "run"
    assert main(["train", str(dataset), "--run", str(run), *TINY]) == 1
    assert sentence in capsys.readouterr().err
    assert not run.exists()


def test_an_interpreter_without_paddle_is_a_warning(dataset: Path, capsys: Capture) -> None:
    assert check(dataset, "--json", "--interpreter", dataset.parent / "no-python") == 0
    found = last_json(capsys)
    assert found["measured"] is None
    assert "Nothing could be measured" in found["warnings"][-1]["message"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--sheet", "x.png"], "--sheet is an option of --check"),
        (["--no-measure"], "--no-measure is an option of --check"),
        (["--check", "--sheet", "nowhere/x.png"], "does not exist"),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(
    dataset: Path, capsys: Capture, words: list[str], sentence: str
) -> None:
    assert main(["train", str(dataset), "--run", str(dataset.parent / "run"), *words]) == 2
    assert sentence in capsys.readouterr().err
