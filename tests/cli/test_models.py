"""`models` and `audit` on the command line."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medseg_desktop.core.settings import Settings
from medseg_desktop.io.settings_file import save_settings
from medseg_desktop.io.workspace import Workspace
from tests.builders import model_info, threshold_network, write_model_package
from tests.cli.test_commands import last_json, one_line, run
from tests.evaluation_records import write_evaluation

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Two models, a-v1 and b-v1, in the workspace that commands use by default."""
    root = tmp_path / "w"
    monkeypatch.setenv("MEDSEG_WORKSPACE", str(root))
    result = Workspace(root)
    for name, dice in (("a", 0.51), ("b", 0.62)):
        info = msgspec.structs.replace(
            model_info(name=name), metrics={"mean_patient_dice": dice}, parent="starter"
        )
        write_model_package(result.models / f"{name}-v1", info, thresholds=(90 + 100 * dice,))
    return result


def out(capsys: Capture) -> str:
    return capsys.readouterr().out


def state(workspace: Workspace) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in workspace.root.rglob("*") if p.is_file()}


def models(capsys: Capture) -> dict[str, dict[str, Any]]:
    assert run("models", "list", "--json") == 0
    return {row["title"]: row for row in last_json(capsys)["models"]}


def test_the_list_shows_champion_candidates_and_their_dice(
    workspace: Workspace, capsys: Capture
) -> None:
    write_evaluation(
        workspace.evaluations / "e", workspace.models / "b-v1", workspace.models / "a-v1"
    )
    assert run("models", "promote", "a", "--by", "Ann", "--reason", "first") == 0
    assert "a-v1 is the champion now, promoted by Ann." in out(capsys)
    rows = models(capsys)
    assert rows["a-v1"]["champion"] is True
    assert rows["a-v1"]["candidate"] is False
    assert rows["b-v1"] == {
        "title": "b-v1",
        "path": "models/b-v1",
        "status": "candidate",
        "champion": False,
        "candidate": True,
        "created": "2026-01-01T00:00:00+00:00",
        "parent": "starter",
        "validation_dice": 0.62,
        "test": {
            "foreground_dice": pytest.approx(0.7),
            "low": pytest.approx(0.65),
            "high": pytest.approx(0.75),
            "n": 3,
            "seen": 0,
            "created": "2026-03-01T09:30:00+00:00",
            "evaluation": "e",
        },
        "problem": "",
    }
    assert run("models", "list") == 0
    text = out(capsys)
    assert any(line.split()[:2] == ["a-v1", "champion"] for line in text.splitlines())
    assert "0.700 (0.650 to 0.750), 3 patients" in text


def test_a_dice_of_patients_that_a_model_was_trained_on_is_told_to_be_one(
    workspace: Workspace, capsys: Capture
) -> None:
    write_evaluation(
        workspace.evaluations / "e",
        workspace.models / "b-v1",
        workspace.models / "a-v1",
        seen_by_champion=2,
    )
    rows = models(capsys)
    assert (rows["a-v1"]["test"]["seen"], rows["b-v1"]["test"]["seen"]) == (2, 0)
    assert run("models", "list") == 0
    told = [line for line in out(capsys).splitlines() if "seen in training" in line]
    assert [line.split()[0] for line in told] == ["a-v1"]
    assert told[0].endswith("3 patients, 2 seen in training")


def test_a_model_that_cannot_be_read_is_listed_with_the_reason(
    workspace: Workspace, capsys: Capture
) -> None:
    (workspace.models / "b-v1" / "model.json").write_text("{")
    assert "no model that this program can read" in models(capsys)["b-v1"]["problem"]
    assert run("models", "list") == 0
    assert "cannot be used" in out(capsys)


def test_an_empty_workspace_is_said_to_be_empty(tmp_path: Path, capsys: Capture) -> None:
    assert run("--workspace", tmp_path / "new", "models", "list") == 0
    assert "There is no model" in out(capsys)
    assert run("models", "list", "--json", "--workspace", tmp_path / "new") == 0
    assert last_json(capsys) == {"models": [], "champion": None, "problem": ""}
    assert not (tmp_path / "new").exists()


def test_promoting_and_going_back_are_in_the_trail(workspace: Workspace, capsys: Capture) -> None:
    save_settings(Settings(annotator="Dr. Wang"))
    assert run("models", "promote", "a-v1", "--reason", "the first one") == 0
    assert run("models", "promote", "b", "--by", "李四", "--reason", "finds more") == 0
    assert run("models", "rollback", "--reason", "finds too much") == 0
    assert "a-v1 is the champion again" in out(capsys)
    assert models(capsys)["b-v1"]["status"] == "earlier champion"
    assert run("audit", "verify") == 0
    assert out(capsys) == "3 entries, the chain holds\n"
    assert run("audit", "verify", "--json") == 0
    assert last_json(capsys) == {"holds": True, "entries": 3, "problem": ""}
    assert run("audit", "list", "--json") == 0
    entries = last_json(capsys)["entries"]
    assert [(e["action"], e["actor"], e["details"]["model"]) for e in entries] == [
        ("promoted", "Dr. Wang", "a-v1"),
        ("promoted", "李四", "b-v1"),
        ("rolled_back", "Dr. Wang", "a-v1"),
    ]
    assert run("audit", "list") == 0
    lines = out(capsys).splitlines()
    assert len(lines) == 3
    assert lines[1].endswith("李四  promoted: b-v1, before: a-v1  (finds more)")


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_package_of_elsewhere_is_copied_into_the_workspace_first(
    workspace: Workspace, tmp_path: Path, capsys: Capture, as_zip: bool
) -> None:
    package = write_model_package(tmp_path / "run" / "model", model_info(name="a"))
    if as_zip:
        archive = tmp_path / "a.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for each in package.iterdir():
                file.write(each, each.name)
        shutil.rmtree(package)
        package = archive
    assert run("models", "promote", package, "--by", "Ann", "--reason", "r") == 0
    text = out(capsys)
    assert "was copied into the workspace as a-v2." in text
    assert "a-v2 is the champion now" in text
    assert models(capsys)["a-v2"]["champion"] is True
    assert [e.action for e in workspace.audit.verify().entries] == ["model_imported", "promoted"]


