"""Running a job in one call, with Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from medseg_desktop.core.events import Event, Started
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.jobs.child import StopLimits
from medseg_desktop.jobs.run import run_job, temporary_work_dir
from tests.fake_worker import fake_command

SPEC = TrainSpec(dataset="/data", run="/run", model_name="lesion")


def test_a_job_runs_to_its_final_state(tmp_path: Path) -> None:
    seen: list[tuple[Event, RunState]] = []
    run = run_job(
        SPEC,
        work_dir=tmp_path,
        command=fake_command("ok"),
        on_event=lambda event, state: seen.append((event, state)),
    )
    assert run.status is RunStatus.FINISHED
    assert run.result == {"best_iteration": 5}
    assert [step.iteration for step in run.steps] == [1, 2, 3, 4, 5]
    assert run.best is not None
    assert seen[-1][1] == run
    assert (tmp_path / "worker.log").exists()


def test_a_failed_job_gives_a_failed_state(tmp_path: Path) -> None:
    run = run_job(SPEC, work_dir=tmp_path, command=fake_command("crash"))
    assert run.status is RunStatus.FAILED
    assert "crashed" in run.message


def test_an_error_of_the_listener_stops_the_job(tmp_path: Path) -> None:
    def broken(event: Event, run: RunState) -> None:
        raise RuntimeError("the terminal is gone")

    with pytest.raises(RuntimeError, match="terminal"):
        run_job(SPEC, work_dir=tmp_path, command=fake_command("until_stopped"), on_event=broken)


def test_the_temporary_work_folder_is_removed() -> None:
    with temporary_work_dir() as folder:
        run = run_job(SPEC, work_dir=folder, command=fake_command("ok"))
        assert (folder / "events.jsonl").exists()
    assert run.status is RunStatus.FINISHED
    assert not folder.exists()


def test_of_a_temporary_folder_only_a_log_that_the_failure_names_is_kept() -> None:
    with temporary_work_dir() as folder:
        run = run_job(SPEC, work_dir=folder, command=fake_command("crash"))
    log = folder / "worker.log"
    assert run.hint == f"The details are in {log}."
    assert list(folder.iterdir()) == [log]
    log.unlink()
    folder.rmdir()


def test_of_a_temporary_folder_nothing_stays_where_the_sentence_says_it_all() -> None:
    with temporary_work_dir() as folder:
        run = run_job(SPEC, work_dir=folder, command=fake_command("failed"))
    assert run.status is RunStatus.FAILED
    assert not folder.exists()


def test_a_job_needs_no_work_folder() -> None:
    assert run_job(SPEC, command=fake_command("ok")).status is RunStatus.FINISHED


def interrupt_soon(times: int) -> threading.Thread:
    """Presses Ctrl-C in this process, while its main thread waits for the child."""

    def press() -> None:
        for _ in range(times):
            time.sleep(0.2)
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send itself Ctrl-C")
@pytest.mark.parametrize(("mode", "times"), [("slow_stop", 1), ("hang", 2)])
def test_ctrl_c_saves_and_a_second_one_ends_by_force(mode: str, times: int, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    threads: list[threading.Thread] = []

    def on_event(event: Event, run: RunState) -> None:
        if isinstance(event, Started):
            threads.append(interrupt_soon(times))

    limits = StopLimits(stop_s=30, terminate_s=30)
    begun = time.monotonic()
    run = run_job(
        SPEC,
        work_dir=tmp_path,
        command=fake_command(mode),
        on_event=on_event,
        limits=limits,
    )
    threads[0].join()
    assert run.status is RunStatus.CANCELLED
    assert run.result == ({"saved": True} if mode == "slow_stop" else {})
    assert time.monotonic() - begun < limits.stop_s
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send itself a signal")
def test_a_terminate_that_is_repeated_at_once_does_not_end_by_force(tmp_path: Path) -> None:
    def on_event(event: Event, run: RunState) -> None:
        if isinstance(event, Started):
            for _ in range(3):
                os.kill(os.getpid(), signal.SIGTERM)

    run = run_job(SPEC, work_dir=tmp_path, command=fake_command("slow_stop"), on_event=on_event)
    assert run.status is RunStatus.CANCELLED
    assert run.result == {"saved": True}


def test_a_job_may_run_outside_the_main_thread(tmp_path: Path) -> None:
    runs: list[RunState] = []
    thread = threading.Thread(
        target=lambda: runs.append(run_job(SPEC, work_dir=tmp_path, command=fake_command("ok")))
    )
    thread.start()
    thread.join()
    assert runs[0].status is RunStatus.FINISHED
