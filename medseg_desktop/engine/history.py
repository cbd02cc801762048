"""What a run told before it was stopped: told again, so that one record holds the whole run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from medseg_desktop.core.events import Checkpoint, Evaluation, Event, Preview, Step
from medseg_desktop.jobs.record import earlier_records

Told = Step | Evaluation | Preview | Checkpoint


def earlier_curve(run: Path, iteration: int) -> list[Told]:
    """Steps, evaluations, previews and checkpoints of the parts before, up to `iteration`.

    What came after the checkpoint that the training goes on from is done again.  A part that
    ended before it had told the curve again does not count; the part before it has it.
    """
    best: list[Told] = []
    reached = 0
    for events in earlier_records(run):
        told = list(_up_to(events, iteration))
        last = max((event.iteration for event in told), default=0)
        if last > reached:
            best, reached = told, last
        if reached == iteration:
            break
    return best


def _up_to(events: Iterable[Event], iteration: int) -> Iterator[Told]:
    for event in events:
        if isinstance(event, Step | Evaluation | Preview | Checkpoint):
            if event.iteration > iteration:
                return
            yield event
