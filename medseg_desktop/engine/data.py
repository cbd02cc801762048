"""Training data: slices decoded in memory, shuffled, augmented, and batched ahead of time.

The batch of an iteration is a function of the seed and the iteration alone.  So a seed always
gives the same training, and one that goes on from a checkpoint needs no generator state.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.augmentation import SliceChanges, augment_slice
from medseg_desktop.core.errors import DatasetError
from medseg_desktop.core.preprocessing import Preprocessing, normalise, resize_label_map
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.core.split import SetName
from medseg_desktop.engine.recipe import recipe_of
from medseg_desktop.io.dataset import Dataset, DatasetFile

Grey = npt.NDArray[np.uint8]
#: Images float32 (N, 1, H, W), normalised, and class indices int64 (N, 1, H, W).
Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]

# Streams of random numbers that must not repeat each other.
_SHUFFLE, _AUGMENT, _SHUFFLE_CLEAR = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Sample:
    """One slice at its own size: grey and label map, uint8 (rows, columns)."""

    file: DatasetFile
    grey: Grey
    label_map: Grey


def load_samples(
    dataset: Dataset, names: Sequence[SetName], on_slice: Callable[[int, int], None]
) -> dict[SetName, list[Sample]]:
    """Decode the slices of these sets; `on_slice(done, total)` is called after each.

    Raises:
        DatasetError: a file is missing or damaged, or slice and label map differ in size.
    """
    total = sum(len(dataset.files(name)) for name in names)
    done = 0
    samples: dict[SetName, list[Sample]] = {name: [] for name in names}
    for name in names:
        for file in dataset.files(name):
            samples[name].append(_load(dataset, file))
            done += 1
            on_slice(done, total)
    return samples


def _load(dataset: Dataset, file: DatasetFile) -> Sample:
    grey, label_map = dataset.slice(file), dataset.label_map(file)
    if grey.shape != label_map.shape:
        raise DatasetError(
            f"images/{file.name} and masks2/{file.name} of the dataset differ in size.",
            "Convert the annotations again.",
        )
    return Sample(file, grey, label_map)


class _Deck:
    """An endless row of shuffled epochs over some samples; each epoch shows every one once."""

    def __init__(self, members: Sequence[int], seed: int, stream: int) -> None:
        self._members = np.asarray(members)
        self._seed, self._stream = seed, stream

    def take(self, first: int, count: int) -> list[int]:
        """The samples at the places `first` to `first + count` of the row."""
        n = len(self._members)
        places = range(first, first + count)
        orders = {epoch: self._order(epoch) for epoch in {place // n for place in places}}
        return [int(self._members[orders[place // n][place % n]]) for place in places]

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        rng = np.random.default_rng((self._seed, self._stream, epoch))
        return rng.permutation(len(self._members))


class BatchSource:
    """Full batches out of an endless row of shuffled epochs.

    An epoch shows every slice once.  A batch may begin in one epoch and end in the next, so
    no slice is left out and no batch is smaller than the others, which would spoil the batch
    statistics; with fewer slices than a batch holds, slices repeat within it.

    Args:
        samples: at least one.
        size: height and width of the network's input in pixels.
        lesion_share: share of slices with lesion in every batch; None for no such rule.
        resize_first: bring square slices to the network's size once, before all augmentation,
            instead of each time after it.  Others are changed at their own size in any case,
            because turning a squeezed slice would shear it.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        augmentation: SliceChanges,
        preprocessing: Preprocessing,
        batch_size: int,
        size: int,
        seed: int,
        lesion_share: float | None = None,
        resize_first: bool = False,
    ) -> None:
        self.samples = [_at_size(x, size) for x in samples] if resize_first else samples
        self.augmentation = augmentation
        self.preprocessing = preprocessing
        self.batch_size = batch_size
        self.size = size
        self._decks = _decks(samples, batch_size, seed, lesion_share)
        self._seed = seed

    def rng(self, iteration: int) -> np.random.Generator:
        """What the augmentation of an iteration's batch draws from."""
        return np.random.default_rng((self._seed, _AUGMENT, iteration))

    def indices(self, iteration: int) -> list[int]:
        """Which samples form the batch of an iteration (counted from 1)."""
        return [
            index
            for deck, count in self._decks
            for index in deck.take((iteration - 1) * count, count)
        ]

    def names(self, iteration: int) -> list[str]:
        """The dataset's names of the slices in the batch of an iteration."""
        return [self.samples[index].file.name for index in self.indices(iteration)]

    def batch(self, iteration: int) -> Batch:
        """The augmented, resized and normalised batch of an iteration (counted from 1)."""
        size = self.size
        images = np.empty((self.batch_size, 1, size, size), np.float32)
        labels = np.empty((self.batch_size, 1, size, size), np.int64)
        rng = self.rng(iteration)
        for i, index in enumerate(self.indices(iteration)):
            sample = self.samples[index]
            grey, label_map = augment_slice(sample.grey, sample.label_map, self.augmentation, rng)
            images[i, 0] = normalise(_resized(grey, size), self.preprocessing)
            labels[i, 0] = resize_label_map(label_map, size, size)
        return images, labels


