"""Somebody who annotates: `python -m tests.annotator PART FOLDER WORKSPACE`, with mouse and keys.

Runs the real program, `medseg-desktop gui FOLDER --workspace WORKSPACE`, in this process, and
sends real events to its window; knows nothing of what is behind the window.  What was done is
told line by line on stdout, each with the time of `time.monotonic`, which all processes share.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from medseg_desktop.cli import main
from medseg_desktop.qt import saving
from medseg_desktop.qt.dialogs.restore_dialog import RestoreDialog
from medseg_desktop.qt.main_window import MainWindow
from tests.drawn import click, row, stroke

Key, Modifier = Qt.Key, Qt.KeyboardModifier
#: What a part of the work waits for before it goes on.
Steps = Iterator[Callable[[], bool]]
POLYGON = [(30, 30), (80, 30), (80, 80), (30, 80)]
HOLE = [(50, 55), (55, 55), (60, 55)]
LATER = [(84, 4), (86, 6), (92, 12)]
_STEP_MS, _LONGEST_S = 15, 60.0


def say(text: str) -> None:
    print(f"{text} {time.monotonic()}", flush=True)


def window() -> MainWindow | None:
    """The program's window, when it is there."""
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow)]
    return found[0] if found else None


def press(key: Qt.Key, modifiers: Qt.KeyboardModifier = Modifier.NoModifier) -> None:
    """Press a key over the slice."""
    w = the_window()
    w.activateWindow()
    w.slice_view.setFocus()
    QTest.keyClick(w.slice_view, key, modifiers)


def the_window() -> MainWindow:
    w = window()
    assert w is not None
    return w


def can_draw() -> bool:
    """A slice is on screen."""
    w = window()
    return bool(w and w.isVisible() and w.slice_view._stage.texts.top_right)


def is_enabled(action: str) -> Callable[[], bool]:
    return lambda: the_window().actions_by_key[action].isEnabled()


def is_saved() -> bool:
    w = the_window()
    return not w.isWindowModified() and w.saved_text.text().startswith("Saved")


def is_past(time_s: float) -> bool:
    return time.monotonic() > time_s


def undo_text() -> str:
    return the_window().actions_by_key["undo"].text()


def restore_dialog() -> RestoreDialog | None:
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, RestoreDialog)]
    return next((dialog for dialog in found if dialog.isVisible()), None)


# -- the parts


def session() -> Steps:
    """Draw, brush a hole, undo, redo, accept a prediction, save, draw once more."""
    yield can_draw
    yield is_enabled("predict_slice")
    press(Key.Key_G)
    for point in POLYGON:
        click(the_window().slice_view, point)
    click(the_window().slice_view, POLYGON[0])
    yield lambda: undo_text() != "Undo"
    press(Key.Key_E)
    for _ in range(4):
        press(Key.Key_BracketLeft)
    stroke(the_window().slice_view, HOLE)
    erased = undo_text()
    press(Key.Key_Z, Modifier.ControlModifier)
    yield lambda: undo_text() != erased
    press(Key.Key_Z, Modifier.ControlModifier | Modifier.ShiftModifier)
    yield lambda: undo_text() == erased
    press(Key.Key_P, Modifier.ControlModifier | Modifier.ShiftModifier)
    yield is_enabled("accept")
    press(Key.Key_Return)
    yield lambda: undo_text() != erased
    press(Key.Key_S, Modifier.ControlModifier)
    yield is_saved
    say("saved")
    press(Key.Key_T)
    stroke(the_window().slice_view, LATER)
    yield lambda: the_window().isWindowModified()
    say("drawn")


def restore() -> Steps:
    """Restore what the dialog offers, and save."""
    yield can_draw
    yield lambda: restore_dialog() is not None
    dialog = restore_dialog()
    assert dialog is not None
    rows = [row(dialog.list, i) for i in range(dialog.list.topLevelItemCount())]
    say("offered " + "|".join(each.text(c) for each in rows for c in (1, 2)))
    QTest.mouseClick(dialog.restore, Qt.MouseButton.LeftButton)
    yield lambda: the_window().isWindowModified()
    press(Key.Key_S, Modifier.ControlModifier)
    yield is_saved
    say("saved")
    the_window().close()


def draw() -> Steps:
    """Draw one rectangle after another, in rows."""
    yield can_draw
    press(Key.Key_T)
    yield lambda: the_window().actions_by_key["tool_rectangle"].isChecked()
    for n in range(200):
        x, y = 1 + 4 * (n % 20), 1 + 4 * (n // 20)
        stroke(the_window().slice_view, [(x, y), (x + 1, y + 1), (x + 2, y + 2)])
        say(f"drawn {n + 1}")
        yield partial(is_past, time.monotonic() + 0.06)


class Driver:
    """Goes on with the work whenever what it waits for is there."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._is_there: Callable[[], bool] = lambda: True
        self._since_s = time.monotonic()
        self._timer = QTimer()
        self._timer.timeout.connect(self._step)
        self._timer.start(_STEP_MS)

    def _step(self) -> None:
        if self._is_there():
            self._since_s = time.monotonic()
            try:
                self._is_there = next(self._steps)
            except StopIteration:
                self._timer.stop()
        elif time.monotonic() - self._since_s > _LONGEST_S:
            self._timer.stop()
            say(f"stuck after {undo_text()!r}")


if __name__ == "__main__":
    part, folder, workspace = sys.argv[1:]
    if part == "session":
        # What is drawn last is not to be saved before the process is killed, however slow that is.
        saving._SAVE_AFTER_MS = saving._SAVE_AT_LATEST_MS = 600_000
    app = QApplication(sys.argv[:1])
    driver = Driver({"session": session, "restore": restore, "draw": draw}[part]())
    sys.exit(main(["gui", folder, "--workspace", workspace]))
