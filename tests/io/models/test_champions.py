"""Promotion and rollback: a person's act, written down first, that a crash never half does."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.core.errors import ModelError, UsageError, WorkspaceError
from medseg_desktop.io import audit
from medseg_desktop.io.models import champions
from medseg_desktop.io.models.champions import Champions, Reign
from medseg_desktop.io.workspace import Workspace
from tests.builders import model_info, write_model_package


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Four models, called a-v1 to d-v1."""
    result = Workspace(tmp_path / "w")
    for name in "abcd":
        write_model_package(result.models / f"{name}-v1", model_info(name=name))
    return result


@pytest.fixture
def these(workspace: Workspace) -> Champions:
    return Champions(workspace)


def promote(these: Champions, *names: str) -> None:
    for name in names:
        these.promote(f"{name}-v1", "Ann", f"{name} is better")


def now(these: Champions) -> str:
    champion = these.current()
    return champion.model if champion else ""


def state(workspace: Workspace) -> dict[str, bytes]:
    """All small files of the workspace."""
    files = [p for p in workspace.root.iterdir() if p.is_file() and p.suffix != ".lock"]
    return {p.name: p.read_bytes() for p in files if not p.name.endswith(".lock")}


def test_before_the_first_promotion_there_is_none(these: Champions, workspace: Workspace) -> None:
    assert these.current() is None
    assert these.previous() is None
    assert these.earlier() == frozenset()
    assert these.verify().problem == ""
    with pytest.raises(WorkspaceError, match="no earlier champion"):
        these.rollback("Ann", "why not")
    assert state(workspace) == {}


def test_a_promotion_says_who_why_and_when(these: Champions, workspace: Workspace) -> None:
    champion = these.promote("a-v1", " 王\n医生 ", "灵敏度更高", evaluation="20260101-000000-abcd")
    assert (champion.model, champion.by, champion.reason) == ("a-v1", "王 医生", "灵敏度更高")
    assert these.current() == champion
    (entry,) = workspace.audit.verify().entries
    assert (entry.action, entry.actor, entry.time) == ("promoted", "王 医生", champion.since)
    assert entry.details["evaluation"] == "20260101-000000-abcd"
    assert entry.hash == champion.audit
    assert these.verify().problem == ""


def test_rollbacks_lead_back_through_all_that_reigned(these: Champions) -> None:
    promote(these, "a", "b", "c")
    assert these.previous() == Reign("b-v1", these.rollback("Ann", "c misses lesions").digest)
    assert now(these) == "b-v1"
    these.rollback("Ann", "so does b")
    assert now(these) == "a-v1"
    assert these.previous() is None
    promote(these, "d")
    these.rollback("Ann", "d too")
    assert now(these) == "a-v1"
    with pytest.raises(WorkspaceError, match="no earlier champion"):
        these.rollback("Ann", "further back")
    assert these.verify().problem == ""
    assert these.earlier() == {"a-v1", "b-v1", "c-v1", "d-v1"}


def test_one_that_is_promoted_again_reigns_again(these: Champions) -> None:
    promote(these, "a", "b", "a")
    these.rollback("Ann", "x")
    assert now(these) == "b-v1"
    these.rollback("Ann", "x")
    assert now(these) == "a-v1"


@pytest.mark.parametrize(
    ("model", "by", "reason"),
    [
        ("a-v1", "", "r"),
        ("a-v1", "Ann", " \n\t"),
        ("nobody-v1", "Ann", "r"),
        ("", "Ann", "r"),
        ("..", "Ann", "r"),
        ("../w/models/a-v1", "Ann", "r"),
        ("/etc", "Ann", "r"),
    ],
)
def test_what_is_no_proper_promotion_changes_nothing(
    these: Champions, workspace: Workspace, model: str, by: str, reason: str
) -> None:
    promote(these, "b")
    before = state(workspace)
    with pytest.raises(UsageError):
        these.promote(model, by, reason)
    assert state(workspace) == before


