"""`evaluate` on the command line; the jobs run in a real child process."""

from __future__ import annotations

from pathlib import Path

import pytest

from medseg_desktop.cli.evaluate import evaluation_text
from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.inference.evaluation import run_evaluation
from medseg_desktop.io.evaluation.folder import read_record
from medseg_desktop.io.workspace import Workspace
from tests.builders import QuietContext
from tests.cli.test_commands import Capture, last_json, one_line, run
from tests.inference.test_comparison import ALL_TEST, SCENE
from tests.scenes import SALT, Box, write_scene, write_threshold


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "s", SCENE)


def test_evaluate_prints_the_contract_and_fills_the_folder(
    tmp_path: Path, source: Path, capsys: Capture
) -> None:
    workspace = Workspace(tmp_path / "ws")
    models = [
        write_threshold(tmp_path / name, cut, ALL_TEST, salt=workspace.salt())
        for name, cut in (("keen", 100.5), ("strict", 200.5))
    ]
    words = ["evaluate", models[0], source, "--against", models[1], "--out", tmp_path / "out"]
    options = ["--workspace", workspace.root, "--split", "test", "--json"]
    assert run(*words, *options) == 0
    result = last_json(capsys)
    assert {
        "model", "network", "cases", "mean", "summary", "sensitivity_by_size", "warnings",
        "against", "comparison",
    } <= set(result)  # fmt: skip
    assert {
        "path", "patient_hash", "n_slices", "dice", "foreground_dice", "false_positive_ml", "set",
        "truth_pixels", "predicted_pixels", "false_positive_pixels", "hd95_mm", "truth_ml",
        "predicted_ml", "volume_difference_ml", "seen", "lesions", "false_lesions",
    } <= set(result["cases"][0])  # fmt: skip
    assert [c["path"] for c in result["cases"]] == ["P1", "P2", "P3"]
    assert result["mean"]["n"] == 2
    assert [c["case"] for c in result["comparison"]["gained"]] == ["P1"]
    record = read_record(tmp_path / "out")
    assert record.comparison is not None
    assert record.comparison.is_comparable
    assert run(*words, *options) == 1
    assert "exists already and is not empty" in one_line(capsys)
    assert run(*words[:3], "--against", "none", "--workspace", workspace.root) == 2
    assert one_line(capsys) == "There is no model none. Give a model folder, .zip or name."


def test_the_text_names_the_largest_lesions_lost_and_gained(
    tmp_path: Path, source: Path, capsys: Capture
) -> None:
    keen, strict = (
        write_threshold(tmp_path / name, cut) for name, cut in (("keen", 100.5), ("strict", 200.5))
    )
    assert run("evaluate", strict, source, "--against", keen, "--out", tmp_path / "out") == 0
    text = capsys.readouterr().out
    assert "Candidate strict-v1, champion keen-v1" in text
    assert "Lost lesions: 1\n  P1: H, 0.030 ml, slice 1\n" in text
    assert "Gained lesions: none" in text
    assert "False lesions gone: 2\n  P3: H, 0.050 ml, slice 1\n  P1: H, 0.045 ml" in text
    assert "The two models cannot be compared fairly on these patients." in text
    assert f"Report, tables and pictures: {tmp_path / 'out'}" in text
    row = next(line for line in text.splitlines() if line.startswith("Dice"))
    assert row.split() == ["Dice", "0.852", "0.846", "+0.006", "–", "2"]  # 50/58, 62/73; 32/38


def text_of(model: Path, source: Path) -> list[str]:
    spec = EvaluateSpec(model=str(model), source=str(source), salt=SALT.hex())
    return evaluation_text(run_evaluation(spec, QuietContext())).splitlines()


def test_the_text_of_one_model_has_every_patient_and_the_means(
    tmp_path: Path, source: Path
) -> None:
    lines = text_of(write_threshold(tmp_path / "m", 200.5, {"P1": "train"}), source)
    assert lines[0].split()[:6] == ["Patient", "Set", "Slices", "Dice", "HD95", "mm"]
    assert lines[1].split()[:4] == ["P1", "train*", "2", "0.862"]
    assert lines[3].split() == [
        "P3", "unknown", "1", "–", "–", "0.00", "+0.01", "–", "1", "0.01",
    ]  # fmt: skip
    assert lines[4] == "* used to train a model"
    assert "Mean Dice 0.852 over 2 patients with lesion" in lines
    assert any(line.split() == ["Lesions", "found,", "%", "75", "–", "2"] for line in lines)
    assert any(line.split() == ["0.1", "to", "1", "ml", "1", "of", "1"] for line in lines)


def test_without_a_lesion_there_is_no_mean_dice(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "s", {"P1": [[Box(4, 4, 2, 2, 250, "")]]})
    lines = text_of(write_threshold(tmp_path / "m", 200.5), source)
    assert "No patient with lesion, so there is no Dice" in lines
    assert not any(line.startswith("Size of the lesion") for line in lines)
