"""Predictions in the background: the wanted slice first, then its series, then the others."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.errors import MedSegError, UnreadableSliceError
from medseg_desktop.core.proposals import Proposals
from medseg_desktop.core.volume import Series
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.slice_loader import SliceLoader

SeriesKey = tuple[str, int]
_Key = tuple[str, SeriesKey, int]  # model digest, series, slice


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model found on one slice.

    Attributes:
        label_map: (rows, columns) of the model's class indices, uint8.
        proposals: the same as outlines.
    """

    label_map: npt.NDArray[np.uint8]
    proposals: Proposals


class PredictionLoader(QObject):
    """Predicts slices with one model and keeps what it found.

    Signals:
        predicted(series key, index, Prediction).
        progress(done, total): slices of all that was asked for; 0, 0 when nothing is left.
        failed(str): why a series that was asked for cannot be predicted.
    """

    predicted = Signal(object, int, object)
    progress = Signal(int, int)
    failed = Signal(str)

    def __init__(self, loader: SliceLoader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self._background = Background(1, "predictions", self)
        self._results: dict[_Key, Prediction] = {}
        self._impossible: set[tuple[str, SeriesKey]] = set()
        self._lock = threading.Lock()
        self._generation = 0
        self._todo: dict[SeriesKey, set[int]] = {}
        self._series: dict[SeriesKey, Series] = {}
        self._wanted: tuple[SeriesKey, int] | None = None
        self._running = False
        self._predictor: Predictor | None = None
        self._asked = 0

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
        with self._lock:
            self._wanted = (series.key, index)
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

    def _ask(self, predictor: Predictor, series: Series, wanted: set[int]) -> None:
        if (_model_key(predictor), series.key) in self._impossible:
            return  # it was told about already
        if predictor is not self._predictor:
            self.stop()
            self._predictor = predictor
        known = self.known(predictor, series)
        with self._lock:
            is_known_series = series.key in self._series
            asked = self._todo.get(series.key, set())
            new = wanted - set(known) - asked
            self._series[series.key] = series
            if new:
                self._todo[series.key] = asked | new
            self._asked += len(new)
        if not is_known_series:
            for i in sorted(set(known) & wanted):
                self.predicted.emit(series.key, i, known[i])
        self._tell_progress()

    def stop(self) -> None:
        """Predict no more; what is known is kept."""
        with self._lock:
            self._generation += 1
            self._todo.clear()
            self._series.clear()
            self._wanted = None
            self._asked = 0
        self.progress.emit(0, 0)

    def known(self, predictor: Predictor, series: Series) -> dict[int, Prediction]:
        """Slice index -> what this model has found on slices of a series."""
        model = _model_key(predictor)
        return {
            i: self._results[(model, series.key, i)]
            for i in range(len(series.slices))
            if (model, series.key, i) in self._results
        }

    def forget(self) -> None:
        """Another folder was opened."""
        self.stop()
        self._results.clear()
        self._impossible.clear()

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

    def _next(self, generation: int) -> tuple[Series, int] | None:
        """The slice to be predicted now; None when nothing is left."""
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
            return self._series[key], index

    def _predict(self, predictor: Predictor, generation: int) -> None:
        """In the background thread."""
        while (upcoming := self._next(generation)) is not None:
            series, index = upcoming
            try:
                loaded = self._loader.read_now(series, index)
            except UnreadableSliceError:
                continue  # the viewer says so when the slice is looked at
            if loaded.stored.ndim != 2:
                self._background.deliver(partial(self._on_colour, generation, series))
                continue
            label_map = predictor.predict(loaded.stored, loaded.fmt)
            proposals = Proposals.of(predictor.info.title, label_map, predictor.table)
            found = Prediction(label_map, proposals)
            key = (_model_key(predictor), series.key, index)
            self._background.deliver(partial(self._on_predicted, generation, key, found))

    def _on_predicted(self, generation: int, key: _Key, found: Prediction) -> None:
        if generation == self._generation:  # else another folder may have been opened
            self._results[key] = found
            self.predicted.emit(key[1], key[2], found)
            self._tell_progress()

    def _on_colour(self, generation: int, series: Series) -> None:
        """Nothing of a series in colour can be predicted; the others go on."""
        if generation != self._generation or self._predictor is None:
            return
        what = (_model_key(self._predictor), series.key)
        with self._lock:
            self._todo.pop(series.key, None)
        if what not in self._impossible:
            self._impossible.add(what)
            if self._wanted is not None and self._wanted[0] == series.key:
                self.failed.emit(self.tr("Colour slices cannot be predicted."))

    def _tell_progress(self) -> None:
        with self._lock:
            left, asked = sum(map(len, self._todo.values())), self._asked
            if not left:
                self._asked = 0
        self.progress.emit(*((asked - left, asked) if left else (0, 0)))

    def _ended(self, _result: None) -> None:
        self._running = False
        self._start_thread()

    def _broken(self, generation: int, error: MedSegError) -> None:
        self._running = False
        if self._generation != generation:
            self._start_thread()  # something else is wanted by now
            return
        if self._predictor is not None and self._wanted is not None:
            self._impossible.add((_model_key(self._predictor), self._wanted[0]))
        self.stop()
        self.failed.emit(error.message)


def _model_key(predictor: Predictor) -> str:
    """Tells models apart by content, not by name."""
    return predictor.info.files.get("model.onnx", predictor.info.title)
