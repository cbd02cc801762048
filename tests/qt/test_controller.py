from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.core.display import Window
from medseg_desktop.core.run_state import RunStatus
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.io.workspace import ModelEntry
from medseg_desktop.qt.canvas.slice_view import Outline, SliceView
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.job_thread import JobThread
from medseg_desktop.qt.panels.overlay_panel import Layer
from medseg_desktop.qt.presenters.window_presenter import histogram
from medseg_desktop.qt.theme.tokens import DARK
from tests.builders import (
    lesion_slice,
    model_info,
    write_dicom,
    write_json,
    write_model_package,
    write_study,
)
from tests.fake_worker import fake_command
from tests.mouse import drag, wheel

WAIT_MS = 30_000
Key = Qt.Key


def opened(qtbot: QtBot, controller: Controller, folder: Path) -> ResolvedView:
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        controller.open(folder)
    qtbot.waitUntil(lambda: controller.slices.loaded is not None, timeout=WAIT_MS)
    return view(controller)


def view(controller: Controller) -> ResolvedView:
    assert controller.study.view is not None
    return controller.study.view


def window_of(controller: Controller) -> Window:
    window = view(controller).voi
    assert isinstance(window, Window)
    return window


def message(controller: Controller) -> str:
    messages = controller.window.messages
    return messages.text.text() if messages.isVisible() else ""


def press(qtbot: QtBot, focus: QWidget, key: Qt.Key) -> None:
    focus.window().activateWindow()
    focus.setFocus()
    qtbot.waitUntil(focus.hasFocus, timeout=WAIT_MS)
    QTest.keyClick(focus, key)


def fake_training(
    controller: Controller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: str
) -> None:
    fake = partial(JobThread, command=fake_command(mode))
    monkeypatch.setattr("medseg_desktop.qt.sessions.jobs.JobThread", fake)
    run = tmp_path / "workspace" / "runs" / "r"
    controller.runs.start_training(
        TrainSpec(dataset=str(tmp_path), run=str(run), model_name="m", iterations=5)
    )


