"""Reads slices in the background, the wanted one first, and keeps them in memory."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import psutil
from PySide6.QtCore import QObject, QTimer, Signal

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.core.volume import Series
from medseg_desktop.io.dicom.plain_pixels import PlainFile
from medseg_desktop.io.memory import free_memory_bytes
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.loaded_slice import LoadedSlice, SeriesKey

__all__ = ["LoadedSlice", "SeriesKey", "SliceLoader"]

_FALLBACK_CACHE_BYTES = 1 << 30
#: Some may still be busy with a slice of a series that nobody looks at any more.
_MAXIMUM_THREADS = 12
#: A preview costs far more than reading; only so many slices around the wanted one are made.
_PREVIEW_REACH = 2
#: Bytes that a pixel of most series takes.
_USUAL_BYTES = 2
#: Until the first slice is drawn it has the machine to itself.
_DRAWING_MS = 40
#: Slices that nobody waits for are handed over together; a thousand single calls a second
#: would leave the window no time to draw.
_HAND_OVER_S = 0.03
_log = logging.getLogger(__name__)

_CacheKey = tuple[SeriesKey, int, Preprocessing | None]


@dataclass(frozen=True, slots=True)
class _Arrived:
    """What became of one slice: its pixels, or the reason why there are none."""

    generation: int
    series_key: SeriesKey
    index: int
    result: LoadedSlice | str


def default_cache_bytes() -> int:
    """A quarter of the machine's memory, but no more than half of what is free of it."""
    free = free_memory_bytes()
    total = int(psutil.virtual_memory().total)
    return min(total // 4, free // 2 if free else _FALLBACK_CACHE_BYTES)


class SliceLoader(QObject):
    """Reads one series at a time: the requested slice first, then outwards from it.

    What does not fit into the cache is not read ahead; the slices farthest from the requested
    one give way, those of other series first.

    Signals:
        loaded(LoadedSlice): every slice of the series once, and a requested one again.
        failed(key, index, reason).
        progress(loaded, total): of the slices of the series that are read ahead; after every
            few of them.
    """

    loaded = Signal(object)
    failed = Signal(object, int, str)
    progress = Signal(int, int)

    def __init__(self, parent: QObject | None = None, cache_bytes: int = 0) -> None:
        super().__init__(parent)
        self._background = Background(_MAXIMUM_THREADS, "slices", self)
        self._reader = FrameReader()
        self._cache: OrderedDict[_CacheKey, LoadedSlice] = OrderedDict()
        self._bytes = 0
        self._limit = cache_bytes or default_cache_bytes()
        self._series: Series | None = None
        self._preview: Preprocessing | None = None
        # Shared with the reading threads, under the lock.
        self._lock = threading.Lock()
        self._generation = 0
        self._todo: set[int] = set()
        self._being_read: set[int] = set()  # and not taken over yet
        self._wanted = 0
        self._done_around = 0  # every slice nearer to the wanted one is read or being read
        self._reach = 0
        self._readers = 0  # of this generation
        self._threads = 1
        self._begun = False  # the first slice of the series has arrived
        self._arrived: list[_Arrived] = []
        self._handed_over_at = 0.0

    @property
    def cached_bytes(self) -> int:
        """Memory that the kept slices take."""
        return self._bytes

    def set_cache_bytes(self, limit: int) -> None:
        """How much memory the kept slices may take; 0 for the default."""
        self._limit = limit or default_cache_bytes()
        self._make_room()

    def forget(self, plain: Mapping[str, PlainFile]) -> None:
        """Another source was opened: drop everything that was read.

        Args:
            plain: files of the new one that are read faster (see `ScanResult`).
        """
        self._reader.know(plain)
        self._ask_for(set())
        self._cache.clear()
        self._bytes = 0
        self._series = None

    def prepare(self) -> None:
        """Compressed slices will be read soon."""
        self._background.submit(self._reader.prepare, _nothing)

    def set_series(self, series: Series, start: int, preview: Preprocessing | None = None) -> None:
        """Read a whole series in the background, beginning at slice `start`.

        Args:
            preview: prepare the slices as a model sees them; None reads them as they are.
        """
        self._series, self._preview = series, preview
        total = range(len(series.slices))
        self._ask_for({i for i in total if (series.key, i, preview) not in self._cache})
        with self._lock:
            # Until a slice is there and tells its true size.
            self._reach = self._reach_for(_USUAL_BYTES * series.rows * series.columns)
            self._threads = self._reader.threads_for(series.slices[start].path)
            self._want(start)
        self._tell_progress()
        self._start_readers()

    def request(self, index: int) -> None:
        """Deliver one slice of the series as soon as possible."""
        series = self._series
        if series is None:
            return
        key = (series.key, index, self._preview)
        cached = self._cache.get(key)
        with self._lock:
            self._want(index)
            is_being_read = index in self._being_read
            if cached is None and not is_being_read:
                self._todo.add(index)
        if cached is not None:
            self._cache.move_to_end(key)
            self.loaded.emit(cached)
        elif is_being_read:
            self._background.deliver(self._take_over)  # where it has arrived already
        self._start_readers()

    def read_now(
        self, series: Series, index: int, preview: Preprocessing | None = None
    ) -> LoadedSlice:
        """Read one slice in the calling thread (thumbnails, predictions).

        Raises:
            UnreadableSliceError: the reason.
        """
        item = series.slices[index]
        stored, fmt = self._reader.read(item.path, item.frame)
        return LoadedSlice.of(series.key, index, stored, fmt, preview)

    def quit(self) -> None:
        """End the decoders, and what waits for them in any thread; does not wait for threads."""
        self._ask_for(set())
        self._background.quit()
        self._reader.close()

    def close(self) -> None:
        """End the threads and the decoders."""
        self.quit()
        self._background.close()
        self._reader.close()

    def _ask_for(self, todo: set[int]) -> None:
        """Begin anew with these slices; what is still being read for another series is dropped."""
        with self._lock:
            self._generation += 1
            self._todo = todo
            self._being_read.clear()
            self._readers = 0
            self._begun = False

    # -- which slice is next; all of it under the lock

    def _want(self, index: int) -> None:
        self._wanted, self._done_around = index, 0

    def _take_next(self) -> int | None:
        """The nearest slice that is to be read, taken off the list."""
        distance = self._done_around
        while distance <= self._reach and self._todo:
            for index in (self._wanted + distance, self._wanted - distance):
                if index in self._todo:
                    self._todo.discard(index)
                    self._being_read.add(index)
                    self._done_around = distance
                    return index
            distance += 1
        self._done_around = distance
        return None

    def _start_readers(self) -> None:
        """One reading thread until the first slice is there, whose window the series gets."""
        series, preview = self._series, self._preview
        with self._lock:
            generation = self._generation
            threads = self._threads if self._begun else 1
            missing = min(threads, len(self._todo)) - self._readers
            self._readers += max(missing, 0)
        if series is not None:
            for _ in range(missing):
                self._background.submit(partial(self._read, series, preview, generation), _nothing)

    # -- in a reading thread

    def _read(self, series: Series, preview: Preprocessing | None, generation: int) -> None:
        """Read what is nearest to the wanted slice until nothing is left; to begin with, one."""
        first = True
        while True:
            with self._lock:
                goes_on = generation == self._generation and (first or self._begun)
                index = self._take_next() if goes_on else None
                if index is None:
                    if generation == self._generation:
                        self._readers -= 1
                    break
            result: LoadedSlice | str
            try:
                result = self.read_now(series, index, preview)
                if first:
                    _ = result.facts  # worked out here, not when the window needs them
                    first = False
            except UnreadableSliceError as error:
                result = error.message
            except Exception:  # this thread must go on with the other slices
                _log.exception("unexpected error in slice %d of a series", index)
                result = "its pixels cannot be read"
            self._hand_over(_Arrived(generation, series.key, index, result))
        self._background.deliver(self._take_over)

    def _hand_over(self, arrived: _Arrived) -> None:
        now = time.monotonic()
        with self._lock:
            self._arrived.append(arrived)
            is_awaited = arrived.index == self._wanted or not self._begun
            if not is_awaited and now - self._handed_over_at < _HAND_OVER_S:
                return
            self._handed_over_at = now
        self._background.deliver(self._take_over)

    # -- back in the GUI thread

    def _take_over(self) -> None:
        with self._lock:
            arrived, self._arrived = self._arrived, []
        for one in arrived:
            if one.generation != self._generation:
                continue  # an answer to a question that nobody asks any more
            with self._lock:
                self._being_read.discard(one.index)
            if isinstance(one.result, LoadedSlice):
                self._keep(one.result)
                self.loaded.emit(one.result)
            else:
                self.failed.emit(one.series_key, one.index, one.result)
            self._begin()
        self._tell_progress()

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            is_awaited = self._wanted in self._todo  # another one than was read first
            QTimer.singleShot(0 if is_awaited else _DRAWING_MS, self, self._start_readers)

    def _tell_progress(self) -> None:
        if self._series is None:
            return
        with self._lock:
            total, left = len(self._series.slices), len(self._todo)
            if self._reach < total:
                left = sum(abs(i - self._wanted) <= self._reach for i in self._todo)
                total += left - len(self._todo)
            left += len(self._being_read)
        self.progress.emit(total - left, total)

    def _keep(self, loaded: LoadedSlice) -> None:
        key = (loaded.series_key, loaded.index, loaded.preview)
        if key not in self._cache:
            self._cache[key] = loaded
            self._bytes += loaded.nbytes
            with self._lock:
                self._reach = self._reach_for(loaded.nbytes)
            self._make_room()

    def _reach_for(self, slice_bytes: int) -> int:
        """How far around the wanted slice is read ahead, when slices have this size."""
        if self._preview is not None:
            return _PREVIEW_REACH
        fits = self._limit // max(slice_bytes, 1)
        total = len(self._series.slices) if self._series else 0
        # Half of what fits on each side, so that reading ahead drops nothing near.
        return total if fits >= total else max(fits - 1, 1) // 2

    def _make_room(self) -> None:
        while self._bytes > self._limit and len(self._cache) > 1:
            key = self._least_wanted()
            self._bytes -= self._cache.pop(key).nbytes
            if self._series is not None and key[0] == self._series.key and key[2] == self._preview:
                with self._lock:
                    self._todo.add(key[1])

    def _least_wanted(self) -> _CacheKey:
        """The oldest slice of another series, else the one farthest from the wanted slice."""
        series = self._series
        for key in self._cache:
            if series is None or key[0] != series.key or key[2] != self._preview:
                return key
        return max(self._cache, key=lambda key: abs(key[1] - self._wanted))


def _nothing(_result: None) -> None:
    """The reading threads deliver slice by slice and have no result of their own."""
