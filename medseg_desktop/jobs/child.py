"""The parent's side: starts a worker, reads its events, stops it, and tells how it ended."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import cast

import msgspec

from medseg_desktop.core.errors import describe_os_error
from medseg_desktop.core.events import TERMINAL, CancelledEvent, Event, Failed, decode_event
from medseg_desktop.core.specs import Spec, TrainSpec, encode_spec
from medseg_desktop.jobs import process_group
from medseg_desktop.jobs.command import worker_command
from medseg_desktop.jobs.failures import explain_death
from medseg_desktop.jobs.protocol import EVENTS_FILE, LOG_FILE, SPEC_FILE
from medseg_desktop.jobs.record import Record, Terminal, file_size, keep_aside, log_tail

#: A longer line cannot be an event; it is read in pieces so that memory stays bounded.
_LONGEST_LINE = 16 * 1024 * 1024
_WILLING_EXITS = (0, 130)


@dataclass(frozen=True, slots=True)
class StopLimits:
    """How long a child may take, in seconds, before the next and harder step.

    Attributes:
        stop_s: from the word `stop` to terminate; a training saves its checkpoint in it.
        terminate_s: from terminate to kill.
        exit_s: from its terminal event, or the end of its output, to terminate.
    """

    stop_s: float = 60.0
    terminate_s: float = 10.0
    exit_s: float = 10.0


class Child:
    """One child process from its start to its one terminal event.

    One thread iterates `events()`; `stop()` may be called from any other.  Whatever happens,
    the iteration ends with exactly one terminal event, also where the child could not even be
    started.  When that event is handed out the process is gone.  Leaving the iteration early,
    or the `with` block, stops the job as `stop()` does and waits for its end.

    Args:
        spec: the job.
        work_dir: an existing folder or one to be made: receives `spec.json`, `worker.log` and
            `events.jsonl` (earlier contents of the last two are kept).
        interpreter: another Python with the training packages; None for our own.
        threads: for the numerical libraries; 0 for the number of physical cores.
        command: run this instead of the worker (arguments only; for tests).
    """

    def __init__(
        self,
        spec: Spec,
        *,
        work_dir: Path,
        interpreter: str | None = None,
        threads: int = 0,
        command: Sequence[str] | None = None,
        limits: StopLimits | None = None,
    ) -> None:
        self.work_dir = work_dir
        self.terminal: Terminal | None = None
        self._spec = spec
        self._interpreter = interpreter
        self._threads = threads
        self._command = command
        self._limits = limits or StopLimits()
        self._process: Popen[bytes] | None = None
        self._log: io.FileIO | None = None
        self._log_start = 0
        self._record: Record | None = None
        self._is_started = False
        self._is_consumed = False
        self._stop_requested = False
        self._is_forced = False  # the stop ladder had to terminate it
        self._last_seq = -1
        self._heard: Terminal | None = None  # the terminal event that came over the pipe
        self._watcher: threading.Thread | None = None
        self._ladder: threading.Thread | None = None
        # Re-entrant: stop() may run in a signal handler on top of any of our methods.
        self._lock = threading.RLock()
        self._read_lock = threading.Lock()
        self._exited = threading.Event()
        self._concluded = threading.Event()

    @property
    def log_path(self) -> Path:
        """What the child and its libraries print."""
        return self.work_dir / LOG_FILE

    @property
    def pid(self) -> int | None:
        """Process id; None before the start and where the start failed."""
        return None if self._process is None else self._process.pid

    @property
    def stop_requested(self) -> bool:
        """`stop()` was called, or the iteration was left early."""
        return self._stop_requested

    def __enter__(self) -> Child:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the process, once; a failure becomes the only event."""
        with self._lock:
            if self._is_started:
                return
            self._is_started = True
            if self._stop_requested:
                self._conclude(CancelledEvent(time=time.time()))
                return
            try:
                self._launch()
            except OSError as error:
                sentence = describe_os_error(error, error.filename or self.work_dir, "use")
                self._conclude(Failed(message=sentence, time=time.time()))
                return
            if self._stop_requested:
                self._begin_ladder()

    def events(self) -> Iterator[Event]:
        """Yield the child's events as they come, the terminal one last; to be called once."""
        if self._is_consumed:
            return
        self._is_consumed = True
        try:
            self.start()
            if self._process is not None:
                for event in self._read(self._process):
                    if isinstance(event, TERMINAL):
                        self._heard = event
                        break
                    yield event
            self._finish()
            yield cast(Terminal, self.terminal)
        finally:
            self.close()

    def stop(self, *, force: bool = False) -> None:
        """Ask the job to save and end; returns at once.

        A child that does not end is terminated, then killed, after the limits; `force` kills
        it now, and what it has not saved is lost.
        """
        with self._lock:
            self._stop_requested = True
            if self._process is not None:
                self._begin_ladder()
                if force and not self._exited.is_set():
                    self._is_forced = True
                    process_group.kill(self._process)

    def pause(self) -> None:
        """Ask the job to halt at its next safe point; it says so with an event."""
        self._say(b"pause\n")

    def resume(self) -> None:
        """Ask a halted job to go on."""
        self._say(b"resume\n")

    def _say(self, words: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        with self._lock, contextlib.suppress(OSError, ValueError):  # it has ended already
            process.stdin.write(words)
            process.stdin.flush()

    def wait(self, timeout_s: float | None = None) -> Terminal | None:
        """Wait until the job is over and everything of it is released.

        Reads the events itself if nobody does (then without a time limit).

        Returns:
            The terminal event; None where the time was too short.
        """
        if not self._is_consumed:
            for _ in self.events():
                pass
        if self._concluded.wait(timeout_s):
            self.close()
        return self.terminal

    def close(self) -> None:
        """Release pipes, threads and process; stops the job if it still runs.  Idempotent."""
        process = self._process
        if process is None:
            return
        if self.terminal is None:
            self.stop()
            # A child that blocks in a write to a pipe nobody reads could not hear the stop,
            # and its last words count.
            for event in self._read(process):
                if isinstance(event, TERMINAL):
                    self._heard = event
                    break
            self._finish()
        self._close_stdin(process)
        for thread in (self._watcher, self._ladder):
            if thread is not None and thread is not threading.current_thread():
                thread.join()
        self._close_stdout(process)
        with self._lock:
            if self._log is not None:
                self._log.close()
                self._log = None

    def _launch(self) -> None:
        self.work_dir.mkdir(parents=True, exist_ok=True)
        spec_path = self.work_dir / SPEC_FILE
        spec_path.write_bytes(encode_spec(self._spec))
        if isinstance(self._spec, TrainSpec) and self._spec.resume:
            keep_aside(self.work_dir)
        argv, env = worker_command(spec_path, self._interpreter, self._threads)
        if self._command is not None:
            argv = list(self._command)
        self._record = Record(self.work_dir / EVENTS_FILE)
        self._log_start = file_size(self.log_path)
        self._log = io.FileIO(self.log_path, "a")
        try:
            process = process_group.spawn(argv, env, self._log.fileno())
        except OSError:
            self._log.close()
            self._log = None
            raise
        self._process = process
        self._watcher = threading.Thread(
            target=self._watch, args=(process,), name="job-watcher", daemon=True
        )
        self._watcher.start()

    def _read(self, process: Popen[bytes]) -> Iterator[Event]:
        stdout = process.stdout
        assert stdout is not None
        while True:
            with self._read_lock:
                line = b"" if stdout.closed else stdout.readline(_LONGEST_LINE)
            if not line:
                return
            try:
                # Half a line, at the end of the output, is no event even where it looks so.
                event = decode_event(line) if line.endswith(b"\n") else None
            except ValueError:
                event = None
            if event is None:
                self._note(line)
            else:
                self._last_seq = max(self._last_seq, event.seq)
                yield event

    def _note(self, line: bytes) -> None:
        """Put a line of the child's output that is no event into its log."""
        if line.strip():
            with self._lock, contextlib.suppress(OSError):
                if self._log is not None:
                    self._log.write(line if line.endswith(b"\n") else line + b"\n")

    def _finish(self) -> None:
        """Wait for the process to be gone, and settle how it ended."""
        process = self._process
        if process is None:
            return
        if self._heard is not None:
            self._close_stdin(process)
            self._close_stdout(process)
        returncode: int | None = None
        if self._exited.wait(self._limits.exit_s):
            returncode = process.returncode
        elif self._heard is not None or not self._stop_requested:
            self._force_end(process)
            self._exited.wait()
        else:
            self._exited.wait()  # the ladder of stop() is at work
            returncode = process.returncode
        with self._lock:
            if self.terminal is None:
                self._conclude(self._heard or self._explain(returncode))

    def _explain(self, returncode: int | None) -> Terminal:
        record = self._record
        assert record is not None
        recorded = record.terminal()
        if recorded is not None:
            return recorded
        seq = max(record.next_seq(), self._last_seq + 1)
        ended_as_told = self._is_forced or returncode in _WILLING_EXITS
        if self._stop_requested and ended_as_told:
            return CancelledEvent(seq=seq, time=time.time())
        tail = log_tail(self.log_path, self._log_start)
        interpreter = self._interpreter or sys.executable
        failed = explain_death(returncode, tail, interpreter, self.log_path)
        return msgspec.structs.replace(failed, seq=seq, time=time.time())

    def _conclude(self, terminal: Terminal) -> None:
        with self._lock:
            if self._record is not None:
                try:
                    self._record.complete(terminal)
                except OSError as error:
                    self._note(f"cannot complete the record of events: {error}".encode())
            self.terminal = terminal
        self._concluded.set()

    def _watch(self, process: Popen[bytes]) -> None:
        process.wait()
        process_group.end_leftovers(process.pid)
        self._exited.set()

    def _begin_ladder(self) -> None:
        if self._ladder is None and self._process is not None:
            self._ladder = threading.Thread(
                target=self._climb_down, args=(self._process,), name="job-stopper", daemon=True
            )
            self._ladder.start()

    def _climb_down(self, process: Popen[bytes]) -> None:
        self._say(b"stop\n")
        if not self._exited.wait(self._limits.stop_s):
            self._is_forced = True
            self._force_end(process)

    def _force_end(self, process: Popen[bytes]) -> None:
        process_group.terminate(process)
        if not self._exited.wait(self._limits.terminate_s):
            process_group.kill(process)

    def _close_stdin(self, process: Popen[bytes]) -> None:
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()

    def _close_stdout(self, process: Popen[bytes]) -> None:
        assert process.stdout is not None
        with self._read_lock:
            process.stdout.close()
