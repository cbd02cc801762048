"""Reads every pixel of a dataset once, in parallel threads, and keeps the facts."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.errors import Cancelled, DatasetError
from medseg_desktop.core.slice_facts import LesionSize, SliceFacts, facts_of, lesion_sizes
from medseg_desktop.core.split import SET_NAMES, SetName
from medseg_desktop.io.dataset import Dataset, DatasetFile, pixel_digest


@dataclass(slots=True)
class Scan:
    """What the pixels of a dataset told, by file name.

    Attributes:
        facts: of every slice that could be read with its label map.
        broken: a sentence for every slice that could not.
        changed: slices whose pixels are not those that were converted.
        lesions: of each set; connected over neighbouring slices where the dataset tells the
            slices' places, else slice by slice.
    """

    facts: dict[str, SliceFacts] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    lesions: dict[SetName, list[LesionSize]] = field(default_factory=dict)


def scan_pixels(
    dataset: Dataset,
    on_slice: Callable[[int, int], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
    threads: int = 0,
) -> Scan:
    """Read the slices of the three sets with their label maps.

    Decoding, hashing and labelling release the interpreter lock, so threads help; a series is
    read by one of them, so that only its own label maps are held at a time.

    Args:
        on_slice: called with (done, total) from the reading threads.
        is_cancelled: asked before each slice.
        threads: 0 for one for each processor.

    Raises:
        Cancelled: nobody waits for it any more.
    """
    reader = _Reader(dataset, on_slice, is_cancelled)
    groups = _series(dataset)
    with ThreadPoolExecutor(threads or os.cpu_count() or 1, "scan") as pool:
        try:
            list(pool.map(reader.read, groups))
        except BaseException:
            reader.stop()
            pool.shutdown(cancel_futures=True)
            raise
    return reader.scan


def _series(dataset: Dataset) -> list[list[DatasetFile]]:
    """The slices of each stack and set, the largest stack first, so that none comes late."""
    groups: dict[tuple[object, ...], list[DatasetFile]] = {}
    for name in SET_NAMES:
        for file in dataset.files(name):
            stack = file.place.stack if file.place else 0
            groups.setdefault((name, file.series_uid, stack), []).append(file)
    return sorted(groups.values(), key=len, reverse=True)


class _Reader:
    """Collects what several threads read."""

    def __init__(
        self,
        dataset: Dataset,
        on_slice: Callable[[int, int], None] | None,
        is_cancelled: Callable[[], bool] | None,
    ) -> None:
        self.scan = Scan(lesions={name: [] for name in SET_NAMES})
        self._dataset = dataset
        self._total = sum(len(dataset.files(name)) for name in SET_NAMES)
        self._done = itertools.count(1)
        self._on_slice, self._is_cancelled = on_slice, is_cancelled
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let the threads end after the slice they are at."""
        self._stopped.set()

    def read(self, files: Sequence[DatasetFile]) -> None:
        """The slices of one stack."""
        maps: dict[int, npt.NDArray[np.uint8]] = {}
        for number, file in enumerate(files):
            if self._stopped.is_set() or (self._is_cancelled and self._is_cancelled()):
                raise Cancelled
            label_map = self._slice(file)
            if label_map is not None and label_map.any():
                # Without its place no slice is the neighbour of another.
                maps[file.place.index if file.place else 2 * number] = label_map
        place = files[0].place
        positions = place.positions if place else 2 * len(files)
        sizes = lesion_sizes(maps, positions, place.voxel_ml if place else None)
        with self._lock:
            self.scan.lesions[files[0].set] += sizes

    def _slice(self, file: DatasetFile) -> npt.NDArray[np.uint8] | None:
        """Note the facts of a slice; its label map, or None where it cannot be used."""
        label_map: npt.NDArray[np.uint8] | None = None
        try:
            grey, label_map = self._dataset.slice(file), self._dataset.label_map(file)
            self.scan.facts[file.name] = facts_of(grey, label_map)
            if file.digest and pixel_digest(grey, label_map) != file.digest:
                self.scan.changed.add(file.name)
        except DatasetError as error:
            self.scan.broken[file.name] = error.message
        with self._lock:
            done = next(self._done)
            if self._on_slice is not None:
                self._on_slice(done, self._total)
        return label_map
