"""Retrain in the window: through the real panel, on real files, once with a real training."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.retraining.state import Mark, Progress, Retraining, RetrainOptions, Stage
from medseg_desktop.core.shapes.edit import Shapes
from medseg_desktop.core.shapes.history import Place
from medseg_desktop.core.specs import ConvertSpec, EvaluateSpec, Spec, TrainSpec
from medseg_desktop.io.conversion import run_conversion
from medseg_desktop.io.retraining.file import stored_retrainings
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.jobs.chain import Chain, run_chain
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.job_thread import JobThread
from medseg_desktop.qt.panels.training_panel import TrainingPanel
from tests.builders import QuietContext, write_study
from tests.fake_worker import fake_command
from tests.retraining import FakeJobs, player_command, promote, write_six

WAIT_MS = 20_000
#: The part of a worker that leaves what the job leaves, without doing it.
PRETENDS = "pretends"
TRAINING_MS = 120_000
TINY = RetrainOptions(name="flair", size=64, batch_size=4, iterations=4, device="cpu")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_six(tmp_path / "study")


@pytest.fixture
def modes(monkeypatch: pytest.MonkeyPatch) -> dict[type, str]:
    """Kind of spec -> the part its worker plays; evaluations have a known outcome."""
    parts: dict[type, str] = {EvaluateSpec: PRETENDS}

    def job(spec: Spec, **options: Any) -> JobThread:
        part = parts.get(type(spec))
        if part == PRETENDS:
            assert isinstance(spec, TrainSpec | EvaluateSpec)
            options["command"] = player_command(spec)
        elif part:
            options["command"] = fake_command(part)
        return JobThread(spec, **options)

    monkeypatch.setattr("medseg_desktop.qt.sessions.jobs.JobThread", job)
    return parts


@pytest.fixture
def panel(controller: Controller, modes: dict[type, str]) -> TrainingPanel:
    controller.window.tabs.setCurrentWidget(controller.window.training_panel)
    controller.window.training_panel.options.set_options(TINY)
    return controller.window.training_panel


def click(widget: QWidget) -> None:
    QApplication.processEvents()
    assert widget.isVisible()
    assert widget.isEnabled()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def texts(widget: QWidget) -> set[str]:
    return {x.text() for x in widget.findChildren(QLabel) if x.isVisible() and x.text()}


def has(widget: QWidget, words: str) -> bool:
    return any(words in text for text in texts(widget))


def opened(qtbot: QtBot, controller: Controller, folder: Path) -> None:
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        controller.open(folder)
    looked(qtbot, controller)


def looked(qtbot: QtBot, controller: Controller) -> None:
    """The page shows what is open."""
    retrain = controller.retrain
    qtbot.waitUntil(lambda: retrain.situation is not None, timeout=WAIT_MS)


def reached(qtbot: QtBot, controller: Controller, is_there: Callable[[Retraining], bool]) -> None:
    session = controller.retrain.session

    def there() -> bool:
        return session.retraining is not None and is_there(session.retraining)

    qtbot.waitUntil(there, timeout=TRAINING_MS)


def ended(qtbot: QtBot, controller: Controller) -> Retraining:
    session = controller.retrain.session
    qtbot.waitUntil(lambda: not session.is_under_way, timeout=TRAINING_MS)
    qtbot.waitUntil(lambda: controller.runs.is_idle, timeout=WAIT_MS)
    assert session.retraining is not None
    return session.retraining


def with_champion(workspace: Workspace, study: Path) -> None:
    """A champion trained on the study, without a training."""
    asked = Retraining(source=(str(study),), options=RetrainOptions(size=64, name="flair"))
    chain = Chain.begin(workspace, asked)
    done = run_chain(chain, QuietContext(), FakeJobs())
    chain.close()
    promote(workspace, done.candidate)
    shutil.rmtree(chain.run)  # it was long ago


def test_without_a_folder_the_page_asks_for_one(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot
) -> None:
    assert panel.retrain.start.text() == "Open folder…"
    assert not panel.steps.isVisible()
    with qtbot.waitSignal(panel.retrain.open_requested, timeout=WAIT_MS):
        controller.retrain.open_requested.disconnect()
        click(panel.retrain.start)


def test_a_folder_nobody_has_annotated_is_no_error(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot, study: Path
) -> None:
    for file in study.rglob("*.json"):
        file.unlink()
    opened(qtbot, controller, study)
    assert "None of the 12 slices is reviewed yet." in panel.retrain.lead.text()
    assert not panel.retrain.start.isEnabled()


def test_corrections_show_as_soon_as_they_are_drawn(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot, study: Path
) -> None:
    with_champion(controller.workspace, study)
    opened(qtbot, controller, study)
    assert panel.retrain.title.text() == "Retrain flair-v1"
    assert panel.retrain.lead.text().startswith("Nothing is new since flair-v1")
    assert panel.retrain.start.isEnabled()
    found = controller.study.found
    assert found is not None
    series = found.series[0]
    place = Place(series, 0)

    def clear(shapes: Shapes) -> Shapes:
        return ()

    controller.annotations.edit(place, "clear", clear)
    qtbot.waitUntil(lambda: "Removed shapes" in texts(panel.retrain), timeout=WAIT_MS)
    assert panel.retrain.lead.text() == "New since flair-v1"
    controller.annotations.stack.undo()
    qtbot.waitUntil(lambda: "Removed shapes" not in texts(panel.retrain), timeout=WAIT_MS)


def test_what_may_be_chosen_shows_what_becomes_of_no_choice(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot, study: Path
) -> None:
    with_champion(controller.workspace, study)
    options = panel.options
    options.set_options(RetrainOptions())
    opened(qtbot, controller, study)
    click(panel.advanced.header)
    assert options.name.placeholderText() == "flair"
    assert options.start.currentText() == "Automatic (champion)"
    assert options.slice_size.currentText() == "Automatic (64 × 64)"
    assert options.batch_size.text() == "Automatic (8)"
    assert options.iterations.text() == "Automatic (400)"
    assert options.options() == RetrainOptions()
    proof = "0 of 1 test patients seen in training or by flair-v1, which it starts from."
    assert proof in texts(panel.retrain)
    options.name.setText("../flair")
    options.name.setModified(True)
    options.name.editingFinished.emit()
    qtbot.waitUntil(lambda: has(panel.retrain, "is no name for a model"), timeout=WAIT_MS)
    assert not panel.retrain.start.isEnabled()


def test_without_the_champions_dataset_it_says_what_it_cannot_know(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot, study: Path
) -> None:
    with_champion(controller.workspace, study)
    shutil.rmtree(controller.workspace.datasets)
    opened(qtbot, controller, study)
    assert panel.retrain.lead.text() == (
        "No patient is new since flair-v1. Whether outlines were corrected is not known: its "
        "dataset is not in this workspace."
    )
    assert {"Reviewed slices", "Train", "Val.", "Test"} <= texts(panel.retrain)


def test_a_champion_that_was_changed_is_no_first_model(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot, study: Path
) -> None:
    with_champion(controller.workspace, study)
    card = controller.workspace.models / "flair-v1" / "card.md"
    card.write_text("# Another model\n")
    opened(qtbot, controller, study)
    qtbot.waitUntil(lambda: has(panel.retrain, "is not what"), timeout=WAIT_MS)
    assert panel.retrain.title.text() == "Retrain flair-v1"
    assert not panel.retrain.lead.isVisible()
    assert not panel.retrain.start.isEnabled()


def test_a_broken_annotation_file_forbids_it_until_it_is_to_be_left_out(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot, study: Path
) -> None:
    (study / "A" / "IM0000.json").write_text('{"frames": [{"frame": 0, "shapes": [{}]}]}')
    opened(qtbot, controller, study)
    qtbot.waitUntil(lambda: has(panel.retrain, "IM0000.json"), timeout=WAIT_MS)
    controller.window.actions_by_key["identity"].trigger()
    qtbot.waitUntil(lambda: has(panel.retrain, "hidden with the patient"), timeout=WAIT_MS)
    assert not has(panel.retrain, "IM0000.json")
    assert not panel.retrain.start.isEnabled()
    click(panel.advanced.header)
    panel.options.skip_broken.click()
    qtbot.waitUntil(panel.retrain.start.isEnabled, timeout=WAIT_MS)


@pytest.mark.timeout(300)
def test_one_press_leads_to_a_candidate_beside_the_champion(
    controller: Controller,
    panel: TrainingPanel,
    qtbot: QtBot,
    study: Path,
    modes: dict[type, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened(qtbot, controller, study)
    assert panel.retrain.title.text() == "Train a first model"
    click(panel.retrain.start)
    assert not panel.retrain.isVisible()
    assert panel.chain.isVisible()
    reached(qtbot, controller, lambda r: r.stage is Stage.TRAIN)
    qtbot.waitUntil(panel.run.isVisible, timeout=TRAINING_MS)
    assert panel.chain.isVisible()
    assert not panel.run.stop.isVisible()
    done = ended(qtbot, controller)
    assert done.is_done, done.message
    assert done.candidate == "flair-v1"
    qtbot.waitUntil(lambda: "flair-v1 is ready." in texts(panel.chain), timeout=WAIT_MS)
    click(panel.chain.outcome.promote)
    champions = controller.model_tab.champions
    qtbot.waitUntil(lambda: champions.dialog is not None, timeout=WAIT_MS)
    assert champions.dialog is not None
    assert champions.dialog.windowTitle() == "Promote flair-v1"
    champions.dialog.reject()
    assert not panel.run.isVisible()
    assert not panel.chain.outcome.compare.isVisible()  # there is no champion to compare with
    promote(controller.workspace, "flair-v1")
    click(panel.chain.discard)
    controller.runs.refresh()
    title = panel.retrain.title
    qtbot.waitUntil(lambda: title.text() == "Retrain flair-v1", timeout=WAIT_MS)
    assert panel.retrain.isVisible()
    modes[TrainSpec] = PRETENDS  # the first one was real
    said_early: list[str] = []
    controller.retrain.session.job_changed.connect(
        lambda _: said_early.extend(t for t in texts(controller.window.messages) if "flair-v2" in t)
    )
    click(panel.retrain.start)
    again = ended(qtbot, controller)
    assert again.is_done, again.message
    assert controller.runs.training_spec is not None
    assert controller.runs.training_spec.init == str(controller.workspace.models / "flair-v1")
    verdict = panel.chain.outcome.verdict.text
    qtbot.waitUntil(lambda: verdict.text() == "flair-v2 is better than flair-v1.", timeout=WAIT_MS)
    wanted = {"+0.040", "0.700", "Lesions lost"}
    qtbot.waitUntil(lambda: wanted <= texts(panel.chain), timeout=WAIT_MS)
    assert not panel.chain.outcome.promote.isVisible()  # the comparison comes first
    assert controller.runs.chosen_path == controller.workspace.models / "flair-v1"
    bar = controller.window.messages
    qtbot.waitUntil(lambda: "flair-v2 is ready, a candidate" in bar.text.text(), timeout=WAIT_MS)
    assert said_early == []
    click(bar.action)  # shows what is known, and evaluates nothing again
    windows = controller.model_tab.results.windows
    qtbot.waitUntil(lambda: len(windows) == 1, timeout=WAIT_MS)
    assert controller.runs.evaluations.spec is None
    next(iter(windows.values())).close()
    controller.window.tabs.setCurrentWidget(panel)
    with qtbot.waitSignal(controller.retrain.chain.compare_requested, timeout=WAIT_MS) as told:
        click(panel.chain.outcome.compare)
    run = controller.retrain.session.run
    assert run is not None
    assert told.args == [controller.workspace.evaluations / run.name]
    shown: list[str] = []

    def show(url: QUrl) -> bool:
        shown.append(url.toLocalFile())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", show)
    click(panel.chain.outcome.report)
    qtbot.waitUntil(lambda: bool(shown), timeout=WAIT_MS)
    assert shown[0].endswith("report.html")


def test_a_stopped_retraining_goes_on_with_its_stage(
    controller: Controller,
    panel: TrainingPanel,
    qtbot: QtBot,
    study: Path,
    modes: dict[type, str],
) -> None:
    modes[TrainSpec] = "trains"
    opened(qtbot, controller, study)
    click(panel.retrain.start)
    qtbot.waitUntil(panel.run.isVisible, timeout=WAIT_MS)
    click(panel.chain.stop)
    assert panel.chain.stop.text() == "Stopping…"
    stopped = ended(qtbot, controller)
    assert (stopped.stage, stopped.progress) == (Stage.TRAIN, Progress.STOPPED)
    assert panel.chain.go_on.isVisible()
    assert not panel.run.isVisible()
    datasets = controller.workspace.dataset_names()
    click(panel.chain.go_on)
    qtbot.waitUntil(panel.run.isVisible, timeout=WAIT_MS)
    click(panel.chain.stop)
    ended(qtbot, controller)
    assert controller.workspace.dataset_names() == datasets
    click(panel.chain.discard)
    qtbot.waitUntil(panel.retrain.isVisible, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: stored_retrainings(controller.workspace.runs) == (), timeout=WAIT_MS)


def test_a_training_that_fails_is_told_with_what_to_do(
    controller: Controller,
    panel: TrainingPanel,
    qtbot: QtBot,
    study: Path,
    modes: dict[type, str],
) -> None:
    modes[TrainSpec] = "failed"
    opened(qtbot, controller, study)
    click(panel.retrain.start)
    failed = ended(qtbot, controller)
    assert failed.mark(Stage.TRAIN) is Mark.FAILED
    assert panel.chain.problem.text.text() == "The dataset holds no lesion."
    assert panel.chain.problem.below.text() == "Annotate some slices first."
    assert panel.chain.go_on.isVisible()


@pytest.mark.parametrize("is_same", [True, False])
def test_what_the_conversion_says_is_told_unless_it_names_a_hidden_patient(
    controller: Controller,
    panel: TrainingPanel,
    qtbot: QtBot,
    study: Path,
    modes: dict[type, str],
    monkeypatch: pytest.MonkeyPatch,
    is_same: bool,
) -> None:
    """Two patients look the same, or even have a slice in common, which forbids it."""
    said = "Series of two sets look nearly the same: C (train) and D (test) on 3 slices."
    end: dict[str, Any] = {"schema": 1, "seq": 0, "time": 0.0}
    if is_same:
        end |= {"event": "failed", "message": said, "hint": "Leave one out."}
    else:
        end |= {"event": "finished", "result": {"warnings": [said, "The label 'H' is new."]}}

    def job(spec: Spec, **options: Any) -> JobThread:
        if isinstance(spec, ConvertSpec):
            if not is_same:
                run_conversion(spec, QuietContext())
            options["command"] = [sys.executable, "-c", f"print({json.dumps(end)!r})"]
        else:
            options["command"] = fake_command("failed")
        return JobThread(spec, **options)

    monkeypatch.setattr("medseg_desktop.qt.sessions.jobs.JobThread", job)
    opened(qtbot, controller, study)
    shown = panel.chain.problem.text
    told: set[str] = set()
    controller.retrain.session.retraining_changed.connect(lambda _: told.add(shown.text()))
    controller.retrain.session.job_changed.connect(lambda _: told.add(shown.text()))
    click(panel.retrain.start)
    ended(qtbot, controller)
    if is_same:
        assert shown.text() == said
        controller.window.actions_by_key["identity"].trigger()
        assert "hidden with the patient" in shown.text()
        assert not has(panel.chain, "Series of two sets")
        assert panel.chain.go_on.isVisible()
    else:
        assert f"{said}\nThe label 'H' is new." in told
        assert controller.retrain.session.retraining is not None
        assert controller.retrain.session.retraining.notes == (said, "The label 'H' is new.")


def test_what_the_check_refuses_is_told_until_it_is_closed(
    controller: Controller,
    panel: TrainingPanel,
    qtbot: QtBot,
    study: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened(qtbot, controller, study)

    def refuse(*arguments: object, **options: object) -> None:
        raise WorkspaceError("The workspace is gone.", "Plug the disk in.")

    monkeypatch.setattr("medseg_desktop.qt.presenters.retraining.retrain_presenter.look", refuse)
    click(panel.retrain.start)
    ended(qtbot, controller)
    with qtbot.waitSignal(controller.runs.datasets_changed, timeout=WAIT_MS):
        controller.runs.refresh()
    qtbot.wait(50)
    assert panel.chain.problem.text.text() == "The workspace is gone."
    assert not panel.chain.go_on.isVisible()
    click(panel.chain.discard)
    assert panel.retrain.isVisible()
    assert stored_retrainings(controller.workspace.runs) == ()


def test_one_that_was_ended_with_the_program_is_offered_and_never_continued_by_itself(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot, study: Path, modes: dict[type, str]
) -> None:
    asked = Retraining(source=(str(study),), options=TINY)
    chain = Chain.begin(controller.workspace, asked)
    jobs = FakeJobs()
    while chain.retraining.stage is not Stage.TRAIN:
        job = chain.prepare(QuietContext())
        if job is not None:
            chain.take(jobs(job))
    chain.close()
    controller.runs.refresh()
    qtbot.waitUntil(panel.chain.go_on.isVisible, timeout=WAIT_MS)
    assert panel.chain.title.text().startswith("Training of ")
    assert controller.runs.is_idle
    modes[TrainSpec] = "failed"
    click(panel.chain.go_on)
    again = ended(qtbot, controller)
    assert again.stage is Stage.TRAIN
    assert len(controller.workspace.dataset_names()) == 1


def test_closing_the_window_keeps_the_retraining_for_the_next_start(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot, study: Path, modes: dict[type, str]
) -> None:
    modes[TrainSpec] = "trains"
    opened(qtbot, controller, study)
    click(panel.retrain.start)
    qtbot.waitUntil(panel.run.isVisible, timeout=WAIT_MS)
    controller.closing.request()
    question = controller.closing.question
    assert question is not None
    assert question.text() == "A retraining is running. Stop it and close?"
    with qtbot.waitSignal(controller.closing.finished, timeout=WAIT_MS):
        question.buttons()[0].click()
    (stored,) = stored_retrainings(controller.workspace.runs)
    assert stored.retraining.stage is Stage.TRAIN
    assert not stored.is_held


def test_annotations_that_cannot_be_saved_stop_it_before_it_begins(
    controller: Controller,
    panel: TrainingPanel,
    qtbot: QtBot,
    study: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened(qtbot, controller, study)
    said: list[str] = []
    controller.retrain.failed.connect(said.append)
    monkeypatch.setattr(controller.saving, "finish", lambda how, done: done(False))
    monkeypatch.setattr(type(controller.saving), "unsaved", frozenset({"/a.dcm"}))
    click(panel.retrain.start)
    assert said == [
        "The annotation of a.dcm is not saved. Nothing was retrained. "
        "Retrain again when it can be saved."
    ]
    assert not controller.retrain.session.is_under_way


def test_a_part_of_the_patients_and_other_texts_fit_the_panel(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot, tmp_path: Path, study: Path
) -> None:
    with_champion(controller.workspace, study)
    shutil.rmtree(study / "C")
    write_study(study, ("G",), slices=2, size=(64, 64))
    opened(qtbot, controller, study)
    qtbot.waitUntil(lambda: has(panel.retrain, "no reviewed slice here"), timeout=WAIT_MS)
    assert has(panel.retrain, "New patients")
    wide = [x for x in panel.findChildren(QLabel) if x.isVisible() and x.width() > panel.width()]
    assert wide == []
