"""The event stream on a real pipe."""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from medseg_desktop.core.errors import JobError
from medseg_desktop.core.events import (
    CancelledEvent,
    Checkpoint,
    Event,
    Failed,
    Finished,
    Log,
    Progress,
    decode_event,
)
from medseg_desktop.jobs.protocol import EventStream, append_whole


class Pipe:
    """A stream with hand-driven clocks, and what came out of its pipe."""

    def __init__(self) -> None:
        self.fd, writer = os.pipe()
        self.now_s = 0.0
        self.stream = EventStream(writer, clock=lambda: 1000.0, ticker=lambda: self.now_s)

    def events(self) -> list[Event]:
        self.stream.close()
        with open(self.fd, "rb", closefd=False) as reader:
            return [decode_event(line) for line in reader]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.stream.close()
    os.close(pipe.fd)


def dones(events: list[Event]) -> list[tuple[str, int]]:
    return [(event.phase, event.done) for event in events if isinstance(event, Progress)]


def test_events_are_numbered_from_zero_and_stamped(pipe: Pipe) -> None:
    pipe.stream.emit(Log(message="a"))
    pipe.stream.emit(Log(message="b"))
    assert [(event.seq, event.time) for event in pipe.events()] == [(0, 1000.0), (1, 1000.0)]


def test_progress_is_told_ten_times_a_second(pipe: Pipe) -> None:
    for i in range(1, 1000):
        pipe.now_s = i / 1000
        pipe.stream.emit(Progress(phase="train", done=i, total=1000))
    assert len(dones(pipe.events())) == 10


def test_each_phase_has_its_own_rate(pipe: Pipe) -> None:
    for phase in ("read", "write", "read", "write"):
        pipe.stream.emit(Progress(phase=phase, done=1, total=9))
    assert dones(pipe.events()) == [("read", 1), ("write", 1)]


def test_the_last_progress_of_a_phase_is_never_dropped(pipe: Pipe) -> None:
    for i in range(1, 6):
        pipe.stream.emit(Progress(phase="train", done=i, total=5))
    assert dones(pipe.events()) == [("train", 1), ("train", 5)]


def test_progress_without_a_total_is_coalesced_but_its_end_is_told(pipe: Pipe) -> None:
    for i in range(500):
        pipe.stream.emit(Progress(phase="scan", done=i, total=0))
    pipe.stream.emit(Finished(result={}))
    assert dones(pipe.events()) == [("scan", 0), ("scan", 499)]


def test_other_events_are_never_coalesced(pipe: Pipe) -> None:
    for i in range(100):
        pipe.stream.emit(Checkpoint(iteration=i, best=False))
    assert len(pipe.events()) == 100


def test_nothing_is_written_after_the_terminal_event(
    pipe: Pipe, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe.stream.emit(Finished(result={}))
    pipe.stream.emit(Failed(message="second"))
    pipe.stream.emit(Progress(phase="train", done=5, total=5))
    assert [type(event) for event in pipe.events()] == [Finished]
    assert "second" in capsys.readouterr().err


def test_many_threads_may_write(pipe: Pipe, tmp_path: Path) -> None:
    pipe.stream.record_to(tmp_path / "events.jsonl")

    def work(name: str) -> None:
        for i in range(50):
            pipe.stream.emit(Log(message=f"{name} {i}"))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = pipe.events()
    assert [event.seq for event in events] == list(range(200))
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert [decode_event(line) for line in lines] == events


def test_the_record_keeps_what_was_there_before(pipe: Pipe, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("earlier\n")
    pipe.stream.record_to(path)
    pipe.stream.emit(CancelledEvent())
    assert path.read_text().startswith("earlier\n{")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_record_that_fails_is_an_error_and_the_failure_still_reaches_the_pipe(
    pipe: Pipe,
) -> None:
    pipe.stream.record_to(Path("/dev/full"))
    with pytest.raises(JobError, match=r"Cannot write /dev/full: the disk is full\."):
        pipe.stream.emit(Finished(result={}))
    assert pipe.stream.failure is not None
    pipe.stream.emit(Failed(message=pipe.stream.failure.message))
    assert [type(event) for event in pipe.events()] == [Failed]


def test_a_closed_pipe_does_not_stop_the_record(
    pipe: Pipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = EventStream(writer)
    stream.record_to(tmp_path / "events.jsonl")
    for i in range(100):
        stream.emit(Log(message=str(i)))
    stream.close()
    assert len((tmp_path / "events.jsonl").read_bytes().splitlines()) == 100
    assert len(capsys.readouterr().err.splitlines()) == 1


class NearlyFull(io.FileIO):
    """A file on a disk that has room for ten more bytes."""

    room = 10

    def write(self, data: object) -> int:
        piece = bytes(data)[: self.room]  # type: ignore[call-overload]
        if not piece:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(piece)
        return super().write(piece)


def test_a_line_that_does_not_fit_leaves_the_record_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"whole\n")
    with NearlyFull(path, "a") as file, pytest.raises(OSError, match="No space"):
        append_whole(file, b"x" * 50 + b"\n")
    assert path.read_bytes() == b"whole\n"
