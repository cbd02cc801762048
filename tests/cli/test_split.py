"""`split` and what `convert` does with a frozen split, through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.cli import main
from medseg_desktop.core.split import SetName
from medseg_desktop.io.dicom.stacks import patient_hash
from medseg_desktop.io.workspace import Workspace, salt_id
from tests.builders import (
    annotation_json,
    lesion_slice,
    model_info,
    write_dicom,
    write_json,
    write_model_package,
    write_study,
)

Capture = pytest.CaptureFixture[str]
FIRST = [f"P{i}" for i in range(6)]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_study(tmp_path / "影像", FIRST, slices=1)


def run(workspace: Workspace, *words: object) -> int:
    try:
        return main([*map(str, words), "--workspace", str(workspace.root)])
    except SystemExit as exit_:
        return int(exit_.code or 0)


def freeze(workspace: Workspace) -> None:
    """The split that the first conversion of `source` could have drawn."""
    sets: list[SetName] = ["train", "train", "val", "test", "train", "train"]
    hashes = [patient_hash(workspace.salt(), p) for p in FIRST]
    workspace.freeze(dict(zip(hashes, sets, strict=True)))


def last_json(capsys: Capture) -> dict[str, Any]:
    value = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert isinstance(value, dict)
    return value


def listed(dataset: Path) -> dict[str, str]:
    """Patient hash -> the list that the patient's slices are in."""
    manifest = json.loads((dataset / "manifest.json").read_text("utf-8"))
    patients = {f"images/{f['name']}": f["patient_hash"] for f in manifest["files"]}
    return {
        patients[line.split()[0]]: name
        for name in ("train", "val", "test")
        for line in (dataset / f"{name}_list.txt").read_text("utf-8").splitlines()
    }


def test_new_patients_wait_until_they_are_assigned_and_are_then_in_the_lists(
    source: Path, workspace: Workspace, tmp_path: Path, capsys: Capture
) -> None:
    assert run(workspace, "convert", source, tmp_path / "one") == 0
    first = listed(tmp_path / "one")
    assert len(first) == 6
    write_study(source, [*FIRST, "new"], slices=1)
    new = patient_hash(workspace.salt(), "new")
    capsys.readouterr()
    assert run(workspace, "convert", source, tmp_path / "two", "--new-patients", "incoming") == 0
    captured = capsys.readouterr()
    assert "4 train, 1 val, 1 test, 1 incoming" in captured.out
    assert "1 patient waits as incoming" in captured.err
    assert listed(tmp_path / "two") == first

    assert run(workspace, "split", "list", "--json") == 0
    told = last_json(capsys)
    assert told["counts"] == {"train": 4, "val": 1, "test": 1, "incoming": 1}
    assert {"patient_hash": new, "set": "incoming"} in told["patients"]

    words = ["--by", "Dr. Li", "--reason", "checked", "--json"]
    assert run(workspace, "split", "move", "new", "train", *words) == 0
    moved = last_json(capsys)
    assert moved == {
        "patient_hash": new, "from": "incoming", "to": "train", "models_that_saw": [],
    }  # fmt: skip
    assert run(workspace, "convert", source, tmp_path / "three", "--json") == 0
    assert last_json(capsys)["patients"] == {"train": 5, "val": 1, "test": 1, "incoming": 0}
    assert listed(tmp_path / "three") == {**first, new: "train"}
    actions = [e.action for e in workspace.audit.verify().entries]
    assert actions == ["split_created", "patients_added", "patient_moved"]
    assert workspace.audit.verify().problem == ""


def test_the_list_tells_who_the_patients_of_a_source_are(
    source: Path, workspace: Workspace, capsys: Capture
) -> None:
    assert run(workspace, "split", "list") == 0
    assert "No patient has a set yet" in capsys.readouterr().out
    freeze(workspace)
    write_study(source, [*FIRST, "new"], slices=1)
    capsys.readouterr()
    assert run(workspace, "split", "list", "--source", source, "--json") == 0
    rows = last_json(capsys)["patients"]
    assert {(r["patient_id"], r["path"]) for r in rows} == {
        (p, f"{p}/IM0000.dcm") for p in (*FIRST, "new")
    }
    assert [r["set"] for r in rows if r["patient_id"] == "new"] == [None]
    assert run(workspace, "split", "list", "--source", source) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["Patient", "Set", "PatientID", "Path"]
    assert "4 train, 1 val, 1 test, 0 incoming" in out


