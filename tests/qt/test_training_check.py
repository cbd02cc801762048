"""The page before a training, through the real window and real datasets."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.core.specs import MeasureSpec
from medseg_desktop.io import dataset_scan
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.panels.sample_sheet_view import SampleSheetView
from medseg_desktop.qt.panels.training_panel import CheckReport, Problem, TrainForm, TrainingPanel
from tests.builders import write_dataset

WAIT_MS = 20_000
MEASURE_MS = 90_000
TINY = TrainForm(model_name="m", iterations=4, batch_size=2, size=64, device="cpu")


def click(widget: QWidget) -> None:
    assert widget.isEnabled()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def texts(widget: QWidget) -> set[str]:
    return {x.text() for x in widget.findChildren(QLabel) if x.isVisible() and x.text()}


def has(widget: QWidget, words: str) -> bool:
    return any(words in text for text in texts(widget))


def offer(controller: Controller, qtbot: QtBot, name: str = "brains") -> Path:
    """A dataset of seven patients in the list of the Train tab."""
    folder = write_dataset(
        controller.workspace.datasets / name, {"train": 5, "val": 1, "test": 1}, slices=3
    )
    show(controller, qtbot)
    return folder


def show(controller: Controller, qtbot: QtBot) -> TrainingPanel:
    names = controller.workspace.dataset_names()
    with qtbot.waitSignal(controller.runs.datasets_changed, timeout=WAIT_MS):
        controller.runs.refresh()
    # The window's own look at its start may have been the one that has ended.
    qtbot.waitUntil(lambda: controller.runs.datasets == names, timeout=WAIT_MS)
    panel = controller.window.training_panel
    controller.window.tabs.setCurrentWidget(panel)
    panel.set_form(TINY)
    if not panel.advanced.is_open:
        panel.advanced.header.click()
    return panel


@pytest.fixture
def unmeasured(controller: Controller, monkeypatch: pytest.MonkeyPatch) -> list[MeasureSpec]:
    """Measurements that were asked for; none is made."""
    asked: list[MeasureSpec] = []
    monkeypatch.setattr(controller.runs.measurements, "start", asked.append)
    return asked


def test_the_check_counts_draws_and_measures(controller: Controller, qtbot: QtBot) -> None:
    offer(controller, qtbot)
    panel = controller.window.training_panel
    page = panel.checked
    click(panel.steps.check)
    qtbot.waitUntil(page.isVisible, timeout=WAIT_MS)
    assert page.start.isEnabled()
    qtbot.waitUntil(lambda: page.samples.sheet is not None, timeout=MEASURE_MS)
    assert page.title.text() == "Checking the dataset"
    wanted = {"Median lesion", "H, of pixels", "67 %"}
    qtbot.waitUntil(lambda: wanted <= texts(page), timeout=WAIT_MS)
    assert has(page, "0 of 1 test patients seen in training. No slice or picture is in two sets.")
    assert has(page, "roughly estimated")
    qtbot.waitUntil(lambda: has(page, "measured on the CPU"), timeout=MEASURE_MS)
    assert page.title.text() == "Ready to train"
    assert has(page, "Looked at all 21 slices.")
    qtbot.waitUntil(lambda: {"Time", "Memory", "Disk"} <= texts(page), timeout=WAIT_MS)
    assert not page.work.cancel.isVisible()
    qtbot.waitUntil(lambda: controller.runs.is_idle, timeout=WAIT_MS)
    click(page.samples)
    dialogs = [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog)]
    (dialog,) = [d for d in dialogs if d.isVisible()]
    assert dialog.windowTitle() == "What the network will see"
    dialog.accept()


def test_a_leak_forbids_the_start_and_stands_at_the_top(
    controller: Controller, qtbot: QtBot, unmeasured: list[MeasureSpec]
) -> None:
    folder = offer(controller, qtbot)
    data = read_dataset(folder)
    first, second = data.files("train")[0].name, data.files("val")[0].name
    shutil.copy(folder / "images" / first, folder / "images" / second)
    panel = controller.window.training_panel
    page = panel.checked
    click(panel.steps.check)
    qtbot.waitUntil(lambda: page.title.text() == "Not ready to train", timeout=WAIT_MS)
    assert not page.start.isEnabled()
    assert unmeasured == []

    def leaks() -> list[QLabel]:
        return [x for x in page.findChildren(QLabel) if "same picture" in x.text()]

    qtbot.waitUntil(lambda: [x.isVisible() for x in leaks()] == [True], timeout=WAIT_MS)
    (leak,) = leaks()
    assert first in leak.text()
    assert second in leak.text()
    numbers = next(x for x in page.findChildren(QLabel) if x.text() == "Patients")
    assert leak.mapTo(page, leak.rect().topLeft()).y() < numbers.mapTo(page, numbers.pos()).y()
    assert has(page, "A slice or series is in two sets.")
    # Who starts without looking is told the same.
    click(page.back)
    with qtbot.waitSignal(controller.training.failed, timeout=WAIT_MS) as told:
        click(panel.steps.start)
    assert "same picture" in told.args[0]
    assert panel.steps.start.isEnabled()
    assert controller.runs.is_idle


def test_doubts_leave_the_start_enabled(
    controller: Controller, qtbot: QtBot, unmeasured: list[MeasureSpec]
) -> None:
    write_dataset(controller.workspace.datasets / "few", {"train": 1, "val": 1}, slices=2)
    panel = show(controller, qtbot)
    panel.set_form(TrainForm(dataset="few", iterations=4, batch_size=8, size=64, device="cpu"))
    click(panel.steps.check)
    qtbot.waitUntil(lambda: has(panel.checked, "is in two sets"), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: len(unmeasured) == 1, timeout=WAIT_MS)
    assert panel.checked.start.isEnabled()
    words = "fewer training slices (2) than a batch holds (8)"
    qtbot.waitUntil(lambda: has(panel.checked, words), timeout=WAIT_MS)
    assert unmeasured[0].train.batch_size == 8


def test_a_dataset_that_cannot_be_opened_says_why(controller: Controller, qtbot: QtBot) -> None:
    folder = offer(controller, qtbot)
    (folder / "manifest.json").write_text("{")
    panel = controller.window.training_panel
    click(panel.steps.check)
    qtbot.waitUntil(panel.checked.isVisible, timeout=WAIT_MS)
    assert not panel.checked.start.isEnabled()
    assert has(panel.checked, "manifest.json")
    assert not panel.checked.samples.isVisible()
    assert not panel.checked.work.cancel.isVisible()


def test_slices_are_read_in_other_threads_and_cancel_ends_that(
    controller: Controller, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(controller, qtbot)
    reading, go_on = threading.Event(), threading.Event()
    threads: set[threading.Thread] = set()
    facts_of = dataset_scan.facts_of

    def slow(*arrays: Any) -> Any:
        threads.add(threading.current_thread())
        reading.set()
        assert go_on.wait(WAIT_MS / 1000)
        return facts_of(*arrays)

    monkeypatch.setattr(dataset_scan, "facts_of", slow)
    panel = controller.window.training_panel
    page = panel.checked
    click(panel.steps.check)
    qtbot.waitUntil(lambda: reading.is_set() and page.work.cancel.isVisible(), timeout=WAIT_MS)
    assert threading.main_thread() not in threads
    click(page.work.cancel)
    go_on.set()
    assert page.work.text.text() == "Stopped before every slice was read."
    assert "15" in texts(page)  # what the manifest told stays
    assert page.start.isEnabled()
    assert controller.runs.is_idle


def test_cancel_ends_the_measurement_and_keeps_what_is_known(
    controller: Controller, qtbot: QtBot
) -> None:
    offer(controller, qtbot)
    panel = controller.window.training_panel
    page = panel.checked
    click(panel.steps.check)
    qtbot.waitUntil(lambda: not controller.runs.is_idle, timeout=WAIT_MS)
    click(page.work.cancel)
    qtbot.waitUntil(lambda: controller.runs.is_idle, timeout=MEASURE_MS)
    assert not page.work.bar.isVisible()
    assert has(page, "roughly estimated")
    assert has(page, "Looked at all 21 slices.")
    assert page.start.isEnabled()


def test_closing_does_not_ask_because_of_a_measurement(
    controller: Controller, qtbot: QtBot
) -> None:
    offer(controller, qtbot)
    click(controller.window.training_panel.steps.check)
    qtbot.waitUntil(lambda: not controller.runs.is_idle, timeout=WAIT_MS)
    with qtbot.waitSignal(controller.closing.finished, timeout=MEASURE_MS):
        controller.closing.request()
        assert controller.closing.question is None


def test_going_back_forgets_the_check(
    controller: Controller, qtbot: QtBot, unmeasured: list[MeasureSpec]
) -> None:
    offer(controller, qtbot)
    panel = controller.window.training_panel
    click(panel.steps.check)
    qtbot.waitUntil(panel.checked.isVisible, timeout=WAIT_MS)
    click(panel.checked.back)
    qtbot.wait(300)  # a late answer would show the page again
    assert panel.steps.isVisible()
    assert not panel.checked.isVisible()


@pytest.fixture
def panel(qtbot: QtBot) -> TrainingPanel:
    result = TrainingPanel()
    qtbot.addWidget(result)
    result.resize(320, 860)
    result.show()
    qtbot.waitExposed(result)
    return result


def test_many_labels_get_a_section_of_their_own(panel: TrainingPanel) -> None:
    balance = tuple((f"label {i}, of pixels", ("1 %", "2 %", "3 %")) for i in range(8))
    heads = ("Train", "Validation", "Test")
    panel.set_checked(CheckReport(columns=heads, balance=balance[:2]))
    assert not panel.checked.balance.isVisible()
    assert has(panel.checked, "label 1, of pixels")
    panel.set_checked(CheckReport(columns=heads, balance=balance))
    assert panel.checked.balance.isVisible()
    click(panel.checked.balance.header)
    assert not has(panel.checked, "label 1, of pixels")


def test_long_names_make_the_page_no_wider(panel: TrainingPanel) -> None:
    row = ("a very long name of a label indeed, of pixels", ("12.3 ml", "1,372 px", "4.5 %"))
    problem = Problem(
        "images/" + "0" * 12 + ".png of the dataset cannot be used.", "Convert.", True
    )
    panel.set_datasets(["flair"], "flair")
    panel.set_checked(
        CheckReport(
            ("Train", "Validation", "Test"), (row,), problems=(problem,), notes=("A note.",)
        )
    )
    content = panel.dataset_row.parentWidget()
    assert content is not None
    assert content.minimumSizeHint().width() <= 308


def test_the_sheet_opens_by_key_and_only_when_it_is_there(qtbot: QtBot) -> None:
    view = SampleSheetView()
    qtbot.addWidget(view)
    view.resize(300, 150)
    view.show()
    opened: list[QImage] = []
    view.opened.connect(opened.append)
    view.set_sheet(None, "Drawing")
    QTest.mouseClick(view, Qt.MouseButton.LeftButton)
    assert opened == []
    sheet = QImage(1036, 516, QImage.Format.Format_RGB888)
    sheet.fill(0)
    view.set_sheet(sheet)
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Return)
    QTest.mouseClick(view, Qt.MouseButton.LeftButton)
    assert len(opened) == 2
    assert view.heightForWidth(1036) == 516
