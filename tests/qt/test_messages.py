from __future__ import annotations

import sys

import pytest

from medseg_desktop.core.errors import DataError
from medseg_desktop.qt.messages import file_sentence, install_excepthook, sentence


@pytest.mark.parametrize(
    ("path", "reason", "text"),
    [
        ("a/IM1.json", "IM1.json refers to x.dcm", "a/IM1.json refers to x.dcm"),
        ("IM1.json", "IM1.json refers to x.dcm", "IM1.json refers to x.dcm"),
        ("a/IM1.dcm", "the file is truncated", "a/IM1.dcm: the file is truncated"),
    ],
)
def test_a_files_name_is_said_once(path: str, reason: str, text: str) -> None:
    assert file_sentence(path, reason) == text


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
