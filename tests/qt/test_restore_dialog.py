"""What a crash left, what the workspace says otherwise, and earlier versions: offered, restored."""

from __future__ import annotations

import glob
import json
import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.io.store.journal import Journal
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.dialogs.restore_dialog import RestoreDialog, RestoreRow, RestoreWords
from medseg_desktop.qt.dialogs.versions_dialog import VersionsDialog
from tests.builders import write_study
from tests.drawn import (
    LEFT,
    WAIT_MS,
    crashed,
    draw_rectangle,
    message,
    noted,
    opened,
    path_on_screen,
    program,
    row,
    saved,
    shapes_in,
    shapes_on_screen,
    shorten_times,
)
from tests.media import write_zip
from tests.qt.viewing import shown

WORDS = RestoreWords("Title", "Something has happened.", "Other", "Discard")


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_times(monkeypatch)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "s", ("A",))


def beside(controller: Controller) -> Path:
    return path_on_screen(controller).with_suffix(".json")


def crash(qtbot: QtBot, study: Path, workspace: Path, slices: int = 1) -> Path:
    """A workspace whose program ended with a rectangle unsaved on one or two slices."""
    with program(qtbot, workspace.with_name("living"), autosave=False) as controller:
        opened(qtbot, controller, study)
        controller.study.set_slice(0)
        shown(qtbot, controller)
        draw_rectangle(controller)
        if slices == 2:
            controller.study.set_slice(1)
            shown(qtbot, controller)
            draw_rectangle(controller)
        noted(qtbot, controller, slices)
        return crashed(controller, workspace)


def offered(qtbot: QtBot, controller: Controller) -> RestoreDialog:
    qtbot.waitUntil(lambda: controller.annotating.recovery.dialog is not None, timeout=WAIT_MS)
    dialog = controller.annotating.recovery.dialog
    assert isinstance(dialog, RestoreDialog)
    return dialog


def click(button: QPushButton) -> None:
    assert button.isEnabled()
    QTest.mouseClick(button, LEFT)


def entries(workspace: Path) -> list[Path]:
    # Not Path.glob, which fails at a folder that is removed while it looks.
    return [Path(found) for found in glob.glob(str(workspace / "recovery" / "*" / "*.json"))]


# -- the dialog itself


def test_rows_show_both_sides_and_a_warned_one_has_no_tick(qtbot: QtBot) -> None:
    rows = [
        RestoreRow("a", "T1, slice 3", "3 shapes", "2 shapes", "2026-01-02 03:04"),
        RestoreRow("b", "T1, slice 4", "1 shape", "nothing", "", "the file was changed since"),
    ]
    dialog = RestoreDialog(WORDS, rows)
    qtbot.addWidget(dialog)
    texts = [[row(dialog.list, i).text(c) for c in range(4)] for i in range(2)]
    assert texts[0] == ["T1, slice 3", "3 shapes", "2 shapes", "2026-01-02 03:04"]
    assert texts[1][0] == "T1, slice 4\nthe file was changed since"
    assert dialog.ticked == ["a"]
    assert dialog.text.text() == WORDS.text
    row(dialog.list, 0).setCheckState(0, Qt.CheckState.Unchecked)
    assert not dialog.restore.isEnabled()
    assert not dialog.discard.isEnabled()
    row(dialog.list, 1).setCheckState(0, Qt.CheckState.Checked)
    with qtbot.waitSignal(dialog.restore_requested) as told:
        click(dialog.restore)
    assert told.args == [["b"]]


# -- what a crash left


def test_unsaved_work_is_restored_as_a_step_and_saved(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    workspace = crash(qtbot, study, tmp_path / "w")
    with program(qtbot, workspace, autosave=False) as controller:
        opened(qtbot, controller, study)
        dialog = offered(qtbot, controller)
        item = row(dialog.list, 0)
        assert [item.text(c) for c in (1, 2)] == ["2 shapes", "1 shape"]
        assert "slice 1" in item.text(0)
        click(dialog.restore)
        controller.study.set_slice(0)
        shown(qtbot, controller)
        assert shapes_on_screen(controller) == 2
        assert controller.window.isWindowModified()
        assert message(controller) == ""
        noted(qtbot, controller)
        controller.window.actions_by_key["undo"].trigger()
        assert shapes_on_screen(controller) == 1
        controller.window.actions_by_key["redo"].trigger()
        controller.saving.save()
        saved(qtbot, controller)
        assert len(shapes_in(beside(controller))) == 2
        noted(qtbot, controller, 0)


def test_rows_name_the_patient_where_there_are_several_unless_that_is_hidden(
    qtbot: QtBot, tmp_path: Path
) -> None:
    study = write_study(tmp_path / "several", ("ANNA", "BERT"))
    workspace = crash(qtbot, study, tmp_path / "w")
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, study)
        assert "ANNA · " in row(offered(qtbot, controller).list, 0).text(0)
        offered(qtbot, controller).reject()
        controller.window.actions_by_key["identity"].trigger()
        controller.annotating.recovery.offer()
        text = row(offered(qtbot, controller).list, 0).text(0)
        assert text.startswith("Patient 1 · ")
        assert "ANNA" not in text
        offered(qtbot, controller).reject()


