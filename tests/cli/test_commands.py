"""The command line in the test's own process; jobs still run in a real child process."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medseg_desktop.cli import main
from medseg_desktop.io.workspace import Workspace
from tests.builders import (
    annotation_json,
    lesion_slice,
    shape_json,
    write_dataset,
    write_dicom,
    write_json,
    write_model_package,
    write_study,
)

Capture = pytest.CaptureFixture[str]


def run(*words: object) -> int:
    """The exit code, whether the parser or the command ends the program."""
    try:
        return main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)


def last_json(capsys: Capture) -> dict[str, Any]:
    value = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert isinstance(value, dict)
    return value


def one_line(capsys: Capture) -> str:
    """The only line of stderr, which must be a sentence and no traceback."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert "Traceback" not in lines[0]
    assert "Error(" not in lines[0]
    assert "Unexpected" not in lines[0]
    return lines[0]


def test_scan_prints_the_contract(tmp_path: Path, capsys: Capture) -> None:
    source = write_study(tmp_path / "s", ["A", "B"], healthy=["B"])
    (source / "bad.dcm").write_bytes(b"x")
    (source / "README").write_text("hello")
    assert run("scan", source, "--json", "--decode") == 0
    found = last_json(capsys)
    assert found["counts"] == {
        "series": 2, "slices": 4, "annotated": 2, "reviewed": 4, "refused": 1,
    }  # fmt: skip
    assert set(found["series"][0]) == {
        "path", "uid", "stack", "patient_hash", "modality", "description", "slices", "time_points",
        "annotated", "reviewed", "rows", "columns", "transfer_syntaxes", "warnings",
    }  # fmt: skip
    rows = {f["path"]: f for f in found["files"]}
    assert {p: r["status"] for p, r in rows.items()} == {
        "A/IM0000.dcm": "shown", "A/IM0000.json": "annotation", "A/IM0001.dcm": "shown",
        "A/IM0001.json": "annotation", "B/IM0000.dcm": "shown", "B/IM0000.json": "annotation",
        "B/IM0001.dcm": "shown", "B/IM0001.json": "annotation", "README": "ignored",
        "bad.dcm": "refused",
    }  # fmt: skip
    pixels = lesion_slice()
    row = rows["A/IM0000.dcm"]
    assert row["shape"] == [32, 40]
    assert (row["min"], row["max"]) == (int(pixels.min()), int(pixels.max()))
    assert row["sha256"] == hashlib.sha256(pixels.tobytes()).hexdigest()


def test_scan_hashes_big_endian_and_compressed_files_alike(tmp_path: Path, capsys: Capture) -> None:
    for syntax in ("explicit", "big", "rle", "deflated"):
        write_dicom(tmp_path / "s" / syntax, lesion_slice(), syntax=syntax)  # type: ignore[arg-type]
    assert run("scan", tmp_path / "s", "--json", "--decode") == 0
    assert len({f["sha256"] for f in last_json(capsys)["files"]}) == 1


def test_scan_lists_refused_files_and_succeeds(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "bad.dcm").write_bytes(b"x")
    assert run("scan", tmp_path) == 0
    assert "bad.dcm: it is not DICOM" in capsys.readouterr().out


