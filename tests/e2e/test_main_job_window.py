"""The main job in the window, through real widgets, on real files, with a real training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.core.curves import LOSS
from medseg_desktop.core.display import Window
from medseg_desktop.core.run_state import RunStatus
from medseg_desktop.core.shapes.provenance import Provenance
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.panels.training_panel import TrainForm
from tests.builders import write_dataset
from tests.mouse import drag, wheel

WAIT_MS = 30_000
TRAINING_MS = 60_000
SMALLEST = TrainForm(model_name="flair", iterations=4, batch_size=4, size=64, device="cpu")


def click(widget: QWidget) -> None:
    assert widget.isEnabled()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def opened(qtbot: QtBot, controller: Controller, folder: Path) -> None:
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        controller.open(folder)
    qtbot.waitUntil(lambda: controller.slices.loaded is not None, timeout=WAIT_MS)


def listed(qtbot: QtBot, controller: Controller, dataset: str) -> None:
    """Have a new dataset found; the window's own look at its start may still be under way."""
    controller.runs.refresh()
    qtbot.waitUntil(lambda: dataset in controller.runs.datasets, timeout=WAIT_MS)


def review(controller: Controller) -> None:
    """Scroll with the wheel and set the window by dragging on the slice."""
    view, before = controller.window.slice_view, controller.study.view
    assert before is not None
    wheel(view, 1)
    drag(view, QPoint(60, 20))
    now = controller.study.view
    assert now is not None
    assert now.index == before.index + 1
    assert isinstance(now.voi, Window)
    assert isinstance(before.voi, Window)
    assert now.voi.width > before.voi.width
    corner = view._stage.texts.top_right[0]
    assert corner == f"WW {now.voi.width:.0f}  WL {now.voi.center:.0f}"


def convert(qtbot: QtBot, controller: Controller) -> None:
    controller.window.actions_by_key["convert"].trigger()
    dialog = controller.conversion.dialog
    assert dialog is not None
    assert dialog.patients.topLevelItemCount() == 3
    dialog.name.setText("brains")
    with qtbot.waitSignal(controller.conversion.converted, timeout=TRAINING_MS):
        click(dialog.start)
    assert dialog.status.text().startswith("brains: ")
    click(dialog.close_button)
    assert not dialog.isVisible()
    panel = controller.window.training_panel
    qtbot.waitUntil(lambda: panel.dataset.currentText() == "brains", timeout=WAIT_MS)


def train(qtbot: QtBot, controller: Controller) -> None:
    panel = controller.window.training_panel
    panel.advanced.header.click()
    panel.set_form(SMALLEST)
    click(panel.steps.check)
    qtbot.waitUntil(panel.checked.isVisible, timeout=WAIT_MS)
    click(panel.checked.start)
    with qtbot.waitSignal(controller.runs.model_chosen, timeout=TRAINING_MS):
        qtbot.waitUntil(
            lambda: bool(controller.runs.training and controller.runs.training.steps),
            timeout=TRAINING_MS,
        )
        controller.worklist.step(1)  # the window is used meanwhile
        wheel(controller.window.slice_view, 1)
    run = controller.runs.training
    assert run is not None
    assert run.status is RunStatus.FINISHED
    assert [step.iteration for step in run.steps] == [1, 2, 3, 4]
    assert run.best is not None
    curve_x, _ = panel.run.plots.drawn(LOSS)
    assert list(curve_x) == [1, 2, 3, 4]


