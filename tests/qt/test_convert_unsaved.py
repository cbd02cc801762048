"""What is drawn and not saved yet is in the dataset, or the conversion does not begin."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.controller import Controller
from tests.builders import write_study
from tests.drawn import draw_rectangle, opened, path_on_screen, program, saved

WAIT_MS = 60_000


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Six patients; half of the slices are reviewed."""
    folder = write_study(tmp_path / "s", ("A", "B", "C", "D", "E", "F"))
    for file in sorted(folder.rglob("*.json"))[::2]:
        file.unlink()
    return folder


def review_all(controller: Controller) -> int:
    """Mark every slice as reviewed; how many there are."""
    assert controller.study.found is not None
    series = controller.study.found.series
    for stack in series:
        controller.study.set_series(stack.key)
        controller.window.actions_by_key["reviewed_rest"].trigger()
    return sum(len(controller.annotations.reviewed(stack)) for stack in series)


def start(controller: Controller) -> None:
    dialog = controller.conversion.open()
    dialog.start_requested.emit(dialog.current_form())


def status(controller: Controller) -> str:
    assert controller.conversion.dialog is not None
    return controller.conversion.dialog.status.text()


def datasets(controller: Controller) -> list[Path]:
    return list(controller.workspace.datasets.rglob("manifest.json"))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("autosave", [False, True])
def test_what_the_dialog_promises_is_in_the_dataset(
    qtbot: QtBot, study: Path, tmp_path: Path, autosave: bool
) -> None:
    with program(qtbot, tmp_path / "w", autosave=autosave) as controller:
        opened(qtbot, controller, study)
        reviewed = review_all(controller)
        assert controller.saving.unsaved
        start(controller)
        qtbot.waitUntil(lambda: bool(datasets(controller)), timeout=WAIT_MS)
        qtbot.waitUntil(lambda: not controller.runs.is_converting, timeout=WAIT_MS)
        assert not controller.saving.unsaved
        (manifest,) = datasets(controller)
        assert len(json.loads(manifest.read_text(encoding="utf-8"))["files"]) == reviewed == 12
        controller.conversion.open().close()


@pytest.mark.parametrize("is_named", [True, False])
def test_what_cannot_be_saved_is_told_and_nothing_is_converted(
    qtbot: QtBot, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_named: bool
) -> None:
    replace, is_full = os.replace, [True]

    def full(source: str, target: str) -> None:
        if is_full and str(target).startswith(str(study)):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        opened(qtbot, controller, study)
        controller.study.set_identity(is_named)
        draw_rectangle(controller)
        name = path_on_screen(controller).name
        start(controller)
        qtbot.waitUntil(lambda: "nothing was converted" in status(controller).lower())
        assert (name in status(controller)) == is_named
        assert not controller.runs.is_converting
        assert not controller.conversion.open().bar.isVisible()
        is_full.clear()
        controller.saving.save()
        saved(qtbot, controller)
        assert not datasets(controller)


def test_a_file_that_another_program_changed_is_decided_about_first(
    qtbot: QtBot, study: Path, tmp_path: Path
) -> None:
    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        opened(qtbot, controller, study)
        draw_rectangle(controller)
        file = path_on_screen(controller).with_suffix(".json")
        file.write_text('{"version": "5.0", "frames": []}', encoding="utf-8")
        start(controller)
        qtbot.waitUntil(lambda: "another program: 1" in status(controller))
        assert not controller.runs.is_converting
        assert controller.saving.unsaved == {str(path_on_screen(controller))}


def test_waiting_for_the_disk_can_be_cancelled(qtbot: QtBot, study: Path, tmp_path: Path) -> None:
    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        opened(qtbot, controller, study)
        draw_rectangle(controller)
        start(controller)  # the thread that saves has not answered yet
        dialog = controller.conversion.open()
        assert status(controller) == "Saving annotations"
        dialog.reject()
        assert dialog.isVisible()
        saved(qtbot, controller)
        assert "stopped" in status(controller)
        assert not controller.runs.is_converting
