from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QScrollArea
from pytestqt.qtbot import QtBot

from medseg_desktop.core.events import (
    CancelledEvent,
    CaseScore,
    Evaluation,
    Event,
    Failed,
    Finished,
    Log,
    Paused,
    Progress,
    Started,
    Step,
)
from medseg_desktop.core.run_state import RunState, RunStatus, fold, reduce
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.io.preflight import ARCHITECTURES
from medseg_desktop.io.runs import RunEntry
from medseg_desktop.qt.panels.training_form import StartModel, TrainForm, TrainFormSection
from medseg_desktop.qt.panels.training_panel import CheckReport, Problem, TrainingPanel
from medseg_desktop.qt.panels.training_run import duration_text
from medseg_desktop.qt.theme import apply_theme
from tests.runs import run_events

LEFT = Qt.MouseButton.LeftButton


def model(title: str, architecture: str = "bisenetv2") -> StartModel:
    return StartModel(f"/m/{title}", title, architecture)


def step(i: int, loss: float = 1.0) -> Step:
    return Step(iteration=i, loss=loss, losses=[loss], lr=0.01, time=1000.0 + i)


def evaluation(i: int, dice: float | None, patients: int = 4) -> Evaluation:
    cases = [
        CaseScore(patient_hash=f"{k}", n_slices=3, dice={"H": dice}, foreground_dice=dice)
        for k in range(patients)
    ]
    return Evaluation(iteration=i, dice={"H": dice}, iou={}, cases=cases, mean_dice=dice)


def run_of(events: Iterable[Event]) -> RunState:
    run = reduce(RunState(), Started(kind="train", pid=1, time=1000.0))
    for event in events:
        run = reduce(run, event)
    return run


@pytest.fixture
def panel(qtbot: QtBot) -> TrainingPanel:
    result = TrainingPanel()
    qtbot.addWidget(result)
    result.resize(320, 860)
    result.show()
    qtbot.waitExposed(result)
    result.advanced.header.click()
    return result


def test_without_a_dataset_only_the_first_step_can_be_pressed(
    panel: TrainingPanel, qtbot: QtBot
) -> None:
    assert panel.steps.convert.isEnabled()
    assert not panel.steps.check.isEnabled()
    assert not panel.steps.start.isEnabled()
    assert not panel.form.isVisible()
    with qtbot.waitSignal(panel.convert_requested, timeout=5000):
        QTest.mouseClick(panel.steps.convert, LEFT)


def test_a_reason_forbids_training_and_is_shown(panel: TrainingPanel) -> None:
    panel.set_datasets(["flair"], "flair")
    panel.set_idle("Training needs PaddlePaddle.")
    assert panel.steps.reason.isVisible()
    assert not panel.steps.start.isEnabled()
    panel.set_idle()
    assert not panel.steps.reason.isVisible()
    assert panel.steps.start.isEnabled()


def test_starting_tells_everything_that_was_filled_in(panel: TrainingPanel, qtbot: QtBot) -> None:
    panel.set_datasets(["one", "two"], "two")
    panel.form.set_models([model("flair-v1")])
    wanted = TrainForm(
        "two", "flair", "reference", 60, 4, 128, "cpu",
        init="/m/flair-v1", patience=7, learning_rate=0.0005,
    )  # fmt: skip
    panel.set_form(wanted)
    panel.form.iterations.setValue(80)
    with qtbot.waitSignal(panel.start_requested, timeout=5000) as started:
        QTest.mouseClick(panel.steps.start, LEFT)
    assert started.args == [replace(wanted, iterations=80)]
    with qtbot.waitSignal(panel.check_requested, timeout=5000) as checked:
        QTest.mouseClick(panel.steps.check, LEFT)
    assert checked.args == [replace(wanted, iterations=80)]


def test_a_size_that_is_not_listed_can_be_shown(panel: TrainingPanel) -> None:
    panel.set_form(TrainForm(size=320))
    assert panel.current_form().size == 320


