"""What a few measured steps say about a whole training on this device."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from medseg_desktop.core.finding import Finding

#: This share of the free memory may be used; the rest is for what comes and goes.
USABLE = 0.9
#: Batches beyond this gain nothing and are not proposed.
LARGEST_BATCH = 256
#: Batch normalisation has nothing to normalise over with one slice.
SMALLEST_BATCH = 2

#: A training that is alone on a computer has at least one core; with less it waits for others.
_STARVED_CORES = 0.6


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """Measured on the device that the training would use.

    Attributes:
        step_s: duration of one step with the wanted batch size.
        evaluation_s: of one evaluation of the validation set.
        start_s: until the first step: starting the process, reading the slices.
        total_s: predicted duration of the whole training, evaluations and export included.
        memory_mb: predicted peak memory with the wanted batch size, in megabytes; of the process,
            or of the GPU.
        available_mb: what is there for it; None where that cannot be told.
        fitting_batch: the largest batch size that fits; None where that cannot be told.
        is_exact: a step with the wanted batch size was made; else it is told from smaller ones,
            because it might not have fitted.
        cores_used: how many cores the steps had on average; None where that says nothing.
    """

    device: str
    size: int
    batch_size: int
    step_s: float
    evaluation_s: float
    start_s: float
    total_s: float
    memory_mb: int
    available_mb: int | None
    fitting_batch: int | None
    is_exact: bool
    cores_used: float | None = None

    def warnings(self) -> list[Finding]:
        """What makes the measurement itself doubtful."""
        if self.cores_used is None or self.cores_used >= _STARVED_CORES:
            return []
        return [
            Finding(
                "Other programs keep the processor busy, so the steps took longer than they need.",
                "Close them and check again, or expect the training to slow down as well.",
            )
        ]

    def problems(self) -> list[Finding]:
        """What would end the training for want of memory."""
        if self.available_mb is None or self.memory_mb <= self.available_mb:
            return []
        fits = self.fitting_batch or 0
        cure = (
            f"Choose a batch size of {fits} or less, or a smaller size."
            if fits >= SMALLEST_BATCH
            else "Choose a smaller size, or close other programs."
        )
        return [
            Finding(
                f"A batch of {self.batch_size} slices needs {self.memory_mb} MB of memory, but "
                f"only {self.available_mb} MB are free.",
                cure,
            )
        ]


@dataclass(frozen=True, slots=True)
class Line:
    """A quantity that grows linearly with the batch: `base + slope * batch`."""

    base: float
    slope: float

    @classmethod
    def through(cls, small: tuple[int, float], large: tuple[int, float]) -> Line:
        """The line through two measured points (batch, value); it never falls."""
        (n, low), (m, high) = small, large
        slope = max(0.0, (high - low) / (m - n))
        return cls(high - slope * m, slope)

    def at(self, batch: int) -> float:
        return self.base + self.slope * batch


def fitting_batch(memory: Line, available: float) -> int:
    """The largest batch whose memory is within `USABLE` of what is available; 0 for none."""
    room = USABLE * available - memory.base
    if room <= 0:
        return 0
    if memory.slope <= 0:
        return LARGEST_BATCH
    return min(LARGEST_BATCH, int(room / memory.slope))
