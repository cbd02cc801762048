"""The worker's harness: reads the spec, runs the handler, ends with one terminal event."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from medseg_desktop.core.errors import Cancelled, JobError, MedSegError, describe_os_error
from medseg_desktop.core.events import (
    CancelledEvent,
    Event,
    Failed,
    Finished,
    Log,
    Progress,
    Started,
)
from medseg_desktop.core.specs import Spec, decode_spec
from medseg_desktop.jobs import failures
from medseg_desktop.jobs.protocol import EVENTS_FILE, LOG_FILE, EventStream, take_stdout
from medseg_desktop.jobs.rank_process import place_among_processes

EXIT_FINISHED = 0
EXIT_FAILED = 1
EXIT_CANCELLED = 130

#: How long one of several processes may go on whose parent is gone, in seconds: it saves, or
#: waits for another one that is gone too.
_ORPHAN_S = 60.0


class Orders:
    """What the parent has asked for on stdin; thread-safe.

    Attributes:
        stop: finish the step, save and end.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._may_run = threading.Event()
        self._may_run.set()

    @property
    def is_paused(self) -> bool:
        """The work should halt."""
        return not self._may_run.is_set()

    def obey(self, word: bytes) -> None:
        """One line of stdin: `stop`, `pause` or `resume`; others are ignored."""
        if word == b"pause":
            self._may_run.clear()
        elif word in (b"resume", b"stop"):
            if word == b"stop":
                self.stop.set()
            self._may_run.set()

    def wait(self) -> None:
        """Return when nothing is paused (any more)."""
        self._may_run.wait()