@pytest.fixture
def form(qtbot: QtBot) -> TrainFormSection:
    result = TrainFormSection(has_starter=lambda network: network == "bisenetv2")
    qtbot.addWidget(result)
    return result


def choose(box: QComboBox, key: str) -> None:
    box.setCurrentIndex(box.findData(key))
    box.activated.emit(box.currentIndex())


def test_the_form_begins_with_starter_weights_and_keeps_the_chosen_model(
    form: TrainFormSection,
) -> None:
    assert form.form("d").init == "starter"
    form.set_models([model("a-v1"), model("b-v1"), model("u-v1", "unet")])
    assert [form.init.itemText(i) for i in range(form.init.count())] == [
        "Starter weights", "None", "a-v1", "b-v1",
    ]  # fmt: skip
    form.init.setCurrentIndex(3)
    form.set_models([model("c-v1"), model("b-v1")])
    assert form.form("d").init == "/m/b-v1"
    form.set_models([])
    assert form.form("d").init == "starter"


def test_the_reference_recipe_begins_from_nothing(form: TrainFormSection) -> None:
    for key, init in (("reference", "none"), ("default", "starter")):
        choose(form.preset, key)
        assert form.form("d").init == init


def test_a_network_starts_from_what_fits_it(form: TrainFormSection) -> None:
    form.set_models([model("a-v1"), model("u-v1", "unet")])
    form.architecture.addItem("U-Net", "unet")
    choose(form.architecture, "unet")
    assert [form.init.itemText(i) for i in range(form.init.count())] == ["None", "u-v1"]
    assert form.form("d").init == "none"
    choose(form.architecture, "bisenetv2")
    assert form.init.findText("a-v1") > 0


def test_every_network_that_can_be_trained_is_offered(panel: TrainingPanel) -> None:
    offered = [panel.form.architecture.itemData(i) for i in range(panel.form.architecture.count())]
    assert tuple(offered) == ARCHITECTURES
    assert panel.current_form().architecture == "bisenetv2"


def test_an_empty_model_name_becomes_the_default(panel: TrainingPanel) -> None:
    panel.form.model_name.setText("  ")
    assert panel.current_form().model_name == "model"


def test_the_check_shows_numbers_problems_and_one_large_button(
    panel: TrainingPanel, qtbot: QtBot
) -> None:
    panel.set_datasets(["flair"], "flair")
    panel.set_checked(
        CheckReport(
            ("Train", "Val"),
            (("Patients", ("17", "4")),),
            "No patient is in two sets.",
            needs_title="On this computer",
            needs=(("Time", "about 50 min"),),
            problems=(Problem("Patient 3 has no lesion.", "Outline one."),),
        )
    )
    texts = {w.text() for w in panel.checked.findChildren(QLabel) if w.isVisible()}
    assert {"17", "4", "Patient 3 has no lesion.", "Outline one.", "about 50 min"} <= texts
    with qtbot.waitSignal(panel.start_requested, timeout=5000):
        QTest.mouseClick(panel.checked.start, LEFT)
    QTest.mouseClick(panel.checked.back, LEFT)
    assert panel.steps.isVisible()


def test_a_blocking_problem_forbids_the_start(panel: TrainingPanel) -> None:
    panel.set_checked(CheckReport(problems=(Problem("No lesion at all.", blocks=True),)))
    assert not panel.checked.start.isEnabled()


