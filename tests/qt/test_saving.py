"""Saving by itself and when asked, and what is said of it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.labels import LabelTable
from medseg_desktop.io.store.saver import Saver
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.controller import Controller
from tests.builders import write_study
from tests.drawn import (
    LEFT,
    WAIT_MS,
    draw_rectangle,
    message,
    noted,
    opened,
    path_on_screen,
    press,
    program,
    saved,
    shapes_in,
    shapes_on_screen,
    shorten_times,
)


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_times(monkeypatch)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "s", ("A",))


def beside(controller: Controller) -> Path:
    return path_on_screen(controller).with_suffix(".json")


def trigger(controller: Controller, action: str) -> None:
    controller.window.actions_by_key[action].trigger()


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were put in the place of others."""
    replace, done = os.replace, list[Path]()

    def record(source: Any, target: Any) -> None:
        replace(source, target)
        done.append(Path(target))

    monkeypatch.setattr(os, "replace", record)
    return done


def fail_at(
    monkeypatch: pytest.MonkeyPatch, is_meant: Callable[[Path], bool], number: int
) -> Callable[[], None]:
    """Let no file be replaced that is meant; returns what ends that."""
    replace, is_broken = os.replace, [True]

    def refuse(source: Any, target: Any) -> None:
        if is_broken and is_meant(Path(target)):
            raise OSError(number, os.strerror(number))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    return is_broken.clear


# -- by itself, and when asked


def test_quick_edits_are_saved_by_themselves_in_one_or_two_writes(
    controller: Controller, qtbot: QtBot, study: Path, writes: list[Path]
) -> None:
    opened(qtbot, controller, study)
    before = shapes_on_screen(controller)
    for i in range(10):
        draw_rectangle(controller, (20 + i, 2 + i), (24 + i, 6 + i))
    assert controller.window.isWindowModified()
    assert controller.window.saved_text.text() == "Saving…"
    saved(qtbot, controller)
    assert len(shapes_in(beside(controller))) == before + 10
    assert 1 <= writes.count(beside(controller)) <= 2
    assert not controller.window.isWindowModified()
    assert controller.window.saved_text.text().startswith("Saved ")
    qtbot.wait(400)
    assert 1 <= writes.count(beside(controller)) <= 2
    assert not list(controller.workspace.recovery.glob("*/*.json"))


def test_keys_of_other_programs_survive_a_save(
    controller: Controller, qtbot: QtBot, study: Path
) -> None:
    opened(qtbot, controller, study)
    file = beside(controller)
    document = json.loads(file.read_text(encoding="utf-8"))
    document["theirs"] = {"a": [1, 2.5, None], "ü": True}
    document["frames"][0]["frame_key"] = "x"
    document["frames"][0]["shapes"][0]["shape_key"] = [[]]
    file.write_text(json.dumps(document), encoding="utf-8")
    opened(qtbot, controller, study)
    draw_rectangle(controller)
    saved(qtbot, controller)
    after = json.loads(file.read_text(encoding="utf-8"))
    assert after["theirs"] == document["theirs"]
    assert after["frames"][0]["frame_key"] == "x"
    assert after["frames"][0]["shapes"][0] == document["frames"][0]["shapes"][0]
    assert len(after["frames"][0]["shapes"]) == 2


