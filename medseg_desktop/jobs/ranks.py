"""The launcher: a training on several devices of this computer, one process for each.

It takes the place of the worker that trains by itself: its parent sees one worker, one stream
of events (those of the first process) and one end.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from medseg_desktop.core.errors import Cancelled, JobError, PeerLostError
from medseg_desktop.core.events import TERMINAL, CancelledEvent, Event, Failed, Finished, Started
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.io.child_command import own_command
from medseg_desktop.jobs.protocol import SPEC_FILE
from medseg_desktop.jobs.rank_process import (
    Ended,
    Notices,
    RankProcess,
    Said,
    check_batch_size,
    free_port,
    rank_environment,
    rank_log,
)
from medseg_desktop.jobs.record import Terminal
from medseg_desktop.jobs.worker import JobContext

#: How the orders of the parent are looked at, in seconds.
_LOOK_S = 0.05
#: After a process has died or failed, how long the others may take, in seconds: the first may
#: be packing the best model so far.
_GRACE_S = 20.0
#: After the first has ended.
_LAST_GRACE_S = 5.0


def run_ranks(
    spec: TrainSpec,
    context: JobContext,
    command: Callable[[Path], Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Train in one process for each of `spec.devices`; the handler of such a spec.

    Args:
        command: from the path of the spec to the arguments of a process (for tests).

    Returns:
        The result of the first process.

    Raises:
        Cancelled: all stopped as asked; carries the first one's result.
        JobError: the reason of the process that failed or died first.
    """
    check_batch_size(spec.batch_size, len(spec.devices))
    spec_path = context.work_dir / SPEC_FILE
    make = command or _rank_command
    return _Launcher(spec, context, make(spec_path)).run()


def _rank_command(spec_path: Path) -> list[str]:
    return own_command("worker", str(spec_path), "--rank")


class _Launcher:
    """Starts the processes, passes orders on to all and events of the first to the parent."""

    def __init__(self, spec: TrainSpec, context: JobContext, argv: Sequence[str]) -> None:
        self._devices = spec.devices
        # Our parent has chosen a number for one process; all of them share the cores.
        threads = int(os.environ.get("OMP_NUM_THREADS") or 1)
        self._threads = spec.threads or max(1, threads // len(spec.devices))
        self._context = context
        self._argv = argv
        self._ranks: list[RankProcess] = []
        self._notices: Notices = queue.SimpleQueue()
        self._terminals: dict[int, Terminal] = {}
        self._reason: tuple[int, Failed] | None = None
        self._deadline_s = float("inf")
        self._told_stop = False
        self._told_pause = False

    def run(self) -> dict[str, Any]:
        try:
            self._start()
            while not all(rank.is_gone for rank in self._ranks):
                self._pass_orders()
                self._take_notice()
                if time.monotonic() > self._deadline_s:
                    break
        finally:
            for rank in self._ranks:
                rank.close()
        return self._conclude()

    def _start(self) -> None:
        size, port = len(self._devices), free_port()
        for rank in range(size):
            env = rank_environment(rank, self._devices, port, self._threads, os.environ)
            log = rank_log(self._context.work_dir, rank)
            self._ranks.append(RankProcess(rank, self._argv, env, log, self._notices))

    def _pass_orders(self) -> None:
        context = self._context
        if context.stop_requested:
            if not self._told_stop:
                self._told_stop = True
                self._say("stop")
        elif context.pause_requested is not self._told_pause:
            self._told_pause = context.pause_requested
            self._say("pause" if self._told_pause else "resume")

    def _say(self, word: str) -> None:
        for rank in self._ranks:
            rank.say(word)

    def _take_notice(self) -> None:
        try:
            notice = self._notices.get(timeout=_LOOK_S)
        except queue.Empty:
            return
        if isinstance(notice, Said):
            self._hear(notice.rank, notice.event)
        else:
            self._see_end(notice)

    def _hear(self, rank: int, event: Event) -> None:
        if not isinstance(event, TERMINAL):
            if rank == 0:
                self._relay(event)
            return
        self._terminals[rank] = event
        if isinstance(event, Failed) and event.hint != PeerLostError.HINT:
            self._fail(rank, event)

    def _relay(self, event: Event) -> None:
        if isinstance(event, Started):
            self._context.started(event.details | {"devices": self._devices})
        else:
            self._context.emit(event)

    def _see_end(self, end: Ended) -> None:
        rank = self._ranks[end.rank]
        rank.is_gone = True
        if end.rank not in self._terminals:
            self._fail(end.rank, rank.explain(end.code, self._devices[end.rank]))
        elif isinstance(self._terminals[end.rank], Failed):
            self._end_within(_GRACE_S)
        if end.rank == 0:
            self._end_within(_LAST_GRACE_S)

    def _fail(self, rank: int, reason: Failed) -> None:
        """The first reason counts: others follow from it."""
        if self._reason is None:
            self._reason = (rank, reason)
        self._end_within(_GRACE_S)

    def _end_within(self, seconds: float) -> None:
        self._deadline_s = min(self._deadline_s, time.monotonic() + seconds)

    def _conclude(self) -> dict[str, Any]:
        first = self._terminals.get(0)
        if isinstance(first, Finished):
            return first.result
        if self._reason is not None:
            rank, failed = self._reason
            is_shared = isinstance(first, Failed) and first.message == failed.message
            is_own = rank == 0 or is_shared or rank not in self._terminals
            message = failed.message if is_own else f"Training process {rank}: {failed.message}"
            raise JobError(message, failed.hint)
        if isinstance(first, CancelledEvent):
            raise Cancelled("the training was stopped", first.result)
        if self._told_stop:  # stopped where they did not find each other any more
            raise Cancelled("the training was stopped")
        if isinstance(first, Failed):
            raise JobError(first.message, first.hint)
        raise JobError("The processes of the training ended without a result.")
