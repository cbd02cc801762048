"""A training without dropout, alone or in several processes: `python two_processes.py SPEC`.

Dropout draws other numbers in each process, so no two worlds have it alike; everything else,
the synchronised batch norm too, is as in any training.  Packing the model leaves
a file `packed` in its place.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.jobs.rank_process import place_among_processes
from medseg_desktop.jobs.ranks import run_ranks
from medseg_desktop.jobs.worker import JobContext, run_worker

SCRIPT = Path(__file__).resolve()


def command(spec_path: Path) -> list[str]:
    return [sys.executable, str(SCRIPT), str(spec_path)]


def train(spec: TrainSpec, context: JobContext) -> dict[str, Any]:
    from medseg_desktop.engine import training
    from medseg_desktop.engine.backend import paddle
    from medseg_desktop.engine.networks import network

    build = network.build_network
    rank, _ = place_among_processes()

    def build_without_dropout(*args: Any, **options: Any) -> Any:
        layer = build(*args, **options)
        for part in layer.sublayers():
            if isinstance(part, paddle.nn.Dropout):
                part.p = 0.0
        return layer

    network.build_network = build_without_dropout
    training._Job._pack = note_packing  # type: ignore[method-assign]
    if spec.model_name == "other options" and rank == 1:
        spec = TrainSpec(**{**{f: getattr(spec, f) for f in spec.__struct_fields__}, "seed": 77})
    if spec.model_name == "second dies" and rank == 1:
        die_at_step(3)
    return training.run_training(spec, context)


def note_packing(job: Any, *args: Any) -> None:
    (Path(job.spec.run) / "packed").touch()


def die_at_step(iteration: int) -> None:
    """Be killed in the middle of a step, as by the system when memory is short."""
    from medseg_desktop.engine import step

    real = step.head_losses
    calls = []

    def head_losses(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == iteration:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)

    step.head_losses = head_losses


if __name__ == "__main__":
    path = Path(sys.argv[1])
    if "--rank" in sys.argv:
        sys.exit(run_worker(path, {"train": train}, is_recorded=False))

    def handle(spec: TrainSpec, context: JobContext) -> dict[str, Any]:
        if len(spec.devices) > 1:
            return run_ranks(spec, context, lambda p: [*command(p), "--rank"])
        return train(spec, context)

    sys.exit(run_worker(path, {"train": handle}))