def test_without_autosave_changes_wait_for_the_key(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        opened(qtbot, controller, study)
        draw_rectangle(controller)
        noted(qtbot, controller)
        qtbot.wait(400)
        assert controller.window.isWindowModified()
        assert controller.window.saved_text.text() == "Not saved"
        assert len(shapes_in(beside(controller))) == 1
        trigger(controller, "save")
        saved(qtbot, controller)
        assert len(shapes_in(beside(controller))) == 2
        assert not controller.window.isWindowModified()


def test_taking_back_to_what_is_saved_is_nothing_unsaved(
    controller: Controller, qtbot: QtBot, study: Path, writes: list[Path]
) -> None:
    controller.window.actions_by_key["autosave"].setChecked(False)
    opened(qtbot, controller, study)
    draw_rectangle(controller)
    noted(qtbot, controller)
    trigger(controller, "undo")
    assert not controller.window.isWindowModified()
    noted(qtbot, controller, 0)
    trigger(controller, "redo")
    assert controller.window.isWindowModified()
    trigger(controller, "save")
    saved(qtbot, controller)
    trigger(controller, "undo")
    assert controller.window.isWindowModified()
    trigger(controller, "redo")
    assert not controller.window.isWindowModified()
    assert writes.count(beside(controller)) == 1


def test_what_is_edited_while_it_is_being_saved_is_saved_too(
    controller: Controller, qtbot: QtBot, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(qtbot, controller, study)
    save, begun = Saver.save, list[bool]()

    def slow(saver: Saver, *arguments: Any, **options: Any) -> Any:
        begun.append(True)
        QTest.qSleep(300)
        return save(saver, *arguments, **options)

    monkeypatch.setattr(Saver, "save", slow)
    draw_rectangle(controller)
    qtbot.waitUntil(lambda: bool(begun), timeout=WAIT_MS)
    draw_rectangle(controller, (22, 20), (30, 30))
    trigger(controller, "save")
    saved(qtbot, controller)
    assert len(shapes_in(beside(controller))) == 3
    draw_rectangle(controller, (25, 5), (30, 9))
    qtbot.waitUntil(lambda: len(begun) > 2, timeout=WAIT_MS)
    trigger(controller, "undo")  # to what was on the disk before the save began
    saved(qtbot, controller)
    assert len(shapes_in(beside(controller))) == 3


# -- what fails


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_failed_save_is_told_stays_unsaved_and_is_tried_again(
    controller: Controller,
    qtbot: QtBot,
    study: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    opened(qtbot, controller, study)
    file = beside(controller)
    before = file.read_bytes()
    mend = fail_at(monkeypatch, lambda path: path == file, number)
    draw_rectangle(controller)
    qtbot.waitUntil(lambda: file.name in message(controller), timeout=WAIT_MS)
    assert controller.window.isWindowModified()
    assert controller.window.saved_text.text() == "Not saved: it will be tried again"
    assert file.read_bytes() == before
    assert not list(file.parent.glob(".*.tmp"))
    mend()
    saved(qtbot, controller)
    assert len(shapes_in(file)) == 2
    assert message(controller) == ""


def test_a_failed_save_is_tried_again_at_the_click(
    controller: Controller, qtbot: QtBot, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(qtbot, controller, study)
    file = beside(controller)
    controller.window.actions_by_key["autosave"].setChecked(False)
    mend = fail_at(monkeypatch, lambda path: path == file, errno.ENOSPC)
    draw_rectangle(controller)
    trigger(controller, "save")
    qtbot.waitUntil(lambda: file.name in message(controller), timeout=WAIT_MS)
    mend()
    QTest.mouseClick(controller.window.messages.action, LEFT)
    saved(qtbot, controller)
    assert len(shapes_in(file)) == 2


def test_a_workspace_that_cannot_be_written_is_told_once(
    controller: Controller, qtbot: QtBot, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(qtbot, controller, study)
    controller.window.actions_by_key["autosave"].setChecked(False)
    workspace = controller.workspace.root
    mend = fail_at(monkeypatch, lambda path: workspace in path.parents, errno.EROFS)
    told: list[str] = []
    controller.saving.failed.connect(told.append)
    for i in range(4):
        draw_rectangle(controller, (20 + i, 2), (24 + i, 6))
        qtbot.wait(80)
    assert len(told) == 1
    assert "Unexpected" not in told[0]
    mend()
    draw_rectangle(controller, (30, 2), (34, 6))
    noted(qtbot, controller)


def test_without_a_journal_that_is_told_once_and_changes_are_saved_all_the_same(
    controller: Controller, qtbot: QtBot, study: Path
) -> None:
    controller.workspace.root.mkdir(parents=True, exist_ok=True)
    controller.workspace.recovery.write_text("in the way")
    opened(qtbot, controller, study)
    told: list[str] = []
    controller.saving.failed.connect(told.append)
    for i in range(3):
        draw_rectangle(controller, (20 + i, 2), (24 + i, 6))
        saved(qtbot, controller)
    assert len(told) == 1
    assert "recovery" in told[0]
    assert len(shapes_in(beside(controller))) == 4


@pytest.mark.parametrize(
    "name", ["影像 数据", "🧠 x 🧠", " with  spaces ", "x" * 120 + "/" + "y" * 120 + "/" + "z" * 60]
)
def test_annotations_are_saved_and_come_back_under_any_path(
    qtbot: QtBot, tmp_path: Path, name: str
) -> None:
    folder = write_study(tmp_path / name, ("Å ß",))
    workspace = tmp_path / "工作 🧠"
    for count in (2, 3):
        with program(qtbot, workspace) as controller:
            opened(qtbot, controller, folder)
            draw_rectangle(controller, (10 * count, 2), (10 * count + 4, 6))
            saved(qtbot, controller)
            assert message(controller) == ""
            file = beside(controller)
        assert len(shapes_in(file)) == count


# -- labels


def with_name(table: LabelTable, name: str) -> LabelTable:
    return LabelTable(table.labels).extended([name])


def test_an_edited_label_table_survives_a_restart(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "w"
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, study)
        assert Workspace(workspace).labels().index_of("mine") is None
        table = with_name(controller.annotations.labels, "mine")
        controller.annotations.set_labels("add a label", table)
        trigger(controller, "undo")
        trigger(controller, "redo")
    assert Workspace(workspace).labels() == table
    with program(qtbot, workspace) as controller:
        assert controller.annotations.labels == table


def test_two_windows_keep_what_the_other_one_made_of_the_labels(
    controller: Controller, qtbot: QtBot, study: Path
) -> None:
    root = controller.workspace.root
    start = Workspace(root).labels()

    def stored() -> tuple[str, ...]:
        return Workspace(root).labels().names[len(start) :]

    def is_stored(name: str) -> bool:
        return name in stored()

    with program(qtbot, root) as second:
        windows = (controller, second)
        for window, name in zip(windows, ("edema", "core"), strict=True):
            opened(qtbot, window, study)
            window.annotations.set_labels("add a label", window.annotations.labels.add(name))
            qtbot.waitUntil(partial(is_stored, name), timeout=WAIT_MS)
        assert stored() == ("edema", "core")
        labels = second.annotations.labels  # where "core" has the index of "edema"
        index = labels.index_of("core")
        assert index is not None
        second.annotations.set_labels("colour", labels.recolored(index, (1, 2, 3)))
        controller.annotations.set_labels("rename", controller.annotations.labels.renamed(1, "L"))
        qtbot.waitUntil(lambda: "L" in Workspace(root).labels().names, timeout=WAIT_MS)
        qtbot.waitUntil(
            lambda: Workspace(root).labels().labels[-1].color == (1, 2, 3), timeout=WAIT_MS
        )
        trigger(second, "undo")
        trigger(second, "undo")
        qtbot.waitUntil(lambda: stored() == ("edema",), timeout=WAIT_MS)
    assert Workspace(root).labels().index_of("H") == 1


def test_a_label_table_that_cannot_be_kept_is_told_once(
    controller: Controller, qtbot: QtBot, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(qtbot, controller, study)
    mend = fail_at(monkeypatch, lambda path: path.name == "labels.json", errno.ENOSPC)
    told: list[str] = []
    controller.saving.failed.connect(told.append)
    for name in ("one", "two", "three"):
        labels = with_name(controller.annotations.labels, name)
        controller.annotations.set_labels("add a label", labels)
    qtbot.waitUntil(lambda: bool(told), timeout=WAIT_MS)
    qtbot.wait(100)
    assert len(told) == 1
    assert "labels.json" in told[0]
    mend()
    labels = with_name(controller.annotations.labels, "four")
    controller.annotations.set_labels("add a label", labels)
    qtbot.waitUntil(lambda: controller.workspace.labels() == labels, timeout=WAIT_MS)


# -- another program


def change(file: Path) -> bytes:
    """As another program changes a file: the shapes are gone, one of theirs is there."""
    document = json.loads(file.read_text(encoding="utf-8"))
    shape = {
        **document["frames"][0]["shapes"][0],
        "label": "NH",
        "points": [[1, 1], [9, 1], [9, 9]],
    }
    document["frames"][0]["shapes"] = [shape]
    file.write_text(json.dumps(document), encoding="utf-8")
    return file.read_bytes()


def conflict(qtbot: QtBot, controller: Controller) -> None:
    qtbot.waitUntil(lambda: bool(controller.saving.conflicts), timeout=WAIT_MS)
    assert "by another program" in message(controller)
    assert controller.window.isWindowModified()
    assert "by another program" in controller.window.saved_text.text()
    QTest.mouseClick(controller.window.messages.action, LEFT)


def version_bytes(controller: Controller) -> set[bytes]:
    saver = controller.saving._saver
    return {v.path.read_bytes() for v in saver.versions(str(path_on_screen(controller)))}


@pytest.mark.parametrize("when", ["before the edit", "while the save is pending"])
def test_a_file_that_another_program_changed_is_replaced_only_when_asked(
    controller: Controller, qtbot: QtBot, study: Path, when: str
) -> None:
    opened(qtbot, controller, study)
    file = beside(controller)
    if when == "before the edit":
        theirs = change(file)
        draw_rectangle(controller)
    else:
        draw_rectangle(controller)
        theirs = change(file)
    conflict(qtbot, controller)
    assert file.read_bytes() == theirs
    press(controller.annotating.saving.question, "Keep mine")
    saved(qtbot, controller)
    assert len(shapes_in(file)) == 2
    assert theirs in version_bytes(controller)
    assert message(controller) == ""


def test_theirs_is_taken_as_a_step_and_ours_is_among_the_versions(
    controller: Controller, qtbot: QtBot, study: Path
) -> None:
    opened(qtbot, controller, study)
    file = beside(controller)
    theirs = change(file)
    draw_rectangle(controller)
    conflict(qtbot, controller)
    press(controller.annotating.saving.question, "Take theirs")
    saved(qtbot, controller)
    assert file.read_bytes() == theirs
    assert shapes_on_screen(controller) == 1
    kept = [json.loads(data) for data in version_bytes(controller)]
    assert [len(d["frames"][0]["shapes"]) for d in kept] == [2]
    noted(qtbot, controller, 0)
    trigger(controller, "undo")
    assert shapes_on_screen(controller) == 2
    assert controller.window.isWindowModified()
    saved(qtbot, controller)
    assert len(shapes_in(file)) == 2
    assert theirs in version_bytes(controller)


def test_deciding_later_leaves_both_and_saving_asks_again(
    controller: Controller, qtbot: QtBot, study: Path
) -> None:
    opened(qtbot, controller, study)
    file = beside(controller)
    theirs = change(file)
    draw_rectangle(controller)
    conflict(qtbot, controller)
    press(controller.annotating.saving.question, "Decide later")
    controller.window.messages.clear()
    draw_rectangle(controller, (22, 22), (30, 30))
    trigger(controller, "save")
    conflict(qtbot, controller)
    assert file.read_bytes() == theirs
    again = change(file).replace(b"NH", b"KH")
    file.write_bytes(again)  # and once more, while the question is open
    press(controller.annotating.saving.question, "Keep mine")
    conflict(qtbot, controller)
    qtbot.waitUntil(lambda: not controller.saving._running, timeout=WAIT_MS)
    assert file.read_bytes() == again
    press(controller.annotating.saving.question, "Keep mine")
    saved(qtbot, controller)
    assert len(shapes_in(file)) == 3
    assert again in version_bytes(controller)


@pytest.mark.parametrize("answer", ["Keep mine", "Take theirs"])
def test_a_file_that_another_program_removed_comes_back_only_when_asked(
    controller: Controller, qtbot: QtBot, study: Path, answer: str
) -> None:
    opened(qtbot, controller, study)
    file = beside(controller)
    file.unlink()
    draw_rectangle(controller)
    conflict(qtbot, controller)
    assert "removed" in message(controller)
    assert not file.exists()
    press(controller.annotating.saving.question, answer)
    saved(qtbot, controller)
    assert len(shapes_in(file)) == (2 if answer == "Keep mine" else 0)
    assert file.exists() == (answer == "Keep mine")
    assert shapes_on_screen(controller) == (2 if answer == "Keep mine" else 0)


def test_two_windows_on_one_folder_overwrite_nothing_of_each_other(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "w"
    with program(qtbot, workspace) as first, program(qtbot, workspace) as second:
        opened(qtbot, first, study)
        opened(qtbot, second, study)
        draw_rectangle(first)
        saved(qtbot, first)
        of_first = beside(first).read_bytes()
        draw_rectangle(second, (22, 22), (30, 30))
        conflict(qtbot, second)
        assert beside(first).read_bytes() == of_first
        assert second.annotating.recovery.dialog is None  # the other one lives
        press(second.annotating.saving.question, "Keep mine")
        saved(qtbot, second)
        assert of_first in version_bytes(second)
        draw_rectangle(first, (30, 2), (34, 6))
        conflict(qtbot, first)
        press(first.annotating.saving.question, "Take theirs")
        saved(qtbot, first)
        assert shapes_on_screen(first) == shapes_on_screen(second) == 2
