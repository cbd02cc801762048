"""What a run told before it was stopped: told again, so that one record holds the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medseg_desktop.core.events import Checkpoint, Evaluation, Preview, Step
from medseg_desktop.jobs.record import earlier_events

Told = Step | Evaluation | Preview | Checkpoint


def earlier_curve(run: Path, iteration: int) -> Iterator[Told]:
    """Steps, evaluations, previews and checkpoints of the part before, up to `iteration`.

    What came after the checkpoint that the training goes on from is done again.
    """
    for event in earlier_events(run):
        if isinstance(event, Step | Evaluation | Preview | Checkpoint):
            if event.iteration > iteration:
                return
            yield event
