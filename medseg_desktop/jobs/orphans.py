"""Workers whose program was killed: they save, which takes a moment, and must be left to it."""

from __future__ import annotations

import time
from pathlib import Path

from medseg_desktop.core.events import TERMINAL, Started, decode_event
from medseg_desktop.io.job_input import Context
from medseg_desktop.jobs.process_group import is_running
from medseg_desktop.jobs.protocol import EVENTS_FILE

#: Nobody saves for so long; the number of the process may be another one's by now.
_LONGEST_S = 90.0
_LOOK_AGAIN_S = 0.2


def wait_for_orphan(run: Path, context: Context) -> None:
    """Return when no worker is at this run folder any more.

    Raises:
        Cancelled: nobody waits for it any more.
    """
    end_s = time.monotonic() + _LONGEST_S
    while (pid := _unfinished(run / EVENTS_FILE)) and time.monotonic() < end_s:
        if not is_running(pid):
            return
        context.check()
        context.progress("wait", 0, 0)
        time.sleep(_LOOK_AGAIN_S)


def _unfinished(events: Path) -> int:
    """The process that has begun this record and not ended it; 0 for none."""
    pid = 0
    try:
        with events.open("rb") as file:
            for line in file:
                if b'"started"' not in line and not _may_end(line):
                    continue
                try:
                    event = decode_event(line)
                except ValueError:
                    continue
                if isinstance(event, Started):
                    pid = event.pid
                elif isinstance(event, TERMINAL):
                    pid = 0
    except OSError:
        return 0
    return pid


def _may_end(line: bytes) -> bool:
    return b'"finished"' in line or b'"cancelled"' in line or b'"failed"' in line
