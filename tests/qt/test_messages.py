from __future__ import annotations

import sys

import pytest

from medseg_desktop.core.errors import DataError
from medseg_desktop.qt.messages import Level, Message, Messages, install_excepthook, sentence

GAP = Message("2 slices are missing.", Level.WARNING, subject="A")
TILT = Message("The gantry was tilted.", Level.WARNING, subject="B")
FILES = Message("One file cannot be used.", Level.WARNING, "Show all", "files")
NOTE = Message("One patient ID covers everything.", Level.INFO)
COPIED = Message("The picture was copied.", Level.SUCCESS)
READY = Message("The model is ready.", Level.SUCCESS, "Use it", "use")
BROKEN = Message("Cannot write x.png.", Level.ERROR)


@pytest.fixture
def messages() -> Messages:
    return Messages()


def queue(messages: Messages) -> list[Message]:
    """What is shown one after the other when each is dismissed."""
    found = []
    while messages.shown is not None:
        found.append(messages.shown)
        messages.dismiss()
    return found


def test_news_are_in_front_of_what_stands_and_pass(messages: Messages) -> None:
    messages.stand("series", GAP)
    messages.tell(COPIED)
    assert (messages.shown, messages.behind) == (COPIED, 1)
    messages.settle()
    assert (messages.shown, messages.behind) == (GAP, 0)


@pytest.mark.parametrize("news", [READY, BROKEN])
def test_news_that_call_for_something_wait_until_they_are_dismissed(
    messages: Messages, news: Message
) -> None:
    messages.tell(news)
    messages.tell(COPIED)
    messages.settle()
    messages.settle()
    assert queue(messages) == [news]


def test_the_most_urgent_is_first_and_of_equal_ones_the_latest(messages: Messages) -> None:
    messages.stand("folder", FILES)
    messages.tell(READY)
    messages.tell(BROKEN)
    messages.stand("series", GAP)
    messages.settle()
    assert queue(messages) == [BROKEN, GAP, FILES, READY]


def test_a_banner_comes_and_goes_with_its_series(messages: Messages) -> None:
    messages.stand("folder", NOTE)
    for banner in (GAP, TILT, None, GAP):
        messages.stand("series", banner)
        assert messages.shown == (banner or NOTE)


def test_a_banner_that_was_dismissed_stays_away_for_its_subject_only(messages: Messages) -> None:
    messages.stand("series", GAP)
    messages.dismiss()
    messages.stand("series", TILT)
    assert messages.shown == TILT
    messages.stand("series", GAP)
    assert messages.shown is None
    of_another = Message(GAP.text, GAP.level, subject="C")
    messages.stand("series", of_another)
    assert messages.shown == of_another


def test_a_message_without_a_subject_is_said_again(messages: Messages) -> None:
    messages.stand("folder", FILES)
    messages.dismiss()
    assert messages.shown is None
    messages.stand("folder", FILES)
    assert messages.shown == FILES


def test_what_is_said_twice_is_shown_once(messages: Messages) -> None:
    messages.tell(BROKEN)
    messages.tell(BROKEN)
    messages.stand("series", GAP)
    messages.stand("series", GAP)
    assert queue(messages) == [BROKEN, GAP]


def test_news_are_taken_back_by_their_action_or_all_at_once(messages: Messages) -> None:
    messages.stand("folder", FILES)
    messages.tell(READY)
    messages.tell(BROKEN)
    messages.withdraw("use")
    messages.withdraw("files")
    messages.clear_news()
    assert queue(messages) == [FILES]


def test_an_error_is_one_line_with_its_hint() -> None:
    assert sentence(DataError("Two\nlines.", "Do this.")) == "Two lines. Do this."


def test_an_unexpected_error_is_logged_and_shown_without_its_type(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shown: list[str] = []
    before = sys.excepthook
    restore = install_excepthook(shown.append)
    try:
        error = ValueError("odd")
        sys.excepthook(ValueError, error, None)
        sys.excepthook(DataError, DataError("The folder is empty."), None)
    finally:
        restore()
    assert sys.excepthook is before
    assert "odd" in shown[0]
    assert "ValueError" not in shown[0]
    assert shown[1] == "The folder is empty."
    assert "ValueError" in caplog.text