def test_scan_tells_of_shapes_that_cannot_be_used(tmp_path: Path, capsys: Capture) -> None:
    write_study(tmp_path / "s", ["A"])
    document = annotation_json("IM0000.dcm", {0: [shape_json([[1, 1]])]}, (32, 40))
    write_json(tmp_path / "s" / "A" / "IM0000.json", document)
    assert main(["scan", str(tmp_path / "s"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    rows = {f["path"]: (f["status"], f["reason"]) for f in printed["files"]}
    reason = "IM0000.json: shape 1 of frame 0 is a polygon with 1 point; it needs at least 3"
    assert rows["A/IM0000.json"] == ("annotation", reason)
    assert printed["counts"]["refused"] == 0
    assert main(["scan", str(tmp_path / "s")]) == 0
    assert f"A/IM0000.json: {reason.partition(': ')[2]}" in capsys.readouterr().out


def test_scan_with_decoding_counts_what_cannot_be_decoded_as_refused(
    tmp_path: Path, capsys: Capture
) -> None:
    write_dicom(tmp_path / "s" / "a.dcm", lesion_slice())
    path = write_dicom(tmp_path / "s" / "b.dcm", lesion_slice(), syntax="rle")
    path.write_bytes(path.read_bytes()[:-40])
    assert run("scan", tmp_path / "s", "--decode") == 0
    out = capsys.readouterr().out
    assert "1 files refused" in out
    assert "b.dcm" in out


def test_scan_of_the_corpus_says_nothing_but_its_own_sentences(
    test_data: Path, capsys: Capture
) -> None:
    assert run("scan", test_data / "corpus", "--decode", "--json") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out)["counts"]["refused"] > 30


def test_scan_shows_names_that_the_console_cannot(tmp_path: Path) -> None:
    write_study(tmp_path / "影像 数据", ["A"])
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "medseg_desktop", "scan", str(tmp_path)],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u5f71" in done.stdout


def test_the_main_job_runs_from_conversion_to_evaluation(tmp_path: Path, capsys: Capture) -> None:
    source = write_study(tmp_path / "影像 数据", [f"P{i}" for i in range(5)])
    assert run("convert", source, tmp_path / "ds", "--json", "--preset", "reference") == 0
    result = last_json(capsys)
    assert result["slices"] == 10
    assert result["patients"]["val"] == 1
    model = write_model_package(tmp_path / "模型")
    assert run("predict", model, source, "--out", tmp_path / "out", "--json") == 0
    assert last_json(capsys)["counts"] == {"predicted": 10, "refused": 0}
    assert (tmp_path / "out" / "P0" / "IM0000.png").is_file()
    assert run("evaluate", model, source, "--json") == 0
    evaluation = last_json(capsys)
    assert evaluation["mean"]["foreground_dice"] == 1.0
    assert {c["path"] for c in evaluation["cases"]} == {f"P{i}" for i in range(5)}


def test_a_split_file_may_come_from_a_windows_editor(tmp_path: Path, capsys: Capture) -> None:
    source = write_study(tmp_path / "s", ["A", "B", "C"], slices=1)
    split = {"train": ["A"], "val": ["B"], "test": ["C"]}
    (tmp_path / "split.json").write_text(json.dumps(split), encoding="utf-8-sig")
    assert run("convert", source, tmp_path / "ds", "--split", tmp_path / "split.json") == 0
    captured = capsys.readouterr()
    assert "1 train, 1 val, 1 test" in captured.out


def test_a_model_of_the_workspace_is_found_by_name(tmp_path: Path, capsys: Capture) -> None:
    package = write_model_package(tmp_path / "m")
    Workspace(tmp_path / "ws").register_model(package, "brain")
    out = tmp_path / "out"
    assert run("export", "brain", "--out", out, "--workspace", tmp_path / "ws") == 0
    assert "brain-v1" in capsys.readouterr().out


LATER = [
    ["annotations", "export", "x", "--out", "y", "--format", "coco"],
    ["annotations"],
    ["bench", "prediction", "--json"],
    ["predict", "m", "s", "--out", "o", "--format", "nifti"],
    ["predict", "m", "s", "--out", "o", "--format", "png,dicomseg"],
]


@pytest.mark.parametrize("words", LATER, ids=" ".join)
def test_a_later_feature_says_so_in_one_line(words: list[str], capsys: Capture) -> None:
    assert run(*words) == 2
    assert "is not in version" in one_line(capsys)


USAGE = [
    ["frobnicate"],
    ["scan"],
    ["scan", "none"],
    ["scan", "x" * 300],
    ["gui", "none"],
    ["convert", "none", "ds"],
    ["convert", ".", "ds", "--split", "none.json"],
    ["convert", ".", "ds", "--preset", "best"],
    ["train", "none", "--run", "r"],
    ["train", ".", "--run", "r", "--iters", "0"],
    ["train", "."],
    ["predict", "none", ".", "--out", "o"],
    ["predict", "m", "none", "--out", "o"],
    ["predict", "m", ".", "--out", "o", "--format", "tiff"],
    ["predict", "m", ".", "--out", "o", "--format", ","],
    ["evaluate", "none", "."],
    ["export", "none", "--out", "o"],
    ["export", "m", "--out", "o", "--format", "tiff"],
    ["export", "m", "--out", "o", "--format", "onnx,tiff"],
    ["export", "m", "--out", "o", "--size", "100"],
    ["import-model", "none.pdparams", "--name", "n"],
    ["import-model", "."],
    ["import-model", ".", "--name", "../n"],
    ["import-model", ".", "--name", "n", "--labels", "a,A"],
    ["import-model", ".", "--name", "n", "--labels", "a"],
]


@pytest.mark.parametrize("words", USAGE, ids=lambda w: " ".join(w)[:60])
def test_wrong_options_and_missing_paths_are_usage_errors(
    words: list[str], capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*words) == 2
    one_line(capsys)
    assert list(tmp_path.iterdir()) == []


def _empty(folder: Path) -> list[object]:
    (folder / "s").mkdir()
    return ["scan", folder / "s"]


def _no_dicom(folder: Path) -> list[object]:
    write_json(folder / "s" / "a.json", {"Modality": "MR"})
    return ["scan", folder / "s"]


def _no_dicom_json(folder: Path) -> list[object]:
    return [*_no_dicom(folder), "--json"]


def _empty_json(folder: Path) -> list[object]:
    return [*_empty(folder), "--json"]


def _convert_empty(folder: Path) -> list[object]:
    return ["convert", _empty(folder)[1], folder / "ds"]


def _bad_annotation(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], list[object]]:
    def prepare(folder: Path) -> list[object]:
        write_study(folder / "s", ["A"])
        path = folder / "s" / "A" / "IM0000.json"
        document = json.loads(path.read_text("utf-8"))
        change(document)
        write_json(path, document)
        return ["convert", folder / "s", folder / "ds"]

    return prepare


