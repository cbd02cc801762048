"""The worker's side of the event stream: one JSON object a line on a private pipe.

Libraries print to stdout.  So the worker keeps a duplicate of stdout for its events alone and
points stdout itself at stderr, which its parent has sent to `worker.log`.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from medseg_desktop.core.errors import JobError, describe_os_error
from medseg_desktop.core.events import TERMINAL, Event, Progress, encode_event

EVENTS_FILE = "events.jsonl"
LOG_FILE = "worker.log"
SPEC_FILE = "spec.json"

#: Progress of one phase is told at most this often (10 Hz).
PROGRESS_INTERVAL_S = 0.1


class EventStream:
    """Writes events to a pipe and, once `record_to` was called, to a file; thread-safe.

    Stamps `seq` and `time`.  Progress is coalesced to 10 Hz for each phase, but its last
    event (done == total) and every other event are always written.  The first terminal event
    ends the stream: whatever comes later is dropped with a line in the log.

    Args:
        fd: file descriptor of the pipe; the stream closes it.
        clock: Unix time in seconds, for the stamps.
        ticker: monotonic time in seconds, for the coalescing.
    """

    def __init__(
        self,
        fd: int,
        *,
        clock: Callable[[], float] = time.time,
        ticker: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pipe: io.FileIO | None = io.FileIO(fd, "w")
        self._record: io.FileIO | None = None
        self._record_failure: JobError | None = None
        self._clock = clock
        self._ticker = ticker
        self._lock = threading.RLock()
        self._seq = 0
        self._ended = False
        self._told_s: dict[str, float] = {}
        self._held: Progress | None = None

    @property
    def ended(self) -> bool:
        """A terminal event was written."""
        return self._ended

    @property
    def failure(self) -> JobError | None:
        """Why the record could not be written; None while all is well."""
        return self._record_failure

    def record_to(self, path: Path) -> None:
        """Append every event from now on to `path` as well.

        Raises:
            JobError: the file cannot be opened for writing.
        """
        try:
            self._record = io.FileIO(path, "a")
        except OSError as error:
            raise JobError(describe_os_error(error, path, "write")) from error

    def emit(self, event: Event) -> None:
        """Write one event; returns when the operating system has it.

        Raises:
            JobError: the record cannot be written (a full disk).  The event then did not go
                to the pipe either, and later events go to the pipe only.
            TypeError, NotImplementedError: the event holds something JSON cannot express.
        """
        with self._lock:
            if self._ended:
                print(f"an event after the end was dropped: {event}", file=sys.stderr)
            elif isinstance(event, Progress):
                self._progress(event)
            elif isinstance(event, TERMINAL):
                self._flush_held()
                self._write(event)
                self._ended = True
            else:
                self._write(event)

    def close(self) -> None:
        """Close pipe and record; nothing can be written afterwards."""
        with self._lock:
            self._ended = True
            for file in (self._pipe, self._record):
                if file is not None:
                    with contextlib.suppress(OSError):
                        file.close()
            self._pipe = self._record = None

    def _progress(self, event: Progress) -> None:
        now_s = self._ticker()
        last_s = self._told_s.get(event.phase)
        is_last = event.total > 0 and event.done >= event.total
        if not is_last and last_s is not None and now_s - last_s < PROGRESS_INTERVAL_S:
            self._held = event
            return
        self._held = None
        self._told_s[event.phase] = now_s
        self._write(event)

    def _flush_held(self) -> None:
        # Where the total is unknown nobody can tell which progress is the last one.
        held, self._held = self._held, None
        if held is not None:
            self._write(held)

    def _write(self, event: Event) -> None:
        line = encode_event(msgspec.structs.replace(event, seq=self._seq, time=self._clock()))
        self._write_record(line)
        self._seq += 1
        self._write_pipe(line)

    def _write_record(self, line: bytes) -> None:
        if self._record is None:
            return
        try:
            append_whole(self._record, line)
        except OSError as error:
            path = self._record.name
            with contextlib.suppress(OSError):
                self._record.close()
            self._record = None
            self._record_failure = JobError(describe_os_error(error, path, "write"))
            raise self._record_failure from error

    def _write_pipe(self, line: bytes) -> None:
        if self._pipe is None:
            return
        try:
            _write_all(self._pipe, line)
        except OSError:
            # Nobody listens any more.  The record goes on, and the watcher of stdin stops
            # the work; one line in the log is enough.
            print("the program that started this job no longer listens", file=sys.stderr)
            with contextlib.suppress(OSError):
                self._pipe.close()
            self._pipe = None


def take_stdout() -> EventStream:
    """Make stdout the private event stream of this process and send all prints to stderr.

    Works on file descriptors 1 and 2, so that it also holds for C++ libraries and for a
    windowed Python whose `sys.stdout` is None.
    """
    private = os.dup(1)  # not inherited by grandchildren
    os.dup2(2, 1)
    if sys.stdout is not None:
        sys.stdout.flush()  # what was printed before now goes to the log
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stderr
    return EventStream(private)


def append_whole(file: io.FileIO, line: bytes) -> None:
    """Append `line`, or leave the file as it was: half a line would spoil the record.

    Raises:
        OSError: it could not be written, e.g. because the disk is full.
    """
    try:
        before = os.fstat(file.fileno()).st_size
        _write_all(file, line)
    except OSError:
        with contextlib.suppress(OSError):
            file.truncate(before)
        raise


def _write_all(file: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        written = file.write(view)
        if not written:
            raise OSError(errno.EIO, "nothing was written")
        view = view[written:]
