"""What the commands print: progress and warnings on stderr, results on stdout."""

from __future__ import annotations

from typing import Any

from medseg_desktop.cli.console import ProgressLine, print_json, table, warn
from medseg_desktop.cli.run_text import describe_progress
from medseg_desktop.core.errors import Cancelled, JobError
from medseg_desktop.core.events import Evaluation, Event, Log
from medseg_desktop.core.run_state import RunState, RunStatus

__all__ = ["JobPrinter", "ProgressLine", "print_json", "result_of", "table", "warn"]


class JobPrinter:
    """Prints the events of a job; pass `on_event` to `jobs.run.run_job`."""

    def __init__(self) -> None:
        self._line = ProgressLine()

    def on_event(self, event: Event, run: RunState) -> None:
        if isinstance(event, Log):
            self._line.line(event.message)
        elif isinstance(event, Evaluation) and event.mean_dice is not None:
            self._line.show(f"step {event.iteration}: validation Dice {event.mean_dice:.3f}")
        elif run.is_over:
            self._line.clear()
        else:
            self._line.show(describe_progress(run))


def result_of(run: RunState) -> dict[str, Any]:
    """The result of a job that ended well.

    Raises:
        JobError: it failed; the sentence is the job's own.
        Cancelled: it was stopped.
    """
    if run.status is RunStatus.CANCELLED:
        raise Cancelled
    if run.status is RunStatus.FAILED:
        raise JobError(run.message, run.hint)
    return run.result
