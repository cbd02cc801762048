"""A patient is moved by a person, with a name and a reason, and that is on record."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from medseg_desktop.core.errors import UsageError, WorkspaceError
from medseg_desktop.core.split import SplitRequest
from medseg_desktop.io import frozen_split
from medseg_desktop.io.dataset import split_digest
from medseg_desktop.io.file_lock import turn
from medseg_desktop.io.models.champions import Champions
from medseg_desktop.io.workspace import Workspace, salt_id
from tests.builders import model_info, write_model_package


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    result = Workspace(tmp_path / "工作 区")
    result.freeze({"a": "train", "b": "test", "c": "incoming"})
    return result


def test_a_move_changes_the_split_and_is_on_record(workspace: Workspace) -> None:
    assert workspace.move_patient("c", "test", "Dr. 李", "阅片后") == "incoming"
    assert workspace.split().sets == {"a": "train", "b": "test", "c": "test"}
    entry = workspace.audit.verify().entries[-1]
    assert (entry.action, entry.actor) == ("patient_moved", "Dr. 李")
    assert entry.details == {
        "patient_hash": "c", "from": "incoming", "to": "test", "reason": "阅片后",
        "split_hash": split_digest({"a": "train", "b": "test", "c": "test"}),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("x", "test", "Li", "why"), "has no patient x"),
        (("a", "train", "Li", "why"), "is in train already"),
        (("a", "test", " ", "why"), "name and a reason"),
        (("a", "test", "Li", ""), "name and a reason"),
    ],
)
def test_a_move_that_makes_no_sense_changes_nothing(
    workspace: Workspace, arguments: tuple[str, ...], sentence: str
) -> None:
    before = {p.name: p.read_bytes() for p in workspace.root.iterdir()}
    with pytest.raises(UsageError, match=sentence):
        workspace.move_patient(*arguments)  # type: ignore[arg-type]
    assert {p.name: p.read_bytes() for p in workspace.root.iterdir()} == before


def test_without_a_sound_audit_trail_nobody_is_moved(workspace: Workspace) -> None:
    trail = workspace.root / "audit.jsonl"
    trail.write_bytes(trail.read_bytes().replace(b"train", b"trail"))
    with pytest.raises(WorkspaceError, match="Line 1 of"):
        workspace.move_patient("a", "test", "Li", "why")
    assert workspace.split().set_of("a") == "train"


def test_the_record_comes_before_the_move(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def stopped(source: Path, target: Path) -> None:
        if Path(target).name == "split.json":
            raise OSError(errno.EIO, "the program ends here")
        replace(source, target)

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(WorkspaceError):
        workspace.move_patient("a", "test", "Li", "why")
    assert workspace.split().set_of("a") == "train"
    assert workspace.audit.verify().entries[-1].action == "patient_moved"


def test_on_a_full_disk_nobody_is_moved_and_nothing_is_on_record(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = {p.name: p.read_bytes() for p in workspace.root.iterdir()}
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorkspaceError, match="disk is full"):
        workspace.move_patient("a", "test", "Li", "why")
    assert {p.name: p.read_bytes() for p in workspace.root.iterdir()} == before


def test_a_split_that_was_edited_by_hand_is_noticed_and_not_taken_over(
    workspace: Workspace,
) -> None:
    workspace.move_patient("c", "train", "Li", "why")
    file, champions = workspace.root / "split.json", Champions(workspace)
    assert champions.verify().problem == ""
    sound = file.read_bytes()
    file.write_bytes(sound.replace(b'"test"', b'"train"'))
    edited = file.read_bytes()
    assert "split.json was changed by something else" in champions.verify().problem
    with pytest.raises(WorkspaceError, match="changed by something else"):
        workspace.freeze({"d": "train"})
    with pytest.raises(WorkspaceError, match="changed by something else"):
        workspace.move_patient("a", "test", "Li", "why")
    assert file.read_bytes() == edited
    assert len(workspace.audit.verify().entries) == 2
    file.write_bytes(sound)
    workspace.freeze({"d": "train"})
    assert champions.verify().problem == ""


def test_a_split_that_was_recorded_and_not_written_can_be_made_again(workspace: Workspace) -> None:
    """As after a power failure between the two."""
    file = workspace.root / "split.json"
    before = file.read_bytes()
    workspace.move_patient("c", "train", "Li", "why")
    file.write_bytes(before)
    workspace.move_patient("c", "train", "Li", "once more")
    assert Champions(workspace).verify().problem == ""


def test_moves_at_the_same_time_all_count(workspace: Workspace) -> None:
    names = [f"p{i}" for i in range(8)]
    workspace.freeze(dict.fromkeys(names, "train"))
    threads = [
        threading.Thread(
            target=Workspace(workspace.root).move_patient, args=(name, "val", "Li", "why")
        )
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {workspace.split().set_of(name) for name in names} == {"val"}
    assert workspace.audit.verify().problem == ""


def test_a_draw_never_follows_another_one(workspace: Workspace) -> None:
    before = workspace.split()
    with pytest.raises(WorkspaceError, match="changed during the conversion"):
        workspace.freeze({"d": "test"}, SplitRequest(draw="random"))
    with pytest.raises(WorkspaceError, match="changed during the conversion"):
        workspace.freeze({"a": "val", "d": "train"}, SplitRequest(draw="train"))
    assert workspace.split() == before


def test_a_damaged_split_is_one_sentence_and_stays(workspace: Workspace) -> None:
    file = workspace.root / "split.json"
    for text, sentence in (("{", "cannot be read"), ('{"schema": 2, "patients": {}}', "newer")):
        file.write_text(text)
        with pytest.raises(WorkspaceError, match=sentence):
            workspace.move_patient("a", "test", "Li", "why")
        assert file.read_text() == text


def test_the_models_that_saw_a_patient(workspace: Workspace) -> None:
    own = salt_id(workspace.salt())
    for name, split, salt in (
        ("one", {"a": "train", "b": "test"}, own),
        ("two", {"a": "test", "b": "val"}, own),
        ("foreign", {"a": "train", "b": "train"}, "0" * 16),
    ):
        info = model_info(name=name, split=split, salt_id=salt)  # type: ignore[arg-type]
        write_model_package(workspace.models / f"{name}-v1", info)
    found = workspace.models_by_patient()
    assert {h: [e.title for e in entries] for h, entries in found.items()} == {
        "a": ["one-v1"], "b": ["two-v1"],
    }  # fmt: skip


def test_whose_turn_does_not_come_changes_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the patients that the other program is about to add would be lost."""
    monkeypatch.setattr(frozen_split, "_PATIENCE_S", 0.05)
    with turn(workspace.root / ".split.lock"):
        with pytest.raises(WorkspaceError, match="Another program is writing"):
            workspace.freeze({"d": "train"})
        with pytest.raises(WorkspaceError, match="Another program is writing"):
            workspace.move_patient("a", "test", "Li", "why")
    assert workspace.split().sets == {"a": "train", "b": "test", "c": "incoming"}
    assert len(workspace.audit.verify().entries) == 1
