from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.panels.window_panel import WindowPanel


@pytest.fixture
def panel(qtbot: QtBot) -> WindowPanel:
    result = WindowPanel()
    qtbot.addWidget(result)
    result.set_range(0, 4000)
    result.set_window(600, 1200)
    result.show()
    qtbot.waitExposed(result)
    return result


@pytest.fixture
def windows(panel: WindowPanel) -> list[tuple[float, float]]:
    seen: list[tuple[float, float]] = []
    panel.window_changed.connect(lambda c, w: seen.append((c, w)))
    return seen


def test_showing_a_window_is_not_reported_back(
    panel: WindowPanel, windows: list[tuple[float, float]], qtbot: QtBot
) -> None:
    with qtbot.assertNotEmitted(panel.inverted_changed):
        panel.set_window(700, 900)
        panel.set_inverted(True)
        panel.set_presets([("auto", "Auto")], "auto")
    assert (panel.level_slider.box.value(), panel.width_slider.box.value()) == (700, 900)
    assert windows == []


def test_a_typed_number_reports_the_window(
    panel: WindowPanel, windows: list[tuple[float, float]]
) -> None:
    box = panel.width_slider.box
    box.selectAll()
    QTest.keyClicks(box, "800")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert windows == [(600, 800)]


def test_the_slider_moves_the_box_and_reports_the_window(
    panel: WindowPanel, windows: list[tuple[float, float]]
) -> None:
    QTest.keyClick(panel.level_slider.slider, Qt.Key.Key_End)
    assert panel.level_slider.box.value() == 4000
    assert windows == [(4000, 1200)]


def test_a_window_wider_than_the_slider_keeps_its_true_number(panel: WindowPanel) -> None:
    panel.set_window(600, 9000)
    assert panel.width_slider.box.value() == 9000
    assert panel.width_slider.slider.value() == panel.width_slider.slider.maximum()


def test_small_ranges_get_figures_behind_the_point(
    panel: WindowPanel, windows: list[tuple[float, float]]
) -> None:
    panel.set_range(0.0, 1.0)
    panel.set_window(0.25, 0.5)
    assert panel.level_slider.box.value() == 0.25
    QTest.keyClick(panel.level_slider.box, Qt.Key.Key_Up)
    assert windows == [(pytest.approx(0.251), 0.5)]


def test_presets_reset_and_inversion_are_reported(panel: WindowPanel, qtbot: QtBot) -> None:
    panel.set_presets([("auto", "Auto"), ("soft", "Soft")])
    assert panel.presets.currentIndex() == -1
    with qtbot.waitSignal(panel.preset_chosen, timeout=5000) as chosen:
        panel.presets.setFocus()
        QTest.keyClick(panel.presets, Qt.Key.Key_Down)
    assert chosen.args == ["auto"]
    with qtbot.waitSignal(panel.reset_requested, timeout=5000):
        QTest.mouseClick(panel.reset, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(panel.inverted_changed, timeout=5000) as inverted:
        QTest.keyClick(panel.invert, Qt.Key.Key_Space)
    assert inverted.args == [True]


def test_a_window_set_by_hand_leaves_the_preset(panel: WindowPanel) -> None:
    panel.set_presets([("auto", "Auto")], "auto")
    QTest.keyClick(panel.width_slider.slider, Qt.Key.Key_Right)
    assert panel.presets.currentIndex() == -1


def test_the_histogram_draws_its_counts(panel: WindowPanel) -> None:
    before = panel.histogram.grab().toImage()
    panel.set_histogram(np.arange(64))
    assert panel.histogram.grab().toImage() != before
    panel.set_histogram(np.zeros(64))
    assert panel.histogram.grab().toImage() == before