def test_a_name_alone_is_the_champion_and_not_a_newer_candidate(
    workspace: Workspace, capsys: Capture, tmp_path: Path
) -> None:
    assert run("models", "promote", "a-v1", "--by", "Ann", "--reason", "first") == 0
    newer = msgspec.structs.replace(model_info(name="a"), version=2)
    write_model_package(workspace.models / "a-v2", newer, thresholds=(150.0,))
    for name, exported in (("a", "a-v1"), ("a-v2", "a-v2"), ("b", "b-v1")):
        assert run("export", name, "--out", str(tmp_path / name)) == 0
        assert exported in out(capsys)
    # Who promotes a name alone means the newest of that name.
    assert run("models", "promote", "a", "--by", "Ann", "--reason", "better") == 0
    assert "a-v2 is the champion now" in out(capsys)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("promote", "nobody", "--reason", "r"), 2, "There is no model nobody."),
        (("promote", "a", "--by", "Ann"), 2, "required: --reason"),
        (("promote", "a", "--by", "Ann", "--reason", " "), 2, "needs a name and a reason"),
        (("promote", "a", "--by", "", "--reason", "r"), 2, "needs a name and a reason"),
        (("promote", "broken-v1", "--reason", "r"), 1, "broken-v1 is no model"),
        (("rollback", "--reason", "r"), 1, "no earlier champion"),
        (("rollback",), 2, "required: --reason"),
        ((), 2, "required: ACTION"),
        (("crown",), 2, "invalid choice"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_changes_nothing(
    workspace: Workspace, capsys: Capture, words: tuple[str, ...], code: int, sentence: str
) -> None:
    (workspace.models / "broken-v1").mkdir()
    before = state(workspace)
    assert run("models", *words) == code
    assert sentence in one_line(capsys)
    after = {k: v for k, v in state(workspace).items() if not k.endswith(".lock")}
    assert after == before


def test_a_package_that_fails_a_check_is_not_copied(
    workspace: Workspace, tmp_path: Path, capsys: Capture
) -> None:
    package = write_model_package(tmp_path / "m", model_info(name="z"))
    (package / "model.onnx").write_bytes(b"x")
    before = state(workspace)
    assert run("models", "promote", package, "--by", "Ann", "--reason", "r") == 1
    assert "not the file the model was saved with" in one_line(capsys)
    assert state(workspace) == before


def test_a_network_that_cannot_be_run_is_not_promoted(
    workspace: Workspace, capsys: Capture
) -> None:
    network = threshold_network((32, 40), (128,))
    network.graph.node[0].input[1] = "missing"
    write_model_package(workspace.models / "c-v1", model_info(name="c"), network=network)
    before = state(workspace)
    assert run("models", "promote", "c", "--by", "Ann", "--reason", "r") == 1
    assert "does not load" in one_line(capsys)
    assert state(workspace) == before


def test_a_tampered_trail_stops_everything_and_names_the_line(
    workspace: Workspace, tmp_path: Path, capsys: Capture
) -> None:
    for name in ("a", "b"):
        assert run("models", "promote", name, "--by", "Ann", "--reason", "r") == 0
    trail = workspace.audit.path
    trail.write_bytes(trail.read_bytes().replace(b"b-v1", b"c-v1"))
    before = state(workspace)
    capsys.readouterr()
    assert run("audit", "verify") == 1
    assert one_line(capsys).startswith("Line 2 of ")
    assert run("audit", "verify", "--json") == 1
    printed = capsys.readouterr()
    assert "Line 2 of" in json.loads(printed.out)["problem"]
    assert json.loads(printed.out)["holds"] is False
    assert len(printed.err.splitlines()) == 1
    assert run("audit", "list", "--json") == 1
    assert len(json.loads(capsys.readouterr().out)["entries"]) == 1
    package = write_model_package(tmp_path / "m", model_info(name="z"))
    for words in (("promote", package), ("promote", "a"), ("rollback",)):
        assert run("models", *words, "--by", "Ann", "--reason", "r") == 1
        assert "Line 2 of" in one_line(capsys)
    assert state(workspace) == before
    assert run("models", "list") == 0
    assert "Problem: Line 2 of" in out(capsys)


def test_a_champion_whose_files_were_changed_fails_the_verification(
    workspace: Workspace, capsys: Capture
) -> None:
    assert run("models", "promote", "a", "--by", "Ann", "--reason", "r") == 0
    (workspace.models / "a-v1" / "model.onnx").write_bytes(b"x")
    capsys.readouterr()
    assert run("audit", "verify") == 1
    assert "is not the file the model was saved with" in one_line(capsys)


def test_an_empty_trail_holds(workspace: Workspace, capsys: Capture) -> None:
    assert run("audit", "verify") == 0
    assert out(capsys) == "0 entries, the chain holds\n"
    assert run("audit", "list") == 0
    assert "The audit trail is empty." in out(capsys)
    assert run("audit") == 2
    assert "ACTION" in one_line(capsys)