def test_restored_work_that_is_lost_by_a_second_crash_is_offered_again(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    workspace = crash(qtbot, study, tmp_path / "w")
    with program(qtbot, workspace, autosave=False) as controller:
        opened(qtbot, controller, study)
        click(offered(qtbot, controller).restore)
        noted(qtbot, controller)
        again = crashed(controller, tmp_path / "w2")
    with program(qtbot, again) as controller:
        opened(qtbot, controller, study)
        click(offered(qtbot, controller).restore)
        saved(qtbot, controller)
    assert len(shapes_in(study / "A" / "IM0000.json")) == 2


def test_what_is_discarded_is_never_offered_again(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    workspace = crash(qtbot, study, tmp_path / "w", slices=2)
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, study)
        dialog = offered(qtbot, controller)
        row(dialog.list, 1).setCheckState(0, Qt.CheckState.Unchecked)
        click(dialog.discard)
        qtbot.waitUntil(lambda: len(entries(workspace)) == 1, timeout=WAIT_MS)
        assert "A slice has unsaved work" in message(controller)  # the other one
        click(controller.window.messages.action)
        dialog = offered(qtbot, controller)
        assert dialog.list.topLevelItemCount() == 1
        click(dialog.discard)
        qtbot.waitUntil(lambda: not entries(workspace), timeout=WAIT_MS)
        assert message(controller) == ""
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, study)
        qtbot.wait(100)
        assert controller.annotating.recovery.dialog is None
    assert len(shapes_in(study / "A" / "IM0000.json")) == 1