def test_a_patient_may_be_named_by_hash_id_or_folder(
    tmp_path: Path, workspace: Workspace, capsys: Capture
) -> None:
    source = tmp_path / "s"
    for seed, folder in enumerate(("p1", "p2")):
        path = source / folder / "a.dcm"
        write_dicom(path, lesion_slice(seed=seed), patient="ANON", study=folder)
        write_json(path.with_suffix(".json"), annotation_json("a.dcm", {0: []}, (32, 40)))
    assert run(workspace, "convert", source, tmp_path / "ds", "--patient-key", "folder") == 0
    who = ["--by", "Li", "--reason", "why"]
    assert run(workspace, "split", "move", "p1", "incoming", *who) == 0
    p1 = patient_hash(workspace.salt(), "folder:p1")
    assert workspace.split().set_of(p1) == "incoming"
    assert run(workspace, "split", "move", p1, "val", *who) == 0
    assert workspace.split().set_of(p1) == "val"
    capsys.readouterr()
    assert run(workspace, "split", "move", "ANON", "val", *who) == 2
    assert "has no patient ANON" in capsys.readouterr().err


def test_moving_to_test_names_the_models_that_cannot_be_compared_any_more(
    workspace: Workspace, capsys: Capture
) -> None:
    freeze(workspace)
    trained = workspace.split().members("train")[0]
    info = model_info(name="flair", split={trained: "train"}, salt_id=salt_id(workspace.salt()))
    write_model_package(workspace.models / "flair-v1", info)
    capsys.readouterr()
    words = ["split", "move", trained, "test", "--by", "Li", "--reason", "why"]
    assert run(workspace, *words) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == f"{trained}: train -> test; datasets made from now on follow it."
    assert "1 model of the workspace cannot be compared on this patient any more: flair-v1." in (
        captured.err
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["move", "nobody", "test", "--by", "Li", "--reason", "x"], "has no patient nobody"),
        (["move", "P0", "train", "--by", "Li", "--reason", "x"], "is in train already"),
        (["move", "P0", "gym", "--by", "Li", "--reason", "x"], "invalid choice"),
        (["move", "P0", "val", "--by", "Li"], "--reason"),
        (["move", "P0", "val", "--reason", "x"], "--by"),
        (["move", "P0", "incoming", "--by", "", "--reason", "x"], "a name and a reason"),
        (["move", "P0", "incoming", "--by", "Li", "--reason", " "], "a name and a reason"),
        (["list", "--source", "nowhere"], "does not exist"),
        ([], "WHAT"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_changes_nothing(
    workspace: Workspace, capsys: Capture, words: list[str], sentence: str
) -> None:
    freeze(workspace)
    before = {p.name: p.read_bytes() for p in workspace.root.iterdir()}
    capsys.readouterr()
    assert run(workspace, "split", *words) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.splitlines()) == 1
    assert {p.name: p.read_bytes() for p in workspace.root.iterdir()} == before


def test_moving_before_there_is_a_split_says_what_to_do(
    workspace: Workspace, capsys: Capture
) -> None:
    words = ["split", "move", "P0", "val", "--by", "Li", "--reason", "x"]
    assert run(workspace, *words) == 2
    assert "Convert slices first" in capsys.readouterr().err
    assert not workspace.root.exists()


def test_the_same_patient_under_two_ids_blocks_the_conversion_and_leaves_nothing(
    source: Path, workspace: Workspace, tmp_path: Path, capsys: Capture
) -> None:
    copied = source / "P9" / "copy.dcm"
    write_dicom(copied, lesion_slice(seed=200), patient="P9")  # the picture of P2
    write_json(copied.with_suffix(".json"), annotation_json("copy.dcm", {0: []}, (32, 40)))
    sides = {"train": ["P0", "P1", "P2", "P3"], "val": ["P4", "P5"], "test": ["P9"]}
    (tmp_path / "sides.json").write_text(json.dumps(sides))
    target = tmp_path / "out" / "ds"
    words = ["convert", source, target, "--split", tmp_path / "sides.json"]
    assert run(workspace, *words) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "P2/IM0000.dcm of patient P2 (train) and P9/copy.dcm of patient P9 (test)" in error
    assert list((tmp_path / "out").iterdir()) == []
    assert not (workspace.root / "split.json").exists()
    assert not workspace.audit.path.exists()
    # On one side there is nothing wrong with it.
    sides = {**sides, "train": [*sides["train"], "P9"], "test": []}
    (tmp_path / "sides.json").write_text(json.dumps(sides))
    assert run(workspace, *words) == 0


def test_a_split_file_with_an_unknown_patient_changes_nothing(
    source: Path, workspace: Workspace, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "sides.json").write_text(json.dumps({"train": FIRST[:-1], "val": ["p5"]}))
    words = ["convert", source, tmp_path / "out", "--split", tmp_path / "sides.json"]
    assert run(workspace, *words) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "neither in the data nor in the split of this workspace: p5." in error
    assert not (tmp_path / "out").exists()
    assert not (workspace.root / "split.json").exists()


def test_the_recipes_own_split_has_no_new_patients(
    source: Path, workspace: Workspace, tmp_path: Path, capsys: Capture
) -> None:
    words = ["--preset", "reference", "--new-patients", "incoming"]
    assert run(workspace, "convert", source, tmp_path / "out", *words) == 2
    assert "has a split of its own" in capsys.readouterr().err
