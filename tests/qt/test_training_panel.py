from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from medseg_desktop.core.events import (
    CancelledEvent,
    CaseScore,
    Evaluation,
    Event,
    Failed,
    Finished,
    Log,
    Progress,
    Started,
    Step,
)
from medseg_desktop.core.run_state import RunState, RunStatus, reduce
from medseg_desktop.qt.panels.training_form import TrainForm
from medseg_desktop.qt.panels.training_panel import CheckReport, Problem, TrainingPanel
from medseg_desktop.qt.panels.training_plots import RunPlots
from medseg_desktop.qt.panels.training_run import duration_text

LEFT = Qt.MouseButton.LeftButton


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
    wanted = TrainForm("two", "flair", "reference", 60, 4, 128, "cpu")
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
            estimate="About 50 min.",
            problems=(Problem("Patient 3 has no lesion.", "Outline one."),),
        )
    )
    texts = {w.text() for w in panel.checked.findChildren(QLabel) if w.isVisible()}
    assert {"17", "4", "Patient 3 has no lesion.", "Outline one.", "About 50 min."} <= texts
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
    panel.form.section.set_open(True)
    content = panel.dataset_row.parentWidget()
    for show in (
        panel.set_idle,
        lambda: panel.show_run(run_of([step(3000), evaluation(3000, 0.7)]), 3000),
    ):
        show()
        assert content.minimumSizeHint().width() <= 308


def test_plots_take_only_the_new_points(qtbot: QtBot) -> None:
    plots = RunPlots()
    qtbot.addWidget(plots)
    steps = tuple(step(i, 1 / i) for i in range(1, 101))
    run = replace(run_of([]), steps=steps)
    plots.show_run(run, 200)
    run = replace(run, steps=(*steps, step(101, 0.5)), evaluations=(evaluation(100, 0.6),))
    plots.show_run(run, 200)
    np.testing.assert_array_equal(plots.loss.x, np.arange(1, 102))
    np.testing.assert_allclose(plots.loss.y[:-1], 1 / np.arange(1, 101))
    assert list(plots.dice.y) == [0.6]
    x, y = plots._loss_line.getData()
    assert (len(x), y[-1]) == (101, 0.5)


def test_another_run_starts_empty_plots(qtbot: QtBot) -> None:
    plots = RunPlots()
    qtbot.addWidget(plots)
    plots.show_run(run_of([step(1, 3.0), step(2, 2.0), evaluation(2, 0.4)]), 10)
    plots.show_run(run_of([step(1, 9.0), step(2, 8.0), step(3, 7.0)]), 10)
    assert list(plots.loss.y) == [9.0, 8.0, 7.0]
    assert plots.dice.n == 0


def test_an_evaluation_without_a_lesion_leaves_no_point(qtbot: QtBot) -> None:
    plots = RunPlots()
    qtbot.addWidget(plots)
    plots.show_run(run_of([evaluation(1, None), evaluation(2, 0.3)]), 10)
    assert list(plots.dice.x) == [2]


def test_a_run_of_3000_steps_stays_cheap(panel: TrainingPanel) -> None:
    steps = tuple(step(i, 1 / i) for i in range(1, 3001))
    run = run_of([])
    panel.show_run(replace(run, steps=steps[:2900]), 3000)
    began = time.perf_counter()
    for n in range(2901, 3001):
        panel.show_run(replace(run, steps=steps[:n]), 3000)
    assert (time.perf_counter() - began) / 100 < 0.02


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
