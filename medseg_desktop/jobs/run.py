"""Running a job to its end in one call, for the command line and for tests."""

from __future__ import annotations

import contextlib
import math
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from medseg_desktop.core.events import Event, Failed
from medseg_desktop.core.run_state import RunState, reduce
from medseg_desktop.core.specs import Spec
from medseg_desktop.jobs.child import Child, StopLimits
from medseg_desktop.jobs.protocol import EVENTS_FILE, LOG_FILE
from medseg_desktop.jobs.record import Record

_REPEATED_S = 2.0


def run_job(
    spec: Spec,
    *,
    work_dir: Path | None = None,
    interpreter: str | None = None,
    threads: int = 0,
    on_event: Callable[[Event, RunState], None] | None = None,
    command: Sequence[str] | None = None,
    limits: StopLimits | None = None,
) -> RunState:
    """Run a job in a child process and return its final state (`is_over` holds).

    Args:
        work_dir: the run folder; None for a temporary one, gone afterwards.
        on_event: called for each event with the state after it.

    Ctrl-C asks the job to save and stop, and the state is then CANCELLED; a second Ctrl-C
    ends it by force.
    """
    run = RunState()
    with contextlib.ExitStack() as stack:
        folder = work_dir or stack.enter_context(temporary_work_dir())
        child = Child(
            spec,
            work_dir=folder,
            interpreter=interpreter,
            threads=threads,
            command=command,
            limits=limits,
        )
        stack.enter_context(stop_on_interrupt(child))
        stack.enter_context(child)
        for event in child.events():
            run = reduce(run, event)
            if on_event is not None:
                on_event(event, run)
    return run


@contextlib.contextmanager
def temporary_work_dir() -> Iterator[Path]:
    """A folder, readable by this user only, for a job that has no run folder.

    It is removed at the end; only where the job failed with a sentence that points to its
    log, the log stays.
    """
    folder = Path(tempfile.mkdtemp(prefix="medseg-job-"))
    try:
        yield folder
    finally:
        if _points_to_log(folder):
            for path in folder.iterdir():
                if path.name != LOG_FILE:
                    _remove(path)
        else:
            _remove(folder)


def _points_to_log(folder: Path) -> bool:
    terminal = Record(folder / EVENTS_FILE, start=0).terminal()
    log_path = folder / LOG_FILE
    if not isinstance(terminal, Failed) or not log_path.exists():
        return False
    return str(log_path) in f"{terminal.message} {terminal.hint}"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def stop_on_interrupt(child: Child) -> Iterator[None]:
    """Let Ctrl-C and terminate stop `child`, the second time by force.

    Terminate counts once within two seconds: Paddle's launcher sends it three times at once.
    Does nothing outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    terminated_s = -math.inf

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        nonlocal terminated_s
        if number == signal.SIGTERM:
            last_s, terminated_s = terminated_s, time.monotonic()
            if terminated_s - last_s < _REPEATED_S:
                return
        child.stop(force=child.stop_requested)

    before = {n: signal.signal(n, ask_to_stop) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
