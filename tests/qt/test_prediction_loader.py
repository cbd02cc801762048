"""Predictions in the background, through the window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.core import raster
from medseg_desktop.core.errors import ModelError, UnreadableSliceError
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.slice_loader import SliceLoader
from tests.builders import write_dicom
from tests.qt.proposing import (
    SIZE,
    offered,
    proposing,
    trigger,
    use_model,
    wait_for_proposals,
    write_lesions,
)
from tests.qt.viewing import WAIT_MS, opened


class Calls:
    """The predictions that were made; `gate` holds them back while it is closed."""

    def __init__(self) -> None:
        self.slices: list[float] = []
        self.gate = Event()
        self.gate.set()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    made = Calls()
    predict = Predictor.predict

    def counted(self: Predictor, stored: np.ndarray[Any, Any], fmt: Any) -> Any:
        made.slices.append(float(stored.sum()))
        assert made.gate.wait(WAIT_MS / 1000)
        return predict(self, stored, fmt)

    monkeypatch.setattr(Predictor, "predict", counted)
    yield made
    made.gate.set()


@contextmanager
def messages(controller: Controller) -> Iterator[list[str]]:
    said: list[str] = []
    controller.predictions.failed.connect(said.append)
    yield said
    controller.predictions.failed.disconnect(said.append)


def is_idle(controller: Controller) -> bool:
    """No predictions are waited for; slices may still be read."""
    text = controller.window.progress_text
    return not text.isVisible() or not text.text().startswith("Predicted")


def test_one_slice_is_predicted_and_no_other(
    controller: Controller, qtbot: QtBot, tmp_path: Path, calls: Calls
) -> None:
    opened(qtbot, controller, write_lesions(tmp_path / "s"))
    use_model(qtbot, controller, tmp_path / "m")
    key = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    controller.window.activateWindow()
    QTest.keyClick(controller.window.slice_view, Qt.Key.Key_P, key)
    wait_for_proposals(qtbot, controller, 1)
    assert len(offered(controller)) == 2
    controller.study.step_slice(1)
    qtbot.wait(50)
    assert len(calls.slices) == 1


def test_the_slice_on_screen_goes_first_and_then_its_neighbours(
    controller: Controller, qtbot: QtBot, tmp_path: Path, calls: Calls
) -> None:
    opened(qtbot, controller, write_lesions(tmp_path / "s", slices=9))
    use_model(qtbot, controller, tmp_path / "m")
    found: list[int] = []
    controller.predictions.predicted.connect(lambda _model, _key, some, _for: found.extend(some))
    controller.study.set_slice(6)
    calls.gate.clear()
    trigger(controller, "predict")
    qtbot.waitUntil(lambda: len(calls.slices) == 1, timeout=WAIT_MS)
    controller.study.set_slice(1)
    calls.gate.set()
    wait_for_proposals(qtbot, controller, 9)
    assert found[:2] == [6, 1]
    assert set(found[2:4]) == {0, 2}


def test_the_series_on_screen_goes_before_the_others(
    controller: Controller, qtbot: QtBot, tmp_path: Path, calls: Calls
) -> None:
    opened(qtbot, controller, write_lesions(tmp_path / "s", ("A", "B", "C")))
    use_model(qtbot, controller, tmp_path / "m")
    assert controller.study.found is not None
    a, b, c = controller.study.found.series
    order: list[tuple[str, int]] = []
    controller.predictions.predicted.connect(lambda _model, key, *_: order.append(key))
    calls.gate.clear()
    trigger(controller, "predict_all")
    controller.study.set_series(c.key)
    calls.gate.set()
    annotations = controller.annotations
    qtbot.waitUntil(
        lambda: all(len(annotations.proposed(s)) == 3 for s in (a, b, c)), timeout=WAIT_MS
    )
    assert list(dict.fromkeys(order)) in ([a.key, c.key, b.key], [c.key, a.key, b.key])
    assert len(calls.slices) == 9


def test_what_is_known_is_not_predicted_again(
    controller: Controller, qtbot: QtBot, tmp_path: Path, calls: Calls
) -> None:
    proposing(qtbot, controller, tmp_path)
    trigger(controller, "predict", "predict", "predict_slice", "predict_series", "predict_all")
    controller.study.step_slice(1)
    use_model(qtbot, controller, tmp_path / "models", "other", threshold=200)
    wait_for_proposals(qtbot, controller, 3)
    assert len(calls.slices) == 6
    use_model(qtbot, controller, tmp_path / "models", "tiny")
    wait_for_proposals(qtbot, controller, 3)
    assert len(calls.slices) == 6


def test_the_status_line_counts_and_its_cross_cancels_for_good(
    controller: Controller, qtbot: QtBot, tmp_path: Path, calls: Calls
) -> None:
    opened(qtbot, controller, write_lesions(tmp_path / "s", slices=6))
    use_model(qtbot, controller, tmp_path / "m")
    qtbot.waitUntil(lambda: is_idle(controller), timeout=WAIT_MS)
    calls.gate.clear()
    trigger(controller, "predict")
    w = controller.window
    assert w.progress_text.text() == "Predicted 0 of 6 slices"
    assert w.progress_cancel.isVisible()
    qtbot.waitUntil(lambda: len(calls.slices) == 1, timeout=WAIT_MS)
    QTest.mouseClick(w.progress_cancel, Qt.MouseButton.LeftButton)
    calls.gate.set()
    assert is_idle(controller)
    controller.study.step_slice(1)  # which must not begin it again
    qtbot.wait(50)
    assert len(calls.slices) == 1
    assert offered(controller) == ()
    trigger(controller, "predict_series")
    wait_for_proposals(qtbot, controller, 6)
    qtbot.waitUntil(lambda: is_idle(controller), timeout=WAIT_MS)


def test_late_answers_of_another_model_are_dropped(
    controller: Controller, qtbot: QtBot, tmp_path: Path, calls: Calls
) -> None:
    opened(qtbot, controller, write_lesions(tmp_path / "s"))
    use_model(qtbot, controller, tmp_path / "m", "first")
    calls.gate.clear()
    trigger(controller, "predict")
    qtbot.waitUntil(lambda: len(calls.slices) == 1, timeout=WAIT_MS)
    use_model(qtbot, controller, tmp_path / "m", "second", threshold=254.5)
    calls.gate.set()
    qtbot.waitUntil(lambda: len(controller.marks.predicted) == 3, timeout=WAIT_MS)
    assert {p.model for p in controller.marks.predicted.values()} == {"second-v1"}


def test_late_answers_of_another_folder_are_dropped(
    controller: Controller, qtbot: QtBot, tmp_path: Path, calls: Calls
) -> None:
    opened(qtbot, controller, write_lesions(tmp_path / "s", slices=2))
    use_model(qtbot, controller, tmp_path / "m")
    calls.gate.clear()
    trigger(controller, "predict")
    qtbot.waitUntil(lambda: len(calls.slices) == 1, timeout=WAIT_MS)
    opened(qtbot, controller, write_lesions(tmp_path / "t", ("A",), slices=3, seed=50))
    calls.gate.set()
    wait_for_proposals(qtbot, controller, 3)
    assert len(calls.slices) == 4


def test_a_slice_that_cannot_be_read_does_not_hold_up_the_count(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(qtbot, controller, write_lesions(tmp_path / "s"))
    use_model(qtbot, controller, tmp_path / "m")
    read = SliceLoader.read_now
    asked: list[int] = []

    def unreadable(self: SliceLoader, series: Any, index: int) -> Any:
        asked.append(index)
        if index == 2:
            raise UnreadableSliceError("it is damaged")
        return read(self, series, index)

    monkeypatch.setattr(SliceLoader, "read_now", unreadable)
    trigger(controller, "predict")
    wait_for_proposals(qtbot, controller, 2)
    qtbot.waitUntil(lambda: is_idle(controller), timeout=WAIT_MS)
    controller.study.step_slice(1)
    qtbot.wait(50)
    assert asked.count(2) == 1


def test_colour_is_told_of_only_when_it_is_on_screen(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_lesions(tmp_path / "s")
    for i in range(3):
        colours = np.full((*SIZE, 3), 40 * i, np.uint8)
        write_dicom(
            folder / "Z" / f"{i}.dcm", colours, patient="Z", photometric="RGB", number=i,
            position_mm=(0.0, 0.0, 5.0 * i),
        )  # fmt: skip
    opened(qtbot, controller, folder)
    use_model(qtbot, controller, tmp_path / "m")
    assert controller.study.found is not None
    _grey, colour = controller.study.found.series
    with messages(controller) as said:
        trigger(controller, "predict_all")
        wait_for_proposals(qtbot, controller, 3)
        qtbot.waitUntil(lambda: is_idle(controller), timeout=WAIT_MS)
        assert said == []
        controller.study.set_series(colour.key)
        controller.study.step_slice(1)
        assert said == ["Colour slices cannot be predicted."]
        assert is_idle(controller)


def test_a_model_that_fails_says_so_once_and_nothing_goes_on(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(qtbot, controller, write_lesions(tmp_path / "s"))
    use_model(qtbot, controller, tmp_path / "m")

    def fail(*_: object) -> None:
        raise ModelError("The network of tiny-v1 cannot be run.")

    monkeypatch.setattr(Predictor, "predict", fail)
    with messages(controller) as said:
        trigger(controller, "predict")
        qtbot.waitUntil(lambda: bool(said), timeout=WAIT_MS)
        controller.study.step_slice(1)
        qtbot.wait(50)
        assert said == ["The network of tiny-v1 cannot be run."]
    assert is_idle(controller)


class Outlining:
    """The regions that were outlined; `gate` holds them back while it is closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gate = Event()
        self.regions = 0
        outline = raster._exact_regions

        def counted(*arguments: Any) -> Any:
            self.regions += 1
            assert self.gate.wait(WAIT_MS / 1000)
            return outline(*arguments)

        monkeypatch.setattr(raster, "_exact_regions", counted)


