"""`doctor --gpu` in the child.  Only the answer of the machine is faked: its GPU is the
processor, so both must calculate the same."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.core.specs import GpuCheckSpec
from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.device import Device
from medseg_desktop.engine.gpu_facts import GpuFacts
from medseg_desktop.engine.measuring import gpu_check
from medseg_desktop.engine.measuring.gpu_check import run_gpu_check
from medseg_desktop.jobs.check import State
from medseg_desktop.jobs.gpu_checks import verdict

FAKE = GpuFacts(
    is_compiled=True,
    count=1,
    place="cpu",
    name="RTX",
    memory_bytes=24 * 10**9,
    capability=(8, 9),
    has_hardware=True,
)
SPEC = GpuCheckSpec(size=64, batch_size=2)


class Context:
    """What the job uses of its surroundings."""

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir
        self.phases: list[str] = []

    def check(self) -> None:
        pass

    def progress(self, phase: str, done: int, total: int = 0) -> None:
        self.phases.append(phase)


def check(monkeypatch: pytest.MonkeyPatch, folder: Path, facts: GpuFacts) -> dict[str, Any]:
    monkeypatch.setattr(gpu_check, "query_gpu", lambda: facts)
    return run_gpu_check(SPEC, Context(folder))


def test_the_same_steps_are_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = check(monkeypatch, tmp_path, FAKE)
    assert len(found["gpu"]["losses"]) == 5
    assert found["gpu"]["losses"] == found["processor"]["losses"]
    assert found["difference"] == 0
    assert found["usable"] is True
    assert found["precision"] == "bfloat16"
    assert found["peak_memory_bytes"] > 0
    assert found["speed_ratio"] > 0
    told = verdict(found)
    assert told.status in (State.OK, State.CAUTION)  # as fast as itself, more or less
    assert "RTX with 24 GB can train, in bfloat16" in told.message


def test_a_gpu_that_does_not_learn_is_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = Device.backward_and_step

    def step(self: Device, loss: Any, optimiser: Any) -> None:
        if self.kind == "cpu":
            real(self, loss, optimiser)

    monkeypatch.setattr(Device, "backward_and_step", step)
    found = check(monkeypatch, tmp_path, FAKE)
    assert found["usable"] is False
    assert found["difference"] > found["tolerance"]
    told = verdict(found)
    assert told.status is State.BAD
    assert "calculates other losses than the processor" in told.message


def test_what_the_driver_says_is_the_finding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken() -> None:
        raise OSError("(External) CUDA error(209)\n  no kernel image is available.\n")

    monkeypatch.setattr(paddle.utils, "run_check", broken)
    found = check(monkeypatch, tmp_path, FAKE)
    assert found["usable"] is False
    told = verdict(found)
    assert told.status is State.BAD
    assert told.message == "RTX with 24 GB cannot train: no kernel image is available."


def test_without_a_gpu_nothing_is_trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = check(monkeypatch, tmp_path, GpuFacts())
    assert (found["usable"], found["is_mendable"]) == (False, False)
    assert verdict(found).status is State.CAUTION
    assert list(tmp_path.iterdir()) == []
    mendable = check(monkeypatch, tmp_path, dataclasses.replace(FAKE, is_compiled=False, count=0))
    told = verdict(mendable)
    assert told.status is State.BAD
    assert "version for processors only" in told.message
    assert "paddlepaddle-gpu" in told.cure
