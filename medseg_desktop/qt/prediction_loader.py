"""Predictions in the background: the wanted slice first, then its series, then the others."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.errors import Cancelled, MedSegError, UnreadableSliceError
from medseg_desktop.core.shapes.proposals import Proposals
from medseg_desktop.core.volume import Series
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.medlabelme import new_shape_keys
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.loaded_slice import SeriesKey
from medseg_desktop.qt.prediction_wishes import PredictionWishes, Purpose, ResultKey, Wish
from medseg_desktop.qt.slice_loader import SliceLoader

__all__ = ["PredictionLoader", "Purpose", "model_key"]

#: What was found is told at once of the slice that is wanted, else so often.
_TELL_AFTER_S = 0.05
_Found = tuple[Wish, Proposals | None]


class PredictionLoader(QObject):
    """Predicts slices with one model or several, side by side, and keeps what it found, as
    outlines: these fill exactly the predicted pixels and need a thousandth of the memory.

    Signals:
        predicted(model, series key, dict[int, Proposals], purposes): what a model (see
            `model_key`) found on some slices, by index, and for whom (set of Purpose); nothing
            at all where it cannot predict the series.
        progress(done, total): slices of all that was asked for; 0, 0 when nothing is left.
        failed(str): why the series on screen, or nothing more, can be predicted.
    """

    predicted = Signal(str, object, object, object)
    progress = Signal(int, int)
    failed = Signal(str)

    def __init__(self, loader: SliceLoader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self._background = Background(1, "predictions", self)
        self._wishes = PredictionWishes()
        self._results: dict[ResultKey, dict[int, Proposals]] = {}
        self._impossible: dict[ResultKey, str] = {}  # with the reason
        self._told: tuple[SeriesKey, str] | None = None  # what was said of the series on screen
        self._unreadable: dict[SeriesKey, set[int]] = {}
        self._running = False
        self._was_wanted = True  # that at which something unexpected has happened
        self._done = 0

    # -- what is wanted

    def want(
        self,
        predictor: Predictor,
        series: Series,
        index: int,
        indices: Iterable[int] | None = None,
        purpose: Purpose = Purpose.PROPOSALS,
    ) -> None:
        """Predict slices of a series, the nearest to slice `index` first.

        What other series were asked for waits behind it.

        Args:
            indices: slices to predict; None for all.  Those that are known are told at once.
        """
        wanted = set(range(len(series.slices)) if indices is None else indices)
        self._ask(purpose, predictor, series, wanted)
        self.look_at(series, index)
        self._tell_impossible((model_key(predictor), series.key))
        self._start_thread()

    def want_all(self, predictor: Predictor, several: Iterable[Series]) -> None:
        """Predict whole series, one after another, after what is wanted now."""
        for series in several:
            self._ask(Purpose.PROPOSALS, predictor, series, set(range(len(series.slices))))
        self._start_thread()

    def look_at(self, series: Series, index: int) -> None:
        """Slice `index` is on screen: of what was asked for, it goes first."""
        self._wishes.look_at(series.key, index)
        if self._told is not None and self._told[0] != series.key:
            self._told = None

    def _ask(
        self, purpose: Purpose, predictor: Predictor, series: Series, wanted: set[int]
    ) -> None:
        key = (model_key(predictor), series.key)
        if key in self._impossible:
            return
        known = self._results.get(key, {})
        new = wanted - known.keys() - self._unreadable.get(series.key, set())
        if self._wishes.add(purpose, key, predictor, series, new) and known:
            self.predicted.emit(*key, dict(known), {purpose})
        self._tell_progress()

    def stop(self, purpose: Purpose | None = Purpose.PROPOSALS) -> None:
        """Predict no more for one purpose, or for none (None); what is known is kept."""
        if self._wishes.drop(purpose):
            self._told = None
        self._tell_progress()

    def found(self, predictor: Predictor, series: Series, index: int) -> Proposals | None:
        """What a model has found on a slice of a series; None where that is not known."""
        return self._results.get((model_key(predictor), series.key), {}).get(index)

    def is_settled(self, predictor: Predictor, series: Series, index: int) -> bool:
        """A slice was predicted by a model, or cannot be."""
        key = (model_key(predictor), series.key)
        return (
            index in self._results.get(key, {})
            or key in self._impossible
            or index in self._unreadable.get(series.key, ())
        )

    def forget(self) -> None:
        """Another folder was opened."""
        self.stop(None)
        self._results.clear()
        self._impossible.clear()
        self._unreadable.clear()

    def quit(self) -> None:
        """Predict no more, for good; does not wait for the thread."""
        self.stop(None)
        self._background.quit()

    def close(self) -> None:
        """End the thread."""
        self.quit()
        self._background.close()

    # -- the thread

    def _start_thread(self) -> None:
        if not self._running and self._wishes.remaining:
            self._running = True
            self._background.submit(self._predict, self._ended, self._broken)

    def _predict(self) -> None:
        """In the background thread; what was found is told some slices at a time."""
        found: list[_Found] = []
        told_s = time.monotonic()
        while not self._background.closed and (wish := self._wishes.take()) is not None:
            try:
                found.append((wish, self._predicted(wish)))
            except Cancelled:
                self._wishes.finish(wish)
                continue
            except MedSegError as error:
                self._tell(found)
                found = []
                self._give_up(wish, error)
                continue
            except Exception:
                self._was_wanted = self._wishes.is_wanted(wish)
                self._wishes.finish(wish)
                raise
            if wish.on_screen or time.monotonic() - told_s > _TELL_AFTER_S:
                self._tell(found)
                found, told_s = [], time.monotonic()
        self._tell(found)

    def _predicted(self, wish: Wish) -> Proposals | None:
        """In the background thread: None where the slice cannot be read; raises Cancelled."""

        def stop() -> bool:
            return self._background.closed or not self._wishes.is_wanted(wish)

        try:
            loaded = self._loader.read_now(wish.series, wish.index)
        except UnreadableSliceError:
            return None  # the viewer says so when the slice is looked at
        if loaded.stored.ndim != 2:
            raise _ColourError(self.tr("Colour slices cannot be predicted."))
        predictor = wish.predictor
        label_map = predictor.predict(loaded.stored, loaded.fmt)
        keys = new_shape_keys(wish.series.slices[wish.index].frame)
        return Proposals.of(predictor.info.title, label_map, predictor.table, keys, stop)

    def _tell(self, found: Sequence[_Found]) -> None:
        if found:
            self._background.deliver(partial(self._on_predicted, found))

    def _give_up(self, wish: Wish, error: MedSegError) -> None:
        """In the background thread: nothing of a series can be predicted; where the model is
        broken, nothing at all."""
        left = 1 + self._wishes.drop_key(wish.key, but=wish)
        if not isinstance(error, _ColourError):
            self._wishes.drop_model(wish.key[0], but=wish)
        self._background.deliver(partial(self._on_impossible, wish, left, error))

    # -- what came of it

    def _on_predicted(self, found: Sequence[_Found]) -> None:
        made: dict[tuple[ResultKey, frozenset[Purpose]], dict[int, Proposals]] = {}
        for wish, proposals in found:
            purposes = self._wishes.finish(wish)
            if not purposes:
                continue  # another model is in use, or another folder open
            self._done += 1
            if proposals is None:
                self._unreadable.setdefault(wish.series.key, set()).add(wish.index)
            else:
                made.setdefault((wish.key, purposes), {})[wish.index] = proposals
        for (key, purposes), some in made.items():
            self._results.setdefault(key, {}).update(some)
            self.predicted.emit(*key, some, purposes)
        self._tell_progress()

    def _on_impossible(self, wish: Wish, left: int, error: MedSegError) -> None:
        purposes = self._wishes.finish(wish)
        if not purposes:
            return
        self._impossible[wish.key] = error.message
        self._done += left
        if isinstance(error, _ColourError):
            self._tell_impossible(wish.key)
        else:
            self._told = (wish.series.key, error.message)
            self.failed.emit(error.message)
        self.predicted.emit(*wish.key, {}, purposes)
        self._tell_progress()

    def _tell_impossible(self, key: ResultKey) -> None:
        """Of a series that cannot be predicted it is said when it comes on screen."""
        reason = self._impossible.get(key)
        if reason and key[1] == self._wishes.looked_at and self._told != (key[1], reason):
            self._told = (key[1], reason)
            self.failed.emit(reason)

    def _tell_progress(self) -> None:
        remaining = self._wishes.remaining
        if not remaining:
            self._done = 0
        self.progress.emit(self._done, self._done + remaining if remaining else 0)

    def _ended(self, _result: None) -> None:
        self._running = False
        self._start_thread()

    def _broken(self, error: MedSegError) -> None:
        """Something unexpected has happened, which is told in a sentence."""
        self._running = False
        if self._was_wanted:
            self.stop(None)
            self.failed.emit(error.message)
        else:
            self._start_thread()  # something else is wanted by now


class _ColourError(MedSegError):
    """The slices of a series are in colour."""


def model_key(predictor: Predictor) -> str:
    """Tells models apart by content, and by name, which goes with all that they find."""
    return f"{predictor.info.title} {predictor.info.network_digest}"
