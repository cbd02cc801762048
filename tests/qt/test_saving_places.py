"""Where annotations go that cannot lie beside their images, and another source that is opened."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QUrl
from pytestqt.qtbot import QtBot

from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.dialogs.restore_dialog import RestoreDialog
from tests.builders import write_study
from tests.drawn import (
    WAIT_MS,
    draw_rectangle,
    message,
    noted,
    opened,
    path_on_screen,
    press,
    program,
    row,
    saved,
    shapes_in,
    shapes_on_screen,
    shorten_times,
)
from tests.media import write_zip
from tests.qt.viewing import shown, view


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_times(monkeypatch)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "s", ("A",))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return write_study(tmp_path / "other", ("Z",), slices=3)


def files(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def beside(controller: Controller) -> Path:
    return path_on_screen(controller).with_suffix(".json")


# -- not beside the images


def test_a_read_only_folder_is_told_and_its_annotations_come_back_even_when_it_has_moved(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    before, workspace = files(study), tmp_path / "w"
    (study / "A").chmod(0o555)
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, study)
        qtbot.waitUntil(lambda: "cannot be written" in message(controller), timeout=WAIT_MS)
        assert "kept in the workspace" in message(controller)
        controller.window.actions_by_key["identity"].trigger()
        assert str(study) not in message(controller)
        assert "kept in the workspace" in message(controller)
        draw_rectangle(controller)
        saved(qtbot, controller)
        assert controller.window.saved_text.text().startswith("Saved ")
    assert files(study) == before
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, study)
        assert shapes_on_screen(controller) == 2
    (study / "A").chmod(0o755)
    moved = tmp_path / "elsewhere"
    shutil.move(study, moved)
    (moved / "A").chmod(0o555)
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, moved)
        assert shapes_on_screen(controller) == 2
        draw_rectangle(controller, (22, 22), (30, 30))
        saved(qtbot, controller)
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, moved)
        assert shapes_on_screen(controller) == 3
    (moved / "A").chmod(0o755)
    assert list(files(moved).values()) == list(before.values())


def test_a_folder_that_becomes_read_only_is_told_and_nothing_is_lost(
    qtbot: QtBot, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, workspace = os.replace, tmp_path / "w"

    def refuse(source: Any, target: Any) -> None:
        if study in Path(target).parents:
            raise PermissionError(13, os.strerror(13))
        replace(source, target)

    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, study)
        before = files(study)
        monkeypatch.setattr(os, "replace", refuse)
        draw_rectangle(controller)
        saved(qtbot, controller)
        assert "kept in the workspace instead" in message(controller)
        assert files(study) == before
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, study)
        assert shapes_on_screen(controller) == 2


def test_annotations_of_an_archive_come_back_with_it(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    archive, workspace = write_zip(tmp_path / "x.zip", study), tmp_path / "w"
    data = archive.read_bytes()
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, archive)
        qtbot.waitUntil(lambda: "unpacked" in message(controller), timeout=WAIT_MS)
        draw_rectangle(controller)
        saved(qtbot, controller)
    assert archive.read_bytes() == data
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, archive)
        assert shapes_on_screen(controller) == 2


@pytest.mark.parametrize("text", ["{ no json", '{"frames": 5}', "[]"])
def test_an_annotation_file_that_cannot_be_used_is_never_overwritten(
    qtbot: QtBot, study: Path, tmp_path: Path, text: str
) -> None:
    workspace = tmp_path / "w"
    for file in study.rglob("*.json"):
        file.write_text(text, encoding="utf-8")
    before = files(study)
    for count in (1, 2):
        with program(qtbot, workspace) as controller:
            opened(qtbot, controller, study)
            draw_rectangle(controller, (2 + 10 * count, 2), (6 + 10 * count, 6))
            assert shapes_on_screen(controller) == count
            saved(qtbot, controller)
    assert files(study) == before


def test_a_slice_whose_annotation_file_is_broken_says_where_its_annotations_go(
    controller: Controller, qtbot: QtBot, study: Path
) -> None:
    opened(qtbot, controller, study)
    broken = beside(controller)
    index = view(controller).index
    broken.write_text("{ no json", encoding="utf-8")
    opened(qtbot, controller, study)
    controller.study.set_slice(index)
    said = f"{broken} is there already and cannot be used as an annotation."
    qtbot.waitUntil(lambda: message(controller).startswith(said), timeout=WAIT_MS)
    controller.study.set_slice(index - 1 if index else index + 1)
    qtbot.waitUntil(lambda: not message(controller).startswith(said), timeout=WAIT_MS)


# -- another source


def test_what_is_unsaved_is_saved_before_another_folder_is_opened(
    controller: Controller, qtbot: QtBot, study: Path, other: Path
) -> None:
    opened(qtbot, controller, study)
    file = beside(controller)
    draw_rectangle(controller)
    opened(qtbot, controller, other)  # at once, long before the autosave
    qtbot.waitUntil(lambda: len(shapes_in(file)) == 2, timeout=WAIT_MS)
    assert not controller.saving.unsaved
    noted(qtbot, controller, 0)
    assert controller.annotating.recovery.dialog is None


def begin_to_open(controller: Controller, how: str, other: Path) -> None:
    if how == "open":
        controller.open(other)
    elif how == "drop":
        controller.window.paths_dropped.emit([Path(QUrl.fromLocalFile(str(other)).toLocalFile())])
    else:
        controller.window.actions_by_key["reload"].trigger()


@pytest.mark.parametrize("how", ["open", "drop", "reload"])
@pytest.mark.parametrize("answer", ["Save", "Discard", "Cancel"])
def test_without_autosave_another_source_asks_first(
    qtbot: QtBot, study: Path, other: Path, tmp_path: Path, how: str, answer: str
) -> None:
    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        opened(qtbot, controller, study)
        file, before = beside(controller), controller.study.found
        draw_rectangle(controller)
        begin_to_open(controller, how, other)
        assert controller.study.found is before
        begin_to_open(controller, how, other)  # one question is enough
        press(controller.closing.question, answer)
        if answer == "Cancel":
            qtbot.wait(100)
            assert controller.study.found is before
            assert controller.window.isWindowModified()
            controller.saving.save()
            saved(qtbot, controller)
            return
        qtbot.waitUntil(lambda: controller.study.found is not before, timeout=WAIT_MS)
        assert len(shapes_in(file)) == (2 if answer == "Save" else 1)
        assert not controller.window.isWindowModified()
        if how == "reload":
            assert shapes_on_screen(controller) == (2 if answer == "Save" else 1)
        noted(qtbot, controller, 0)
    assert not list((tmp_path / "w" / "recovery").rglob("*.json"))


def test_what_was_to_be_discarded_is_still_there_when_the_other_source_cannot_be_opened(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        opened(qtbot, controller, study)
        file = beside(controller)
        draw_rectangle(controller)
        with qtbot.waitSignal(controller.study.scan_failed, timeout=WAIT_MS):
            controller.open(tmp_path / "missing")
            press(controller.closing.question, "Discard")
        assert controller.window.isWindowModified()
        controller.saving.save()
        saved(qtbot, controller)
        assert len(shapes_in(file)) == 2


def test_what_cannot_be_saved_is_asked_about_and_offered_when_the_folder_is_opened_again(
    controller: Controller, qtbot: QtBot, study: Path, other: Path
) -> None:
    opened(qtbot, controller, study)
    file, first = beside(controller), controller.study.found
    draw_rectangle(controller)
    document = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**document, "theirs": 1}), encoding="utf-8")
    theirs = file.read_bytes()
    controller.open(other)
    qtbot.waitUntil(lambda: controller.closing.question is not None, timeout=WAIT_MS)
    press(controller.closing.question, "Stay")
    assert controller.study.found is first
    controller.open(other)
    qtbot.waitUntil(lambda: controller.closing.question is not None, timeout=WAIT_MS)
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        press(controller.closing.question, "Open anyway")
    assert not controller.window.isWindowModified()
    draw_rectangle(controller)
    saved(qtbot, controller)
    opened(qtbot, controller, study)
    qtbot.waitUntil(lambda: controller.annotating.recovery.dialog is not None, timeout=WAIT_MS)
    dialog = controller.annotating.recovery.dialog
    assert isinstance(dialog, RestoreDialog)
    assert "changed since" in row(dialog.list, 0).text(0)
    assert dialog.ticked == []
    dialog.reject()
    assert file.read_bytes() == theirs


class HeldScan:
    """What is found waits until the test has gone on drawing."""

    def __init__(self, controller: Controller) -> None:
        self.found: ScanResult | None = None
        self._study = controller.study
        controller.study._scanner.found.disconnect(controller.study._set_folder)
        controller.study._scanner.found.connect(self._keep)

    def _keep(self, found: ScanResult) -> None:
        self.found = found

    def arrive(self) -> None:
        assert self.found is not None
        self._study._set_folder(self.found)


@pytest.mark.parametrize("is_saved", [True, False])
def test_what_is_drawn_while_the_folder_is_read_again_stays(
    controller: Controller,
    qtbot: QtBot,
    study: Path,
    is_saved: bool,
) -> None:
    opened(qtbot, controller, study)
    file = beside(controller)
    draw_rectangle(controller)
    scan = HeldScan(controller)
    controller.window.actions_by_key["reload"].trigger()
    qtbot.waitUntil(lambda: scan.found is not None, timeout=WAIT_MS)
    assert len(shapes_in(file)) == 2  # saved before it was read
    draw_rectangle(controller, (22, 22), (30, 30))
    if is_saved:
        saved(qtbot, controller)
    scan.arrive()
    shown(qtbot, controller)
    assert shapes_on_screen(controller) == 3
    saved(qtbot, controller)
    assert len(shapes_in(file)) == 3
    assert controller.saving.conflicts == {}
    draw_rectangle(controller, (30, 2), (36, 6))
    saved(qtbot, controller)
    assert len(shapes_in(file)) == 4
    noted(qtbot, controller, 0)
    assert controller.annotating.recovery.dialog is None


def full_disk(monkeypatch: pytest.MonkeyPatch, below: Path) -> Callable[[], None]:
    """Let files below a folder fail to be written until the returned call."""
    replace, is_full = os.replace, [True]

    def full(source: str, target: str) -> None:
        if is_full and str(target).startswith(str(below)):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    return is_full.clear


def test_what_could_be_saved_only_while_the_folder_is_read_again_is_shown(
    controller: Controller, qtbot: QtBot, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(qtbot, controller, study)
    file = beside(controller)
    mend = full_disk(monkeypatch, study)
    draw_rectangle(controller)
    qtbot.waitUntil(lambda: controller.saving.is_failing, timeout=WAIT_MS)
    scan = HeldScan(controller)
    controller.window.actions_by_key["reload"].trigger()
    qtbot.waitUntil(lambda: controller.closing.question is not None, timeout=WAIT_MS)
    press(controller.closing.question, "Open anyway")
    qtbot.waitUntil(lambda: scan.found is not None, timeout=WAIT_MS)
    mend()
    controller.saving.save()
    saved(qtbot, controller)
    assert len(shapes_in(file)) == 2  # but one in what was read
    scan.arrive()
    shown(qtbot, controller)
    assert shapes_on_screen(controller) == 2
    draw_rectangle(controller, (22, 22), (30, 30))
    saved(qtbot, controller)
    assert controller.saving.conflicts == {}
    assert len(shapes_in(file)) == 3


def test_what_is_drawn_while_another_folder_is_read_is_saved(
    controller: Controller,
    qtbot: QtBot,
    study: Path,
    other: Path,
) -> None:
    opened(qtbot, controller, study)
    file = beside(controller)
    scan = HeldScan(controller)
    controller.open(other)
    qtbot.waitUntil(lambda: scan.found is not None, timeout=WAIT_MS)
    draw_rectangle(controller)
    scan.arrive()
    controller.window.close()  # at once
    assert not controller.saving.unsaved
    qtbot.waitUntil(lambda: not controller.window.isVisible(), timeout=WAIT_MS)
    assert len(shapes_in(file)) == 2


@pytest.mark.parametrize("is_named", [True, False])
def test_what_cannot_be_saved_when_its_folder_is_left_is_told_and_offered_again(
    controller: Controller,
    qtbot: QtBot,
    study: Path,
    other: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_named: bool,
) -> None:
    opened(qtbot, controller, study)
    controller.study.set_identity(is_named)
    file = beside(controller)
    scan = HeldScan(controller)
    controller.open(other)
    qtbot.waitUntil(lambda: scan.found is not None, timeout=WAIT_MS)
    mend = full_disk(monkeypatch, study)
    draw_rectangle(controller)
    scan.arrive()
    qtbot.waitUntil(lambda: "offered when you open" in message(controller), timeout=WAIT_MS)
    assert (file.name in message(controller)) == is_named
    assert path_on_screen(controller).is_relative_to(other)
    assert not controller.saving.unsaved
    mend()
    scan.found = None
    controller.open(study)
    qtbot.waitUntil(lambda: scan.found is not None, timeout=WAIT_MS)
    scan.arrive()
    qtbot.waitUntil(lambda: controller.annotating.recovery.dialog is not None, timeout=WAIT_MS)
    controller.annotating.recovery.dialog.restore.click()  # type: ignore[union-attr]
    saved(qtbot, controller)
    assert len(shapes_in(file)) == 2


def test_without_autosave_what_is_drawn_while_another_folder_is_read_is_offered_again(
    qtbot: QtBot, study: Path, other: Path, tmp_path: Path
) -> None:
    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        opened(qtbot, controller, study)
        scan = HeldScan(controller)
        controller.open(other)
        qtbot.waitUntil(lambda: scan.found is not None, timeout=WAIT_MS)
        draw_rectangle(controller)
        scan.arrive()
    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        opened(qtbot, controller, study)
        qtbot.waitUntil(lambda: controller.annotating.recovery.dialog is not None, timeout=WAIT_MS)
        controller.annotating.recovery.dialog.restore.click()  # type: ignore[union-attr]
        assert shapes_on_screen(controller) == 2


def test_a_change_of_another_program_is_shown_after_reading_again(
    controller: Controller, qtbot: QtBot, study: Path
) -> None:
    opened(qtbot, controller, study)
    file = beside(controller)
    document = json.loads(file.read_text(encoding="utf-8"))
    document["frames"][0]["shapes"] *= 3
    file.write_text(json.dumps(document), encoding="utf-8")
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        controller.window.actions_by_key["reload"].trigger()
    shown(qtbot, controller)
    assert shapes_on_screen(controller) == 3
    draw_rectangle(controller)
    saved(qtbot, controller)
    assert len(shapes_in(file)) == 4