@pytest.fixture
def outlining(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Outlining]:
    """A model whose predictions are noise; the first region of the first slice is at work."""
    opened(qtbot, controller, write_lesions(tmp_path / "s"))
    use_model(qtbot, controller, tmp_path / "m")
    noise = np.zeros(SIZE, np.uint8)
    noise[::2, ::2] = 1
    with monkeypatch.context() as during:
        during.setattr(Predictor, "predict", lambda *_: noise)
        made = Outlining(during)
        trigger(controller, "predict")
        qtbot.waitUntil(lambda: made.regions == 1, timeout=WAIT_MS)
        yield made
        made.gate.set()


def test_what_is_outlined_for_nobody_ends_at_the_next_region_and_the_next_wish_is_begun(
    controller: Controller, qtbot: QtBot, outlining: Outlining
) -> None:
    controller.predictions.stop()
    outlining.gate.set()
    qtbot.waitUntil(lambda: not controller.predictions._running, timeout=WAIT_MS)
    assert outlining.regions == 1
    trigger(controller, "predict_slice")
    wait_for_proposals(qtbot, controller, 1)
    assert len(offered(controller)) == SIZE[0] * SIZE[1] // 4


def test_closing_waits_for_one_region_and_not_for_the_slice(
    controller: Controller, outlining: Outlining
) -> None:
    controller.predictions.quit()
    outlining.gate.set()
    controller.predictions.close()
    assert outlining.regions == 1
