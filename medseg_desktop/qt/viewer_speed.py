"""How fast the window is: measured on a generated series, beside another reader of the files."""

from __future__ import annotations

import gc
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

from medseg_desktop.core.errors import JobError
from medseg_desktop.core.settings import Settings
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.core.view import LayerState
from medseg_desktop.io.conversion_request import conversion_spec
from medseg_desktop.io.phantom_study import write_phantom_study
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.app import keep_collections_short
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.theme import apply_theme

_TICK_MS = 2
_WAIT_S = 300.0
_SCROLL_MS = 40
_PATIENTS = 4
_TRAINING_STEPS = 12
_NO_KEY = Qt.KeyboardModifier.NoModifier
#: Reads the series in a process of its own and prints the seconds it took, and its bytes.
_SIMPLE_ITK = """\
import sys, time
import SimpleITK as sitk
start = time.perf_counter()
reader = sitk.ImageSeriesReader()
reader.SetFileNames(reader.GetGDCMSeriesFileNames(sys.argv[1]))
image = reader.Execute()
print(time.perf_counter() - start, image.GetSize()[2])
"""


class StallMeter(QObject):
    """The longest time between two turns of the event loop of the GUI thread.

    Attributes:
        longest_ms: by the clock, so also what other processes took of the processor.
        longest_work_ms: processor time of the GUI thread itself.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.longest_ms = self.longest_work_ms = 0.0
        self._last: float | None = None
        self._last_work = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(_TICK_MS)

    def _tick(self) -> None:
        now, work = time.perf_counter(), time.thread_time()
        if self._last is not None:
            self.longest_ms = max(self.longest_ms, (now - self._last) * 1000 - _TICK_MS)
            self.longest_work_ms = max(self.longest_work_ms, (work - self._last_work) * 1000)
        self._last, self._last_work = now, work

    def take(self) -> float:
        """The longest so far in ms; begins anew."""
        longest, self._last = self.longest_ms, None
        self.longest_ms = self.longest_work_ms = 0.0
        return longest

    def stop(self) -> None:
        """Measure no more."""
        self._timer.stop()


def run_until(condition: Callable[[], bool], what: str, limit_s: float = _WAIT_S) -> None:
    """Run the event loop as the program does until `condition` holds.

    Raises:
        JobError: it did not within the limit.
    """
    loop, end = QEventLoop(), time.monotonic() + limit_s
    watch = QTimer()

    def look() -> None:
        if condition() or time.monotonic() > end:
            loop.quit()

    watch.timeout.connect(look)
    watch.start(5)
    loop.exec()
    watch.stop()
    if not condition():
        raise JobError(f"Measuring gave up: {what} took longer than {limit_s:g} s.")


class ViewerSpeed:
    """Measures one window on one series.

    Args:
        folder: of `io.speed_series.write_speed_series`.
        workspace: an empty one.
    """

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        app = QApplication.instance() or QApplication(sys.argv[:1])
        assert isinstance(app, QApplication)
        apply_theme(app, dark=True)
        self._app, self._folder = app, folder
        self.controller = Controller(workspace, Settings())
        self.controller.window.resize(1440, 900)
        self.controller.window.show()
        app.processEvents()
        keep_collections_short()
        self._stalls = StallMeter()

    def close(self) -> None:
        """End the window and its threads."""
        self._stalls.stop()
        self.controller.close()
        self.controller.window.allow_close()
        self.controller.window.deleteLater()
        self.controller.deleteLater()
        self._app.processEvents()
        gc.unfreeze()

    def load(self, stored_bytes: int) -> dict[str, Any]:
        """Open the folder and read the whole series into memory."""
        study, process = self.controller.study, psutil.Process()
        progress: list[tuple[int, int]] = []
        study.series_progress.connect(lambda done, total: progress.append((done, total)))
        run_until(lambda: True, "the start")
        idle = process.memory_info().rss
        self._stalls.take()
        start = time.perf_counter()
        marks: dict[str, float] = {}
        study.folder_changed.connect(lambda _: marks.setdefault("scan", time.perf_counter()))
        self.controller.open(self._folder)
        run_until(lambda: self.controller.slices.loaded is not None, "the first slice")
        self.controller.window.slice_view.repaint()
        first = time.perf_counter()
        whole = len(study.found.files) if study.found else 0
        run_until(lambda: bool(progress) and progress[-1][0] == progress[-1][1] > 1, "reading")
        end = time.perf_counter()
        grown = process.memory_info().rss - idle
        return {
            "files": whole,
            "scan_s": marks["scan"] - start,
            "first_slice_s": first - start,
            "whole_series_s": end - start,
            "reading_s": end - marks["scan"],
            "memory_growth_bytes": grown,
            "memory_ratio": grown / stored_bytes,
            "longest_stall_ms": self._stalls.take(),
        }

    def frames(self, steps: int) -> dict[str, Any]:
        """Scroll, then drag the window, with outline and filled label map on the slice."""
        study, view = self.controller.study, self.controller.window.slice_view
        study.set_layer("label_map", LayerState(True, 0.35))
        study.set_place(position=0)
        run_until(lambda: self.controller.slices.loaded is not None, "the first slice")
        annotated = max(len(self.controller.annotations.annotated(_series(study))), 2)
        scrolling = self._timed(
            steps, lambda i: study.set_place(position=_there_and_back(i, annotated))
        )
        dragging = self._timed(steps, lambda i: view.window_drag.emit(2.0, (i % 9) - 4.0, _NO_KEY))
        return {"scroll": _spread(scrolling), "window_drag": _spread(dragging)}

    def _timed(self, steps: int, act: Callable[[int], object]) -> list[float]:
        """Milliseconds of work on the GUI thread of each step, painting included."""
        for i in range(10):  # caches of glyphs and tables fill once
            act(i)
            self._app.processEvents()
        times = []
        for i in range(steps):
            start = time.perf_counter()
            act(i)
            self._app.processEvents()
            times.append((time.perf_counter() - start) * 1000)
        return times

    def stall_during(self, begin: Callable[[], object], is_over: Callable[[], bool]) -> float:
        """The longest stall in ms from `begin` until `is_over`, while the user scrolls."""
        scroll = QTimer()
        scroll.timeout.connect(lambda: self.controller.study.step_slice(1))
        scroll.start(_SCROLL_MS)
        self._stalls.take()
        begin()
        run_until(is_over, "the job")
        scroll.stop()
        return self._stalls.take()


def _series(study: Any) -> Any:
    assert study.view is not None
    return study.view.series


def _there_and_back(step: int, count: int) -> int:
    place = step % (2 * count - 2)
    return place if place < count else 2 * count - 2 - place


def _spread(times_ms: list[float]) -> dict[str, float]:
    values = np.asarray(times_ms)
    return {
        "median_ms": float(np.median(values)),
        "p95_ms": float(np.percentile(values, 95)),
        "longest_ms": float(values.max()),
    }


def simple_itk_seconds(folder: Path) -> float | None:
    """How long SimpleITK's series reader takes for the same files; None where there is none."""
    if importlib.util.find_spec("SimpleITK") is None or getattr(sys, "frozen", False):
        return None
    done = subprocess.run(
        [sys.executable, "-c", _SIMPLE_ITK, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        return None
    return float(json.loads(done.stdout.split()[0]))


def measure_viewer(folder: Path, stored_bytes: int, steps: int) -> dict[str, Any]:
    """Everything about the speed of the viewer on the series in `folder`/series.

    Stalls while a conversion and a training run are measured on a phantom study while the
    user scrolls; a training only where its packages are installed (else None).

    Returns:
        `load`, `frames`, `simpleitk_s` (None where SimpleITK is not installed), `stalls_ms`.
    """
    series = folder / "series"
    reference = simple_itk_seconds(series)
    speed = ViewerSpeed(series, Workspace(folder / "workspace"))
    try:
        load = speed.load(stored_bytes)
        frames = speed.frames(steps)
        stalls = {"loading": load.pop("longest_stall_ms"), **_stalls(speed, folder)}
    finally:
        speed.close()
    return {"load": load, "simpleitk_s": reference, "frames": frames, "stalls_ms": stalls}


def _stalls(speed: ViewerSpeed, folder: Path) -> dict[str, float | None]:
    """The longest stalls in ms while jobs run and the user scrolls."""
    study, dataset = folder / "study", folder / "dataset"
    write_phantom_study(study, patients=_PATIENTS)
    runs, workspace = speed.controller.runs, speed.controller.workspace
    conversion = speed.stall_during(
        lambda: runs.start_conversion(conversion_spec(workspace, study, dataset)),
        lambda: not runs.is_converting,
    )
    if importlib.util.find_spec("paddle") is None:
        return {"converting": conversion, "training": None}
    spec = TrainSpec(
        dataset=str(dataset), run=str(folder / "run"), model_name="speed", preset="default",
        iterations=_TRAINING_STEPS, size=64, batch_size=4, device="cpu",
    )  # fmt: skip
    training = speed.stall_during(lambda: runs.start_training(spec), lambda: not runs.is_training)
    return {"converting": conversion, "training": training}