def test_the_champion_is_not_promoted_twice(these: Champions, workspace: Workspace) -> None:
    promote(these, "a")
    before = state(workspace)
    with pytest.raises(WorkspaceError, match="a-v1 is the champion already"):
        promote(these, "a")
    assert state(workspace) == before


def test_a_model_that_fails_a_check_is_not_promoted(these: Champions, workspace: Workspace) -> None:
    (workspace.models / "a-v1" / "model.onnx").write_bytes(b"other weights")
    with pytest.raises(ModelError, match="not the file"):
        promote(these, "a")
    assert state(workspace) == {}


# -- what happens to the files afterwards


def _change_onnx(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"x")


def _change_info(folder: Path) -> None:
    document = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(document | {"created": "2030"}))


def _replace_by_another(folder: Path) -> None:
    shutil.rmtree(folder)
    write_model_package(folder, model_info(name="a"), thresholds=(90.0,))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_change_onnx, r"a-v1 is not what Ann promoted: model\.onnx in .*a-v1 is not the file"),
        (_change_info, "a-v1 was changed after Ann promoted it"),
        (_replace_by_another, "a-v1 was changed after Ann promoted it"),
        (shutil.rmtree, "a-v1, which Ann promoted, is not in "),
    ],
)
def test_a_champion_that_is_not_what_was_promoted_is_told(
    these: Champions, workspace: Workspace, change: Callable[[Path], None], words: str
) -> None:
    promote(these, "a")
    champion = these.current()
    assert champion is not None
    assert these.problem(champion) == ""
    change(workspace.models / "a-v1")
    report = these.verify()
    assert re.search(words, report.problem)
    assert these.problem(champion) == report.problem
    assert these.verify(with_package=False).problem == ""
    assert len(report.entries) == 1


def test_a_changed_champion_can_be_promoted_anew_and_is_left_for_the_one_before(
    these: Champions, workspace: Workspace
) -> None:
    promote(these, "b", "a")
    _replace_by_another(workspace.models / "a-v1")
    promote(these, "a")
    assert these.verify().problem == ""
    these.rollback("Ann", "r")
    assert now(these) == "b-v1"


def test_nobody_goes_back_to_a_model_that_has_changed(
    these: Champions, workspace: Workspace
) -> None:
    promote(these, "a", "b")
    _replace_by_another(workspace.models / "a-v1")
    before = state(workspace)
    with pytest.raises(ModelError, match="a-v1 is not what it was"):
        these.rollback("Ann", "r")
    shutil.rmtree(workspace.models / "a-v1")
    with pytest.raises(UsageError, match="no model a-v1"):
        these.rollback("Ann", "r")
    assert state(workspace) == before


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[" * 5000, b'{"schema": 1}', b"\xff", b'{"model": ".."}']
)
def test_a_damaged_champion_file_is_told_and_mended_by_a_promotion(
    these: Champions, workspace: Workspace, data: bytes
) -> None:
    promote(these, "a")
    (workspace.root / "champion.json").write_bytes(data)
    with pytest.raises(WorkspaceError, match=r"champion\.json is damaged"):
        these.current()
    with pytest.raises(WorkspaceError, match=r"champion\.json is damaged"):
        these.verify()
    promote(these, "a")
    assert these.verify().problem == ""
    assert now(these) == "a-v1"


def test_a_champion_file_that_leads_elsewhere_is_damaged(
    these: Champions, workspace: Workspace
) -> None:
    promote(these, "a")
    file = workspace.root / "champion.json"
    file.write_text(file.read_text().replace('"a-v1"', '"../../elsewhere"'))
    with pytest.raises(WorkspaceError, match="damaged"):
        these.current()


