"""Predictions in the background: the wanted slice first, then its series, then the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.errors import Cancelled, MedSegError, UnreadableSliceError
from medseg_desktop.core.shapes.proposals import Proposals
from medseg_desktop.core.volume import Series
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.medlabelme import new_shape_keys
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.slice_loader import SliceLoader

SeriesKey = tuple[str, int]
_Key = tuple[str, SeriesKey]  # digest of the model, series

#: What was found is told at once of the slice that is wanted, else so often.
_TELL_AFTER_S = 0.05


class PredictionLoader(QObject):
    """Predicts slices with one model and keeps what it found, as outlines: these fill exactly
    the predicted pixels and need a thousandth of the memory.

    Signals:
        predicted(series key, dict[int, Proposals]): of some slices, by index.
        progress(done, total): slices of all that was asked for; 0, 0 when nothing is left.
        failed(str): why the series on screen, or nothing more, can be predicted.
    """

    predicted = Signal(object, object)
    progress = Signal(int, int)
    failed = Signal(str)

    def __init__(self, loader: SliceLoader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self._background = Background(1, "predictions", self)
        self._results: dict[_Key, dict[int, Proposals]] = {}
        self._impossible: dict[_Key, str] = {}  # with the reason
        self._told: _Key | None = None  # the series on screen, of which that was said
        self._lock = threading.Lock()
        self._generation = 0
        self._todo: dict[SeriesKey, set[int]] = {}
        self._working: set[tuple[SeriesKey, int]] = set()  # taken of these, and not told yet
        self._unreadable: dict[SeriesKey, set[int]] = {}
        self._series: dict[SeriesKey, Series] = {}
        self._wanted: tuple[SeriesKey, int] | None = None
        self._running = False
        self._predictor: Predictor | None = None
        self._asked = self._done = 0

    # -- what is wanted

    def want(
        self,
        predictor: Predictor,
        series: Series,
        index: int,
        indices: Iterable[int] | None = None,
    ) -> None:
        """Predict slices of a series, the nearest to slice `index` first.

        What other series were asked for waits behind it.

        Args:
            indices: slices to predict; None for all.  Those that are known are told at once.
        """
        wanted = set(range(len(series.slices)) if indices is None else indices)
        self._ask(predictor, series, wanted)
        self.look_at(series, index)
        self._start_thread()

    def want_all(self, predictor: Predictor, several: Iterable[Series]) -> None:
        """Predict whole series, one after another, after what is wanted now."""
        for series in several:
            self._ask(predictor, series, set(range(len(series.slices))))
        self._start_thread()

    def look_at(self, series: Series, index: int) -> None:
        """Slice `index` is on screen: of what was asked for, it goes first."""
        with self._lock:
            self._wanted = (series.key, index)
        self._tell_impossible()

    def _ask(self, predictor: Predictor, series: Series, wanted: set[int]) -> None:
        if predictor is not self._predictor:
            self.stop()
            self._predictor = predictor
        key = (_model_key(predictor), series.key)
        if key in self._impossible:
            return
        is_known_series = series.key in self._series
        known = self._results.get(key, {})
        new = wanted - known.keys() - self._unreadable.get(series.key, set())
        with self._lock:
            self._series[series.key] = series
            asked = self._todo.get(series.key, set())
            new -= asked | {i for of, i in self._working if of == series.key}
            if new:
                self._todo[series.key] = asked | new
        self._asked += len(new)
        if not is_known_series and known:
            self.predicted.emit(series.key, dict(known))
        self._tell_progress()

    def stop(self) -> None:
        """Predict no more; what is known is kept."""
        with self._lock:
            self._generation += 1
            self._todo.clear()
            self._series.clear()
            self._working.clear()
            self._wanted = None
        self._told = None
        self._asked = self._done = 0
        self.progress.emit(0, 0)

    def known(self, predictor: Predictor, series: Series) -> dict[int, Proposals]:
        """Slice index -> what this model has found on slices of a series."""
        return dict(self._results.get((_model_key(predictor), series.key), {}))

    def forget(self) -> None:
        """Another folder was opened."""
        self.stop()
        self._results.clear()
        self._impossible.clear()
        self._unreadable.clear()

    def quit(self) -> None:
        """Predict no more, for good; does not wait for the thread."""
        self.stop()
        self._background.quit()

    def close(self) -> None:
        """End the thread."""
        self.quit()
        self._background.close()

    # -- the thread

    def _start_thread(self) -> None:
        with self._lock:
            if self._running or not self._todo or self._predictor is None:
                return
            self._running = True
            predictor, generation = self._predictor, self._generation
        self._background.submit(
            partial(self._predict, predictor, generation),
            self._ended,
            partial(self._broken, generation),
        )

    def _next(self, generation: int) -> tuple[Series, int, bool] | None:
        """The slice to be predicted now, and whether it is on screen; None when none is left."""
        with self._lock:
            if generation != self._generation or not self._todo:
                return None
            key, at = self._wanted or (next(iter(self._todo)), 0)
            if key not in self._todo:
                key, at = next(iter(self._todo)), 0
            todo = self._todo[key]
            index = min(todo, key=lambda i: abs(i - at))
            todo.discard(index)
            if not todo:
                del self._todo[key]
            self._working.add((key, index))
            return self._series[key], index, (key, index) == self._wanted

    def _predict(self, predictor: Predictor, generation: int) -> None:
        """In the background thread; what was found is told some slices at a time."""
        found: dict[int, Proposals | None] = {}
        current: Series | None = None
        told_s = time.monotonic()
        while (upcoming := self._next(generation)) is not None:
            series, index, is_on_screen = upcoming
            if current is not None and series is not current:
                self._tell(generation, predictor, current, found)
                found = {}
            current = series
            try:
                found[index] = self._predicted(generation, predictor, series, index)
            except Cancelled:
                return  # so that what is wanted now is begun
            except MedSegError as error:
                self._tell(generation, predictor, series, found)
                left = self._give_up(generation, series)
                failed = partial(self._on_impossible, generation, series, left, error)
                self._background.deliver(failed)
                if not isinstance(error, _ColourError):
                    return
                current, found = None, {}
            if is_on_screen or time.monotonic() - told_s > _TELL_AFTER_S:
                self._tell(generation, predictor, series, found)
                found, told_s = {}, time.monotonic()
        if current is not None:
            self._tell(generation, predictor, current, found)

    def _give_up(self, generation: int, series: Series) -> int:
        """In the background thread: how many slices of a series are left out."""
        with self._lock:
            if generation != self._generation:
                return 0
            self._working = {(of, i) for of, i in self._working if of != series.key}
            return 1 + len(self._todo.pop(series.key, ()))

    def _predicted(
        self, generation: int, predictor: Predictor, series: Series, index: int
    ) -> Proposals | None:
        """In the background thread: None where the slice cannot be read; raises Cancelled."""

        def stop() -> bool:
            return self._background.closed or generation != self._generation

        try:
            loaded = self._loader.read_now(series, index)
        except UnreadableSliceError:
            return None  # the viewer says so when the slice is looked at
        if loaded.stored.ndim != 2:
            raise _ColourError(self.tr("Colour slices cannot be predicted."))
        label_map = predictor.predict(loaded.stored, loaded.fmt)
        keys = new_shape_keys(series.slices[index].frame)
        return Proposals.of(predictor.info.title, label_map, predictor.table, keys, stop)

    def _tell(
        self,
        generation: int,
        predictor: Predictor,
        series: Series,
        found: dict[int, Proposals | None],
    ) -> None:
        if found:
            key = (_model_key(predictor), series.key)
            self._background.deliver(partial(self._on_predicted, generation, key, found))

    # -- what came of it

    def _on_predicted(self, generation: int, key: _Key, found: dict[int, Proposals | None]) -> None:
        if generation != self._generation:
            return  # another model is in use, or another folder open
        series = key[1]
        made = {i: proposals for i, proposals in found.items() if proposals is not None}
        with self._lock:
            self._working -= {(series, i) for i in found}
        self._unreadable.setdefault(series, set()).update(found.keys() - made.keys())
        self._results.setdefault(key, {}).update(made)
        self._done += len(found)
        if made:
            self.predicted.emit(series, made)
        self._tell_progress()

    def _on_impossible(
        self, generation: int, series: Series, left: int, error: MedSegError
    ) -> None:
        """Nothing of a series can be predicted; where the model is broken, nothing at all."""
        if generation != self._generation or self._predictor is None:
            return
        key = (_model_key(self._predictor), series.key)
        self._impossible[key] = error.message
        self._done += left
        if not isinstance(error, _ColourError):
            self.stop()
            self._told = key
            self.failed.emit(error.message)
            return
        self._tell_impossible()
        self._tell_progress()

    def _tell_impossible(self) -> None:
        """Of a series that cannot be predicted it is said when it comes on screen."""
        if self._wanted is None or self._predictor is None:
            return
        key = (_model_key(self._predictor), self._wanted[0])
        if key != self._told and key in self._impossible:
            self._told = key
            self.failed.emit(self._impossible[key])
        elif key not in self._impossible:
            self._told = None

    def _tell_progress(self) -> None:
        if self._done >= self._asked:
            self._asked = self._done = 0
        self.progress.emit(self._done, self._asked)

    def _ended(self, _result: None) -> None:
        self._running = False
        self._start_thread()

    def _broken(self, generation: int, error: MedSegError) -> None:
        """Something unexpected has happened, which is told in a sentence."""
        self._running = False
        if self._generation == generation:
            self.stop()
            self.failed.emit(error.message)
        else:
            self._start_thread()  # something else is wanted by now


class _ColourError(MedSegError):
    """The slices of a series are in colour."""


def _model_key(predictor: Predictor) -> str:
    """Tells models apart by content, not by name."""
    return predictor.info.network_digest or predictor.info.title
