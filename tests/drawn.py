"""Drawing with a real mouse, and a program that is started, left alone and started again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton, QTreeWidget, QTreeWidgetItem
from pytestqt.qtbot import QtBot

from medseg_desktop.core.settings import Settings
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt import saving
from medseg_desktop.qt.canvas.slice_view import SliceView
from medseg_desktop.qt.controller import Controller
from tests.mouse import NO_KEY, surface

WAIT_MS = 30_000
LEFT = Qt.MouseButton.LeftButton


def stroke(view: SliceView, points: Sequence[tuple[float, float]]) -> None:
    """Drag from point to point of the slice, (x = column, y = row) in corner coordinates."""
    target = surface(view)
    places = [target.mapFrom(view, view.widget_position(*point)) for point in points]
    QTest.mousePress(target, LEFT, NO_KEY, places[0])
    for place in places[1:]:
        # Not QTest.mouseMove, which holds no button.
        at = QPointF(place)
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            at,
            target.mapToGlobal(at),
            Qt.MouseButton.NoButton,
            LEFT,
            NO_KEY,
        )
        QApplication.sendEvent(target, event)
    QTest.mouseRelease(target, LEFT, NO_KEY, places[-1])


def click(view: SliceView, point: tuple[float, float]) -> None:
    """Click on a point of the slice, (x = column, y = row) in corner coordinates."""
    target = surface(view)
    QTest.mouseClick(target, LEFT, NO_KEY, target.mapFrom(view, view.widget_position(*point)))


def draw_rectangle(
    controller: Controller, first: tuple[float, float] = (2, 2), last: tuple[float, float] = (6, 6)
) -> None:
    """Draw a rectangle on the slice on screen, with the mouse."""
    controller.window.actions_by_key["tool_rectangle"].trigger()
    stroke(controller.window.slice_view, [first, (first[0] + 1, first[1] + 1), last])


def path_on_screen(controller: Controller) -> Path:
    """The DICOM file of the slice on screen."""
    assert controller.study.view is not None
    return Path(controller.study.view.slice.path)


def shapes_on_screen(controller: Controller) -> int:
    """How many shapes the slice on screen has."""
    assert controller.study.view is not None
    return len(controller.annotations.shapes(controller.study.view.slice))


def shapes_in(path: Path) -> list[dict[str, Any]]:
    """The shapes in a MedicalLabelMe file, read with nothing of the program; [] without one."""
    if not path.exists():
        return []
    document = json.loads(path.read_text(encoding="utf-8"))
    return [shape for frame in document["frames"] for shape in frame["shapes"]]


def row(tree: QTreeWidget, place: int) -> QTreeWidgetItem:
    """A row of a list, counted from 0."""
    item = tree.topLevelItem(place)
    assert item is not None
    return item


def press(box: QMessageBox | None, text: str) -> None:
    """Click on the button of a question that says so."""
    assert box is not None
    button = next(b for b in box.buttons() if b.text() == text)
    assert isinstance(button, QPushButton)
    QTest.mouseClick(button, LEFT)


@contextmanager
def program(qtbot: QtBot, workspace: Path, **settings: Any) -> Iterator[Controller]:
    """The whole window on a workspace; at the end everything of it is ended."""
    controller = Controller(Workspace(workspace), Settings(**settings))
    controller.window.show()
    qtbot.waitExposed(controller.window)
    try:
        yield controller
    finally:
        controller.close()
        controller.window.allow_close()
        controller.window.deleteLater()
        controller.deleteLater()


def opened(qtbot: QtBot, controller: Controller, named: Path) -> None:
    """Open what is named, and wait until it can be drawn on."""
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        controller.open(named)
    qtbot.waitUntil(lambda: controller.slices.loaded is not None, timeout=WAIT_MS)


def saved(qtbot: QtBot, controller: Controller) -> None:
    """Wait until nothing is unsaved."""
    qtbot.waitUntil(lambda: not controller.saving.unsaved, timeout=WAIT_MS)


def noted(qtbot: QtBot, controller: Controller, count: int = 1) -> None:
    """Wait until so many unsaved documents are in the journal."""

    def is_there() -> bool:
        found = [p for p in controller.workspace.recovery.glob("*/*.json")]
        return len(found) == count and not controller.saving._unnoted

    qtbot.waitUntil(is_there, timeout=WAIT_MS)


def shorten_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noting and saving begin sooner than for a person, who would not wait for them."""
    for name, after_ms in (
        ("_NOTE_AFTER_MS", 20),
        ("_SAVE_AFTER_MS", 150),
        ("_SAVE_AT_LATEST_MS", 800),
        ("_AGAIN_AFTER_MS", 200),
    ):
        monkeypatch.setattr(saving, name, after_ms)


def crashed(controller: Controller, workspace: Path) -> Path:
    """The workspace as a crash would leave it at this moment, as a copy.

    The locks of the living session do not belong to the copy.  What it writes at this very moment
    may be gone before it is copied; then the copy is made again.
    """
    for _ in range(10):
        try:
            shutil.copytree(controller.workspace.root, workspace)
            return workspace
        except shutil.Error:
            shutil.rmtree(workspace)
    raise AssertionError("the workspace never stands still")


def message(controller: Controller) -> str:
    """What the message bar says."""
    messages = controller.window.messages
    return messages.text.text() if messages.isVisible() else ""
