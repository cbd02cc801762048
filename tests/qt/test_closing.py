"""Closing: what is pending is written, what is unsaved is asked about, nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.io.store.saver import Saver
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.job_thread import JobThread
from tests.builders import write_study
from tests.drawn import (
    WAIT_MS,
    draw_rectangle,
    noted,
    opened,
    path_on_screen,
    press,
    program,
    shapes_in,
    shapes_on_screen,
)
from tests.fake_worker import fake_command


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "s", ("A",))


def beside(controller: Controller) -> Path:
    return path_on_screen(controller).with_suffix(".json")


def entries(workspace: Path) -> list[Path]:
    return list((workspace / "recovery").glob("*/*.json"))


def closed(qtbot: QtBot, controller: Controller) -> None:
    qtbot.waitUntil(lambda: not controller.window.isVisible(), timeout=WAIT_MS)


def offers(qtbot: QtBot, workspace: Path, study: Path) -> int:
    """How many shapes a new start shows on the first slice with all that it offers restored."""
    with program(qtbot, workspace) as controller:
        opened(qtbot, controller, study)
        qtbot.wait(150)
        dialog = controller.annotating.recovery.dialog
        if dialog is not None:
            dialog.restore.click()
        return shapes_on_screen(controller)


def close_window(controller: Controller) -> None:
    controller.window.close()


def close_now(controller: Controller) -> None:
    controller.closing.close_now()


def end(controller: Controller) -> None:
    controller.close()


@pytest.mark.parametrize("how", [close_window, close_now, end])
def test_what_was_drawn_a_moment_ago_is_saved(
    qtbot: QtBot, study: Path, tmp_path: Path, how: Callable[[Controller], None]
) -> None:
    with program(qtbot, tmp_path / "w") as controller:
        opened(qtbot, controller, study)
        file = beside(controller)
        draw_rectangle(controller)
        how(controller)
        if how is not end:
            closed(qtbot, controller)
        assert len(shapes_in(file)) == 2
    assert entries(tmp_path / "w") == []
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("how", [close_now, end])
def test_without_autosave_and_without_a_question_it_is_kept_for_the_next_start(
    qtbot: QtBot, study: Path, tmp_path: Path, how: Callable[[Controller], None]
) -> None:
    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        opened(qtbot, controller, study)
        file = beside(controller)
        draw_rectangle(controller)
        how(controller)
        if how is not end:
            closed(qtbot, controller)
        assert len(shapes_in(file)) == 1
    assert len(entries(tmp_path / "w")) == 1
    assert offers(qtbot, tmp_path / "w", study) == 2


@pytest.mark.parametrize("answer", ["Save and close", "Close without saving", "Stay"])
@pytest.mark.parametrize("is_noted", [True, False])
def test_without_autosave_closing_asks(
    qtbot: QtBot, study: Path, tmp_path: Path, answer: str, is_noted: bool
) -> None:
    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        opened(qtbot, controller, study)
        file = beside(controller)
        draw_rectangle(controller)
        if is_noted:
            noted(qtbot, controller)
        controller.window.close()
        controller.window.close()  # one question is enough
        press(controller.closing.question, answer)
        if answer == "Stay":
            assert controller.window.isVisible()
            assert controller.window.isWindowModified()
        else:
            closed(qtbot, controller)
            assert len(shapes_in(file)) == (2 if answer == "Save and close" else 1)
    if answer != "Stay":
        assert entries(tmp_path / "w") == []
        assert offers(qtbot, tmp_path / "w", study) == (2 if answer == "Save and close" else 1)


@pytest.mark.parametrize("answer", ["Close", "Stay"])
def test_what_cannot_be_saved_is_told_and_offered_at_the_next_start(
    qtbot: QtBot, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    replace = os.replace

    def full(source: Any, target: Any) -> None:
        if study in Path(target).parents:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    with program(qtbot, tmp_path / "w") as controller:
        opened(qtbot, controller, study)
        file = beside(controller)
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", full)
            draw_rectangle(controller)
            controller.window.close()
            qtbot.waitUntil(lambda: controller.closing.question is not None, timeout=WAIT_MS)
            press(controller.closing.question, answer)
            if answer == "Close":
                closed(qtbot, controller)
            else:
                assert controller.window.isVisible()
            assert len(shapes_in(file)) == 1
        if answer == "Stay":
            controller.window.close()
            closed(qtbot, controller)
            assert len(shapes_in(file)) == 2
    assert offers(qtbot, tmp_path / "w", study) == 2


def test_after_stopping_a_training_unsaved_changes_are_asked_about_too(
    qtbot: QtBot, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = partial(JobThread, command=fake_command("until_stopped"))
    monkeypatch.setattr("medseg_desktop.qt.sessions.jobs.JobThread", fake)
    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        opened(qtbot, controller, study)
        file = beside(controller)
        run = str(tmp_path / "w" / "runs" / "r")
        controller.runs.start_training(
            TrainSpec(dataset=str(tmp_path), run=run, model_name="m", iterations=5)
        )
        draw_rectangle(controller)
        controller.window.close()
        press(controller.closing.question, "Stop and close")
        press(controller.closing.question, "Stay")
        assert controller.runs.is_training
        controller.window.close()
        press(controller.closing.question, "Stop and close")
        press(controller.closing.question, "Save and close")
        closed(qtbot, controller)
        assert len(shapes_in(file)) == 2


@pytest.mark.parametrize("how", [close_window, close_now, end])
def test_a_disk_that_hangs_for_a_moment_is_waited_for(
    qtbot: QtBot,
    study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: Callable[[Controller], None],
) -> None:
    save, begun = Saver.save, threading.Event()

    def hang(saver: Saver, *arguments: Any, **options: Any) -> Any:
        begun.set()
        time.sleep(0.5)
        return save(saver, *arguments, **options)

    with program(qtbot, tmp_path / "w") as controller:
        opened(qtbot, controller, study)
        file = beside(controller)
        monkeypatch.setattr(Saver, "save", hang)
        draw_rectangle(controller)
        controller.saving.save()
        assert begun.wait(WAIT_MS / 1000)
        draw_rectangle(controller, (22, 22), (30, 30))  # while the first one is written
        begun_s = time.monotonic()
        how(controller)
        if how is not end:
            closed(qtbot, controller)
        assert time.monotonic() - begun_s < 5
        assert len(shapes_in(file)) == 3
    assert entries(tmp_path / "w") == []


@pytest.mark.parametrize("how", [close_window, close_now, end])
def test_a_disk_that_hangs_for_ever_does_not_keep_the_window_open(
    qtbot: QtBot,
    study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: Callable[[Controller], None],
) -> None:
    monkeypatch.setattr("medseg_desktop.qt.saving._PATIENCE_S", 0.5)
    begun, answers = threading.Event(), threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        begun.set()
        answers.wait()
        raise WorkspaceError("The drive is gone.")

    try:
        with program(qtbot, tmp_path / "w") as controller:
            opened(qtbot, controller, study)
            file, before = beside(controller), beside(controller).read_bytes()
            monkeypatch.setattr(Saver, "save", hang)
            draw_rectangle(controller)
            controller.saving.save()
            assert begun.wait(WAIT_MS / 1000)
            draw_rectangle(controller, (22, 22), (30, 30))  # can be noted by nobody but `close`
            begun_s = time.monotonic()
            how(controller)
            if how is close_window:
                qtbot.waitUntil(lambda: controller.closing.question is not None, timeout=WAIT_MS)
                press(controller.closing.question, "Close")
            if how is not end:
                closed(qtbot, controller)
        assert time.monotonic() - begun_s < 8
        assert file.read_bytes() == before
        (entry,) = entries(tmp_path / "w")
        document = json.loads(entry.read_text(encoding="utf-8"))["document"]
        assert len(document["frames"][0]["shapes"]) == 3
    finally:
        answers.set()


def test_the_cross_of_a_question_stays(qtbot: QtBot, study: Path, tmp_path: Path) -> None:
    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        opened(qtbot, controller, study)
        draw_rectangle(controller)
        controller.window.close()
        question = controller.closing.question
        assert question is not None
        QTest.keyClick(question, Qt.Key.Key_Escape)
        assert controller.closing.question is None
        assert controller.window.isVisible()
        assert controller.window.isWindowModified()
