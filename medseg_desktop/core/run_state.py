"""What is known of a running or finished job: a pure fold over its events.

The window, the command line and a reopened run folder all use `reduce`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from medseg_desktop.core.events import (
    CancelledEvent,
    Checkpoint,
    Evaluation,
    Event,
    Failed,
    Finished,
    Log,
    Paused,
    Preview,
    Progress,
    Started,
    Step,
)

_LOG_LINES = 500


class RunStatus(StrEnum):
    """Where a job stands."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunState:
    """Everything a front end shows of a job.

    Attributes:
        steps, evaluations, previews: in order of iteration, for the plots and the replay.
        phase_started_done: what was done already when the current phase began, or went on.
        paused_s: how long the current phase has been at a halt, in seconds.
        best: the evaluation with the highest mean patient Dice so far.
        started_time, last_time: Unix time in seconds.
        result: of a finished or cancelled job.
    """

    status: RunStatus = RunStatus.STARTING
    kind: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    phase: str = ""
    done: int = 0
    total: int = 0
    phase_started_time: float = 0.0
    phase_started_done: int = 0
    paused_s: float = 0.0
    paused_time: float = 0.0
    steps: tuple[Step, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    previews: tuple[Preview, ...] = ()
    best: Evaluation | None = None
    log: tuple[str, ...] = ()
    started_time: float = 0.0
    last_time: float = 0.0
    result: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    hint: str = ""

    @property
    def is_over(self) -> bool:
        """A terminal event has arrived."""
        return self.status in (RunStatus.FINISHED, RunStatus.CANCELLED, RunStatus.FAILED)

    @property
    def remaining_s(self) -> float | None:
        """Estimated seconds left in the current phase; None before it can be told."""
        elapsed_s = self.last_time - self.phase_started_time - self.paused_s
        done = self.done - self.phase_started_done
        if done <= 0 or self.total <= 0 or elapsed_s < 1.0:
            return None
        return elapsed_s * max(0, self.total - self.done) / done


def fold(events: Iterable[Event], run: RunState | None = None) -> RunState:
    """The state after many events: what `reduce` gives one by one, in a time that is linear."""
    run = run or RunState()
    steps: list[Step] = []
    last_time = run.last_time
    for event in events:
        if run.is_over:
            break
        last_time = event.time
        if isinstance(event, Step):
            steps.append(event)
        else:
            run = reduce(run, event)
    return replace(run, steps=(*run.steps, *steps), last_time=last_time)


def reduce(run: RunState, event: Event) -> RunState:
    """The state after one more event; events after a terminal one change nothing."""
    if run.is_over:
        return run
    run = replace(run, last_time=event.time)
    match event:
        case Started():
            return replace(
                run,
                status=RunStatus.RUNNING,
                kind=event.kind,
                details=event.details,
                started_time=event.time,
                phase_started_time=event.time,
            )
        case Progress():
            # A phase that counts from the start again (each validation) is timed again.
            goes_on = event.phase == run.phase and event.done >= run.done
            # What a continued training had done before says nothing about its speed now.
            begun = run.phase_started_time if goes_on else event.time
            begun_done = run.phase_started_done if goes_on else event.done
            return replace(
                run,
                phase=event.phase,
                done=event.done,
                total=event.total,
                phase_started_time=begun,
                phase_started_done=begun_done,
                paused_s=run.paused_s if goes_on else 0.0,
            )
        case Step():
            return replace(run, steps=(*run.steps, event))
        case Evaluation():
            return replace(
                run, evaluations=(*run.evaluations, event), best=_better(run.best, event)
            )
        case Preview():
            return replace(run, previews=(*run.previews, event))
        case Paused():
            return _paused(run, event)
        case Checkpoint():
            return run
        case Log():
            return replace(run, log=(*run.log, event.message)[-_LOG_LINES:])
        case Finished():
            return replace(run, status=RunStatus.FINISHED, result=event.result)
        case CancelledEvent():
            return replace(run, status=RunStatus.CANCELLED, result=event.result)
        case Failed():
            return replace(run, status=RunStatus.FAILED, message=event.message, hint=event.hint)


def _paused(run: RunState, event: Paused) -> RunState:
    if event.paused:
        return replace(run, status=RunStatus.PAUSED, paused_time=event.time)
    if run.status is not RunStatus.PAUSED:
        return run
    waited_s = max(0.0, event.time - run.paused_time)
    return replace(run, status=RunStatus.RUNNING, paused_s=run.paused_s + waited_s)


def _better(best: Evaluation | None, new: Evaluation) -> Evaluation | None:
    if new.mean_dice is None or math.isnan(new.mean_dice):
        return best
    if best is None or best.mean_dice is None or new.mean_dice > best.mean_dice:
        return new
    return best