def _bad_split(text: str) -> Callable[[Path], list[object]]:
    def prepare(folder: Path) -> list[object]:
        write_study(folder / "s", ["A"])
        (folder / "split.json").write_text(text)
        return ["convert", folder / "s", folder / "ds", "--split", folder / "split.json"]

    return prepare


def _taken(folder: Path) -> list[object]:
    write_study(folder / "s", ["A"])
    write_json(folder / "ds" / "mine.json", {})
    return ["convert", folder / "s", folder / "ds"]


def _file_in_the_way(folder: Path) -> list[object]:
    write_study(folder / "s", ["A"])
    (folder / "file").write_text("")
    return ["convert", folder / "s", folder / "file" / "ds"]


def _no_dataset(folder: Path) -> list[object]:
    return ["train", _empty(folder)[1], "--run", folder / "r"]


def _no_lesion(folder: Path) -> list[object]:
    write_dataset(folder / "ds", without_lesion=("train", "val"))
    return ["train", folder / "ds", "--run", folder / "r", "--size", 64]


def _one_patient(folder: Path) -> list[object]:
    write_dataset(folder / "ds", {"train": 1})
    return ["train", folder / "ds", "--run", folder / "r", "--size", 64]


def _run_folder_taken(folder: Path) -> list[object]:
    write_dataset(folder / "ds")
    write_json(folder / "r" / "mine.json", {})
    return ["train", folder / "ds", "--run", folder / "r", "--iters", 2, "--size", 64]


def _no_model(folder: Path) -> list[object]:
    write_study(folder / "s", ["A"])
    return ["predict", folder / "s", folder / "s", "--out", folder / "o"]