def predict(qtbot: QtBot, controller: Controller) -> None:
    assert controller.window.model_chooser.currentText() == "flair-v1"
    controller.window.actions_by_key["predict"].trigger()
    view = controller.study.view
    assert view is not None
    qtbot.waitUntil(
        lambda: len(controller.marks.predicted) == len(view.series.slices), timeout=WAIT_MS
    )
    stage = controller.window.slice_view._stage
    predictor = controller.runs.predictor
    assert predictor is not None
    day = predictor.info.created[:10]
    assert stage.texts.bottom_right == [f"Prediction: flair-v1 ({day}, candidate)"]
    found = [i for i, proposals in controller.marks.predicted.items() if proposals.shapes]
    for index in found[:1]:  # four steps may have taught it nothing at all
        controller.study.set_slice(index)
        offered = controller.annotations.open_proposals(view.series.slices[index])
        assert all(Provenance.of(shape).model == "flair-v1" for shape in offered)
        qtbot.waitUntil(stage.prediction.isVisible, timeout=WAIT_MS)


@pytest.mark.timeout(180)
def test_from_a_folder_of_dicom_to_the_predictions_of_a_model_of_ones_own(
    controller: Controller, qtbot: QtBot, phantom_study: Path
) -> None:
    before = {p: p.read_bytes() for p in phantom_study.rglob("*") if p.is_file()}
    opened(qtbot, controller, phantom_study)
    review(controller)
    convert(qtbot, controller)
    train(qtbot, controller)
    predict(qtbot, controller)
    controller.window.close()
    assert not controller.window.isVisible()
    assert {p: p.read_bytes() for p in phantom_study.rglob("*") if p.is_file()} == before


class Stalls:
    """The longest time between two turns of the event loop, in ms."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._last_s = time.perf_counter()

    def tick(self) -> None:
        now_s = time.perf_counter()
        self.longest_ms = max(self.longest_ms, (now_s - self._last_s) * 1000)
        self._last_s = now_s


@contextmanager
def measured() -> Iterator[Stalls]:
    stalls = Stalls()
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(stalls.tick)
    timer.start(10)
    yield stalls
    timer.stop()


@pytest.mark.timeout(180)
def test_stopping_a_training_keeps_the_window_usable(
    controller: Controller,
    qtbot: QtBot,
    phantom_study: Path,
    record_property: Callable[[str, object], None],
) -> None:
    write_dataset(controller.workspace.datasets / "discs")
    listed(qtbot, controller, "discs")
    panel = controller.window.training_panel
    controller.window.tabs.setCurrentWidget(panel)
    panel.advanced.header.click()
    panel.set_form(TrainForm(dataset="discs", iterations=5000, batch_size=2, size=64))
    with measured() as stalls:
        click(panel.steps.start)
        opened(qtbot, controller, phantom_study)
        qtbot.waitUntil(
            lambda: bool(controller.runs.training and controller.runs.training.steps),
            timeout=TRAINING_MS,
        )
        with qtbot.waitSignal(controller.runs.idle, timeout=TRAINING_MS):
            click(panel.run.stop)
    record_property("longest_stall_ms", round(stalls.longest_ms))
    print(f"longest stall of the window while reading and training: {stalls.longest_ms:.0f} ms")
    assert controller.runs.training is not None
    assert controller.runs.training.status is RunStatus.CANCELLED
    assert panel.run.headline.text().startswith("Training stopped.")
    review(controller)
    click(panel.run.again)
    assert panel.steps.start.isVisible()
    assert panel.steps.start.isEnabled()


def test_a_dataset_without_lesions_is_refused_before_the_training(
    controller: Controller, qtbot: QtBot
) -> None:
    folder = controller.workspace.datasets / "healthy"
    write_dataset(folder, without_lesion=("train", "val"))
    listed(qtbot, controller, "healthy")
    panel = controller.window.training_panel
    controller.window.tabs.setCurrentWidget(panel)
    click(panel.steps.check)
    qtbot.waitUntil(panel.checked.isVisible, timeout=WAIT_MS)
    assert not panel.checked.start.isEnabled()
    click(panel.checked.back)
    with qtbot.waitSignal(controller.training.failed, timeout=WAIT_MS):
        click(panel.steps.start)
    assert "lesion" in controller.window.messages.text.text()
    assert controller.runs.is_idle