def test_deciding_later_asks_again_at_the_link_and_at_the_next_start(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    workspace = crash(qtbot, study, tmp_path / "w", slices=2)
    for _ in range(2):
        with program(qtbot, workspace) as controller:
            opened(qtbot, controller, study)
            click(offered(qtbot, controller).later)
            assert "2 slices have unsaved work" in message(controller)
            click(controller.window.messages.action)
            assert len(offered(qtbot, controller).ticked) == 2
            click(offered(qtbot, controller).later)
            opened(qtbot, controller, study)  # read again
            assert len(offered(qtbot, controller).ticked) == 2
    assert len(entries(workspace)) == 2


def test_work_of_another_folder_is_told_at_the_start_and_opened_from_there(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    workspace = crash(qtbot, study, tmp_path / "w")
    with program(qtbot, workspace) as controller:
        qtbot.waitUntil(lambda: "unsaved work" in message(controller), timeout=WAIT_MS)
        assert controller.window.messages.action.text() == "Open and restore"
        with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
            click(controller.window.messages.action)
        click(offered(qtbot, controller).restore)
        saved(qtbot, controller)
        assert message(controller) == ""
    assert len(shapes_in(study / "A" / "IM0000.json")) == 2


def test_work_on_an_archive_is_told_at_the_start_and_offered_when_it_is_opened_again(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    archive = write_zip(tmp_path / "x.zip", study)
    workspace = crash(qtbot, archive, tmp_path / "w")
    with program(qtbot, workspace) as controller:
        qtbot.waitUntil(lambda: "unsaved work" in message(controller), timeout=WAIT_MS)
        assert not controller.window.messages.action.isVisible()
        opened(qtbot, controller, archive)
        click(offered(qtbot, controller).restore)
        controller.study.set_slice(0)
        shown(qtbot, controller)
        assert shapes_on_screen(controller) == 2
        saved(qtbot, controller)


def test_work_in_a_folder_that_has_moved_is_offered_there(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    workspace = crash(qtbot, study, tmp_path / "w")
    moved = tmp_path / "moved"
    shutil.move(study, moved)
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, moved)
        click(offered(qtbot, controller).restore)
        saved(qtbot, controller)
    assert len(shapes_in(moved / "A" / "IM0000.json")) == 2


def test_a_file_that_was_changed_since_is_replaced_only_by_a_tick_and_kept_as_a_version(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    workspace = crash(qtbot, study, tmp_path / "w")
    file = study / "A" / "IM0000.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**document, "theirs": 1}), encoding="utf-8")
    theirs = file.read_bytes()
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, study)
        dialog = offered(qtbot, controller)
        assert dialog.ticked == []
        assert not dialog.restore.isEnabled()
        row(dialog.list, 0).setCheckState(0, Qt.CheckState.Checked)
        click(dialog.restore)
        saved(qtbot, controller)
    assert len(shapes_in(file)) == 2
    versions = (workspace / "annotations").glob("*/*/versions/*.json")
    assert theirs in [path.read_bytes() for path in versions]


def test_what_could_not_be_noted_stays_with_the_session_that_left_it(
    qtbot: QtBot, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = crash(qtbot, study, tmp_path / "w")
    before = entries(workspace)
    with program(qtbot, workspace, autosave=False) as controller:
        opened(qtbot, controller, study)
        dialog = offered(qtbot, controller)

        def full(*_: object) -> int:
            raise WorkspaceError("The disk is full.")

        with monkeypatch.context() as patch:
            patch.setattr(Journal, "note", full)
            click(dialog.restore)
            qtbot.waitUntil(lambda: "The disk is full" in message(controller), timeout=WAIT_MS)
            assert entries(workspace) == before


# -- the workspace says something else than the file


def changed_after_a_save(qtbot: QtBot, study: Path, workspace: Path) -> Path:
    """The file of the first slice, which was saved here with two shapes and changed since."""
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, study)
        controller.study.set_slice(0)
        shown(qtbot, controller)
        draw_rectangle(controller)
        saved(qtbot, controller)
        file = beside(controller)
    document = json.loads(file.read_text(encoding="utf-8"))
    document["frames"][0]["shapes"] = []
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


@pytest.mark.parametrize("answer", ["restore", "keep"])
def test_a_file_that_was_changed_after_it_was_saved_is_told_and_the_saved_one_is_offered(
    qtbot: QtBot, study: Path, tmp_path: Path, answer: str
) -> None:
    file = changed_after_a_save(qtbot, study, tmp_path / "w")
    theirs = file.read_bytes()
    with program(qtbot, tmp_path / "w") as controller:
        opened(qtbot, controller, study)
        controller.study.set_slice(0)
        shown(qtbot, controller)
        assert shapes_on_screen(controller) == 0
        assert file.name in message(controller)
        assert "changed by another program" in message(controller)
        click(controller.window.messages.action)
        dialog = offered(qtbot, controller)
        item = row(dialog.list, 0)
        assert [item.text(c) for c in (1, 2)] == ["2 shapes", "no lesion"]
        click(dialog.restore if answer == "restore" else dialog.discard)
        assert message(controller) == ""
        saved(qtbot, controller)
        assert shapes_on_screen(controller) == (2 if answer == "restore" else 0)
    assert len(shapes_in(file)) == (2 if answer == "restore" else 0)
    kept = [p.read_bytes() for p in (tmp_path / "w").glob("annotations/*/*/versions/*.json")]
    assert (theirs in kept) == (answer == "restore")


def test_with_the_patient_hidden_no_file_is_named(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    file = changed_after_a_save(qtbot, study, tmp_path / "w")
    with program(qtbot, tmp_path / "w") as controller:
        opened(qtbot, controller, study)
        controller.window.actions_by_key["identity"].trigger()
        assert file.name not in message(controller)
        assert str(study) not in message(controller)
        assert message(controller) == "An annotation file is not what was saved last."


def test_a_damaged_document_of_the_workspace_is_told(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    changed_after_a_save(qtbot, study, tmp_path / "w")
    mirror = next((tmp_path / "w").glob("annotations/*/*/current.json"))
    mirror.write_text("{ torn", encoding="utf-8")
    with program(qtbot, tmp_path / "w") as controller:
        opened(qtbot, controller, study)
        assert "current.json" in message(controller)


# -- earlier versions


def test_an_earlier_version_comes_back_as_a_step(
    controller: Controller, qtbot: QtBot, study: Path
) -> None:
    opened(qtbot, controller, study)
    for i in range(7):
        draw_rectangle(controller, (22 + i, 2 + i), (28 + i, 8 + i))
        controller.saving.save()  # asked for: each one is a version
        saved(qtbot, controller)
    assert shapes_on_screen(controller) == 8
    controller.window.actions_by_key["versions"].trigger()
    qtbot.waitUntil(lambda: controller.annotating.recovery.dialog is not None, timeout=WAIT_MS)
    dialog = controller.annotating.recovery.dialog
    assert isinstance(dialog, VersionsDialog)
    rows = [row(dialog.list, i) for i in range(dialog.list.topLevelItemCount())]
    assert [each.text(1) for each in rows] == [f"{n} shapes" for n in (7, 6, 5, 4, 3)]
    dialog.list.setCurrentItem(rows[4])
    click(dialog.restore)
    assert shapes_on_screen(controller) == 3
    saved(qtbot, controller)
    assert len(shapes_in(beside(controller))) == 3
    controller.window.actions_by_key["undo"].trigger()
    assert shapes_on_screen(controller) == 8
    saved(qtbot, controller)
    assert len(shapes_in(beside(controller))) == 8


def test_a_slice_without_versions_says_so(
    controller: Controller, qtbot: QtBot, study: Path
) -> None:
    opened(qtbot, controller, study)
    controller.window.actions_by_key["versions"].trigger()
    qtbot.waitUntil(lambda: controller.annotating.recovery.dialog is not None, timeout=WAIT_MS)
    dialog = controller.annotating.recovery.dialog
    assert isinstance(dialog, VersionsDialog)
    assert not dialog.list.isVisible()
    assert not dialog.restore.isEnabled()
    dialog.reject()
