"""The check of the GPU from outside: whatever its child does, there is a verdict."""

from __future__ import annotations

import sys

from medseg_desktop.jobs.check import State
from medseg_desktop.jobs.gpu_checks import check_gpu, verdict
from tests.fake_worker import fake_command

GOOD = {
    "usable": True, "name": "RTX", "memory_bytes": 24 * 10**9, "precision": "bfloat16",
    "peak_memory_bytes": 2_100_000_000, "difference": 0.004, "tolerance": 0.02,
    "gpu": {"losses": [1.0], "step_s": 0.025}, "processor": {"losses": [1.0], "step_s": 1.5},
    "speed_ratio": 60.0,
}  # fmt: skip


def test_a_good_gpu_is_told_with_its_figures() -> None:
    check = verdict(GOOD)
    assert check.status is State.OK
    assert check.message == (
        "RTX with 24 GB can train, in bfloat16: a step takes 25 ms, 60.0 x as fast as the "
        "processor, with 2.1 GB; the losses agree within 0.4%."
    )
    assert check.cure == ""


def test_a_slow_gpu_is_told_to_be_left_alone() -> None:
    check = verdict({**GOOD, "speed_ratio": 0.7})
    assert check.status is State.CAUTION
    assert "device cpu" in check.cure


def test_losses_that_are_no_numbers_are_bad() -> None:
    check = verdict({**GOOD, "usable": False, "difference": None})
    assert check.status is State.BAD
    assert "no numbers" in check.message


def test_a_check_that_hangs_is_ended() -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    check, _ = check_gpu(limit_s=0.5, command=command)
    assert check.status is State.BAD
    assert "did not end within" in check.message
    assert "driver" in check.cure


def test_a_driver_that_crashes_the_child_is_a_finding() -> None:
    check, measured = check_gpu(command=fake_command("crash"))
    assert check.status is State.BAD
    assert "crashed" in check.message
    assert isinstance(measured["log"], list)
