"""Means over the training steps between two log lines."""

from __future__ import annotations

import math
import time

import psutil

from medseg_desktop.core.events import Step


class StepLog:
    """Collects losses and times of steps; `flush` makes an event of them."""

    def __init__(self) -> None:
        self._losses: list[list[float]] = []
        self._process = psutil.Process()
        self._begun_s = self._data_s = time.monotonic()
        self._elapsed_s = 0.0
        self._waited_s = 0.0

    def start_step(self) -> None:
        """A step begins: it asks for its batch."""
        self._begun_s = time.monotonic()

    def got_data(self) -> None:
        """The batch has come."""
        self._data_s = time.monotonic()

    def add(self, losses: list[float]) -> None:
        """The step is done; its loss: the weighted sum, then each head's."""
        self._elapsed_s += time.monotonic() - self._begun_s
        self._waited_s += self._data_s - self._begun_s
        self._losses.append(losses)

    def flush(self, iteration: int, rate: float) -> Step:
        """The event for the steps so far; begins anew."""
        n = len(self._losses)
        total, *heads = [math.fsum(column) / n for column in zip(*self._losses, strict=True)]
        step = Step(
            iteration=iteration,
            loss=total,
            losses=heads,
            lr=rate,
            step_s=self._elapsed_s / n,
            wait_s=self._waited_s / n,
            memory_bytes=self._process.memory_info().rss,
        )
        self._losses.clear()
        self._elapsed_s = self._waited_s = 0.0
        return step
