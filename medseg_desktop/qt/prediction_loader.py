"""Predictions of the series on screen, in the background: the wanted slice first."""

from __future__ import annotations

import threading
from functools import partial

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.errors import MedSegError, UnreadableSliceError
from medseg_desktop.core.volume import Series
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.slice_loader import SliceLoader

LabelMap = npt.NDArray[np.uint8]
_Key = tuple[str, tuple[str, int], int]  # model digest, series, slice


class PredictionLoader(QObject):
    """Predicts slices of one series with one model and keeps the label maps.

    Signals:
        predicted(series key, index, label map): (rows, columns) of class indices, uint8.
        failed(str): the reason; predicting ends.
    """

    predicted = Signal(object, int, object)
    failed = Signal(str)

    def __init__(self, loader: SliceLoader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self._background = Background(1, "predictions", self)
        self._results: dict[_Key, LabelMap] = {}
        self._impossible: set[tuple[str, tuple[str, int]]] = set()
        self._lock = threading.Lock()
        self._generation = 0
        self._todo: set[int] = set()
        self._wanted = 0
        self._running = False
        self._predictor: Predictor | None = None
        self._series: Series | None = None

    def start(self, predictor: Predictor, series: Series, index: int) -> None:
        """Predict a whole series, beginning at slice `index`; known slices are told at once."""
        if (_model_key(predictor), series.key) in self._impossible:
            return  # it was told about already
        same = predictor is self._predictor and series is self._series
        self._predictor, self._series = predictor, series
        known = self.known(predictor, series)
        with self._lock:
            self._wanted = index
            if not same:
                self._generation += 1
                self._todo = set(range(len(series.slices))) - set(known)
        if not same:
            for i, label_map in known.items():
                self.predicted.emit(series.key, i, label_map)
        self._start_thread()

    def stop(self) -> None:
        """Predict no more; what is known is kept."""
        with self._lock:
            self._generation += 1
            self._todo.clear()
        self._series = None

    def known(self, predictor: Predictor, series: Series) -> dict[int, LabelMap]:
        """Slice index -> label map of what this model has predicted of a series."""
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

    def _start_thread(self) -> None:
        with self._lock:
            if self._running or not self._todo or self._predictor is None or self._series is None:
                return
            self._running = True
            predictor, series, generation = self._predictor, self._series, self._generation
        what = (_model_key(predictor), series.key)
        self._background.submit(
            partial(self._predict, predictor, series, generation),
            self._ended,
            partial(self._broken, generation, what),
        )

    def _predict(self, predictor: Predictor, series: Series, generation: int) -> None:
        """In the background thread: predict what is nearest to the wanted slice."""
        while True:
            with self._lock:
                if generation != self._generation or not self._todo:
                    return
                index = min(self._todo, key=lambda i: abs(i - self._wanted))
                self._todo.discard(index)
            try:
                loaded = self._loader.read_now(series, index)
            except UnreadableSliceError:
                continue  # the viewer says so when the slice is looked at
            if loaded.stored.ndim != 2:
                raise MedSegError("Colour slices cannot be predicted.")
            label_map = predictor.predict(loaded.stored, loaded.fmt)
            key = (_model_key(predictor), series.key, index)
            self._background.deliver(partial(self._on_predicted, generation, key, label_map))

    def _on_predicted(self, generation: int, key: _Key, label_map: LabelMap) -> None:
        if generation == self._generation:  # else another folder may have been opened
            self._results[key] = label_map
            self.predicted.emit(key[1], key[2], label_map)

    def _ended(self, _result: None) -> None:
        self._running = False
        self._start_thread()

    def _broken(
        self, generation: int, what: tuple[str, tuple[str, int]], error: MedSegError
    ) -> None:
        self._running = False
        if self._generation != generation:
            self._start_thread()  # another series is wanted by now
            return
        self._impossible.add(what)
        self.stop()
        self.failed.emit(error.message)


def _model_key(predictor: Predictor) -> str:
    """Tells models apart by content, not by name."""
    return predictor.info.files.get("model.onnx", predictor.info.title)
