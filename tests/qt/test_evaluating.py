"""Evaluations that are asked for in the window: what they need, how they run, how they end."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from medseg_desktop.io.models.champions import Champions
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.dialogs.comparison_window import ComparisonWindow
from medseg_desktop.qt.dialogs.evaluation_window import EvaluationWindow
from tests.builders import write_study
from tests.drawn import draw_rectangle, message, path_on_screen, program
from tests.evaluation_records import write_evaluation
from tests.qt.modelling import (
    click,
    evaluate_with,
    listed,
    model,
    opened_study,
    press,
    select,
    wait_for,
    write_models,
)
from tests.qt.viewing import opened


@pytest.fixture
def workspace(controller: Controller) -> Workspace:
    """old-v1 is the champion, new-v1 a candidate."""
    write_models(controller.workspace)
    Champions(controller.workspace).promote("old-v1", "Ann", "r")
    return controller.workspace


@pytest.fixture
def made(workspace: Workspace, tmp_path: Path) -> Path:
    """A comparison of the two, made before."""
    folder = tmp_path / "made"
    write_evaluation(folder, model(workspace, "new"), model(workspace, "old"))
    return folder


def hint(controller: Controller) -> str:
    label = controller.window.models_panel.details.hint
    return label.text() if label.isVisible() else ""


def can(controller: Controller, key: str) -> bool:
    return controller.window.models_panel.details.buttons[key].isEnabled()


def is_idle(controller: Controller) -> bool:
    panel = controller.window.models_panel
    return not controller.runs.evaluations.is_running and not panel.work.isVisible()


def test_what_is_missing_for_a_comparison_is_said_with_what_to_do(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    write_models(controller.workspace)
    listed(qtbot, controller)
    select(controller, "new")
    assert "There is no champion to compare with yet. Promote a model first." in hint(controller)
    Champions(controller.workspace).promote("old-v1", "Ann", "r")
    listed(qtbot, controller)
    assert "Open the folder with the test patients" in hint(controller)
    assert not can(controller, "compare")
    assert not can(controller, "evaluate")
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    assert "This workspace keeps no patient for testing" in hint(controller)
    assert can(controller, "evaluate")
    controller.workspace.freeze({"somebody": "test"})
    listed(qtbot, controller)
    assert "No test patient is in the open folder" in hint(controller)
    for file in (tmp_path / "s").rglob("*.json"):
        file.unlink()
    opened(qtbot, controller, tmp_path / "s")
    assert "Nothing in the open folder is reviewed" in hint(controller)
    assert not can(controller, "evaluate")
    controller.window.actions_by_key["reviewed_rest"].trigger()
    wait_for(qtbot, lambda: can(controller, "evaluate"))
    select(controller, "old")
    assert not controller.window.models_panel.details.buttons["compare"].isVisible()
    assert not can(controller, "promote")


def test_comparing_evaluates_both_on_the_test_patients_and_shows_the_outcome(
    controller: Controller,
    qtbot: QtBot,
    workspace: Workspace,
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    specs = evaluate_with(monkeypatch, made)
    folder = opened_study(qtbot, controller, tmp_path)
    select(controller, "new")
    assert hint(controller) == ""
    press(controller, "compare")
    results = controller.model_tab.results
    wait_for(qtbot, lambda: len(results.windows) == 1)
    (spec,) = specs
    assert spec.model == str(model(workspace, "new"))
    assert spec.against == str(model(workspace, "old"))
    assert spec.source == [str(folder)]
    assert (spec.subset, spec.workspace) == ("test", str(workspace.root))
    assert bytes.fromhex(spec.salt) == workspace.salt()
    assert Path(spec.out).parent == workspace.evaluations
    (window,) = results.windows.values()
    assert isinstance(window, ComparisonWindow)
    assert window.windowTitle() == "new-v1 compared with old-v1"
    wait_for(qtbot, lambda: is_idle(controller))
    panel = controller.window.models_panel
    wait_for(qtbot, lambda: panel.details.list.topLevelItemCount() == 1)
    assert "Test Dice 0.700" in panel.details.about.text()
    window.close()
    wait_for(qtbot, lambda: not results.windows)
    click(panel.details.show_evaluation)
    wait_for(qtbot, lambda: len(results.windows) == 1)


def test_evaluating_alone_asks_on_whom(
    controller: Controller,
    qtbot: QtBot,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_evaluation(tmp_path / "made", model(workspace, "new"), subset="all")
    specs = evaluate_with(monkeypatch, tmp_path / "made")
    opened_study(qtbot, controller, tmp_path, ("test", "val"))
    select(controller, "new")
    press(controller, "evaluate")
    dialog = controller.model_tab.evaluations.dialog
    assert dialog is not None
    shown = {key: each.text() for key, each in dialog.subsets.items()}
    assert shown == {
        "test": "Test patients (1 patient)",
        "val": "Validation patients (1 patient)",
        "all": "All reviewed patients (2 patients)",
    }
    assert dialog.subset == "test"
    assert not dialog.caution.isVisible()
    dialog.subsets["all"].setChecked(True)
    assert dialog.caution.isVisible()
    dialog.with_champion.setChecked(False)
    click(dialog.go)
    wait_for(qtbot, lambda: len(controller.model_tab.results.windows) == 1)
    assert [(s.subset, s.against) for s in specs] == [("all", "")]
    (window,) = controller.model_tab.results.windows.values()
    assert isinstance(window, EvaluationWindow)


def test_an_evaluation_is_shown_and_can_be_stopped_from_both_places(
    controller: Controller,
    qtbot: QtBot,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluate_with(monkeypatch, None, mode="until_stopped")
    opened_study(qtbot, controller, tmp_path)
    select(controller, "new")
    window, panel = controller.window, controller.window.models_panel
    for cancel in (panel.work.cancel, window.progress_cancel):
        press(controller, "compare")
        wait_for(qtbot, panel.work.isVisible)
        wait_for(qtbot, lambda: window.progress_text.text() == "Evaluating new-v1")
        assert panel.work.text.text() == "Evaluating new-v1"
        assert not can(controller, "compare")
        assert not can(controller, "evaluate")
        click(cancel)
        wait_for(qtbot, lambda: is_idle(controller))
        assert "The evaluation was stopped; nothing was kept of it." in message(controller)
        assert not window.progress_text.isVisible()
        assert can(controller, "compare")


@pytest.mark.parametrize(
    ("mode", "words"), [("failed", "The dataset holds no lesion."), ("crash", "crashed")]
)
def test_how_an_evaluation_failed_is_said_in_a_sentence(
    controller: Controller,
    qtbot: QtBot,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    words: str,
) -> None:
    evaluate_with(monkeypatch, None, mode=mode)
    opened_study(qtbot, controller, tmp_path)
    select(controller, "new")
    press(controller, "compare")
    wait_for(qtbot, lambda: words in message(controller))
    wait_for(qtbot, lambda: is_idle(controller))
    assert controller.model_tab.results.windows == {}


def test_an_evaluation_that_leaves_nothing_has_failed(
    controller: Controller,
    qtbot: QtBot,
    workspace: Workspace,
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluate_with(monkeypatch, made, keeps=False)
    opened_study(qtbot, controller, tmp_path)
    select(controller, "new")
    press(controller, "compare")
    wait_for(qtbot, lambda: "evaluation.json: it does not exist" in message(controller))
    assert is_idle(controller)


def test_what_is_drawn_is_saved_before_it_is_evaluated(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        write_models(controller.workspace)
        Champions(controller.workspace).promote("old-v1", "Ann", "r")
        both = model(controller.workspace, "new"), model(controller.workspace, "old")
        write_evaluation(tmp_path / "made", *both)
        specs = evaluate_with(monkeypatch, tmp_path / "made")
        opened_study(qtbot, controller, tmp_path)
        draw_rectangle(controller)
        assert controller.saving.unsaved
        select(controller, "new")
        press(controller, "compare")
        wait_for(qtbot, lambda: bool(specs))
        assert not controller.saving.unsaved
        wait_for(qtbot, lambda: bool(controller.model_tab.results.windows))


def test_what_cannot_be_saved_is_told_and_nothing_is_evaluated(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, is_full = os.replace, [True]

    def full(source: str, target: str) -> None:
        if is_full and str(target).startswith(str(tmp_path / "study")):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    with program(qtbot, tmp_path / "w", autosave=False) as controller:
        write_models(controller.workspace)
        Champions(controller.workspace).promote("old-v1", "Ann", "r")
        specs = evaluate_with(monkeypatch, None)
        opened_study(qtbot, controller, tmp_path)
        draw_rectangle(controller)
        monkeypatch.setattr(os, "replace", full)
        select(controller, "new")
        press(controller, "compare")
        wait_for(qtbot, lambda: "is not saved. Nothing was evaluated." in message(controller))
        assert path_on_screen(controller).name in message(controller)
        assert specs == []
        assert is_idle(controller)
        is_full.clear()
        controller.saving.save()
        wait_for(qtbot, lambda: not controller.saving.unsaved)


def test_closing_while_an_evaluation_runs_asks_first(
    controller: Controller,
    qtbot: QtBot,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluate_with(monkeypatch, None, mode="until_stopped")
    opened_study(qtbot, controller, tmp_path)
    select(controller, "new")
    press(controller, "compare")
    wait_for(qtbot, lambda: controller.runs.evaluations.is_running)
    controller.window.close()
    question = controller.closing.question
    assert question is not None
    assert "An evaluation is running" in question.text()
    stop = next(b for b in question.buttons() if "Stop" in b.text())
    with qtbot.waitSignal(controller.closing.finished, timeout=30_000):
        click(stop)
    wait_for(qtbot, lambda: not controller.window.isVisible())