def test_one_of_a_newer_version_is_left_alone(these: Champions, workspace: Workspace) -> None:
    promote(these, "a")
    file = workspace.root / "champion.json"
    file.write_text(file.read_text().replace('"schema": 1', '"schema": 2'))
    before = state(workspace)
    with pytest.raises(WorkspaceError, match="newer version"):
        promote(these, "b")
    assert state(workspace) == before


@pytest.mark.parametrize(
    ("key", "value"),
    [("model", "b-v1"), ("digest", "0" * 64), ("by", "Eve"), ("reason", "none"), ("since", "x")],
)
def test_a_champion_file_that_was_edited_is_told(
    these: Champions, workspace: Workspace, key: str, value: str
) -> None:
    promote(these, "a")
    file = workspace.root / "champion.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    assert "audit trail" in these.verify().problem


def test_a_champion_file_that_was_removed_is_told(these: Champions, workspace: Workspace) -> None:
    promote(these, "a")
    (workspace.root / "champion.json").unlink()
    assert these.verify().problem == (
        "The audit trail ends with a-v1 as champion, but the champion is none."
    )


def test_over_a_tampered_trail_nothing_changes(these: Champions, workspace: Workspace) -> None:
    promote(these, "a", "b")
    trail = workspace.audit.path
    trail.write_bytes(trail.read_bytes().replace(b"Ann", b"Eve"))
    before = state(workspace)
    for act in (
        lambda: promote(these, "c"),
        lambda: these.rollback("Ann", "r"),
        lambda: these.require("Ann", "r"),
    ):
        with pytest.raises(WorkspaceError, match=r"Line 1 of .* Restore it"):
            act()
    assert state(workspace) == before
    assert "Line 1 of " in these.verify().problem


# -- crashes and disks


def test_a_promotion_killed_in_between_leaves_the_old_champion_and_is_told(
    these: Champions, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(these, "a")

    class Killed(BaseException):
        pass

    def kill(source: Any, target: Any) -> None:
        if Path(target).name == "champion.json":
            raise Killed
        real(source, target)

    real = os.replace
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", kill)
        with pytest.raises(Killed):
            promote(these, "b")
    assert now(these) == "a-v1"
    assert these.verify().problem == (
        "The audit trail ends with b-v1 as champion, but the champion is a-v1."
    )
    promote(these, "b")  # said once more, it is done
    assert (now(these), these.verify().problem) == ("b-v1", "")
    these.rollback("Ann", "r")
    assert (now(these), these.verify().problem) == ("a-v1", "")


@pytest.mark.parametrize("failing", range(1, 4))
def test_a_full_disk_changes_neither_trail_nor_champion(
    these: Champions, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """The first fsyncs: of the new champion.json, of the trail; the others come too late."""
    promote(these, "a")
    before = state(workspace)
    real, done = os.fsync, [0]

    def fsync(fd: int) -> None:
        done[0] += 1
        if done[0] == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        if failing > 2:
            promote(these, "b")
        else:
            with pytest.raises(WorkspaceError, match="the disk is full"):
                promote(these, "b")
    assert now(these) == ("b-v1" if failing > 2 else "a-v1")
    assert failing > 2 or state(workspace) == before
    assert these.verify().problem == ""


def test_two_at_once_leave_one_champion_that_the_trail_ends_with(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Champions(workspace), Champions(workspace)
    monkeypatch.setattr(champions, "_PATIENCE_S", 0.05)
    monkeypatch.setattr(audit, "_PATIENCE_S", 0.05)
    checked = Champions._checked

    def meanwhile(self: Champions, model: str) -> str:
        if self is first:
            with pytest.raises(WorkspaceError, match="Another program"):
                promote(second, "b")
        return checked(self, model)

    monkeypatch.setattr(Champions, "_checked", meanwhile)
    promote(first, "a")
    assert now(first) == "a-v1"
    assert first.verify().problem == ""
    promote(second, "b")
    assert [e.details["model"] for e in first.verify().entries] == ["a-v1", "b-v1"]
