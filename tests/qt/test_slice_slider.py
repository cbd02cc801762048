from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.canvas.slice_slider import SliceMarks, SliceSlider
from medseg_desktop.qt.theme import DARK


@pytest.fixture
def slider(qtbot: QtBot) -> SliceSlider:
    result = SliceSlider()
    qtbot.addWidget(result)
    result.resize(400, 36)
    result.set_count(37)
    result.show()
    qtbot.waitExposed(result)
    return result


@pytest.fixture
def chosen(slider: SliceSlider) -> list[int]:
    values: list[int] = []
    slider.value_changed.connect(values.append)
    return values


def test_setting_a_value_is_not_reported_back(slider: SliceSlider, chosen: list[int]) -> None:
    slider.set_value(12)
    slider.set_count(10)
    assert slider.value == 9
    assert chosen == []


def test_a_click_chooses_the_slice_under_the_pointer(
    slider: SliceSlider, chosen: list[int]
) -> None:
    at = QPoint(round(slider.position_of(20)), 18)
    QTest.mouseClick(slider, Qt.MouseButton.LeftButton, pos=at)
    assert chosen == [20]


def test_arrow_keys_home_and_end_move_and_stop_at_the_ends(
    slider: SliceSlider, chosen: list[int]
) -> None:
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Right):
        QTest.keyClick(slider, key)
    QTest.keyClick(slider, Qt.Key.Key_Home)
    assert chosen == [1, 36, 0]


@pytest.mark.parametrize(
    ("marks", "colour", "above"),
    [
        (SliceMarks.of(annotated=[10]), DARK.mark_mine, True),
        (SliceMarks.of(reviewed=[10]), DARK.muted, True),
        (SliceMarks.of(predicted=[10]), DARK.mark_model, False),
        (SliceMarks.of(predicted=[10], disagreeing=[10]), DARK.only_model, False),
    ],
)
def test_marks_stand_above_for_the_reader_and_below_for_the_model(
    slider: SliceSlider, marks: SliceMarks, colour: str, above: bool
) -> None:
    slider.set_marks(marks)
    image = slider.grab().toImage()
    x = round(slider.position_of(10))
    rows = range(0, 15) if above else range(21, 36)
    colours = {image.pixelColor(x + dx, y).name() for y in rows for dx in (-1, 0)}
    assert colour in colours


def test_without_slices_it_is_disabled_and_answers_nothing(
    slider: SliceSlider, chosen: list[int]
) -> None:
    slider.set_count(0)
    assert not slider.isEnabled()
    slider.setEnabled(True)
    QTest.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(100, 18))
    QTest.keyClick(slider, Qt.Key.Key_End)
    assert chosen == []
