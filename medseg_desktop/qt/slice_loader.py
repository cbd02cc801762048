"""Reads slices in the background, the wanted one first, and keeps them in memory."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.ma  # else np.percentile imports it while somebody waits for the first slice
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.display import PixelFormat, modality_values, percentile_window
from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.core.view import SeriesFacts
from medseg_desktop.core.volume import Series
from medseg_desktop.io.memory import free_memory_bytes
from medseg_desktop.io.pixels import FrameReader
from medseg_desktop.qt.background import Background

SeriesKey = tuple[str, int]
_FALLBACK_CACHE_BYTES = 1 << 30
_THREADS = 2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LoadedSlice:
    """Pixels of one slice.

    Attributes:
        stored: as in the file, (rows, columns), or (rows, columns, 3) for colour.
        values: modality values, (rows, columns); of a colour slice its luminance.
        low, high: range of `values`.
    """

    series_key: SeriesKey
    index: int
    stored: npt.NDArray[np.generic]
    values: npt.NDArray[np.generic]
    fmt: PixelFormat
    low: float
    high: float

    def facts(self) -> SeriesFacts:
        """The first facts of a series, from this slice."""
        window = self.fmt.window or percentile_window(self.values, 0.5, 99.8)
        return SeriesFacts(self.fmt, self.low, self.high, window)

    @property
    def nbytes(self) -> int:
        shared = self.values is self.stored
        return self.stored.nbytes + (0 if shared else self.values.nbytes)


class SliceLoader(QObject):
    """Reads one series at a time: the requested slice first, then outwards from it.

    Signals:
        loaded(LoadedSlice): every slice of the series once, and a requested one again.
        failed(key, index, reason).
        progress(loaded, total): of the series.
    """

    loaded = Signal(object)
    failed = Signal(object, int, str)
    progress = Signal(int, int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = Background(_THREADS, "slices", self)
        self._reader = FrameReader()
        self._cache: OrderedDict[tuple[SeriesKey, int], LoadedSlice] = OrderedDict()
        self._bytes = 0
        free = free_memory_bytes()
        self._limit = free // 4 if free else _FALLBACK_CACHE_BYTES
        self._series: Series | None = None
        # Shared with the reading threads, under the lock.
        self._lock = threading.Lock()
        self._generation = 0
        self._todo: set[int] = set()
        self._wanted = 0
        self._readers = 0

    def forget(self) -> None:
        """Another folder was opened: drop everything that was read."""
        with self._lock:
            self._generation += 1
            self._todo.clear()
        self._cache.clear()
        self._bytes = 0
        self._series = None

    def set_series(self, series: Series, start: int) -> None:
        """Read a whole series in the background, beginning at slice `start`."""
        self._series = series
        total = range(len(series.slices))
        with self._lock:
            self._generation += 1
            self._todo = {i for i in total if (series.key, i) not in self._cache}
            self._wanted = start
        self.progress.emit(len(total) - len(self._todo), len(total))
        self._start_readers()

    def request(self, index: int) -> None:
        """Deliver one slice of the series as soon as possible."""
        series = self._series
        if series is None:
            return
        cached = self._cache.get((series.key, index))
        with self._lock:
            self._wanted = index
            if cached is None:
                self._todo.add(index)
        if cached is not None:
            self._cache.move_to_end((series.key, index))
            self.loaded.emit(cached)
        else:
            self._start_readers()

    def read_now(self, series: Series, index: int) -> LoadedSlice:
        """Read one slice in the calling thread (thumbnails, predictions).

        Raises:
            UnreadableSliceError: the reason.
        """
        item = series.slices[index]
        stored, fmt = self._reader.read(item.path, item.frame)
        values = modality_values(_luminance(stored), fmt)
        low, high = float(values.min()), float(values.max())
        return LoadedSlice(series.key, index, stored, values, fmt, low, high)

    def close(self) -> None:
        """End the threads and the decoders."""
        with self._lock:
            self._generation += 1
            self._todo.clear()
        self._reader.close()  # first: a thread may be waiting for a decoder
        self._background.close()

    def _start_readers(self) -> None:
        series = self._series
        with self._lock:
            generation = self._generation
            missing = min(_THREADS, len(self._todo)) - self._readers
            self._readers += max(missing, 0)
        if series is not None:
            for _ in range(missing):
                self._background.submit(partial(self._read, series, generation), _nothing)

    def _read(self, series: Series, generation: int) -> None:
        """In a reading thread: read what is nearest to the wanted slice until nothing is left."""
        while True:
            with self._lock:
                if generation != self._generation or not self._todo:
                    self._readers -= 1
                    restart = generation != self._generation and bool(self._todo)
                    break
                index = min(self._todo, key=lambda i: abs(i - self._wanted))
                self._todo.discard(index)
            try:
                loaded = self.read_now(series, index)
            except UnreadableSliceError as error:
                reason = error.message
            except Exception:  # this thread must go on with the other slices
                _log.exception("unexpected error in slice %d of %s", index, series.path)
                reason = "its pixels cannot be read"
            else:
                self._background.deliver(partial(self._on_loaded, generation, loaded))
                continue
            self._background.deliver(
                partial(self._on_failed, generation, series.key, index, reason)
            )
        if restart:  # another series was chosen while this thread was busy with the old one
            self._background.deliver(self._start_readers)

    def _on_loaded(self, generation: int, loaded: LoadedSlice) -> None:
        if generation != self._generation:
            return  # an answer to a question that nobody asks any more
        self._keep(loaded)
        self.loaded.emit(loaded)
        self._tell_progress()

    def _on_failed(self, generation: int, key: SeriesKey, index: int, reason: str) -> None:
        if generation == self._generation:
            self.failed.emit(key, index, reason)
            self._tell_progress()

    def _tell_progress(self) -> None:
        if self._series is not None:
            total = len(self._series.slices)
            self.progress.emit(total - len(self._todo), total)

    def _keep(self, loaded: LoadedSlice) -> None:
        key = (loaded.series_key, loaded.index)
        if key in self._cache:
            return
        self._cache[key] = loaded
        self._bytes += loaded.nbytes
        while self._bytes > self._limit and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._bytes -= dropped.nbytes


def _nothing(_result: None) -> None:
    """The reading threads deliver slice by slice and have no result of their own."""


def _luminance(stored: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """A colour slice (rows, columns, 3) as grey (ITU-R BT.601); a grey one as it is."""
    if stored.ndim == 2:
        return stored
    if stored.ndim != 3 or stored.shape[2] != 3:
        raise UnreadableSliceError("its pixels have an unknown layout")
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    return stored.astype(np.float32) @ weights
