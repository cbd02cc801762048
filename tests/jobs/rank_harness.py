"""A training in several processes that play a part: `python rank_harness.py SPEC`.

This is the launcher; the processes it starts are `python rank_harness.py SPEC --rank`.  The
spec's `model_name` chooses the part.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from medseg_desktop.core.errors import Cancelled, DataError, PeerLostError
from medseg_desktop.core.events import Checkpoint, Paused
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.jobs import ranks
from medseg_desktop.jobs.rank_process import place_among_processes
from medseg_desktop.jobs.worker import JobContext, run_worker

HARNESS = Path(__file__).resolve()
RANK, SIZE = place_among_processes()


def harness_command(spec_path: Path) -> list[str]:
    return [sys.executable, str(HARNESS), str(spec_path)]


def rank_command(spec_path: Path) -> list[str]:
    return [*harness_command(spec_path), "--rank"]


def loop(job: JobContext, seconds: float = 600) -> None:
    """Work until a stop; tells its process id and each pause in files of its own."""
    end_s = time.monotonic() + seconds
    (job.work_dir / f"pid-{RANK}").write_text(str(os.getpid()))
    job.emit(Checkpoint(iteration=0, best=False))
    while time.monotonic() < end_s:
        if job.stop_requested:
            raise Cancelled(result={"rank": RANK})
        if job.pause_requested:
            (job.work_dir / f"paused-{RANK}").touch()
            job.emit(Paused(iteration=3, paused=True))
            job.wait_while_paused()
            job.emit(Paused(iteration=3, paused=False))
            (job.work_dir / f"resumed-{RANK}").touch()
        time.sleep(0.01)


def ok(job: JobContext) -> dict[str, Any]:
    job.started({"device": "cpu", "rank": RANK})
    for i in range(1, 1001):
        job.progress("train", i, 1000)
    job.log(f"from {RANK}")
    names = ("PADDLE_MASTER", "OMP_NUM_THREADS", "FLAGS_selected_gpus", "MASTER_ADDR")
    return {"rank": RANK, "size": SIZE, "env": {name: os.environ.get(name) for name in names}}


def until_stopped(job: JobContext) -> dict[str, Any]:
    loop(job)
    return {}


def killed(job: JobContext) -> dict[str, Any]:
    """The second is killed; the first notices, the third does not."""
    if RANK == 1:
        print("the last words", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if RANK == 0:
        time.sleep(0.5)
        raise PeerLostError(1)
    loop(job)
    return {}


def first_dies(job: JobContext) -> dict[str, Any]:
    if RANK == 0:
        print("no driver", file=sys.stderr, flush=True)
        os._exit(3)
    loop(job)
    return {}


def second_fails(job: JobContext) -> dict[str, Any]:
    if RANK == 1:
        raise DataError("The slice a.png is damaged.", "Convert again.")
    time.sleep(0.5)
    raise PeerLostError(1)


def all_fail(job: JobContext) -> dict[str, Any]:
    time.sleep(0.3 * (SIZE - RANK))
    raise DataError("The loss is not a number.", "Start again.")


def first_rescues(job: JobContext) -> dict[str, Any]:
    """The second fails; the first takes a moment to keep what there is."""
    if RANK == 1:
        raise DataError("The loss is not a number.", "Start again.")
    time.sleep(0.5)
    (job.work_dir / "kept").touch()
    raise DataError("The loss is not a number.", "Start again.")


def second_hangs(job: JobContext) -> dict[str, Any]:
    """The first finishes, the second never ends."""
    if RANK == 1:
        loop(job)
    return {"rank": RANK}


def lost_only(job: JobContext) -> dict[str, Any]:
    raise PeerLostError


def crossed(job: JobContext) -> dict[str, Any]:
    """A stop that the processes see at different places: they lose each other."""
    if RANK == 1:
        loop(job)
    try:
        loop(job)
    except Cancelled:
        raise PeerLostError(1) from None
    return {}


def deaf(job: JobContext) -> dict[str, Any]:
    """The second neither stops nor ends when its launcher is gone."""
    if RANK == 0:
        loop(job)
    (job.work_dir / f"pid-{RANK}").write_text(str(os.getpid()))
    time.sleep(600)
    return {}


PARTS = {
    part.__name__: part
    for part in (
        ok,
        until_stopped,
        killed,
        first_dies,
        second_fails,
        all_fail,
        first_rescues,
        second_hangs,
        lost_only,
        crossed,
        deaf,
    )
}


def play(spec: TrainSpec, job: JobContext) -> dict[str, Any]:
    return PARTS[spec.model_name](job)


def launch(spec: TrainSpec, job: JobContext) -> dict[str, Any]:
    return ranks.run_ranks(spec, job, rank_command)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    if "--rank" in sys.argv:
        sys.exit(run_worker(path, {"train": play}, is_recorded=False, orphan_s=1.0))
    ranks._GRACE_S, ranks._LAST_GRACE_S = 3.0, 1.0
    sys.exit(run_worker(path, {"train": launch}))
