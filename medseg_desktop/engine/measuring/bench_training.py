"""The job `bench_training`: how long a step takes, beside the bare step.

A real step waits for its batch, learns, and takes the weights into their average, as in a
training; a bare one learns from one constant batch.  Blocks of real and of bare steps take
turns, in the order A B B A, so that a machine that grows slower meanwhile slows both alike.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any, Protocol

from medseg_desktop.core.specs import BenchTrainingSpec
from medseg_desktop.engine.averaging import WeightAverage
from medseg_desktop.engine.backend import paddle, quiet
from medseg_desktop.engine.device import Device, LossTrace, choose_device
from medseg_desktop.engine.feed import Feed, is_resident, open_feed
from medseg_desktop.engine.measuring.bench_setup import bench_average, bench_data, bench_step

#: Steps of a block that count.
_BLOCK = 4
#: Steps before them: as many batches lie ready when a block of real steps begins.
_SETTLING = 2


class Context(Protocol):
    """What of a job's context is used here."""

    def check(self) -> None: ...
    def progress(self, phase: str, done: int, total: int = 0) -> None: ...


@dataclass(slots=True)
class Times:
    """Seconds a step, one number for each block of one kind of steps."""

    wall_s: list[float] = field(default_factory=list)
    processor_s: list[float] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)


def run_bench_training(spec: BenchTrainingSpec, context: Any) -> dict[str, Any]:
    """Measure training steps on a generated dataset.

    Returns:
        step_s, bare_step_s: median duration of a real and of a bare step.
        ratio: median over neighbouring blocks of real / bare; not quite step_s / bare_step_s.
        wait_s, wait_share: of a real step, waiting for its batch.
        batch_s: time of one thread to make a batch.
        processor_s, bare_processor_s: time of all threads of the process in a step; where
            other programs take turns on the cores, these tell more than the durations.
        slices_on_device: they lie in the memory of the GPU, and batches are made there.
        peak_memory_bytes, threads, device, size, batch_size, preset, steps, slices, loss.

    Raises:
        JobError: there is no such device.
        Cancelled: stopped by the user.
    """
    with quiet():
        device = choose_device(spec.device)
        context.started({"device": str(device)})
        context.progress("prepare", 0, 0)
        data = bench_data(
            context.work_dir, preset=spec.preset, batch_size=spec.batch_size, size=spec.size
        )
        network, step = bench_step(spec.architecture, data, device)
        blocks = -(-spec.steps // _BLOCK)
        count = blocks * (min(_BLOCK, spec.steps) + _SETTLING)
        with open_feed(data.source, device, 1, count + 1) as feed:
            average = bench_average(spec.architecture, data, network)
            measured = _Bench(step, feed, device, context, average)
            real, bare = measured.run(blocks, min(_BLOCK, spec.steps))
        batch_s = _batch_seconds(data.source.batch)
    return {
        "device": {
            "kind": device.kind,
            "name": device.name,
            "precision": device.precision,
            "memory_bytes": device.memory_bytes,
        },
        "threads": int(os.environ.get("OMP_NUM_THREADS") or 0),
        "size": spec.size,
        "batch_size": spec.batch_size,
        "preset": spec.preset,
        "steps": blocks * min(_BLOCK, spec.steps),
        "slices": data.slices,
        "slices_on_device": is_resident(data.source, device),
        "step_s": median(real.wall_s),
        "bare_step_s": median(bare.wall_s),
        "ratio": median(a / b for a, b in zip(real.wall_s, bare.wall_s, strict=True)),
        "wait_s": fmean(real.waited_s),
        "wait_share": fmean(real.waited_s) / fmean(real.wall_s),
        "batch_s": batch_s,
        "processor_s": median(real.processor_s),
        "bare_processor_s": median(bare.processor_s),
        "peak_memory_bytes": device.peak_memory(),
        "loss": measured.loss,
    }


def _batch_seconds(make: Callable[[int], object]) -> float:
    """Time of this thread to make one batch, in seconds."""
    make(1)
    begun_s = time.thread_time()
    for iteration in range(2, 6):
        make(iteration)
    return (time.thread_time() - begun_s) / 4


class _Bench:
    """Runs the blocks.

    Attributes:
        loss: of the last real step.
    """

    def __init__(
        self,
        step: Callable[..., list[Any]],
        feed: Feed,
        device: Device,
        context: Context,
        average: WeightAverage | None,
    ) -> None:
        self.loss = float("nan")
        self._step = step
        self._feed = feed
        self._device = device
        self._context = context
        self._average = average
        self._constant = feed.take()
        self._trace = LossTrace()
        self._done = self._total = 0

    def run(self, blocks: int, size: int) -> tuple[Times, Times]:
        """`blocks` blocks of each kind, with `size` steps that count in each."""
        real, bare = Times(), Times()
        self._total = blocks * 2 * (size + _SETTLING)
        for number in range(blocks):
            if number % 2 == 0:
                self._block(self._real, size, real)
                self._block(self._bare, size, bare)
            else:
                self._block(self._bare, size, bare)
                self._block(self._real, size, real)
        return real, bare

    def _real(self) -> None:
        paddle.seed(self._done)
        self._trace.add(self._step(*self._feed.take()))
        if self._average is not None:
            self._average.update(self._done)

    def _bare(self) -> None:
        self._trace.add(self._step(*self._constant))

    def _block(self, step: Callable[[], None], size: int, times: Times) -> None:
        self._steps(step, _SETTLING)
        waited_s = self._feed.waited_s
        processor_s, begun_s = time.process_time(), time.perf_counter()
        self._steps(step, size)
        times.wall_s.append((time.perf_counter() - begun_s) / size)
        times.processor_s.append((time.process_time() - processor_s) / size)
        times.waited_s.append((self._feed.waited_s - waited_s) / size)

    def _steps(self, step: Callable[[], None], count: int) -> None:
        """Steps as a training does them, with one look at the losses at the end."""
        for _ in range(count):
            self._context.check()
            step()
            self._done += 1
            self._context.progress("measure", self._done, self._total)
        rows = self._trace.fetch()
        self._device.synchronise()
        if step == self._real:
            self.loss = rows[-1][0]
