from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.settings import Settings
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.io.workspace import ModelEntry, Workspace
from medseg_desktop.qt.job_thread import JobThread
from medseg_desktop.qt.sessions import RunSession
from tests.builders import model_info, write_model_package
from tests.fake_worker import FLOOD, fake_command

WAIT_MS = 30_000


@pytest.fixture
def session(qtbot: QtBot, tmp_path: Path) -> Iterator[RunSession]:
    result = RunSession(Workspace(tmp_path / "workspace"), Settings())
    yield result
    result.close()


def spec(tmp_path: Path) -> TrainSpec:
    return TrainSpec(dataset=str(tmp_path), run=str(tmp_path / "run"), model_name="m")


def outcome(qtbot: QtBot, job: JobThread) -> list[RunState]:
    states: list[RunState] = []
    threads: set[QThread] = set()
    job.changed.connect(states.append)
    job.changed.connect(lambda _: threads.add(QThread.currentThread()))
    with qtbot.waitSignal(job.finished, timeout=WAIT_MS):
        job.start()
    assert job.wait(5000)
    qtbot.waitUntil(lambda: bool(states) and states[-1].is_over, timeout=WAIT_MS)
    assert threads == {job.thread()}
    return states


@pytest.mark.parametrize(
    ("mode", "status", "words"),
    [
        ("ok", RunStatus.FINISHED, ""),
        ("failed", RunStatus.FAILED, "The dataset holds no lesion."),
        ("crash", RunStatus.FAILED, "crashed"),
        ("killed", RunStatus.FAILED, ""),
        ("half_line", RunStatus.FAILED, ""),
    ],
)
def test_every_end_of_a_child_becomes_one_last_state(
    qtbot: QtBot, tmp_path: Path, mode: str, status: RunStatus, words: str
) -> None:
    job = JobThread(spec(tmp_path), work_dir=tmp_path / "run", command=fake_command(mode))
    states = outcome(qtbot, job)
    assert [s.is_over for s in states].count(True) == 1
    assert states[-1].status is status
    assert words in states[-1].message
    assert "Traceback" not in states[-1].message
    assert bool(states[-1].message) == (status is RunStatus.FAILED)


def test_a_flood_of_events_reaches_the_window_as_few_states(qtbot: QtBot, tmp_path: Path) -> None:
    job = JobThread(spec(tmp_path), work_dir=tmp_path / "run", command=fake_command("flood"))
    states = outcome(qtbot, job)
    assert len(states) < FLOOD / 10
    assert len(states[-1].steps) == FLOOD


def test_the_latest_state_is_told_although_nothing_follows(qtbot: QtBot, tmp_path: Path) -> None:
    job = JobThread(
        spec(tmp_path), work_dir=tmp_path / "run", command=fake_command("until_stopped")
    )
    states: list[RunState] = []
    job.changed.connect(states.append)
    job.start()
    qtbot.waitUntil(
        lambda: bool(states) and states[-1].status is RunStatus.RUNNING, timeout=WAIT_MS
    )
    with qtbot.waitSignal(job.finished, timeout=WAIT_MS):
        job.stop()
    qtbot.waitUntil(lambda: states[-1].status is RunStatus.CANCELLED, timeout=WAIT_MS)
    assert job.wait(5000)


def test_an_error_while_registering_the_result_fails_the_job(qtbot: QtBot, tmp_path: Path) -> None:
    def finish(result: dict[str, object]) -> dict[str, object]:
        raise OSError("no space")

    job = JobThread(
        spec(tmp_path), work_dir=tmp_path / "run", command=fake_command("ok"), finish=finish
    )
    last = outcome(qtbot, job)[-1]
    assert last.status is RunStatus.FAILED
    assert last.steps  # the curves stay


def test_the_only_model_of_a_workspace_is_in_use_at_the_start(
    session: RunSession, qtbot: QtBot
) -> None:
    write_model_package(session.workspace.models / "tiny-v1")
    with qtbot.waitSignal(session.model_chosen, timeout=WAIT_MS):
        session.refresh()
    assert session.predictor is not None
    assert session.predictor.info.title == "tiny-v1"


def test_of_several_models_the_one_of_the_last_time_is_in_use(
    session: RunSession, qtbot: QtBot
) -> None:
    for name in ("a", "b"):
        write_model_package(session.workspace.models / f"{name}-v1", model_info(name=name))
    session.model_of_last_time = session.workspace.models / "a-v1"
    with qtbot.waitSignal(session.model_chosen, timeout=WAIT_MS):
        session.refresh()
    assert session.predictor is not None
    assert session.predictor.info.name == "a"


def test_a_broken_model_is_refused_and_the_one_before_stays(
    session: RunSession, qtbot: QtBot, tmp_path: Path
) -> None:
    good = write_model_package(tmp_path / "good")
    with qtbot.waitSignal(session.model_chosen, timeout=WAIT_MS):
        session.choose_model(good)
    bad = write_model_package(tmp_path / "bad")
    (bad / "model.onnx").write_bytes(b"something else")
    with qtbot.waitSignals([session.failed, session.model_chosen], timeout=WAIT_MS):
        session.choose_model(bad)
    assert session.predictor is not None
    assert session.chosen_path == good


def test_an_imported_model_is_copied_and_told(
    session: RunSession, qtbot: QtBot, tmp_path: Path
) -> None:
    package = write_model_package(tmp_path / "given")
    with qtbot.waitSignal(session.model_added, timeout=WAIT_MS) as added:
        session.imports.start(package)
    entry: ModelEntry = added.args[0]
    assert entry.path == session.workspace.models / "tiny-v1"
    assert entry.path.is_dir()


def test_closing_a_session_twice_and_asking_it_afterwards_is_harmless(
    session: RunSession,
) -> None:
    session.close()
    session.refresh()
    session.close()
    assert session.is_idle
