"""Pause, continue, queue: a training steered from the window, with workers that play a part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import Spec, TrainSpec
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.job_thread import JobThread
from medseg_desktop.qt.panels.training_panel import TrainForm, TrainingPanel
from medseg_desktop.qt.sessions import RunSession
from tests.builders import write_dataset, write_study
from tests.fake_worker import fake_command
from tests.runs import run_events, write_run

WAIT_MS = 10_000
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(autouse=True)
def _workers_that_play_the_part_of_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def job(spec: Spec, **options: object) -> JobThread:
        assert isinstance(spec, TrainSpec)
        mode = spec.model_name.split("-")[0]
        return JobThread(spec, command=fake_command(mode), **options)  # type: ignore[arg-type]

    monkeypatch.setattr("medseg_desktop.qt.sessions.jobs.JobThread", job)


@pytest.fixture
def panel(controller: Controller) -> TrainingPanel:
    controller.window.tabs.setCurrentWidget(controller.window.training_panel)
    controller.window.training_panel.advanced.header.click()
    return controller.window.training_panel


def spec(controller: Controller, name: str) -> TrainSpec:
    runs = controller.workspace.runs
    return TrainSpec(dataset="d", run=str(runs / name), model_name=name, iterations=1000)


def start(controller: Controller, *names: str) -> None:
    for name in names:
        controller.runs.start_training(spec(controller, name))


def click(widget: QWidget) -> None:
    QApplication.processEvents()  # rows that have just been added are shown
    assert widget.isVisible()
    assert widget.isEnabled()
    QTest.mouseClick(widget, LEFT)


def reached(qtbot: QtBot, controller: Controller, steps: int = 1) -> RunState:
    def there() -> bool:
        run = controller.runs.training
        return run is not None and len(run.steps) >= steps

    qtbot.waitUntil(there, timeout=WAIT_MS)
    assert controller.runs.training is not None
    return controller.runs.training


def status(controller: Controller) -> RunStatus | None:
    return controller.runs.training.status if controller.runs.training else None


def ended(qtbot: QtBot, controller: Controller, act: Callable[[], object]) -> None:
    with qtbot.waitSignal(controller.runs.idle, timeout=WAIT_MS):
        act()


def test_pause_halts_the_training_and_resume_lets_it_go_on(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot
) -> None:
    page = panel.run
    start(controller, "trains")
    assert not page.pause.isEnabled()  # before its first step nobody would listen
    reached(qtbot, controller)
    qtbot.waitUntil(page.pause.isEnabled, timeout=WAIT_MS)
    click(page.pause)
    qtbot.waitUntil(lambda: status(controller) is RunStatus.PAUSED, timeout=WAIT_MS)
    assert page.headline.text() == "Paused"
    assert page.pause.text() == "Resume"
    halted = reached(qtbot, controller).steps
    qtbot.wait(200)
    assert reached(qtbot, controller).steps == halted
    click(page.pause)
    qtbot.waitUntil(lambda: status(controller) is RunStatus.RUNNING, timeout=WAIT_MS)
    reached(qtbot, controller, len(halted) + 2)
    assert page.pause.text() == "Pause"
    ended(qtbot, controller, lambda: click(page.stop))
    assert status(controller) is RunStatus.CANCELLED


def test_a_halted_training_can_be_stopped(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot
) -> None:
    start(controller, "trains")
    qtbot.waitUntil(panel.run.pause.isEnabled, timeout=WAIT_MS)
    click(panel.run.pause)
    qtbot.waitUntil(lambda: status(controller) is RunStatus.PAUSED, timeout=WAIT_MS)
    ended(qtbot, controller, lambda: click(panel.run.stop))
    assert panel.run.headline.text().startswith("Training stopped.")


def test_a_stop_is_told_at_once(controller: Controller, panel: TrainingPanel, qtbot: QtBot) -> None:
    start(controller, "slow_stop")
    qtbot.waitUntil(lambda: status(controller) is RunStatus.RUNNING, timeout=WAIT_MS)
    click(panel.run.stop)
    assert panel.run.headline.text() == "Stopping after this step"
    assert not panel.run.stop.isEnabled()
    ended(qtbot, controller, lambda: None)
    assert status(controller) is RunStatus.CANCELLED


def test_trainings_wait_for_each_other_and_a_failure_does_not_stop_them(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot
) -> None:
    begun: list[str] = []
    said: list[str] = []
    controller.runs.training_begun.connect(lambda s: begun.append(s.model_name))
    controller.training.failed.connect(said.append)
    start(controller, "trains", "crash", "failed", "until_stopped")
    assert begun == ["trains"]
    assert [row.text.text().split(",")[0] for row in panel.queue.rows] == [
        "crash", "failed", "until_stopped",
    ]  # fmt: skip
    qtbot.waitUntil(lambda: status(controller) is RunStatus.RUNNING, timeout=WAIT_MS)
    click(panel.run.stop)
    qtbot.waitUntil(lambda: len(begun) == 4, timeout=WAIT_MS)
    assert begun == ["trains", "crash", "failed", "until_stopped"]
    assert not panel.queue.isVisible()
    assert [text.split(":")[0] for text in said] == [
        "The training crash failed", "The training failed failed",
    ]  # fmt: skip
    qtbot.waitUntil(lambda: status(controller) is RunStatus.RUNNING, timeout=WAIT_MS)
    ended(qtbot, controller, lambda: click(panel.run.stop))


def test_what_waits_can_be_moved_and_removed(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot
) -> None:
    start(controller, "trains", "until_stopped-a", "until_stopped-b", "until_stopped-c")
    rows = panel.queue.rows
    assert not rows[0].up.isEnabled()
    assert not rows[2].down.isEnabled()
    click(rows[2].up)
    click(panel.queue.rows[0].remove)
    waiting = [s.model_name for s in controller.runs.queue]
    assert waiting == ["until_stopped-c", "until_stopped-b"]
    begun: list[str] = []
    controller.runs.training_begun.connect(lambda s: begun.append(s.model_name))
    click(panel.run.stop)
    qtbot.waitUntil(lambda: begun == ["until_stopped-c"], timeout=WAIT_MS)
    click(panel.queue.rows[0].remove)
    ended(qtbot, controller, controller.runs.stop_training)
    assert begun == ["until_stopped-c"]


def test_one_run_folder_is_never_used_twice_at_a_time(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(controller.runs.failed, timeout=WAIT_MS) as refused:
        start(controller, "trains", "trains")
    assert "under way" in refused.args[0].message
    assert controller.runs.queue == ()
    ended(qtbot, controller, controller.runs.stop_training)


def test_another_training_is_put_into_the_queue_from_the_form(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot
) -> None:
    write_dataset(controller.workspace.datasets / "discs")
    with qtbot.waitSignal(controller.runs.datasets_changed, timeout=WAIT_MS):
        controller.runs.refresh()
    start(controller, "trains")
    reached(qtbot, controller)
    click(panel.run.queue_another)
    assert panel.steps.isVisible()
    reached(qtbot, controller, len(reached(qtbot, controller).steps) + 3)
    assert panel.steps.isVisible()  # news of the training do not take the form away
    assert panel.steps.start.text() == "Add to the queue"
    panel.set_form(TrainForm(dataset="discs", model_name="until_stopped", iterations=7, patience=3))
    with qtbot.waitSignal(controller.runs.queue_changed, timeout=WAIT_MS):
        click(panel.steps.start)
    (waiting,) = controller.runs.queue
    assert (waiting.model_name, waiting.iterations, waiting.patience) == ("until_stopped", 7, 3)
    assert waiting.init == panel.current_form().init
    assert panel.run.isVisible()
    click(panel.run.queue_another)
    click(panel.back_to_run)
    assert panel.run.isVisible()
    ended(qtbot, controller, controller.runs.stop_all)
    assert controller.runs.queue == ()
    assert panel.steps.start.text() == "Start training"


def test_closing_the_window_says_what_waits(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot
) -> None:
    start(controller, "trains", "ok-a", "ok-b")
    begun: list[str] = []
    controller.runs.training_begun.connect(lambda s: begun.append(s.model_name))
    controller.window.close()
    question = controller.closing.question
    assert question is not None
    assert "2 more trainings wait" in question.informativeText()
    stop = next(b for b in question.buttons() if "Stop" in b.text())
    with qtbot.waitSignal(controller.closing.finished, timeout=WAIT_MS):
        QTest.mouseClick(stop, LEFT)
    qtbot.waitUntil(lambda: not controller.window.isVisible(), timeout=WAIT_MS)
    assert begun == []


@pytest.mark.parametrize("where", ["the page", "the list"])
@pytest.mark.parametrize("end", ["cancelled", ""])
def test_a_run_that_ended_is_continued_to_more_steps(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot, where: str, end: str
) -> None:
    folder = controller.workspace.runs / "20260101-000000-aaaa"
    events = run_events(40, every=10, end=end)
    write_run(folder, events, name="trains", iterations=100, patience=4)
    history = panel.history
    controller.runs.refresh()
    qtbot.waitUntil(history.isVisible, timeout=WAIT_MS)
    click(history.section.header)
    qtbot.waitUntil(lambda: history.list.topLevelItemCount() == 1, timeout=WAIT_MS)
    history.list.topLevelItem(0).setSelected(True)
    if where == "the page":
        click(history.show_run)
        qtbot.waitUntil(panel.run.isVisible, timeout=WAIT_MS)
        assert len(panel.run.plots.drawn()[0]) == 4
        click(panel.run.go_on)
    else:
        click(history.go_on)
        qtbot.waitUntil(lambda: controller.training.runs.dialog is not None, timeout=WAIT_MS)
    dialog = controller.training.runs.dialog
    assert dialog is not None
    assert dialog.steps.minimum() == 41
    assert dialog.steps.value() == 100
    dialog.steps.setValue(600)
    with qtbot.waitSignal(controller.runs.training_begun, timeout=WAIT_MS) as begun:
        click(dialog.go_on)
    told: TrainSpec = begun.args[0]
    assert (told.resume, told.iterations, told.run) == (True, 600, str(folder))
    assert (told.patience, told.model_name) == (4, "trains")
    reached(qtbot, controller)
    assert "of 600" in panel.run.done_text.text()
    ended(qtbot, controller, controller.runs.stop_training)


def test_a_run_without_a_checkpoint_cannot_be_continued(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot
) -> None:
    write_run(controller.workspace.runs / "r", run_events(10, every=5), checkpoint=False)
    controller.training.runs.history.refresh()
    qtbot.waitUntil(lambda: panel.history.list.topLevelItemCount() == 1, timeout=WAIT_MS)
    panel.history.section.set_open(True)
    panel.history.list.topLevelItem(0).setSelected(True)
    assert not panel.history.go_on.isEnabled()
    click(panel.history.show_run)
    qtbot.waitUntil(panel.run.isVisible, timeout=WAIT_MS)
    assert not panel.run.go_on.isVisible()


def test_an_earlier_run_is_looked_at_while_one_trains(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot
) -> None:
    folder = write_run(controller.workspace.runs / "r", run_events(40, every=10), name="old")
    controller.training.runs.history.refresh()
    qtbot.waitUntil(lambda: panel.history.list.topLevelItemCount() == 1, timeout=WAIT_MS)
    start(controller, "trains")
    count = len(reached(qtbot, controller).steps)
    controller.training.runs.show_earlier(folder)
    qtbot.waitUntil(lambda: panel.run.headline.text() == "Training finished.", timeout=WAIT_MS)
    reached(qtbot, controller, count + 3)
    assert panel.run.headline.text() == "Training finished."
    assert "old" in panel.run.title.text()
    click(panel.run.back)
    assert panel.run.headline.text() == "Training"
    assert panel.run.plots.curves.last_iteration >= count
    ended(qtbot, controller, controller.runs.stop_training)


def test_the_report_of_a_run_is_opened_or_missed(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or True
    )
    told: list[str] = []
    controller.training.failed.connect(told.append)
    folder = controller.workspace.runs / "old"
    write_run(folder, run_events(20))
    controller.training.runs.show_earlier(folder)
    qtbot.waitUntil(lambda: panel.run.open_report.isVisible(), timeout=WAIT_MS)
    click(panel.run.open_report)
    qtbot.waitUntil(lambda: bool(told), timeout=WAIT_MS)
    assert "no report was written" in told[0]
    (folder / "report.html").write_text("<html></html>", encoding="utf-8")
    click(panel.run.open_report)
    qtbot.waitUntil(lambda: opened == [str(folder / "report.html")], timeout=WAIT_MS)


def test_a_broken_run_is_listed_and_harms_nobody(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot
) -> None:
    write_run(controller.workspace.runs / "good", run_events(10, every=5))
    (controller.workspace.runs / "foreign").mkdir()
    controller.training.runs.history.refresh()
    history = panel.history
    qtbot.waitUntil(lambda: history.list.topLevelItemCount() == 2, timeout=WAIT_MS)
    item = history.list.topLevelItem(1)
    assert item.text(0) == "foreign"
    assert not item.flags() & Qt.ItemFlag.ItemIsEnabled
    assert "not the folder of a run" in item.toolTip(0)


def test_earlier_runs_are_compared_by_their_check_marks(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot
) -> None:
    folder = write_run(controller.workspace.runs / "r", run_events(60, every=10), name="old")
    controller.training.runs.history.refresh()
    start(controller, "trains")
    reached(qtbot, controller)
    history, plots = panel.history, panel.run.plots
    qtbot.waitUntil(lambda: history.list.topLevelItemCount() == 1, timeout=WAIT_MS)
    history.list.topLevelItem(0).setCheckState(0, Qt.CheckState.Checked)
    qtbot.waitUntil(lambda: len(plots.drawn(run=str(folder))[0]) == 6, timeout=WAIT_MS)
    assert plots.bottom_pane.legend.items[str(folder)].text().startswith("old")
    controller.training.runs.history.refresh()
    qtbot.wait(100)
    assert history.list.topLevelItem(0).checkState(0) is Qt.CheckState.Checked
    history.list.topLevelItem(0).setCheckState(0, Qt.CheckState.Unchecked)
    assert len(plots.drawn(run=str(folder))[0]) == 0
    ended(qtbot, controller, controller.runs.stop_training)


def test_a_training_goes_on_minimised_and_while_another_series_is_opened(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    start(controller, "trains")
    count = len(reached(qtbot, controller).steps)
    controller.window.showMinimized()
    count = len(reached(qtbot, controller, count + 5).steps)
    controller.window.showNormal()
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        controller.open(write_study(tmp_path / "s", ("A", "B")))
    qtbot.waitUntil(lambda: controller.slices.loaded is not None, timeout=WAIT_MS)
    controller.worklist.step(1)
    run = reached(qtbot, controller, count + 5)
    assert run.status is RunStatus.RUNNING
    assert [step.iteration for step in run.steps] == list(range(1, len(run.steps) + 1))
    assert panel.run.plots.curves.last_iteration > count
    ended(qtbot, controller, controller.runs.stop_training)


def test_plots_and_values_are_saved(
    controller: Controller,
    panel: TrainingPanel,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = write_run(controller.workspace.runs / "r", run_events(20, every=10))
    controller.training.runs.show_earlier(folder)
    qtbot.waitUntil(panel.run.isVisible, timeout=WAIT_MS)
    offered: list[str] = []

    def choose(_parent: object, _title: str, start: str, _what: str) -> tuple[str, str]:
        offered.append(Path(start).name)
        return str(tmp_path / f"chosen{len(offered)}"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    for action in panel.run.plots.save.menu().actions():
        action.trigger()
    picture, table = tmp_path / "chosen1.png", tmp_path / "chosen2.csv"
    qtbot.waitUntil(lambda: picture.exists() and table.exists(), timeout=WAIT_MS)
    assert picture.read_bytes().startswith(b"\x89PNG")
    lines = table.read_text("utf-8-sig").splitlines()
    assert len(lines) == 21
    assert lines[0].startswith("iteration,loss,loss_head_1")
    assert offered == ["flair r.png", "flair r iteration-loss-learning_rate-dice-iou.csv"]


def test_plots_that_cannot_be_saved_are_told(
    controller: Controller, panel: TrainingPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_run(controller.workspace.runs / "r", run_events(20, every=10))
    controller.training.runs.show_earlier(folder)
    qtbot.waitUntil(panel.run.isVisible, timeout=WAIT_MS)
    with qtbot.waitSignal(controller.training.failed, timeout=WAIT_MS) as failed:
        controller.training.runs.export.write("csv", tmp_path / "nowhere" / "x.csv")
    assert "x.csv" in failed.args[0]


def test_the_queue_goes_on_where_a_run_ends_while_it_is_stopped(
    controller: Controller, qtbot: QtBot
) -> None:
    """The end of a job and the start of the next are never two jobs at a time."""
    running: list[int] = []
    session: RunSession = controller.runs
    session.training_begun.connect(lambda _: running.append(len(session.jobs.running(TrainSpec))))
    start(controller, "ok-a", "failed-b", "silent_exit-c")
    qtbot.waitUntil(lambda: len(running) == 3 and session.is_idle, timeout=WAIT_MS)
    assert running == [0, 0, 0]