def test_the_wheel_scrolls_and_the_window_stays(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    before = opened(qtbot, controller, write_study(tmp_path / "s", ("A",), slices=5))
    drag(controller.window.slice_view, QPoint(40, 30))
    window = window_of(controller)
    assert isinstance(before.voi, Window)
    assert window.width > before.voi.width
    wheel(controller.window.slice_view, 1)
    assert view(controller).index == before.index + 1
    assert window_of(controller) == window
    assert controller.window.window_panel.width_slider.box.value() == pytest.approx(
        window.width, abs=0.5
    )


def test_shift_drags_finely_and_control_coarsely(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    steps = []
    for key in (
        Qt.KeyboardModifier.ShiftModifier,
        Qt.KeyboardModifier.NoModifier,
        Qt.KeyboardModifier.ControlModifier,
    ):
        controller.study.set_voi(None)
        start = window_of(controller).width
        drag(controller.window.slice_view, QPoint(20, 0), key)
        steps.append(window_of(controller).width - start)
    assert steps[0] == pytest.approx(steps[1] / 10)
    assert steps[2] == pytest.approx(steps[1] * 5)


@pytest.mark.parametrize("focus", ["slice_view", "tree", "preset", "check", "tab", "box"])
def test_shortcuts_work_whatever_has_the_focus(
    controller: Controller, qtbot: QtBot, tmp_path: Path, focus: str
) -> None:
    w = controller.window
    opened(qtbot, controller, write_study(tmp_path / "s", ("A", "B"), slices=3))
    target: QWidget = {
        "slice_view": w.slice_view,
        "tree": w.worklist.tree,
        "preset": w.window_panel.presets,
        "check": w.overlay_panel.layers[Layer.OUTLINES].check,
        "tab": w.tabs.tabBar(),
        "box": w.window_panel.width_slider.box,
    }[focus]
    first = view(controller)
    press(qtbot, target, Key.Key_PageDown)
    assert view(controller).series is not first.series
    press(qtbot, target, Key.Key_PageUp)
    assert view(controller).series is first.series
    at = view(controller).index
    press(qtbot, target, Key.Key_Down)
    assert view(controller).index == at + 1
    if focus == "box":
        return  # Home and letters edit its text
    press(qtbot, target, Key.Key_Home)
    assert view(controller).index == 0
    press(qtbot, target, Key.Key_I)
    assert view(controller).inverted


def test_letters_typed_into_a_text_field_are_no_shortcuts(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    before = opened(qtbot, controller, write_study(tmp_path / "s", ("A", "B"), slices=3))
    search = controller.window.worklist.search
    controller.window.activateWindow()
    search.setFocus()
    qtbot.waitUntil(search.hasFocus, timeout=WAIT_MS)
    QTest.keyClicks(search, "adpnrifh")
    assert search.text() == "adpnrifh"
    assert view(controller) == before


def test_series_keys_follow_the_filtered_worklist(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A", "B", "C"), healthy=("B",)))
    controller.window.worklist.search.setText("c")
    controller.worklist.step(1)
    assert view(controller).series.patient.patient_id == "C"


def test_both_preset_lists_show_what_is_on(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    lists = (controller.window.preset_chooser, controller.window.window_panel.presets)
    assert [x.currentData() for x in lists] == ["file", "file"]
    automatic = window_of(controller)
    controller.window.window_panel.preset_chosen.emit("lesion")
    assert [x.currentData() for x in lists] == ["lesion", "lesion"]
    assert window_of(controller) != automatic
    drag(controller.window.slice_view, QPoint(30, 0))
    assert [x.currentIndex() for x in lists] == [-1, -1]
    controller.window.actions_by_key["reset_window"].trigger()
    assert [x.currentData() for x in lists] == ["file", "file"]
    assert window_of(controller) == automatic


def test_hiding_the_patient_hides_the_name_everywhere(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("SECRET",)))
    controller.window.actions_by_key["identity"].trigger()
    tree = controller.window.worklist.tree.model()
    assert tree.index(0, 0).data() == "Patient 1"
    assert "SECRET" not in " ".join(controller.window.slice_view._stage.texts.top_left)


def test_a_broken_annotation_is_told_and_the_rest_is_shown(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_study(tmp_path / "s", ("A",))
    write_json(folder / "A" / "IM0000.json", {"image_path": "IM0000.dcm", "frames": 5})
    opened(qtbot, controller, folder)
    assert "A/IM0000.json" in message(controller)
    QTest.mouseClick(controller.window.messages.action, Qt.MouseButton.LeftButton)
    titles = [w.windowTitle() for w in QApplication.topLevelWidgets() if w.isVisible()]
    assert "Files of the folder" in titles


def test_a_dropped_folder_is_opened_and_remembered(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_study(tmp_path / "dropped", ("A",))
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(folder))])
    enter = QDragEnterEvent(
        QPoint(5, 5),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        QApplication.sendEvent(controller.window, enter)
        QApplication.sendEvent(controller.window, event)
    assert enter.isAccepted()
    recent = [a.data() for a in controller.window.recent_menu.actions()]
    assert recent == [str(folder)]
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        controller.window.recent_menu.actions()[0].trigger()


def test_without_a_model_the_window_says_why_and_offers_the_demo_and_the_import(
    controller: Controller, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = controller.window
    assert not w.actions_by_key["predict"].isEnabled()
    assert "There is no model yet" in w.actions_by_key["predict"].toolTip()
    hint = w.overlay_panel.hint
    assert "There is no model yet" in hint.text.text()
    links = {b.text(): b for b in hint.findChildren(QPushButton)}
    assert set(links) == {"Import a model…", "Open the demo study"}
    monkeypatch.setattr("medseg_desktop.qt.opening.DEMO_PATIENTS", 1)
    with qtbot.waitSignal(controller.study.folder_changed, timeout=20_000):
        QTest.mouseClick(links["Open the demo study"], Qt.MouseButton.LeftButton)
    assert (controller.workspace.root / "demo-study").is_dir()


def test_a_first_model_is_used_at_once_and_a_second_one_only_when_asked_for(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        package = write_model_package(tmp_path / name, model_info(name=name))
        with qtbot.waitSignal(controller.runs.model_added, timeout=WAIT_MS):
            controller.runs.imports.start(package)
        qtbot.waitUntil(lambda: controller.runs.predictor is not None, timeout=WAIT_MS)
    assert controller.runs.predictor is not None
    assert controller.runs.predictor.info.name == "first"
    assert "first-v1 stays in use" in message(controller)
    with qtbot.waitSignal(controller.runs.model_chosen, timeout=WAIT_MS):
        QTest.mouseClick(controller.window.messages.action, Qt.MouseButton.LeftButton)
    assert controller.runs.predictor.info.name == "second"
    assert controller.window.model_chooser.currentText() == "second-v1"
    assert not controller.window.overlay_panel.hint.isVisible()


def test_predictions_are_drawn_in_their_own_colour_under_the_models_name(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Outline] = []
    show = SliceView.set_outlines

    def record(view: SliceView, outlines: Sequence[Outline]) -> None:
        drawn[:] = outlines
        show(view, outlines)

    monkeypatch.setattr(SliceView, "set_outlines", record)
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",), slices=3))
    package = write_model_package(tmp_path / "m")
    with qtbot.waitSignal(controller.runs.model_chosen, timeout=WAIT_MS):
        controller.runs.model_added.emit(ModelEntry(package, model_info()))
    controller.window.actions_by_key["predict"].trigger()
    stage = controller.window.slice_view._stage
    qtbot.waitUntil(stage.prediction.isVisible, timeout=WAIT_MS)
    assert {outline.colour for outline in drawn if outline.dashed} == {DARK.model}
    assert len({outline.colour for outline in drawn}) == 2
    assert stage.texts.bottom_right == ["Prediction: tiny-v1 (2026-01-01, candidate)"]
    controller.window.actions_by_key["predict"].trigger()
    assert not stage.prediction.isVisible()
    assert stage.texts.bottom_right == []


def test_a_crash_of_the_child_is_told_in_a_sentence(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with qtbot.waitSignal(controller.runs.idle, timeout=WAIT_MS):
        fake_training(controller, monkeypatch, tmp_path, "crash")
    panel = controller.window.training_panel
    assert "crashed" in panel.run.headline.text()
    assert panel.run.again.isEnabled()


def test_closing_during_a_training_asks_and_keeps_it_running_on_request(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_training(controller, monkeypatch, tmp_path, "until_stopped")
    controller.window.close()
    question = controller.closing.question
    assert question is not None
    assert "training" in question.text()
    QTest.keyClick(question, Key.Key_Escape)
    assert controller.closing.question is None
    assert controller.window.isVisible()
    assert controller.runs.is_training
    controller.window.close()
    again = controller.closing.question
    assert again is not None
    stop = next(b for b in again.buttons() if "Stop" in b.text())
    with qtbot.waitSignal(controller.closing.finished, timeout=WAIT_MS):
        QTest.mouseClick(stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not controller.window.isVisible(), timeout=WAIT_MS)
    assert controller.runs.training is not None
    assert controller.runs.training.status is RunStatus.CANCELLED


def test_a_smoke_test_closes_without_a_question(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_training(controller, monkeypatch, tmp_path, "until_stopped")
    with qtbot.waitSignal(controller.closing.finished, timeout=WAIT_MS):
        controller.closing.close_now()
    assert not controller.window.isVisible()


def test_closing_while_a_folder_is_read_ends_everything(
    controller: Controller, tmp_path: Path
) -> None:
    controller.open(write_study(tmp_path / "s", ("A", "B", "C"), slices=10))
    controller.window.close()
    assert not controller.window.isVisible()


def test_closing_does_not_wait_for_a_decoder_that_takes_its_time(
    qtbot: QtBot, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    body = f"import pathlib, time; pathlib.Path({str(started)!r}).touch(); time.sleep(20)"
    monkeypatch.setattr(
        "medseg_desktop.io.pixels.decoder_pool.own_command", lambda *_: [sys.executable, "-c", body]
    )
    controller: Controller = request.getfixturevalue("controller")
    folder, pixels = tmp_path / "s", lesion_slice()
    write_dicom(folder / "1.dcm", pixels, series="1", elements={"SeriesNumber": 1})
    write_dicom(folder / "2.dcm", pixels, series="2", elements={"SeriesNumber": 2}, syntax="rle")
    opened(qtbot, controller, folder)
    qtbot.waitUntil(started.exists, timeout=WAIT_MS)  # by the thumbnail of the other series
    began_s = time.monotonic()
    controller.close()
    assert time.monotonic() - began_s < 5


def test_a_histogram_of_a_large_slice_looks_at_some_of_its_pixels() -> None:
    import numpy as np

    counts = histogram(np.full(1 << 20, 5.0), 0.0, 10.0)
    assert counts.sum() == 256 * 256
    assert counts[48] == counts.sum()
