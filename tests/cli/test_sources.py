"""SRC of every command: folders, files, several, DICOMDIR and .zip give the same rows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.cli import main
from tests.builders import write_model_package, write_study
from tests.media import files_below, unpacked_folders, write_dicomdir, write_zip

Capture = pytest.CaptureFixture[str]


def run(*words: object) -> int:
    return main([str(word) for word in words])


def result(capsys: Capture, *words: object) -> dict[str, Any]:
    """The JSON of a command that succeeds, after which nothing unpacked is left."""
    assert run(*words, "--json") == 0, capsys.readouterr().err
    assert unpacked_folders() == []
    value = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert isinstance(value, dict)
    return value


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = write_study(tmp_path / "study", ("A", "B", "C"))
    (folder / "A").rename(folder / "患者")
    return folder


@pytest.fixture
def archive(tmp_path: Path, study: Path) -> Path:
    return write_zip(tmp_path / "影像.zip", study)


def test_scan_of_an_archive_prints_what_scan_of_the_folder_prints(
    study: Path, archive: Path, capsys: Capture
) -> None:
    plain = result(capsys, "scan", study, "--decode")
    assert plain["counts"]["slices"] == 6
    assert result(capsys, "scan", archive, "--decode") == plain


def test_scan_of_a_directory_and_of_several_prints_only_what_was_named(
    study: Path, capsys: Capture
) -> None:
    directory = write_dicomdir(study / "DICOMDIR", [["b", "im0000.DCM"], ["B", "IM9"]])
    rows = {f["path"]: f for f in result(capsys, "scan", directory)["files"]}
    assert {path: row["status"] for path, row in rows.items()} == {
        "B/IM0000.dcm": "shown", "B/IM0000.json": "annotation", "B/IM9": "refused",
    }  # fmt: skip
    assert rows["B/IM9"]["reason"] == "it is listed in the DICOMDIR but does not exist"
    several = result(capsys, "scan", study / "B", study / "C" / "IM0001.dcm")
    assert [s["path"] for s in several["series"]] == ["B", "C/IM0001.dcm"]


@pytest.mark.parametrize("packed", [True, False])
def test_the_main_job_runs_on_an_archive_and_on_a_directory(
    tmp_path: Path, study: Path, archive: Path, capsys: Capture, packed: bool
) -> None:
    names = [n for n in files_below(study) if n.endswith(".dcm")]
    os.symlink(study / "患者", study / "A")  # media have no Chinese names
    listed = [n.replace("患者", "A").split("/") for n in names]
    source = archive if packed else write_dicomdir(study / "DICOMDIR", listed)
    made = result(capsys, "convert", source, tmp_path / "ds")
    assert made["slices"] == 6
    model = write_model_package(tmp_path / "model")
    predicted = result(capsys, "predict", model, source, "--out", tmp_path / "out")
    first = "患者" if packed else "A"
    assert {row["path"] for row in predicted["files"]} == {
        n if packed else n.replace("患者", "A") for n in names
    }
    assert (tmp_path / "out" / first / "IM0000.png").is_file()
    evaluated = result(capsys, "evaluate", model, source)
    assert {case["path"] for case in evaluated["cases"]} == {first, "B", "C"}
    assert evaluated["mean"]["foreground_dice"] == 1.0


def _not_an_archive(folder: Path) -> Path:
    path = folder / "x.zip"
    path.write_text("hello")
    return path


def _without_dicom(folder: Path) -> Path:
    return write_zip(folder / "x.zip", {"README": b"hello"})


def _not_a_directory(folder: Path) -> Path:
    path = folder / "DICOMDIR"
    path.write_text("hello")
    return path


CASES = {
    "no archive": (_not_an_archive, "x.zip is damaged"),
    "no DICOM": (_without_dicom, "x.zip holds no"),
    "no directory": (_not_a_directory, "DICOMDIR is damaged"),
}


@pytest.mark.parametrize("command", ["scan", "predict"])
@pytest.mark.parametrize("case", CASES)
def test_a_source_that_cannot_be_used_is_one_line_and_leaves_nothing(
    tmp_path: Path, capsys: Capture, command: str, case: str
) -> None:
    make, words = CASES[case]
    source = make(tmp_path)
    rest: list[object] = []
    if command == "predict":
        model = write_model_package(tmp_path / "model")
        source, rest = model, [source, "--out", tmp_path / "out"]
    before = set(tmp_path.rglob("*"))
    assert run(command, source, *rest) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert "unpacked" not in line  # the user knows nothing of our folder
    assert set(tmp_path.rglob("*")) == before
    assert unpacked_folders() == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_ctrl_c_while_unpacking_leaves_nothing(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", {f"{i:05d}": os.urandom(100) for i in range(20_000)})
    process = subprocess.Popen(
        [sys.executable, "-m", "medseg_desktop", "convert", str(archive), str(tmp_path / "ds")],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        end = time.monotonic() + 20
        while not any(p.is_dir() for p in unpacked_folders()) and time.monotonic() < end:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, error.splitlines()[-1]) == (130, "Interrupted.")
    assert unpacked_folders() == []
    assert {p.name for p in tmp_path.iterdir()} == {"x.zip"}
