from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.panels.message_bar import Level, Message, MessageBar

LEFT = Qt.MouseButton.LeftButton
LONG = "Annotations of IM0007.json could not be saved because the disk is full. " * 3


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    result = QWidget()
    qtbot.addWidget(result)
    layout = QVBoxLayout(result)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(MessageBar())
    layout.addWidget(QWidget(), 1)
    result.resize(500, 400)
    result.show()
    qtbot.waitExposed(result)
    return result


@pytest.fixture
def bar(window: QWidget) -> MessageBar:
    found = window.findChild(MessageBar)
    assert found is not None
    return found


def test_it_is_hidden_until_there_is_something_to_say(bar: MessageBar) -> None:
    assert not bar.isVisible()
    bar.show_message("3 slices could not be read.")
    assert bar.isVisible()
    assert not bar.action.isVisible()
    bar.clear()
    assert not bar.isVisible()


def test_the_action_reports_its_key(bar: MessageBar, qtbot: QtBot) -> None:
    bar.show_message("3 slices could not be read.", Level.WARNING, "Show list", "list")
    with qtbot.waitSignal(bar.action_requested, timeout=5000) as asked:
        QTest.mouseClick(bar.action, LEFT)
    assert asked.args == ["list"]


def test_closing_hides_it_and_is_reported(bar: MessageBar, qtbot: QtBot) -> None:
    bar.show_message("Something.", Level.ERROR)
    with qtbot.waitSignal(bar.closed, timeout=5000):
        QTest.mouseClick(bar.close_button, LEFT)
    assert not bar.isVisible()


def test_news_give_way_to_what_stands_after_a_while(
    bar: MessageBar, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medseg_desktop.qt.panels.message_bar._FRESH_MS", 30)
    bar.set_standing("series", Message("2 slices are missing.", subject="A"))
    bar.show_message("The picture was copied.", Level.SUCCESS)
    assert bar.text.text() == "The picture was copied."
    assert (bar.behind.isVisible(), bar.behind.text()) == (True, "1 more")
    qtbot.waitUntil(lambda: bar.text.text() == "2 slices are missing.", timeout=5000)
    assert bar.isVisible()
    assert not bar.behind.isVisible()
    assert bar.property("level") == "warning"
    bar.show_message("Saved.", Level.SUCCESS)
    QTest.mouseClick(bar.close_button, LEFT)
    assert bar.text.text() == "2 slices are missing."
    QTest.mouseClick(bar.close_button, LEFT)
    assert not bar.isVisible()


def test_clearing_the_news_leaves_what_stands(bar: MessageBar) -> None:
    bar.set_standing("folder", Message("One file cannot be used.", Level.WARNING, "Show", "files"))
    bar.show_message("Something.", Level.ERROR)
    assert not bar.action.isVisible()
    bar.clear()
    assert bar.text.text() == "One file cannot be used."
    assert bar.action.isVisible()


def test_the_text_can_be_selected_and_is_never_markup(bar: MessageBar) -> None:
    bar.show_message("<b>a</b>.dcm cannot be read.")
    assert bar.text.textFormat() == Qt.TextFormat.PlainText
    assert bar.text.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse


def test_a_long_sentence_wraps_and_the_bar_grows_only_as_needed(
    bar: MessageBar, qtbot: QtBot
) -> None:
    bar.show_message("Short.")
    qtbot.waitUntil(lambda: bar.height() < 50, timeout=5000)
    bar.show_message(LONG)
    qtbot.waitUntil(lambda: bar.text.height() >= bar.text.heightForWidth(bar.text.width()))
    assert bar.height() < 150
