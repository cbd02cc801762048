"""What the tests of the viewer share: opening a folder, and looking at what is on screen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.view import ResolvedView
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.qt.controller import Controller

WAIT_MS = 30_000


def opened(qtbot: QtBot, controller: Controller, folder: Path) -> ResolvedView:
    """Open a folder and wait for the first slice."""
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        controller.open(folder)
    shown(qtbot, controller)
    return view(controller)


def view(controller: Controller) -> ResolvedView:
    """What is resolved now."""
    assert controller.study.view is not None
    return controller.study.view


def shown(qtbot: QtBot, controller: Controller) -> None:
    """Wait until the slice that is resolved is on screen."""

    def arrived() -> bool:
        now, loaded = controller.study.view, controller.slices.loaded
        return (
            now is not None
            and loaded is not None
            and (loaded.series_key, loaded.index, loaded.preview)
            == (now.series.key, now.index, now.preview)
        )

    qtbot.waitUntil(arrived, timeout=WAIT_MS)


@contextmanager
def reading_held() -> Iterator[None]:
    """Inside, every slice that is to be read waits, as on a drive that does not answer."""
    read, go_on = FrameReader.read, threading.Event()

    def wait(reader: FrameReader, path: str, frame: int) -> Any:
        assert go_on.wait(WAIT_MS / 1000)
        return read(reader, path, frame)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FrameReader, "read", wait)
        try:
            yield
        finally:
            go_on.set()


def key(controller: Controller, key: Qt.Key, modifiers: Qt.KeyboardModifier | None = None) -> None:
    """Press a key while the slice has the focus."""
    controller.window.activateWindow()
    controller.window.slice_view.setFocus()
    QTest.keyClick(controller.window.slice_view, key, modifiers or Qt.KeyboardModifier.NoModifier)


def colour_at(controller: Controller, column: float, row: float) -> QColor:
    """The colour on screen of a point of the slice in corner coordinates."""
    slice_view = controller.window.slice_view
    return slice_view.grab().toImage().pixelColor(slice_view.widget_position(column, row))
