"""The launcher of a training in several processes, whose processes play a part."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from medseg_desktop.core.events import (
    CancelledEvent,
    Checkpoint,
    Event,
    Failed,
    Finished,
    Log,
    Paused,
    Started,
    decode_event,
)
from medseg_desktop.core.specs import TrainSpec, encode_spec
from medseg_desktop.jobs.child import Child, StopLimits
from medseg_desktop.jobs.protocol import EVENTS_FILE
from medseg_desktop.jobs.rank_process import place_among_processes, rank_environment
from tests.jobs.rank_harness import harness_command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Paddle cannot do it there")

LIMITS = StopLimits(stop_s=20, terminate_s=5, exit_s=20)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    yield
    assert psutil.Process().children(recursive=True) == []


def child_of(part: str, folder: Path, devices: int = 2, **options: int) -> Child:
    spec = TrainSpec(
        dataset="/data",
        run="/run",
        model_name=part,
        batch_size=6,
        devices=list(range(devices)),
        **options,
    )
    return Child(
        spec, work_dir=folder, command=harness_command(folder / "spec.json"), limits=LIMITS
    )


def play(
    part: str,
    folder: Path,
    devices: int = 2,
    on_event: Callable[[Child, Event], None] | None = None,
    **options: int,
) -> list[Event]:
    child = child_of(part, folder, devices, **options)
    events = []
    for event in child.events():
        events.append(event)
        if on_event is not None:
            on_event(child, event)
    return events


def failure(part: str, folder: Path, devices: int = 2) -> Failed:
    last = play(part, folder, devices)[-1]
    assert isinstance(last, Failed)
    return last


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(4000):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("it did not happen")


def test_the_parent_sees_one_stream_of_the_first_process_and_its_result(tmp_path: Path) -> None:
    events = play("ok", tmp_path, 3)
    started, last = events[0], events[-1]
    assert isinstance(started, Started)
    assert started.details == {"device": "cpu", "rank": 0, "devices": [0, 1, 2]}
    assert [event.message for event in events if isinstance(event, Log)] == ["from 0"]
    assert isinstance(last, Finished)
    assert (last.result["rank"], last.result["size"]) == (0, 3)
    assert [event.seq for event in events] == list(range(len(events)))
    recorded = (tmp_path / EVENTS_FILE).read_bytes().splitlines()
    assert [decode_event(line) for line in recorded] == events


def test_the_processes_share_the_threads_unless_the_spec_says_how_many_each_gets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("MASTER_ADDR", "elsewhere")
    shared, given = play("ok", tmp_path / "a")[-1], play("ok", tmp_path / "b", threads=5)[-1]
    assert isinstance(shared, Finished)
    assert isinstance(given, Finished)
    assert shared.result["env"]["OMP_NUM_THREADS"] == "3"
    assert shared.result["env"]["PADDLE_MASTER"].startswith("127.0.0.1:")
    assert shared.result["env"]["MASTER_ADDR"] is None
    assert given.result["env"]["OMP_NUM_THREADS"] == "5"


def test_a_stop_reaches_all_and_ends_as_cancelled(tmp_path: Path) -> None:
    last = play("until_stopped", tmp_path, 3, lambda child, event: child.stop())[-1]
    assert isinstance(last, CancelledEvent)
    assert last.result == {"rank": 0}


def test_a_pause_reaches_all_and_all_go_on_after_it(tmp_path: Path) -> None:
    def there(name: str) -> bool:
        return all((tmp_path / f"{name}-{rank}").exists() for rank in (0, 1))

    def act(child: Child, event: Event) -> None:
        if isinstance(event, Checkpoint):
            child.pause()
        elif isinstance(event, Paused) and event.paused:
            wait_for(lambda: there("paused"))
            assert not (tmp_path / "resumed-1").exists()
            child.resume()
        elif isinstance(event, Paused):
            wait_for(lambda: there("resumed"))
            child.stop()

    events = play("until_stopped", tmp_path, 2, act)
    assert [event.paused for event in events if isinstance(event, Paused)] == [True, False]
    assert isinstance(events[-1], CancelledEvent)


def test_a_stop_at_which_the_processes_lose_each_other_is_still_a_stop(tmp_path: Path) -> None:
    last = play("crossed", tmp_path, 2, lambda child, event: child.stop())[-1]
    assert isinstance(last, CancelledEvent)


def test_a_killed_process_is_the_reason_and_not_what_the_others_say_of_it(tmp_path: Path) -> None:
    last = failure("killed", tmp_path, 3)
    assert last.message == (
        "Training process 1 (device 1) was ended by the signal SIGKILL. "
        "The last line of its log: the last words"
    )
    assert "memory" in last.hint


def test_the_first_process_that_dies_is_told_with_its_exit_code(tmp_path: Path) -> None:
    last = failure("first_dies", tmp_path)
    assert last.message == (
        "Training process 0 (device 0) ended with exit code 3. The last line of its log: no driver"
    )
    assert last.hint == f"The details are in {tmp_path / 'worker.log'}."


def test_an_error_of_another_process_carries_its_number(tmp_path: Path) -> None:
    last = failure("second_fails", tmp_path)
    assert last.message == "Training process 1: The slice a.png is damaged."
    assert last.hint == "Convert again."


def test_an_error_that_all_have_is_told_without_a_number(tmp_path: Path) -> None:
    assert failure("all_fail", tmp_path).message == "The loss is not a number."


def test_the_first_process_may_keep_its_best_model_when_another_fails(tmp_path: Path) -> None:
    assert failure("first_rescues", tmp_path).message == "The loss is not a number."
    assert (tmp_path / "kept").exists()


def test_processes_that_only_lost_each_other_say_so(tmp_path: Path) -> None:
    last = failure("lost_only", tmp_path)
    assert last.message == "Another process of this training has ended or cannot be reached."


def test_a_process_that_does_not_end_after_the_first_has_finished_is_ended(
    tmp_path: Path,
) -> None:
    last = play("second_hangs", tmp_path)[-1]
    assert isinstance(last, Finished)
    assert last.result == {"rank": 0}


def test_a_batch_that_cannot_be_shared_starts_no_process(tmp_path: Path) -> None:
    last = failure("ok", tmp_path, 4)
    assert last.message == "A batch of 6 slices cannot be shared equally by 4 processes."
    assert not list(tmp_path.glob("worker-*.log"))


def pids(folder: Path, devices: int) -> list[int]:
    files = [folder / f"pid-{rank}" for rank in range(devices)]
    wait_for(lambda: all(file.exists() and file.read_text() for file in files))
    return [int(file.read_text()) for file in files]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("part", ["until_stopped", "deaf"])
def test_no_process_is_left_when_the_launcher_is_killed(part: str, tmp_path: Path) -> None:
    with child_of(part, tmp_path) as child:
        found = pids(tmp_path, 2)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        last = child.wait()
        assert isinstance(last, Failed)
        wait_for(lambda: not any(map(is_alive, found)))


def test_processes_end_by_themselves_when_nobody_is_left_to_end_them(tmp_path: Path) -> None:
    """As after a crash of the whole program: only the end of their stdin tells them."""
    spec = TrainSpec(dataset="/data", run="/run", model_name="deaf", batch_size=6, devices=[0, 1])
    (tmp_path / "spec.json").write_bytes(encode_spec(spec))
    with (tmp_path / "log").open("wb") as log:
        launcher = subprocess.Popen(
            harness_command(tmp_path / "spec.json"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    found = pids(tmp_path, 2)
    launcher.kill()
    launcher.communicate()
    wait_for(lambda: not any(map(is_alive, found)))


def test_the_environment_tells_a_process_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    env = rank_environment(1, [2, 5], 4000, 3, {"PATH": "/bin", "MASTER_PORT": "1"})
    assert env["PADDLE_TRAINER_ENDPOINTS"] == "127.0.0.1:4000,127.0.0.1:4001"
    assert env["PADDLE_CURRENT_ENDPOINT"] == "127.0.0.1:4001"
    assert (env["FLAGS_selected_gpus"], env["PATH"]) == ("5", "/bin")
    assert "MASTER_PORT" not in env
    for name in ("PADDLE_TRAINER_ID", "PADDLE_TRAINERS_NUM"):
        monkeypatch.setenv(name, env[name])
    assert place_among_processes() == (1, 2)
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "1")
    assert place_among_processes() == (0, 1)
