from __future__ import annotations

import sys

import pytest

from medseg_desktop.core.errors import DataError
from medseg_desktop.qt.messages import install_excepthook, sentence


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
