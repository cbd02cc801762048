"""Batches as tensors on the device of the training, ready before the step that needs them."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from medseg_desktop.engine.data import BatchSource, Prefetcher

if TYPE_CHECKING:
    from paddle import Tensor

    from medseg_desktop.engine.device import Device


class HostFeed:
    """Batches made by the processor, beside the steps.

    Use as a context manager.

    Attributes:
        waited_s: how long `take` has taken in all, in seconds.

    Args:
        first, last: iterations, counted from 1.
    """

    def __init__(self, source: BatchSource, device: Device, first: int, last: int) -> None:
        self.waited_s = 0.0
        self._batches = Prefetcher(source.batch, first, last)
        self._device = device

    def __enter__(self) -> HostFeed:
        self._batches.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._batches.__exit__(kind, error, trace)

    def take(self) -> tuple[Tensor, Tensor]:
        """The next batch: images float32 and class indices int64, both (N, 1, H, W).

        Raises:
            IndexError: after the last one; and whatever making the batch raised.
        """
        begun_s = time.monotonic()
        images, labels = self._batches.take()
        batch = self._device.tensor(images), self._device.tensor(labels)
        self.waited_s += time.monotonic() - begun_s
        return batch


def open_feed(source: BatchSource, device: Device, first: int, last: int) -> HostFeed:
    """The batches of the iterations `first` to `last` (counted from 1), as a context manager."""
    return HostFeed(source, device, first, last)
