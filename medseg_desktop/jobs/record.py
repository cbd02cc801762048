"""The parent's view of a work folder's files: the event record and the end of the log."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

from medseg_desktop.core.events import (
    TERMINAL,
    CancelledEvent,
    Event,
    Failed,
    Finished,
    decode_event,
    encode_event,
)
from medseg_desktop.jobs.protocol import EVENTS_FILE, append_whole

_TAIL_BYTES = 32_768
_TAIL_LINES = 60
_KEPT = re.compile(r"events-(\d+)\.jsonl")

Terminal = Finished | CancelledEvent | Failed


class Record:
    """`events.jsonl` as far as one child writes it; the file may hold earlier runs before."""

    def __init__(self, path: Path, start: int | None = None) -> None:
        """`start`: where this child's part begins, in bytes; None for what is there now."""
        self._path = path
        self._start = file_size(path) if start is None else start

    def terminal(self) -> Terminal | None:
        """The terminal event that the child recorded, also when its pipe was closed."""
        last = _last_event(self._new_bytes())
        return last if isinstance(last, TERMINAL) else None

    def complete(self, terminal: Terminal) -> None:
        """Append `terminal` unless the record ends with a terminal event already.

        Raises:
            OSError: the file cannot be written.
        """
        recorded = self._new_bytes()
        if isinstance(_last_event(recorded), TERMINAL):
            return
        whole = not recorded or recorded.endswith(b"\n")
        with io.FileIO(self._path, "a") as file:
            append_whole(file, (b"" if whole else b"\n") + encode_event(terminal))

    def next_seq(self) -> int:
        """The number after the last recorded one."""
        last = _last_event(self._new_bytes())
        return 0 if last is None else last.seq + 1

    def _new_bytes(self) -> bytes:
        return _read_from(self._path, self._start)


def keep_aside(run: Path) -> None:
    """Rename the record of a run that is to go on: `events.jsonl` -> `events-N.jsonl`.

    The part that follows tells the curve so far again, so `events.jsonl` is always one stream
    with one terminal event.

    Raises:
        OSError: it cannot be renamed.
    """
    record = run / EVENTS_FILE
    if file_size(record):
        number = max(_numbers(run), default=0) + 1
        record.rename(_numbered(run, number))


def earlier_records(run: Path) -> Iterator[list[Event]]:
    """The events of each part that was kept aside, the newest part first; unreadable lines are
    left out."""
    for number in sorted(_numbers(run), reverse=True):
        found: list[Event] = []
        for line in _read_from(_numbered(run, number), 0).splitlines():
            with contextlib.suppress(ValueError):
                found.append(decode_event(line))
        yield found


def _numbered(run: Path, number: int) -> Path:
    return run / f"{Path(EVENTS_FILE).stem}-{number}.jsonl"


def _numbers(run: Path) -> list[int]:
    found = (_KEPT.fullmatch(path.name) for path in run.glob("events-*.jsonl"))
    return [int(match[1]) for match in found if match]


def log_tail(path: Path, start: int) -> list[str]:
    """The last lines of a log after its first `start` bytes; empty where it is unreadable."""
    start = max(start, file_size(path) - _TAIL_BYTES)
    return _read_from(path, start).decode("utf-8", "replace").splitlines()[-_TAIL_LINES:]


def file_size(path: Path) -> int:
    """Size in bytes; 0 where there is no such file."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read_from(path: Path, start: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            # As much as the file holds, not until it ends: a device has no end.
            return file.read(max(0, file_size(path) - start))
    except OSError:
        return b""


def _last_event(recorded: bytes) -> Event | None:
    for line in reversed(recorded.splitlines()):
        try:
            return decode_event(line)
        except ValueError:
            continue  # the torn last line of a process that was killed
    return None
