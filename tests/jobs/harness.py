"""The real worker harness with handlers that misbehave: `python harness.py SPEC`.

The spec's `model_name` chooses the part.  `python harness.py parent SPEC` is a parent that
starts such a worker and then just waits, to be killed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from medseg_desktop.core.errors import Cancelled, DataError
from medseg_desktop.core.events import Finished
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.jobs.worker import JobContext, run_worker

HARNESS = Path(__file__).resolve()


def harness_command(spec_path: Path) -> list[str]:
    return [sys.executable, str(HARNESS), str(spec_path)]


def ok(job: JobContext) -> dict[str, Any]:
    job.started({"device": "cpu"})
    for i in range(1, 1001):
        job.progress("train", i, 1000)
    return {"where": job.work_dir, "stopped": job.stop_requested}


def wordless(job: JobContext) -> dict[str, Any]:
    return {}


def late_details(job: JobContext) -> dict[str, Any]:
    job.log("first")
    job.started({"device": "cpu"})
    return {}


def prints(job: JobContext) -> dict[str, Any]:
    print("printed by Python")
    os.write(1, b"printed by C\n")
    subprocess.run([sys.executable, "-c", "print('printed by a child')"], check=True)
    return {"stdin": sys.stdin.read()}


def until_stopped(job: JobContext) -> dict[str, Any]:
    for i in range(1_000_000):
        job.progress("train", i)
        try:
            job.check()
        except Cancelled:
            raise Cancelled(result={"saved": True}) from None
        time.sleep(0.005)
    return {}


def data_error(job: JobContext) -> dict[str, Any]:
    raise DataError("The dataset holds no lesion.", "Annotate some slices first.")


def disk_full(job: JobContext) -> dict[str, Any]:
    raise OSError(errno.ENOSPC, "No space left on device", "/data/best.npz")


def memory(job: JobContext) -> dict[str, Any]:
    raise MemoryError


def native_memory(job: JobContext) -> dict[str, Any]:
    raise RuntimeError("ResourceExhaustedError: Out of memory error on GPU 0.")


def no_paddle(job: JobContext) -> dict[str, Any]:
    raise ModuleNotFoundError("No module named 'paddle.nn'", name="paddle.nn")


def defect(job: JobContext) -> dict[str, Any]:
    raise KeyError("secret")


def library_exit(job: JobContext) -> dict[str, Any]:
    sys.exit("the library gave up")


def bad_result(job: JobContext) -> dict[str, Any]:
    return {"function": ok}


def early_end(job: JobContext) -> dict[str, Any]:
    job.emit(Finished(result={"first": True}))
    job.log("after the end")
    return {"second": True}


def full_record(job: JobContext) -> dict[str, Any]:
    """The record fails in a helper thread, whose exception nobody sees."""
    thread = threading.Thread(target=lambda: _quietly(job))
    thread.start()
    thread.join()
    return {}


def _quietly(job: JobContext) -> None:
    try:
        job.log("this does not fit")
    except Exception:  # what a thread pool does
        return


PARTS = {
    part.__name__: part
    for part in (
        ok,
        wordless,
        late_details,
        prints,
        until_stopped,
        data_error,
        disk_full,
        memory,
        native_memory,
        no_paddle,
        defect,
        library_exit,
        bad_result,
        early_end,
        full_record,
    )
}


def train(spec: TrainSpec, job: JobContext) -> dict[str, Any]:
    return PARTS[spec.model_name](job)


def be_a_parent(spec_path: Path) -> None:
    """Start a worker as `Child` does, tell its process id, and wait for ever."""
    from medseg_desktop.core.specs import decode_spec
    from medseg_desktop.jobs.child import Child

    spec = decode_spec(spec_path.read_bytes())
    child = Child(spec, work_dir=spec_path.parent, command=harness_command(spec_path))
    for _ in child.events():
        print(child.pid, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "parent":
        be_a_parent(Path(sys.argv[2]))
    else:
        with contextlib.suppress(BrokenPipeError):
            print("printed before the harness", flush=True)
        handlers = {} if "--no-handlers" in sys.argv else {"train": train}
        sys.exit(run_worker(Path(sys.argv[1]), handlers))