class JobContext:
    """What a handler may use of the process it runs in; every method is thread-safe.

    Attributes:
        work_dir: the folder of the spec: the run folder, or a temporary one.
    """

    def __init__(
        self, kind: str, work_dir: Path, stream: EventStream, orders: Orders | None = None
    ) -> None:
        self.work_dir = work_dir
        self._kind = kind
        self._stream = stream
        self._orders = orders or Orders()
        self._lock = threading.RLock()
        self._has_started = False
        self._listeners: list[Callable[[Event], None]] = []

    def started(self, details: dict[str, Any] | None = None) -> None:
        """Say that the work begins, with what the handler knows (device, threads, totals).

        Optional: without it `started` is written before the handler's first event.  After
        that the details can only be logged.
        """
        with self._lock:
            if not self._has_started:
                self._has_started = True
                self._stream.emit(Started(kind=self._kind, pid=os.getpid(), details=details or {}))
            elif details:
                self.log(", ".join(f"{name}: {value}" for name, value in details.items()))

    def emit(self, event: Event) -> None:
        """Tell the parent; raises JobError where the run folder's record cannot be written."""
        self.started()
        self._stream.emit(event)
        for listener in self._listeners:
            listener(event)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` with every event after it was told; it must return at once."""
        self._listeners.append(listener)

    def progress(self, phase: str, done: int, total: int = 0) -> None:
        """`done` of `total` (0: unknown) of a phase; may be called as often as one likes."""
        self.emit(Progress(phase=phase, done=done, total=total))

    def log(self, message: str, level: str = "info") -> None:
        """A sentence for the user."""
        self.emit(Log(message=message, level=level))

    @property
    def stop_requested(self) -> bool:
        """The user, or the end of the parent, asks to finish the step, save and stop."""
        return self._orders.stop.is_set()

    @property
    def pause_requested(self) -> bool:
        """The user asks to halt at the next safe point, see `wait_while_paused`."""
        return self._orders.is_paused and not self.stop_requested

    def wait_while_paused(self) -> None:
        """Return when the work may go on, or is to stop."""
        self._orders.wait()

    def check(self) -> None:
        """The safe point of a loop.

        Raises:
            Cancelled: a stop was asked for.
            JobError: an event could not be recorded (seen in whatever thread).
        """
        if self._stream.failure is not None:
            raise self._stream.failure
        if self.stop_requested:
            raise Cancelled


#: Does the work of one kind of spec and returns the result of `finished`.
Handler = Callable[[Any, JobContext], dict[str, Any]]


def run_worker(
    spec_path: Path,
    handlers: Mapping[str, Handler],
    *,
    is_recorded: bool = True,
    orphan_s: float | None = None,
) -> int:
    """Run the job of `spec_path` in this process, whose stdin and stdout belong to the parent.

    Args:
        spec_path: JSON of a spec; events are recorded beside it in `events.jsonl`.
        handlers: by the spec's `job`.  Raise Cancelled (with what was kept as its result) to
            end as cancelled and MedSegError to end as failed.
        is_recorded: False where the parent is a launcher, which records the events itself.
        orphan_s: end this process so many seconds after its parent is gone; None: 60 s for
            one of several processes, which may wait for each other for ever, else never.

    Returns:
        The exit code: 0 finished, 1 failed, 130 cancelled.
    """
    faulthandler.enable()  # a crash in native code leaves its place in the log
    stream = take_stdout()
    orders = Orders()
    if orphan_s is None and place_among_processes()[1] > 1:
        orphan_s = _ORPHAN_S
    _watch_stdin(orders, orphan_s)
    try:
        last = _run(spec_path, handlers, stream, orders, is_recorded)
        code = _finish(stream, last, spec_path.parent / LOG_FILE)
    finally:
        stream.close()
    return code


def _run(
    spec_path: Path,
    handlers: Mapping[str, Handler],
    stream: EventStream,
    orders: Orders,
    is_recorded: bool,
) -> Finished | CancelledEvent | Failed:
    try:
        spec = _read_spec(spec_path)
        if is_recorded:
            stream.record_to(spec_path.parent / EVENTS_FILE)
        kind = str(type(spec).__struct_config__.tag)
        handler = handlers.get(kind)
        if handler is None:
            raise JobError(f"This version cannot do the job {kind}.", "Update the program.")
        context = JobContext(kind, spec_path.parent, stream, orders)
        try:
            result = handler(spec, context)
        finally:
            context.started()
        if stream.failure is not None:
            raise stream.failure
        return Finished(result=result)
    except (Cancelled, KeyboardInterrupt) as stopped:
        return CancelledEvent(result=getattr(stopped, "result", {}))
    except (Exception, SystemExit) as error:
        return _explain(error, spec_path.parent / LOG_FILE)


def _read_spec(path: Path) -> Spec:
    try:
        return decode_spec(path.read_bytes())
    except OSError as error:
        raise JobError(describe_os_error(error, path, "read")) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise JobError(f"The file {path} does not describe a job: {error}.") from error


def _explain(error: BaseException, log_path: Path) -> Failed:
    if isinstance(error, MedSegError):
        return Failed(message=error.message, hint=error.hint)
    traceback.print_exception(error)
    if isinstance(error, MemoryError) or failures.looks_out_of_memory(str(error)):
        return failures.out_of_memory()
    own = __name__.partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith(own):
        return failures.missing_package(error.name, sys.executable)
    if isinstance(error, OSError) and error.errno is not None:
        path = error.filename or "a file"
        return Failed(
            message=describe_os_error(error, path, "use"), hint=failures.see_log(log_path)
        )
    return failures.unexpected(error, log_path)


def _finish(stream: EventStream, last: Finished | CancelledEvent | Failed, log_path: Path) -> int:
    try:
        stream.emit(last)
    except JobError as error:
        # The record is closed now, so this one can only reach the parent.
        last = Failed(message=error.message, hint=error.hint)
        stream.emit(last)
    except (TypeError, ValueError, NotImplementedError) as error:
        traceback.print_exception(error)
        last = failures.unexpected(error, log_path)
        stream.emit(last)
    if isinstance(last, Finished):
        return EXIT_FINISHED
    return EXIT_CANCELLED if isinstance(last, CancelledEvent) else EXIT_FAILED


def _watch_stdin(orders: Orders, orphan_s: float | None) -> None:
    """Obey the words on stdin; its end means stop, because then the parent is gone.

    Stdin is made private like stdout: processes that the work starts must not read from it,
    and on Windows a pending read would block them when they look at it.
    """
    try:
        private = os.dup(0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
    except OSError:  # started without stdin: nobody could ever stop us
        orders.obey(b"stop")
        return
    arguments = (private, orders, orphan_s)
    threading.Thread(target=_read_commands, args=arguments, daemon=True).start()


def _read_commands(fd: int, orders: Orders, orphan_s: float | None) -> None:
    # A pipe that breaks means what its end means: the parent is gone.
    with contextlib.suppress(OSError), open(fd, "rb", buffering=0) as commands:
        pending = b""
        while chunk := commands.read(1024):
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                orders.obey(line.strip())
    orders.obey(b"stop")
    if orphan_s is not None:
        time.sleep(orphan_s)
        print("the program that started this process is gone", file=sys.stderr, flush=True)
        os._exit(EXIT_CANCELLED)
