"""The strip of validation slices: pictures, slider, late and missing ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.core.events import Preview
from medseg_desktop.core.run_state import fold
from medseg_desktop.qt.panels.preview_slice import PreviewSliceView, preview_picture
from medseg_desktop.qt.panels.training_previews import RANKS, PreviewStrip
from medseg_desktop.qt.previews_loader import PreviewLoader
from medseg_desktop.qt.theme.tokens import DARK
from tests.runs import run_events, write_run

WAIT_MS = 10_000
LEFT = Qt.MouseButton.LeftButton
EVENTS = run_events(40, every=10, previews=True)
PREVIEWS = fold(EVENTS).previews


@pytest.fixture
def strip(qtbot: QtBot) -> Iterator[PreviewStrip]:
    page = QWidget()
    qtbot.addWidget(page)
    result = PreviewStrip(page)
    result.resize(300, 300)
    page.show()
    yield result
    page.close()


@pytest.fixture
def loader(strip: PreviewStrip, tmp_path: Path) -> Iterator[PreviewLoader]:
    result = PreviewLoader(strip, strip)
    result.set_run(write_run(tmp_path / "w" / "runs" / "r", EVENTS, iterations=40))
    yield result
    result.close()


def loaded(qtbot: QtBot, strip: PreviewStrip, preview: Preview) -> None:
    def there() -> bool:
        pictures = [strip.cells[rank].view.picture for rank in RANKS]
        return strip.shown is preview and strip._pictures != {} and None not in pictures

    qtbot.waitUntil(there, timeout=WAIT_MS)


def test_without_an_evaluation_there_is_no_strip(strip: PreviewStrip) -> None:
    assert not strip.isVisible()


def test_the_latest_evaluation_is_shown_with_its_dice(
    qtbot: QtBot, strip: PreviewStrip, loader: PreviewLoader
) -> None:
    for count in (1, 2, 3):
        strip.set_previews(PREVIEWS[:count])
        loaded(qtbot, strip, PREVIEWS[count - 1])
    assert strip.when.text() == "iteration 30"
    median = next(s for s in PREVIEWS[2].slices if s.rank == "median")
    assert strip.cells["median"].caption.text() == f"Median {median.dice:.2f}"


def test_the_slider_replays_and_is_not_pulled_away_by_news(
    qtbot: QtBot, strip: PreviewStrip, loader: PreviewLoader
) -> None:
    strip.set_previews(PREVIEWS[:3])
    loaded(qtbot, strip, PREVIEWS[2])
    latest = strip.cells["best"].view.picture
    strip.slider.setValue(0)
    qtbot.waitUntil(lambda: strip.cells["best"].view.picture is not latest, timeout=WAIT_MS)
    assert strip.when.text() == "iteration 10"
    strip.set_previews(PREVIEWS)
    assert strip.when.text() == "iteration 10"
    assert strip.slider.maximum() == 3
    strip.slider.setValue(2)
    assert strip.cells["best"].view.picture is latest  # kept in memory, there at once
    strip.slider.setValue(3)
    loaded(qtbot, strip, PREVIEWS[3])


def test_a_click_shows_a_slice_large_and_another_one_small_again(
    qtbot: QtBot, strip: PreviewStrip, loader: PreviewLoader
) -> None:
    strip.set_previews(PREVIEWS)
    loaded(qtbot, strip, PREVIEWS[-1])
    cell = strip.cells["worst"]
    QTest.mouseClick(cell.view, LEFT)
    assert strip.large.isVisible()
    assert strip.large.picture is cell.view.picture
    strip.slider.setValue(0)
    qtbot.waitUntil(lambda: strip.large.picture is not None, timeout=WAIT_MS)
    QTest.mouseClick(strip.large, LEFT)
    assert not strip.large.isVisible()
    assert not cell.view.isChecked()


def test_pictures_that_are_gone_are_told_and_the_others_still_come(
    qtbot: QtBot, strip: PreviewStrip, loader: PreviewLoader, tmp_path: Path
) -> None:
    run = tmp_path / "w" / "runs" / "r"
    (run / PREVIEWS[1].slices[0].grey).unlink()
    strip.set_previews(PREVIEWS)
    loaded(qtbot, strip, PREVIEWS[-1])
    strip.slider.setValue(1)
    qtbot.waitUntil(strip.problem.isVisible, timeout=WAIT_MS)
    assert strip.cells["best"].view.picture is None
    strip.slider.setValue(2)
    loaded(qtbot, strip, PREVIEWS[2])
    assert not strip.problem.isVisible()


def test_pictures_that_come_too_late_are_dropped(strip: PreviewStrip) -> None:
    strip.set_previews(PREVIEWS)
    pixels = np.zeros((8, 8), np.uint8)
    strip.set_pictures(PREVIEWS[0], {"best": preview_picture(pixels, pixels, pixels)})
    assert strip.cells["best"].view.picture is None


def test_another_run_shows_its_own_latest(strip: PreviewStrip) -> None:
    strip.set_previews(PREVIEWS)
    strip.slider.setValue(0)
    other = fold(run_events(20, every=10, previews=True, level=0.3)).previews
    strip.set_previews(other)
    assert strip.shown is other[-1]
    strip.set_previews(())
    assert not strip.isVisible()


def test_reference_and_prediction_have_the_colours_of_the_viewer(qtbot: QtBot) -> None:
    grey = np.zeros((64, 64), np.uint8)
    reference, prediction = grey.copy(), grey.copy()
    reference[10:30, 10:30] = 1
    prediction[40:60, 40:60] = 1
    prediction[46:54, 46:54] = 0  # a hole stays one
    view = PreviewSliceView()
    qtbot.addWidget(view)
    view.resize(256, 256)
    view.set_picture(preview_picture(grey, reference, prediction))
    shown = view.grab().toImage()

    def colour(column: float, row: float) -> QColor:
        return shown.pixelColor(round(column * 4), round(row * 4))

    near = 60

    def differs(found: QColor, wanted: str) -> int:
        want = QColor(wanted)
        return max(
            abs(found.red() - want.red()),
            abs(found.green() - want.green()),
            abs(found.blue() - want.blue()),
        )

    for column, edge, wanted in ((20, 10, DARK.mine), (50, 40, DARK.model)):
        across = [colour(column, edge + k / 4) for k in range(4)]
        assert min(differs(found, wanted) for found in across) < near
    assert colour(20, 20).lightness() == 0  # the reference is an outline
    assert colour(43, 50).lightness() > 0  # the prediction is filled
    assert colour(50, 50).lightness() == 0