def _resized(grey: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """A slice (rows, columns) at `size` x `size`, linearly."""
    if grey.shape == (size, size):
        return grey
    return np.asarray(cv2.resize(grey, (size, size), interpolation=cv2.INTER_LINEAR))


def _at_size(sample: Sample, size: int) -> Sample:
    """The sample at the network's size; one that is not square stays as it is."""
    rows, columns = sample.grey.shape
    if rows != columns or rows == size:
        return sample
    grey, label_map = _resized(sample.grey, size), resize_label_map(sample.label_map, size, size)
    return Sample(sample.file, grey, label_map)


def batch_source(dataset: Dataset, spec: TrainSpec, samples: Sequence[Sample]) -> BatchSource:
    """The batches of a training on these samples of its training set."""
    recipe = recipe_of(spec)
    return BatchSource(
        samples,
        augmentation=recipe.augmentation,
        preprocessing=dataset.manifest.preprocessing,
        batch_size=spec.batch_size,
        size=spec.size,
        seed=spec.seed,
        lesion_share=recipe.lesion_share,
        resize_first=recipe.resize_first,
    )


def _decks(
    samples: Sequence[Sample], batch_size: int, seed: int, lesion_share: float | None
) -> list[tuple[_Deck, int]]:
    """From which samples a batch is drawn, and how many from each."""
    lesion = [i for i, sample in enumerate(samples) if sample.label_map.any()]
    clear = [i for i, sample in enumerate(samples) if not sample.label_map.any()]
    if lesion_share is None or not lesion or not clear:
        return [(_Deck(range(len(samples)), seed, _SHUFFLE), batch_size)]
    count = min(max(round(batch_size * lesion_share), 1), batch_size - 1)
    return [
        (_Deck(lesion, seed, _SHUFFLE), count),
        (_Deck(clear, seed, _SHUFFLE_CLEAR), batch_size - count),
    ]


class Prefetcher:
    """Makes the next batches while the network learns from this one.

    Use as a context manager: leaving it joins the thread, whatever happened.  Within it OpenCV
    works in the calling thread alone: threads of its own would take the cores from the network.

    Args:
        first, last: iterations, counted from 1.
        threads: that make batches; beside a network on the processor one is enough.
    """

    def __init__(
        self, make: Callable[[int], Batch], first: int, last: int, threads: int = 1
    ) -> None:
        self._make = make
        self._next = first
        self._last = last
        self._pending: collections.deque[Future[Batch]] = collections.deque()
        self._ahead = threads + 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batches")
        self._opencv_threads = 1

    def __enter__(self) -> Prefetcher:
        self._opencv_threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        for _ in range(self._ahead):
            self._submit()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        cv2.setNumThreads(self._opencv_threads)

    def take(self) -> Batch:
        """The next batch in order; raises what making it raised, IndexError after the last."""
        batch = self._pending.popleft()
        self._submit()
        return batch.result()

    def _submit(self) -> None:
        if self._next <= self._last:
            self._pending.append(self._pool.submit(self._make, self._next))
            self._next += 1
