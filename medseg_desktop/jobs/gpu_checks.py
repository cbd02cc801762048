"""Can this machine's GPU train?  Asked in a child process, for a driver may crash or hang."""

from __future__ import annotations

import threading
from typing import Any

from medseg_desktop.core.run_state import RunState, RunStatus, reduce
from medseg_desktop.core.specs import GpuCheckSpec
from medseg_desktop.jobs.check import Check, State
from medseg_desktop.jobs.child import Child
from medseg_desktop.jobs.record import log_tail
from medseg_desktop.jobs.run import stop_on_interrupt, temporary_work_dir

_NAME = "GPU"
_LIMIT_S = 300.0
_GB = 1e9
_CPU_HINT = "Trainings run on the processor meanwhile (device cpu)."


def check_gpu(
    interpreter: str = "",
    threads: int = 0,
    *,
    limit_s: float = _LIMIT_S,
    command: list[str] | None = None,
) -> tuple[Check, dict[str, Any]]:
    """The verdict in words, and everything that was measured (see `engine.measuring.gpu_check`).

    Args:
        interpreter: the training interpreter; "" for our own.
        limit_s: after so many seconds the child is ended.
        command: run this instead of the worker (for tests).
    """
    with temporary_work_dir() as folder:
        child = Child(
            GpuCheckSpec(),
            work_dir=folder,
            interpreter=interpreter or None,
            threads=threads,
            command=command,
        )
        run, is_late = _run(child, limit_s)
        measured = {**run.result, "log": log_tail(child.log_path, 0)}
    if is_late and run.status is not RunStatus.FINISHED:
        phase = f" while it was at: {run.phase}" if run.phase else ""
        return Check(
            _NAME,
            State.BAD,
            f"The check of the GPU did not end within {limit_s:.0f} seconds{phase}.",
            f"Restart the computer and update the GPU's driver. {_CPU_HINT}",
        ), measured
    if run.status is not RunStatus.FINISHED:
        message = run.message or "The check of the GPU was stopped."
        return Check(_NAME, State.BAD, message, run.hint), measured
    return verdict(run.result), measured


def _run(child: Child, limit_s: float) -> tuple[RunState, bool]:
    """The final state, and whether the time was up."""
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        child.stop(force=True)

    timer = threading.Timer(limit_s, end)
    timer.daemon = True
    run = RunState()
    with stop_on_interrupt(child), child:
        timer.start()
        try:
            for event in child.events():
                run = reduce(run, event)
        finally:
            timer.cancel()
            timer.join()
    return run, is_late.is_set()


def verdict(found: dict[str, Any]) -> Check:
    """What the result of the job `gpu_check` means, and what to do."""
    if "reason" in found:
        state = State.BAD if found["is_mendable"] else State.CAUTION
        return Check(
            _NAME, state, f"There is no GPU to train on: {found['reason']}.", found["cure"]
        )
    gpu = f"{found['name']} with {found['memory_bytes'] / _GB:.0f} GB"
    if "error" in found:
        return Check(
            _NAME,
            State.BAD,
            f"{gpu} cannot train: {found['error'].rstrip('.')}.",
            "Install a paddlepaddle-gpu that fits the GPU and its driver (the message above "
            f"says what does not fit). {_CPU_HINT}",
        )
    if not found["usable"]:
        return Check(_NAME, State.BAD, f"{gpu} {_deviation(found)}", _CPU_HINT)
    ratio, step_s = found["speed_ratio"], found["gpu"]["step_s"]
    message = (
        f"{gpu} can train, in {found['precision']}: a step takes {step_s * 1000:.0f} ms, "
        f"{ratio:.1f} x as fast as the processor, with {found['peak_memory_bytes'] / _GB:.1f} GB; "
        f"the losses agree within {found['difference']:.1%}."
    )
    if ratio < 1:
        return Check(_NAME, State.CAUTION, message, "Train on the processor: choose device cpu.")
    return Check(_NAME, State.OK, message)


def _deviation(found: dict[str, Any]) -> str:
    if found["difference"] is None:
        return "calculates losses that are no numbers."
    return (
        f"calculates other losses than the processor: {found['difference']:.1%} apart, and "
        f"{found['tolerance']:.0%} is allowed in {found['precision']}."
    )
