"""Speed of a training step, beside the same step on a constant batch.

The test command runs it once at a tiny size, so that it keeps working; to measure:
uv run pytest tests/benchmarks/test_training.py --benchmark-enable
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from medseg_desktop.cli.bench_training import training_text
from medseg_desktop.core.specs import BenchTrainingSpec
from medseg_desktop.engine.measuring.bench_training import run_bench_training

_TINY = BenchTrainingSpec(device="cpu", size=64, batch_size=2, steps=2)
_USUAL = BenchTrainingSpec(steps=12)


class Context:
    """What the job uses of its surroundings."""

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir
        self.done: list[int] = []

    def check(self) -> None:
        pass

    def started(self, details: dict[str, Any]) -> None:
        self.device = details["device"]

    def progress(self, phase: str, done: int, total: int = 0) -> None:
        if phase == "measure":
            assert done <= total
            self.done.append(done)


def test_steps_of_a_training(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    benchmark.group = "training"
    spec = _TINY if benchmark.disabled else _USUAL
    context = Context(tmp_path)
    measured: dict[str, Any] = benchmark.pedantic(run_bench_training, (spec, context), rounds=1)
    benchmark.extra_info.update(measured)
    text = training_text(measured)
    print(text)
    assert context.done == [*range(1, len(context.done) + 1)]
    assert measured["steps"] == spec.steps
    assert 0 <= measured["wait_s"] <= measured["step_s"]
    assert 0 <= measured["wait_share"] <= 1
    assert measured["bare_step_s"] > 0
    assert measured["batch_s"] > 0
    assert measured["peak_memory_bytes"] > 10**8
    assert measured["loss"] == measured["loss"]  # a number
    assert "waiting for data" in text
    if not benchmark.disabled:  # a tiny step is nothing beside its surroundings
        assert measured["wait_share"] < 0.02
