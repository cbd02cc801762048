"""A running job in one line of text."""

from __future__ import annotations

from medseg_desktop.core.estimate import duration_text
from medseg_desktop.core.run_state import RunState, RunStatus


def describe_progress(run: RunState) -> str:
    """E.g. "train 120 of 400, loss 0.412, Dice 0.610 (best 0.634), 3 min left"."""
    if run.status is RunStatus.STARTING or not run.phase:
        return "starting"
    unit = " MB" if run.phase == "unpack" else ""
    parts = [f"{run.phase} {run.done} of {run.total}{unit}" if run.total else run.phase]
    if run.steps:
        parts.append(f"loss {run.steps[-1].loss:.3f}")
    if run.evaluations and run.evaluations[-1].mean_dice is not None:
        parts.append(f"Dice {run.evaluations[-1].mean_dice:.3f}")
        if run.best and run.best.mean_dice is not None:
            parts[-1] += f" (best {run.best.mean_dice:.3f})"
    if run.remaining_s is not None:
        parts.append(f"{duration_text(run.remaining_s)} left")
    return ", ".join(parts)
