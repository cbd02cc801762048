"""What the window itself costs while a training runs: the longest moment without an answer."""

from __future__ import annotations

import gc
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from pytest_benchmark.fixture import BenchmarkFixture

from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.qt.app import keep_collections_short
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.job_thread import JobThread
from medseg_desktop.qt.viewer_speed import StallMeter, run_until
from tests.fake_worker import fake_command
from tests.runs import run_events, write_run

_SCROLL_MS = 40


def test_stalls_while_a_training_reports_and_the_user_scrolls(
    benchmark: BenchmarkFixture,
    controller: Controller,
    phantom_study: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """30,000 steps reported as fast as they can be read, an earlier run beside them, and a
    series that is scrolled."""
    benchmark.group = "stalls of the window"
    short = benchmark.disabled
    mode = "ok" if short else "busy"
    fake = partial(JobThread, command=fake_command(mode))
    monkeypatch.setattr("medseg_desktop.qt.sessions.jobs.JobThread", fake)
    runs, panel = controller.runs, controller.window.training_panel
    controller.window.tabs.setCurrentWidget(panel)
    earlier = write_run(controller.workspace.runs / "r", run_events(400, previews=not short))
    controller.open(phantom_study)
    run_until(lambda: controller.slices.loaded is not None, "the first slice")
    controller.training.runs.history._compare([earlier])
    scroll = QTimer()
    scroll.timeout.connect(lambda: controller.study.step_slice(1))
    scroll.start(_SCROLL_MS)
    keep_collections_short()
    request.addfinalizer(gc.unfreeze)
    stalls = StallMeter()

    def train() -> None:
        stalls.take()
        runs.start_training(
            TrainSpec(dataset="d", run=str(runs.workspace.runs / "b"), model_name="m")
        )
        run_until(lambda: runs.is_idle, "the training")

    benchmark.pedantic(train, rounds=1)
    work = stalls.longest_work_ms
    longest = stalls.take()
    benchmark.extra_info.update(longest_stall_ms=longest, longest_work_ms=work)
    print(f"while a training reports: longest stall {longest:.0f} ms, longest work {work:.0f} ms")
    scroll.stop()
    stalls.stop()
    assert runs.training is not None
    assert len(runs.training.steps) == panel.run.plots.curves.last_iteration
    assert len(runs.training.steps) == (5 if short else 30_000)
