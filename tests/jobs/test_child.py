"""The supervisor against real processes that behave in every way they should not."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from medseg_desktop.core.events import (
    TERMINAL,
    CancelledEvent,
    Event,
    Failed,
    Finished,
    Log,
    Started,
    decode_event,
)
from medseg_desktop.core.specs import TrainSpec, decode_spec
from medseg_desktop.jobs.child import Child, StopLimits
from medseg_desktop.jobs.protocol import EVENTS_FILE
from tests.fake_worker import FLOOD, HANG_S, MODES, fake_command

SPEC = TrainSpec(dataset="/data", run="/run", model_name="lesion")
SHORT = StopLimits(stop_s=0.3, terminate_s=0.2, exit_s=0.3)
NEEDS_STOP = {"until_stopped", "slow_stop", "hang", "hang_silently", "endless", "trains"}


def open_files() -> set[tuple[str, str]]:
    """Every open file descriptor and what it leads to; empty where that cannot be told."""
    found = set()
    for fd in os.listdir("/proc/self/fd") if sys.platform == "linux" else ():
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            found.add((fd, os.readlink(f"/proc/self/fd/{fd}")))
    return found


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    before = open_files()
    yield
    assert psutil.Process().children(recursive=True) == []
    jobs = [t.name for t in threading.enumerate() if t.name.startswith("job-")]
    assert jobs == []
    # Not their number: idle threads of earlier tests with a window may close theirs meanwhile.
    assert open_files() - before == set()


def make(mode: str, folder: Path, limits: StopLimits = SHORT) -> Child:
    return Child(SPEC, work_dir=folder, command=fake_command(mode), limits=limits)


def play(mode: str, folder: Path, limits: StopLimits | None = None) -> list[Event]:
    """All events of one part; parts that wait are stopped after their first event."""
    patient = StopLimits(stop_s=5, terminate_s=5, exit_s=5)
    child = make(mode, folder, limits or (SHORT if "hang" in mode else patient))
    if mode == "hang_silently":
        threading.Timer(0.1, child.stop).start()
    events = []
    for event in child.events():
        events.append(event)
        if mode in NEEDS_STOP:
            child.stop()
    return events


def recorded(folder: Path) -> list[Event]:
    return [decode_event(line) for line in (folder / EVENTS_FILE).read_bytes().splitlines()]


@pytest.mark.parametrize("mode", sorted(MODES))
def test_every_job_ends_with_exactly_one_terminal_event(mode: str, tmp_path: Path) -> None:
    limits = SHORT if mode == "close_output" else None
    events = play(mode, tmp_path, limits)
    assert [isinstance(event, TERMINAL) for event in events].count(True) == 1
    assert isinstance(events[-1], TERMINAL)
    record = recorded(tmp_path)
    assert [isinstance(event, TERMINAL) for event in record].count(True) == 1
    assert type(record[-1]) is type(events[-1])


def test_the_events_of_a_good_job_arrive_in_order_and_complete(tmp_path: Path) -> None:
    events = play("ok", tmp_path)
    assert [event.seq for event in events] == list(range(len(events)))
    assert isinstance(events[0], Started)
    assert events[-1] == Finished(
        seq=events[-1].seq, time=events[-1].time, result={"best_iteration": 5}
    )


def test_the_job_is_described_in_the_work_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    play("ok", folder)
    assert decode_spec((folder / "spec.json").read_bytes()) == SPEC


def test_when_the_terminal_event_is_handed_out_the_process_is_gone(tmp_path: Path) -> None:
    child = make("hang_at_exit", tmp_path)
    for event in child.events():
        if isinstance(event, TERMINAL):
            assert child.pid is not None
            assert not psutil.pid_exists(child.pid)
    assert isinstance(child.terminal, Finished)


def test_an_orderly_failure_keeps_its_sentence_and_hint(tmp_path: Path) -> None:
    last = play("failed", tmp_path)[-1]
    assert isinstance(last, Failed)
    assert (last.message, last.hint) == (
        "The dataset holds no lesion.",
        "Annotate some slices first.",
    )


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("crash", ["crashed", "something native broke", "worker.log"]),
        ("exit_code", ["ended with an error", "the driver is too old"]),
        ("silent_exit", ["without a result"]),
        ("killed", ["out of memory", "smaller batch"]),
        ("memory", ["out of memory", "smaller batch"]),
        ("missing_module", ["package paddle is missing", sys.executable]),
        ("half_line", ["ended with an error"]),
        ("close_output", ["stopped answering"]),
        ("grandchild", ["crashed"]),
    ],
)
def test_a_death_without_a_word_is_explained(mode: str, words: list[str], tmp_path: Path) -> None:
    last = play(mode, tmp_path, SHORT if mode == "close_output" else None)[-1]
    assert isinstance(last, Failed)
    for word in words:
        assert word in f"{last.message} {last.hint}"


def test_output_that_is_no_event_goes_to_the_log(tmp_path: Path) -> None:
    events = play("noise", tmp_path)
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    log = (tmp_path / "worker.log").read_bytes()
    assert b"Please NOTE: device: 0" in log
    assert b"\xff\xfe\x00 not text" in log


def test_half_a_line_at_the_end_is_no_event(tmp_path: Path) -> None:
    events = play("half_line", tmp_path)
    assert [type(event) for event in events] == [Started, Failed]


def test_ten_thousand_events_arrive_quickly_and_none_is_lost(tmp_path: Path) -> None:
    begun = time.monotonic()
    subprocess.run(fake_command("flood"), stdout=subprocess.PIPE, check=True)
    unread_s = time.monotonic() - begun
    begun = time.monotonic()
    events = play("flood", tmp_path)
    assert [event.seq for event in events] == list(range(FLOOD + 2))
    assert time.monotonic() - begun < 10 * unread_s


def test_a_very_long_event_arrives_and_a_very_long_line_is_skipped(tmp_path: Path) -> None:
    events = play("long_line", tmp_path)
    assert [type(event) for event in events] == [Started, Log, Finished]
    assert isinstance(events[1], Log)
    assert len(events[1].message) == 5_000_000


def test_only_the_first_terminal_event_counts(tmp_path: Path) -> None:
    events = play("twice", tmp_path)
    assert [type(event) for event in events] == [Started, Finished]


def test_a_stopped_job_may_take_its_time_to_save(tmp_path: Path) -> None:
    child = make("slow_stop", tmp_path, StopLimits(stop_s=5))
    for event in child.events():
        if isinstance(event, Started):
            child.stop()
            child.stop()  # a second click changes nothing
    assert isinstance(child.terminal, CancelledEvent)
    assert child.terminal.result == {"saved": True}


@pytest.mark.parametrize("mode", ["hang", "hang_silently"])
def test_a_job_that_hangs_is_ended_by_force_and_counts_as_cancelled(
    mode: str, tmp_path: Path
) -> None:
    begun = time.monotonic()
    events = play(mode, tmp_path)
    assert isinstance(events[-1], CancelledEvent)
    assert time.monotonic() - begun < HANG_S / 20


def test_stop_from_another_thread_returns_at_once(tmp_path: Path) -> None:
    child = make("hang", tmp_path)
    times_s: list[float] = []

    def stop() -> None:
        times_s.append(time.monotonic())
        child.stop()
        times_s.append(time.monotonic())

    thread = threading.Timer(0.2, stop)
    thread.start()
    events = list(child.events())
    ended_s = time.monotonic()
    thread.join()
    assert isinstance(events[-1], CancelledEvent)
    called_s, returned_s = times_s
    assert returned_s - called_s < (ended_s - called_s) / 2  # it did not wait for the end


def test_a_forced_stop_does_not_wait_for_the_limits(tmp_path: Path) -> None:
    limits = StopLimits(stop_s=60, terminate_s=60)
    child = make("hang", tmp_path, limits)
    begun = time.monotonic()
    for event in child.events():
        if isinstance(event, Started):
            child.stop()
            child.stop(force=True)
    assert isinstance(child.terminal, CancelledEvent)
    assert time.monotonic() - begun < limits.stop_s


def test_a_job_stopped_before_its_start_never_runs(tmp_path: Path) -> None:
    child = make("ok", tmp_path)
    child.stop()
    assert [type(event) for event in child.events()] == [CancelledEvent]
    assert child.pid is None
    assert not (tmp_path / "spec.json").exists()


def test_stop_after_the_end_does_nothing(tmp_path: Path) -> None:
    child = make("ok", tmp_path)
    events = list(child.events())
    child.stop()
    child.close()
    assert isinstance(child.wait(), Finished)
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("mode", ["until_stopped", "endless", "hang"])
def test_leaving_the_iteration_early_stops_the_job(mode: str, tmp_path: Path) -> None:
    child = make(mode, tmp_path, SHORT if mode == "hang" else StopLimits(stop_s=5))
    for _ in child.events():
        break
    assert isinstance(child.terminal, CancelledEvent)
    assert isinstance(recorded(tmp_path)[-1], CancelledEvent)


def test_leaving_the_with_block_stops_a_job_nobody_listened_to(tmp_path: Path) -> None:
    with make("until_stopped", tmp_path, StopLimits(stop_s=5)) as child:
        assert child.pid is not None
    assert child.stop_requested
    assert isinstance(child.terminal, CancelledEvent)
    assert not psutil.pid_exists(child.pid)


def test_closing_from_another_thread_lets_the_reader_hear_the_end(tmp_path: Path) -> None:
    child = make("slow_stop", tmp_path, StopLimits(stop_s=5))
    events: list[Event] = []
    running = threading.Event()

    def read() -> None:
        for event in child.events():
            events.append(event)
            running.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert running.wait(5)
    child.close()
    reader.join()
    assert isinstance(events[-1], CancelledEvent)
    assert len(events) == 2


def test_wait_reads_the_events_itself_where_nobody_does(tmp_path: Path) -> None:
    assert isinstance(make("flood", tmp_path).wait(), Finished)


def test_wait_with_a_time_limit_gives_up_while_another_thread_reads(tmp_path: Path) -> None:
    child = make("until_stopped", tmp_path, StopLimits(stop_s=5))
    reader = threading.Thread(target=lambda: list(child.events()))
    reader.start()
    while child.pid is None:
        time.sleep(0.01)
    assert child.wait(timeout_s=0.05) is None
    child.stop()
    assert child.wait(timeout_s=5) is not None
    reader.join()


def test_processes_left_behind_by_a_crashed_child_are_ended(tmp_path: Path) -> None:
    events = play("grandchild", tmp_path)
    pids = [int(event.message) for event in events if isinstance(event, Log)]
    assert len(pids) == 1
    deadline = time.monotonic() + HANG_S / 20
    while _is_running(pids[0]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _is_running(pids[0])


def _is_running(pid: int) -> bool:
    """A killed orphan may stay a zombie where nothing adopts it, e.g. in a container."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_an_interpreter_that_does_not_exist_is_a_failure_with_a_sentence(
    tmp_path: Path,
) -> None:
    gone = str(tmp_path / "no" / "python")
    child = Child(SPEC, work_dir=tmp_path / "run", interpreter=gone)
    (event,) = child.events()
    assert isinstance(event, Failed)
    assert event.message == f"Cannot use {gone}: it does not exist."
    assert [type(event) for event in recorded(tmp_path / "run")] == [Failed]


def test_a_work_folder_that_cannot_be_made_is_a_failure_with_a_sentence(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("in the way")
    child = Child(SPEC, work_dir=tmp_path / "file" / "run")
    (event,) = child.events()
    assert isinstance(event, Failed)
    assert event.message.startswith(f"Cannot use {tmp_path / 'file'}")


def test_earlier_runs_in_the_same_folder_do_not_count(tmp_path: Path) -> None:
    play("memory", tmp_path)
    play("ok", tmp_path)
    last = play("exit_code", tmp_path)[-1]
    assert isinstance(last, Failed)
    assert "memory" not in last.message
    ends = [type(event) for event in recorded(tmp_path) if isinstance(event, TERMINAL)]
    assert ends == [Failed, Finished, Failed]
