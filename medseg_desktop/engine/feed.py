"""Batches as tensors on the device of the training, ready before the step that needs them."""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from medseg_desktop.core.preprocessing import normalise
from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.data import BatchSource, Prefetcher
from medseg_desktop.engine.device_augmentation import apply, draw, is_supported
from medseg_desktop.io.child_command import physical_cores

if TYPE_CHECKING:
    from paddle import Tensor

    from medseg_desktop.engine.device import Device

#: A GPU is faster than one thread that makes batches for it.
_MOST_THREADS = 4


def _whole(batch: Any) -> Any:
    return batch


@dataclass
class Feed(ABC):
    """The batches of the iterations `first` to `last` (counted from 1) in order.

    A context manager; leaving it frees what the batches are made with.

    Attributes:
        share: takes this process's slices out of a batch, see `engine.parallel.world`.
        waited_s: how long `take` has taken in all, in seconds.
    """

    source: BatchSource
    device: Device
    first: int
    last: int
    share: Callable[[Any], Any] = _whole
    waited_s: float = field(default=0.0, init=False)

    @abstractmethod
    def __post_init__(self) -> None:
        """Get ready; raises MemoryError or RuntimeError where a device has no room."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def take(self) -> tuple[Tensor, Tensor]:
        """The next batch: images float32 and class indices int64, both (N, 1, H, W).

        Raises:
            IndexError: after the last one; and whatever making the batch raised.
        """
        begun_s = time.monotonic()
        batch = self._next_batch()
        self.waited_s += time.monotonic() - begun_s
        return batch

    @abstractmethod
    def _next_batch(self) -> tuple[Tensor, Tensor]: ...

    @abstractmethod
    def close(self) -> None:
        """No more batches are wanted."""


def open_feed(
    source: BatchSource,
    device: Device,
    first: int,
    last: int,
    share: Callable[[Any], Any] = _whole,
) -> Feed:
    """The batches of the iterations `first` to `last` (counted from 1).

    Args:
        share: takes this process's slices out of a batch, see `engine.parallel.world`.

    They are made on the device where that is a GPU which has room for the slices and can make
    all the changes of the recipe; else by the processor, beside the steps.
    """
    if is_resident(source, device):
        with contextlib.suppress(MemoryError, RuntimeError):  # other programs use it as well
            return DeviceFeed(source, device, first, last, share)
    return HostFeed(source, device, first, last, share)


def is_resident(source: BatchSource, device: Device) -> bool:
    """Whether the slices of a training lie in the memory of its device."""
    side = source.size
    return (
        is_supported(source.augmentation)
        and all(sample.grey.shape == (side, side) for sample in source.samples)
        and device.holds(2 * side * side * len(source.samples))
    )


class HostFeed(Feed):
    """Batches made by the processor, beside the steps."""

    def __post_init__(self) -> None:
        threads = 1 if self.device.kind == "cpu" else min(_MOST_THREADS, physical_cores())
        source, share = self.source, self.share
        self._batches = Prefetcher(lambda i: share(source.batch(i)), self.first, self.last, threads)

    def __enter__(self) -> Self:
        self._batches.__enter__()
        return self

    def close(self) -> None:
        self._batches.__exit__(None, None, None)

    def _next_batch(self) -> tuple[Tensor, Tensor]:
        images, labels = self._batches.take()
        return self.device.tensor(images), self.device.tensor(labels)


class DeviceFeed(Feed):
    """Batches made on the device, where all slices lie.

    A GPU does what it is told in order, so `take` returns before the batch is made.
    """

    def __post_init__(self) -> None:
        self._next = self.first
        # One tensor for each: not every Paddle can pick rows out of a tensor of bytes on a GPU.
        self._grey = [self.device.tensor(s.grey[None, None]) for s in self.source.samples]
        self._maps = [self.device.tensor(s.label_map[None, None]) for s in self.source.samples]
        # Normalisation is linear in the grey level.
        ends = normalise(np.array([0, 255], np.uint8), self.source.preprocessing)
        self._offset, self._slope = float(ends[0]), float(ends[1] - ends[0]) / 255

    def close(self) -> None:
        self._grey.clear()
        self._maps.clear()

    def _next_batch(self) -> tuple[Tensor, Tensor]:
        if self._next > self.last:
            raise IndexError("no more batches")
        source, iteration = self.source, self._next
        self._next += 1
        indices = source.indices(iteration)
        draws = draw(source.augmentation, source.batch_size, source.size, source.rng(iteration))
        images, labels = apply(
            paddle.concat([self._grey[i].astype("float32") for i in indices]),
            paddle.concat([self._maps[i].astype("float32") for i in indices]),
            draws,
            self.device,
        )
        images, labels = self.share((images * self._slope + self._offset, labels))
        return images, labels
