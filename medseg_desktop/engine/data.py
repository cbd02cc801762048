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

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.errors import DatasetError
from medseg_desktop.core.preprocessing import Preprocessing, normalise, resize_label_map
from medseg_desktop.core.split import SetName
from medseg_desktop.engine.recipe import Augmentation
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


def augment(
    grey: Grey, label_map: Grey, how: Augmentation, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8 | np.float32], Grey]:
    """A slice (rows, columns) and its label map, flipped together; noise on the slice only.

    With noise the slice becomes float32 within 0..255; otherwise it stays uint8.
    """
    if rng.random() < how.flip_horizontal:
        grey, label_map = grey[:, ::-1], label_map[:, ::-1]
    if rng.random() < how.flip_vertical:
        grey, label_map = grey[::-1], label_map[::-1]
    if how.rotation_deg or how.shift or how.scale != 1.0:
        grey, label_map = _moved(grey, label_map, how, rng)
    if how.gamma != 1.0:
        curve = _gamma_curve(_factor(how.gamma, rng))
        grey = np.asarray(cv2.LUT(np.ascontiguousarray(grey), curve), np.uint8)
    if rng.random() >= how.noise:
        return np.ascontiguousarray(grey), np.ascontiguousarray(label_map)
    sigma = np.float32(rng.uniform(0, how.noise_sigma))
    noisy = grey + sigma * rng.standard_normal(grey.shape, dtype=np.float32)
    return np.clip(noisy, 0, 255), np.ascontiguousarray(label_map)


def _factor(limit: float, rng: np.random.Generator) -> float:
    """Log-uniform between 1 / limit and limit."""
    return float(np.exp(rng.uniform(-1, 1) * np.log(limit)))


def _gamma_curve(exponent: float) -> Grey:
    """The table x -> 255 (x / 255) ** exponent, uint8 (256,)."""
    levels = np.arange(256, dtype=np.float64) / 255
    return np.rint(255 * levels**exponent).astype(np.uint8)


def _moved(
    grey: Grey, label_map: Grey, how: Augmentation, rng: np.random.Generator
) -> tuple[Grey, Grey]:
    """Slice and label map rotated and scaled about their centre and shifted, alike."""
    rows, columns = grey.shape
    angle = rng.uniform(-how.rotation_deg, how.rotation_deg)
    centre = ((columns - 1) / 2, (rows - 1) / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(centre, angle, _factor(how.scale, rng)), np.float64)
    matrix[:, 2] += rng.uniform(-how.shift, how.shift, 2) * (columns, rows)
    size = (columns, rows)
    moved = cv2.warpAffine(np.ascontiguousarray(grey), matrix, size, flags=cv2.INTER_LINEAR)
    labels = cv2.warpAffine(np.ascontiguousarray(label_map), matrix, size, flags=cv2.INTER_NEAREST)
    return np.asarray(moved, np.uint8), np.asarray(labels, np.uint8)


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
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        augmentation: Augmentation,
        preprocessing: Preprocessing,
        batch_size: int,
        size: int,
        seed: int,
        lesion_share: float | None = None,
    ) -> None:
        self._samples = samples
        self._decks = _decks(samples, batch_size, seed, lesion_share)
        self._augmentation = augmentation
        self._preprocessing = preprocessing
        self._batch_size = batch_size
        self._size = size
        self._seed = seed

    def indices(self, iteration: int) -> list[int]:
        """Which samples form the batch of an iteration (counted from 1)."""
        return [
            index
            for deck, count in self._decks
            for index in deck.take((iteration - 1) * count, count)
        ]

    def names(self, iteration: int) -> list[str]:
        """The dataset's names of the slices in the batch of an iteration."""
        return [self._samples[index].file.name for index in self.indices(iteration)]

    def batch(self, iteration: int) -> Batch:
        """The augmented, resized and normalised batch of an iteration (counted from 1)."""
        size = self._size
        images = np.empty((self._batch_size, 1, size, size), np.float32)
        labels = np.empty((self._batch_size, 1, size, size), np.int64)
        rng = np.random.default_rng((self._seed, _AUGMENT, iteration))
        for i, index in enumerate(self.indices(iteration)):
            sample = self._samples[index]
            grey, label_map = augment(sample.grey, sample.label_map, self._augmentation, rng)
            resized = cv2.resize(grey, (size, size), interpolation=cv2.INTER_LINEAR)
            images[i, 0] = normalise(resized, self._preprocessing)
            labels[i, 0] = resize_label_map(label_map, size, size)
        return images, labels


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
    """Makes the next batches in one thread while the network learns from this one.

    Use as a context manager: leaving it joins the thread, whatever happened.
    """

    _AHEAD = 2

    def __init__(self, make: Callable[[int], Batch], first: int, last: int) -> None:
        self._make = make
        self._next = first
        self._last = last
        self._pending: collections.deque[Future[Batch]] = collections.deque()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")

    def __enter__(self) -> Prefetcher:
        for _ in range(self._AHEAD):
            self._submit()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self) -> Batch:
        """The next batch in order; raises what making it raised, IndexError after the last."""
        batch = self._pending.popleft()
        self._submit()
        return batch.result()

    def _submit(self) -> None:
        if self._next <= self._last:
            self._pending.append(self._pool.submit(self._make, self._next))
            self._next += 1
