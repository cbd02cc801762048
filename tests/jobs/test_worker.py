"""The worker's harness in real processes, seen from the parent's side."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
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
    Progress,
    Started,
    decode_event,
)
from medseg_desktop.core.specs import TrainSpec, encode_spec
from medseg_desktop.jobs.child import Child, StopLimits
from medseg_desktop.jobs.protocol import EVENTS_FILE, EventStream
from medseg_desktop.jobs.worker import JobContext
from tests.jobs.harness import HARNESS, PARTS, harness_command

LIMITS = StopLimits(stop_s=10, terminate_s=5, exit_s=5)


def spec_for(part: str) -> TrainSpec:
    return TrainSpec(dataset="/data", run="/run", model_name=part)


def play(part: str, folder: Path) -> list[Event]:
    child = Child(
        spec_for(part),
        work_dir=folder,
        command=harness_command(folder / "spec.json"),
        limits=LIMITS,
    )
    events = []
    for event in child.events():
        events.append(event)
        if part == "until_stopped" and isinstance(event, Progress):
            child.stop()
    return events


def recorded(folder: Path) -> list[Event]:
    return [decode_event(line) for line in (folder / EVENTS_FILE).read_bytes().splitlines()]


def last_of(part: str, folder: Path) -> Event:
    return play(part, folder)[-1]


@pytest.mark.parametrize("part", sorted(set(PARTS) - {"full_record"}))
def test_the_record_holds_the_same_events_as_the_pipe(part: str, tmp_path: Path) -> None:
    events = play(part, tmp_path)
    assert recorded(tmp_path) == events
    assert [event.seq for event in events] == list(range(len(events)))
    assert isinstance(events[0], Started)
    assert [isinstance(event, TERMINAL) for event in events].count(True) == 1


def test_a_good_job_tells_its_details_some_progress_and_its_result(tmp_path: Path) -> None:
    events = play("ok", tmp_path)
    assert isinstance(events[0], Started)
    assert (events[0].kind, events[0].details) == ("train", {"device": "cpu"})
    assert isinstance(events[-1], Finished)
    assert events[-1].result == {"where": str(tmp_path), "stopped": False}
    progress = [event for event in events if isinstance(event, Progress)]
    assert len(progress) < 50
    assert progress[-1].done == 1000


def test_a_handler_that_says_nothing_still_gives_started_and_finished(tmp_path: Path) -> None:
    assert [type(event) for event in play("wordless", tmp_path)] == [Started, Finished]


def test_details_that_come_late_are_logged(tmp_path: Path) -> None:
    logs = [event.message for event in play("late_details", tmp_path) if isinstance(event, Log)]
    assert logs == ["first", "device: cpu"]


def test_whatever_is_printed_lands_in_the_log_and_not_among_the_events(tmp_path: Path) -> None:
    events = play("prints", tmp_path)
    assert [type(event) for event in events] == [Started, Finished]
    log = (tmp_path / "worker.log").read_text()
    for words in ("before the harness", "by Python", "by C", "by a child"):
        assert f"printed {words}" in log


def test_the_work_cannot_read_the_commands_of_the_parent(tmp_path: Path) -> None:
    last = last_of("prints", tmp_path)
    assert isinstance(last, Finished)
    assert last.result == {"stdin": ""}


def test_stop_ends_the_work_as_cancelled_with_what_was_kept(tmp_path: Path) -> None:
    last = last_of("until_stopped", tmp_path)
    assert isinstance(last, CancelledEvent)
    assert last.result == {"saved": True}


@pytest.mark.parametrize(
    ("part", "message", "hint"),
    [
        ("data_error", "The dataset holds no lesion.", "Annotate some slices first."),
        ("disk_full", "Cannot use /data/best.npz: the disk is full.", "worker.log"),
        ("memory", "The job ran out of memory.", "smaller batch"),
        ("native_memory", "The job ran out of memory.", "smaller batch"),
        ("no_paddle", f"The package paddle is missing in {sys.executable}.", "Install it"),
        ("defect", "Unexpected error: 'secret'; the details are in ", ""),
        ("library_exit", "Unexpected error: the library gave up; the details", ""),
    ],
)
def test_an_error_ends_as_failed_with_a_sentence(
    part: str, message: str, hint: str, tmp_path: Path
) -> None:
    last = last_of(part, tmp_path)
    assert isinstance(last, Failed)
    assert last.message.startswith(message)
    assert hint in last.hint


def test_the_traceback_of_a_defect_is_in_the_log(tmp_path: Path) -> None:
    play("defect", tmp_path)
    assert "KeyError: 'secret'" in (tmp_path / "worker.log").read_text()


def test_a_result_that_json_cannot_hold_is_a_failure(tmp_path: Path) -> None:
    last = last_of("bad_result", tmp_path)
    assert isinstance(last, Failed)
    assert "worker.log" in last.message


def test_a_terminal_event_of_the_handler_itself_is_the_only_one(tmp_path: Path) -> None:
    last = last_of("early_end", tmp_path)
    assert isinstance(last, Finished)
    assert last.result == {"first": True}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("part", ["full_record", "wordless"])
def test_a_full_disk_under_the_record_is_reported(part: str, tmp_path: Path) -> None:
    (tmp_path / EVENTS_FILE).symlink_to("/dev/full")
    last = last_of(part, tmp_path)
    assert isinstance(last, Failed)
    assert last.message == f"Cannot write {tmp_path / EVENTS_FILE}: the disk is full."


def test_a_record_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    (tmp_path / EVENTS_FILE).mkdir()
    last = last_of("wordless", tmp_path)
    assert isinstance(last, Failed)
    assert last.message.startswith(f"Cannot write {tmp_path / EVENTS_FILE}")


def test_a_job_without_a_handler_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_bytes(encode_spec(spec_for("ok")))
    run = subprocess.run(
        [*harness_command(path), "--no-handlers"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
    )
    last = decode_event(run.stdout.splitlines()[-1])
    assert isinstance(last, Failed)
    assert last.message == "This version cannot do the job train."


@pytest.mark.parametrize("content", [b"{", b'{"job": "fly"}', b"\xff", None])
def test_a_spec_that_describes_no_job_is_a_failure(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    if content is not None:
        path.write_bytes(content)
    run = subprocess.run(
        harness_command(path), stdin=subprocess.DEVNULL, capture_output=True, timeout=20
    )
    assert run.returncode == 1
    last = decode_event(run.stdout.splitlines()[-1])
    assert isinstance(last, Failed)
    assert str(path) in last.message


@pytest.mark.parametrize(
    ("part", "code"), [("wordless", 0), ("data_error", 1), ("until_stopped", 130)]
)
def test_the_exit_code_tells_how_it_ended(part: str, code: int, tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_bytes(encode_spec(spec_for(part)))
    run = subprocess.run(
        harness_command(path), stdin=subprocess.DEVNULL, capture_output=True, timeout=20
    )
    assert run.returncode == code


def test_the_work_goes_on_to_its_end_when_nobody_reads_the_pipe(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_bytes(encode_spec(spec_for("ok")))
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(
        harness_command(path), stdin=subprocess.PIPE, stdout=writer, stderr=subprocess.PIPE
    ) as process:
        os.close(writer)
        assert process.stderr is not None
        log = process.stderr.read().decode()
        assert process.wait(20) == 0
    assert isinstance(recorded(tmp_path)[-1], Finished)
    assert log.count("no longer listens") == 1
    assert "Traceback" not in log


def test_the_worker_ends_as_cancelled_when_its_parent_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_bytes(encode_spec(spec_for("until_stopped")))
    command = [sys.executable, str(HARNESS), "parent", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not isinstance(recorded(tmp_path)[-1], TERMINAL) and time.monotonic() < deadline:
        time.sleep(0.02)
    last = recorded(tmp_path)[-1]
    assert isinstance(last, CancelledEvent)
    assert last.result == {"saved": True}
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _is_running(pid)


def _is_running(pid: int) -> bool:
    """An orphan that ended may stay a zombie where nothing adopts it, e.g. in a container."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_listener_hears_every_event_that_a_job_tells(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    stream = EventStream(writing)
    context = JobContext("train", tmp_path, stream)
    heard: list[Event] = []
    context.listen(heard.append)
    context.log("one")
    context.progress("train", 1, 2)
    stream.close()
    with open(reading, "rb") as lines:
        told = [decode_event(line) for line in lines]
    assert [type(event) for event in told] == [Started, Log, Progress]
    assert [type(event) for event in heard] == [Log, Progress]
