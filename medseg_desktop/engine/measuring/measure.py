"""The job `measure`: what a training would see, and how long and how large it would be.

Importing this module does not import Paddle, and a measurement of no steps needs none.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from medseg_desktop.core.errors import Cancelled
from medseg_desktop.core.estimate import memory_bytes, slice_bytes, total_seconds
from medseg_desktop.core.measurement import SMALLEST_BATCH, USABLE, Line, Measurement, fitting_batch
from medseg_desktop.core.preprocessing import denormalise
from medseg_desktop.core.sample_sheet import sample_sheet
from medseg_desktop.core.specs import MeasureSpec, TrainSpec
from medseg_desktop.engine.data import Batch, BatchSource, batch_source, load_samples
from medseg_desktop.engine.recipe import intervals_of, recipe_of
from medseg_desktop.io.dataset import Dataset, read_dataset
from medseg_desktop.io.png import write_png
from medseg_desktop.io.preflight import check_training

if TYPE_CHECKING:
    from paddle import Tensor

    from medseg_desktop.engine.averaging import WeightAverage
    from medseg_desktop.jobs.worker import JobContext

#: Slices on the sheet: at least as many, and at most.
_FEWEST, _MOST = 8, 16
#: Exporting and checking the model at the end, in seconds.
_EXPORT_S = 8.0
#: The rough estimate of the memory may be wrong by this factor.
_DOUBT = 1.5


def run_measurement(spec: MeasureSpec, context: JobContext) -> dict[str, Any]:
    """Write the sheet of samples, then measure.

    Returns:
        sheet: its path or ""; measured: the fields of `core.measurement.Measurement`, or None
        where no steps were asked for.

    Raises:
        DataError, JobError, WorkspaceError: what went wrong.
        Cancelled: stopped; the result has the sheet, if it was written.
    """
    begun_s = time.monotonic()
    train = spec.train
    dataset = read_dataset(Path(train.dataset))
    check_training(dataset, train).require()
    source = _source(dataset, train, context)
    result: dict[str, Any] = {"sheet": "", "measured": None}
    if spec.sheet:
        context.progress("sheet", 0, 1)
        _write_sheet(Path(spec.sheet), dataset, train, source)
        result["sheet"] = spec.sheet
        context.progress("sheet", 1, 1)
    if not spec.steps:
        return result
    context.progress("measure", 0, 0)
    from medseg_desktop.engine.backend import quiet

    with quiet():
        meter = _Meter(spec, context, dataset, source, begun_s)
        try:
            result["measured"] = msgspec.to_builtins(meter.run())
        except Cancelled as stopped:
            raise Cancelled("the measurement was stopped", result) from stopped
    return result


def _source(dataset: Dataset, train: TrainSpec, context: JobContext) -> BatchSource:
    """The batches of the training."""

    def on_slice(done: int, total: int) -> None:
        if context.stop_requested:
            raise Cancelled("the measurement was stopped", {"sheet": "", "measured": None})
        context.progress("prepare", done, total)

    return batch_source(dataset, train, load_samples(dataset, ("train",), on_slice)["train"])


def _write_sheet(path: Path, dataset: Dataset, train: TrainSpec, source: BatchSource) -> None:
    """The first slices of the training, exactly as the network gets them."""
    samples = []
    how = dataset.manifest.preprocessing
    for iteration in range(1, -(-_FEWEST // train.batch_size) + 1):
        images, labels = source.batch(iteration)
        for image, label_map in zip(images, labels, strict=True):
            samples.append((denormalise(image[0], how), label_map[0].astype(np.uint8)))
    write_png(path, sample_sheet(samples[:_MOST], dataset.manifest.table))


@dataclass(slots=True)
class _Meter:
    """Measures a few steps of a training in this process."""

    spec: MeasureSpec
    context: JobContext
    dataset: Dataset
    source: BatchSource
    begun_s: float
    device: Any = None
    network: Any = None
    step: Any = None
    average: WeightAverage | None = None
    durations_s: dict[int, float] = field(default_factory=dict)
    peaks: dict[int, int] = field(default_factory=dict)
    cores_used: float = 0.0
    done: int = 0
    total: int = 0

    def run(self) -> Measurement:
        from medseg_desktop.engine.averaging import WeightAverage
        from medseg_desktop.engine.backend import paddle
        from medseg_desktop.engine.device import choose_device
        from medseg_desktop.engine.networks.network import build_network
        from medseg_desktop.engine.step import TrainingStep
        from medseg_desktop.engine.trainer import make_optimiser

        train = self.spec.train
        self.device = choose_device(train.device)
        paddle.seed(train.seed)
        table = self.dataset.manifest.table
        self.network = build_network(train.architecture, len(table))
        recipe = recipe_of(train)
        optimiser = make_optimiser(recipe, self.network)
        self.step = TrainingStep(self.network, optimiser, recipe, self.device)
        if recipe.average_decay is not None:
            copy = build_network(train.architecture, len(table))
            self.average = WeightAverage(self.network, copy, recipe.average_decay)
        start_s = time.monotonic() - self.begun_s
        available = self.device.available_memory()
        before_s = time.monotonic()
        batch = self.source.batch(1)
        data_s = time.monotonic() - before_s
        small, large = self._batches(available)
        self.total = 1 + self.spec.steps + (0 if small == large else 1)
        if small != large:
            # Where the wanted batch is measured itself, the small one tells its memory only.
            self._measure(batch, small, 0 if large == train.batch_size else 1)
        self._measure(batch, large, self.spec.steps)
        evaluation_s = self._predict_s(batch, large) * len(self.dataset.files("val"))
        memory, duration = self._lines(small, large)
        step_s = max(duration.at(train.batch_size), data_s)
        evaluations = -(-train.iterations // intervals_of(train).evaluate_every)
        return Measurement(
            device=self.device.kind,
            size=train.size,
            batch_size=train.batch_size,
            step_s=round(step_s, 4),
            evaluation_s=round(evaluation_s, 4),
            start_s=round(start_s, 2),
            total_s=round(
                total_seconds(
                    train,
                    around_s=start_s + _EXPORT_S,
                    step_s=step_s,
                    evaluations=evaluations,
                    evaluation_s=evaluation_s,
                ),
                1,
            ),
            memory_mb=round(memory.at(train.batch_size) / 1e6),
            available_mb=None if available is None else round(available / 1e6),
            fitting_batch=None if available is None else fitting_batch(memory, available),
            is_exact=train.batch_size in self.durations_s,
            cores_used=round(self.cores_used, 2) if self.device.kind == "cpu" else None,
        )

    def _batches(self, available: int | None) -> tuple[int, int]:
        """Two batch sizes to measure at: a small one, and the wanted one if it surely fits."""
        train = self.spec.train
        wanted = train.batch_size
        if available is not None and memory_bytes(train) * _DOUBT > USABLE * available:
            return SMALLEST_BATCH, min(wanted, 2 * SMALLEST_BATCH)
        return SMALLEST_BATCH, wanted

    def _lines(self, small: int, large: int) -> tuple[Line, Line]:
        """Memory in bytes and duration of a step in seconds, by batch size."""
        if small != large:
            memory = Line.through((small, self.peaks[small]), (large, self.peaks[large]))
            first, last = self.durations_s[small], self.durations_s[large]
            if large == self.spec.train.batch_size:
                return memory, Line(last, 0.0)
            return memory, Line.through((small, first), (large, last))
        # One size only: how much a slice adds is not measured.
        slope = slice_bytes(self.spec.train)
        return (
            Line(self.peaks[small] - slope * small, slope),
            Line(0.0, self.durations_s[small] / small),
        )

    def _measure(self, batch: Batch, size: int, steps: int) -> None:
        """Steps of `size` slices after one to warm up; notes the median time and the peak."""
        self.network.train()
        images, labels = (self.device.tensor(array[:size]) for array in batch)
        times: list[float] = []
        cpu_s, wall_s = time.process_time(), time.monotonic()
        for _ in range(1 + steps):
            if self.context.stop_requested:
                raise Cancelled
            before_s = time.monotonic()
            self._step(images, labels)
            self.device.synchronise()
            times.append(time.monotonic() - before_s)
            self.done += 1
            self.context.progress("measure", self.done, self.total)
        elapsed_s = max(time.monotonic() - wall_s, 1e-6)
        self.cores_used = (time.process_time() - cpu_s) / elapsed_s
        self.durations_s[size] = statistics.median(times[1:] or times)
        self.peaks[size] = self.device.peak_memory()

    def _step(self, images: Tensor, labels: Tensor) -> None:
        """One step as in a training."""
        self.step(images, labels)
        if self.average is not None:
            self.average.update(1)

    def _predict_s(self, batch: Batch, size: int) -> float:
        """Seconds that predicting one slice takes."""
        from medseg_desktop.engine.backend import paddle

        self.network.eval()
        images = self.device.tensor(batch[0][:size])
        with paddle.no_grad():
            for _ in range(2):
                before_s = time.monotonic()
                self.network(images)[0].argmax(axis=1).numpy()
                elapsed_s = time.monotonic() - before_s
        return elapsed_s / size
