"""What a run costs and how it stands, in a few figures."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from medseg_desktop.core.run_state import RunState, RunStatus

#: Figures are means over so many of the latest reports, so that they follow but do not dance.
_LATEST = 20


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Attributes:
    device: where it computes; "" before it is known.
    threads: of the processor; 0 where unknown.
    memory_bytes: in use; None where unknown.
    step_s: mean duration of a step in seconds; None where unknown.
    wait_share: share of it spent waiting for data, 0..1; None where unknown.
    remaining_s: estimate until the last step; None where it cannot be told.
    since_best: evaluations after the best one.
    """

    device: str = ""
    threads: int = 0
    memory_bytes: int | None = None
    step_s: float | None = None
    wait_share: float | None = None
    remaining_s: float | None = None
    since_best: int = 0


def run_facts(run: RunState, iterations: int) -> RunFacts:
    """The figures of `run`, planned for `iterations` steps in all (0: unknown)."""
    latest = run.steps[-_LATEST:]
    step_s = _mean([step.step_s for step in latest])
    wait_s = _mean([step.wait_s for step in latest])
    threads = run.details.get("threads")
    return RunFacts(
        device=str(run.details.get("device", "")),
        threads=threads if isinstance(threads, int) else 0,
        memory_bytes=(latest[-1].memory_bytes or None) if latest else None,
        step_s=step_s,
        wait_share=min(1.0, (wait_s or 0.0) / step_s) if step_s else None,
        remaining_s=_remaining_s(run, iterations, step_s),
        since_best=_since_best(run),
    )


def _mean(values: list[float]) -> float | None:
    """The mean of positive ones; None without any."""
    found = [value for value in values if math.isfinite(value) and value > 0]
    return statistics.fmean(found) if found else None


def _remaining_s(run: RunState, iterations: int, step_s: float | None) -> float | None:
    """Steps to come as fast as the latest, evaluations as long as those that were watched."""
    if run.is_over:
        return None
    if step_s is None or not run.steps or iterations <= 0:
        return run.remaining_s
    left = max(0, iterations - run.steps[-1].iteration)
    evaluations = [found.iteration for found in run.evaluations]
    pauses = [b - a for a, b in pairwise([0, *evaluations])]
    if not pauses or pauses[-1] <= 0:
        return left * step_s
    return left * step_s + left / pauses[-1] * _evaluation_s(run)


def _evaluation_s(run: RunState) -> float:
    """Typical duration of an evaluation: from the step before it to its event, in seconds."""
    durations = []
    for found in run.evaluations[-5:]:
        after = bisect_right(run.steps, found.iteration, key=lambda step: step.iteration)
        if after:
            durations.append(found.time - run.steps[after - 1].time)
    return max(0.0, statistics.median(durations)) if durations else 0.0


def _since_best(run: RunState) -> int:
    if run.best is None:
        return len(run.evaluations)
    return sum(found.iteration > run.best.iteration for found in run.evaluations)


def can_pause(run: RunState) -> bool:
    """It is at its steps, where it listens for the word."""
    return (
        run.status is RunStatus.RUNNING and bool(run.steps) and run.phase in ("train", "evaluate")
    )