def test_a_running_training_shows_progress_time_left_and_best_dice(
    panel: TrainingPanel, qtbot: QtBot
) -> None:
    run = run_of(
        [
            Progress(phase="train", done=0, total=3000, time=1000.0),
            *(step(i) for i in range(1, 601)),
            evaluation(200, 0.5),
            evaluation(400, 0.7),
            evaluation(600, 0.6),
            Progress(phase="train", done=600, total=3000, time=1600.0),
        ]
    )
    panel.show_run(run, 3000)
    page = panel.run
    assert page.bar.done == 600
    assert "600 of 3,000 iterations" in page.done_text.text()
    assert page.left_text.text() == "about 40 min left"
    assert page.best_number.text() == "0.700"
    assert page.best_line.text() == "Best Dice · 4 patients\nat iteration 400"
    assert not page.show_log.isVisible()
    with qtbot.waitSignal(panel.stop_requested, timeout=5000):
        QTest.mouseClick(page.stop, LEFT)
    panel.show_run(replace(run, status=RunStatus.STOPPING), 3000)
    assert not page.stop.isEnabled()


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (Finished(result={}), "Training finished."),
        (CancelledEvent(), "Training stopped. The best model so far was kept."),
        (
            CancelledEvent(result={"model": None}),
            "Training stopped. There is no model, because none was validated yet.",
        ),
        (Failed(message="The disk is full.", hint="Free some space."), "The disk is full."),
    ],
)
def test_every_outcome_is_one_sentence_and_offers_the_log(
    panel: TrainingPanel, qtbot: QtBot, end: Event, sentence: str
) -> None:
    panel.show_run(run_of([step(1), Log(message="Reading 5 slices"), end]), 10)
    assert panel.run.headline.text() == sentence
    assert panel.run.mark.isVisible()
    assert not panel.run.stop.isVisible()
    assert panel.run.hint.isVisible() == isinstance(end, Failed)
    with qtbot.waitSignal(panel.show_log_requested, timeout=5000):
        QTest.mouseClick(panel.run.show_log, LEFT)
    panel.run.log.set_open(True)
    assert panel.run.log.text.toPlainText() == "Reading 5 slices"
    with qtbot.waitSignal(panel.new_training_requested, timeout=5000):
        QTest.mouseClick(panel.run.again, LEFT)


def test_nothing_is_wider_than_the_panel(panel: TrainingPanel, qtbot: QtBot) -> None:
    panel.set_datasets(["flair"], "flair")
    panel.form.set_models([model("a-very-long-name-of-a-model-v12")])
    panel.form.section.set_open(True)
    panel.history.section.set_open(True)
    panel.history.set_entries([RunEntry(Path("a" * 60)), RunEntry(Path("b"), problem="No.")])
    panel.queue.set_queue([TrainSpec(dataset="d", run="r", model_name="m" * 60)])
    content = panel.dataset_row.parentWidget()
    for show in (
        panel.set_idle,
        lambda: panel.show_run(run_of([step(3000), evaluation(3000, 0.7)]), 3000),
        lambda: panel.show_run(fold(run_events(40, every=10, labels=("H", "M"))), 40, 5, True),
    ):
        show()
        assert content.minimumSizeHint().width() <= 308


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(20, "less than a minute"), (130, "about 2 min"), (4000, "about 1 h 7 min")],
)
def test_durations_are_rounded(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_training_that_failed_before_its_first_step_shows_no_empty_curves(
    panel: TrainingPanel,
) -> None:
    panel.show_run(run_of([Failed(message="The disk is full.")]), 10)
    assert not panel.run.plots.isVisible()
    assert panel.run.show_log.isVisible()
    panel.show_run(run_of([step(1), Failed(message="The disk is full.")]), 10)
    assert panel.run.plots.isVisible()


@pytest.mark.parametrize(
    "end",
    [
        None,
        Paused(iteration=2, paused=True),
        Finished(result={}),
        CancelledEvent(result={}),
        Failed(message="The disk is full.", hint="Free some space."),
    ],
)
def test_nothing_of_a_run_is_cut_off_at_the_side(
    panel: TrainingPanel, qapp: QApplication, end: Event | None
) -> None:
    apply_theme(qapp, dark=True)  # its buttons are wider than plain ones
    panel.resize(300, 860)  # what a window of 1280 pixels leaves, with a margin
    events: list[Event] = [step(1), step(2), evaluation(2, 0.5)]
    if end is not None:
        events.append(end)
    panel.show_run(run_of(events), 10, patience=5, continues=True)
    qapp.processEvents()
    area = panel.findChild(QScrollArea)
    assert isinstance(area, QScrollArea)
    content = area.widget()
    assert content is not None
    needed = content.minimumSizeHint().width()
    qapp.setStyleSheet("")
    assert needed <= area.viewport().width()