def _unknown_label(folder: Path) -> list[object]:
    write_study(folder / "s", ["A"], label="W")
    return ["evaluate", write_model_package(folder / "m"), folder / "s"]


BAD_INPUT: dict[str, tuple[Callable[[Path], list[object]], str]] = {
    "empty folder": (_empty, "is empty"),
    "empty folder, json": (_empty_json, "is empty"),
    "no DICOM": (_no_dicom, "no DICOM series"),
    "no DICOM, json": (_no_dicom_json, "no DICOM series"),
    "convert an empty folder": (_convert_empty, "is empty"),
    "image_path missing": (_bad_annotation(lambda d: d.pop("image_path")), "IM0000.json"),
    "image_path outside": (
        _bad_annotation(lambda d: d.update(image_path="../../x.dcm")), "outside the opened folder",
    ),
    "image_path to nothing": (_bad_annotation(lambda d: d.update(image_path="x.dcm")), "x.dcm"),
    "wrong width": (_bad_annotation(lambda d: d["frames"][0].update(width=7)), "7 x 32 pixels"),
    "wrong height": (_bad_annotation(lambda d: d["frames"][0].update(height=7)), "40 x 7 pixels"),
    "unknown shape type": (
        _bad_annotation(lambda d: d["frames"][0]["shapes"][0].update(shape_type="cube")), "cube",
    ),
    "two points": (
        _bad_annotation(lambda d: d["frames"][0]["shapes"][0].update(points=[[1, 1], [2, 2]])),
        "at least 3",
    ),
    "split no JSON": (_bad_split("{"), "split.json"),
    "split with a set twice": (
        _bad_split('{"train": ["P0"], "train": ["P1"]}'), "'train' is there 2 times",
    ),
    "split with other keys": (_bad_split('{"trains": []}'), "split.json"),
    "split with a patient twice": (_bad_split('{"train": ["A"], "val": ["A"]}'), "patient A"),
    "dataset name taken": (_taken, "not empty"),
    "file in the way": (_file_in_the_way, "ds"),
    "no dataset": (_no_dataset, "is no dataset"),
    "no lesion": (_no_lesion, "lesion"),
    "one patient": (_one_patient, "patient"),
    "run folder taken": (_run_folder_taken, "not empty"),
    "no model": (_no_model, "is no model"),
    "more classes than the model": (_unknown_label, "'W'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line_and_exit_code_1(case: str, tmp_path: Path, capsys: Capture) -> None:
    prepare, words = BAD_INPUT[case]
    arguments = prepare(tmp_path)
    before = set(tmp_path.rglob("*"))
    assert run(*arguments) == 1
    assert words in one_line(capsys)
    assert set(tmp_path.rglob("*")) == before


def test_scan_of_an_empty_folder_still_prints_its_json(tmp_path: Path, capsys: Capture) -> None:
    assert run("scan", tmp_path, "--json") == 1
    assert last_json(capsys)["counts"]["series"] == 0


def test_an_unexpected_error_is_one_line_too(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr("medseg_desktop.cli.scan.scan", fail)
    assert run("scan", tmp_path) == 1
    assert "surprise" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_terminate_stop_a_conversion_and_leave_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    source = tmp_path / "s"
    frames = np.random.default_rng(0).integers(0, 4000, (400, 128, 128)).astype(np.uint16)
    write_dicom(source / "m.dcm", frames)
    document = {"image_path": "m.dcm", "total_frames": 400, "frames": []}
    write_json(source / "m.json", document)
    child = subprocess.Popen(
        [sys.executable, "-m", "medseg_desktop", "convert", str(source), str(tmp_path / "ds")],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        end = time.monotonic() + 20
        while not list(tmp_path.glob(".ds.*/images/*.png")) and time.monotonic() < end:
            time.sleep(0.01)
        child.send_signal(number)
        _, error = child.communicate(timeout=20)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 130
    assert error.splitlines()[-1] == "Interrupted."
    assert "Traceback" not in error
    assert {p.name for p in tmp_path.iterdir()} == {"s"}
