"""Which slices are to be predicted by which models, for whom, and which one is next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from medseg_desktop.core.volume import Series
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.qt.loaded_slice import SeriesKey

#: Digest of the model, series.
ResultKey = tuple[str, SeriesKey]


class Purpose(StrEnum):
    """Who wants predictions; each can take back its wishes without those of the other."""

    PROPOSALS = "proposals"
    COMPARISON = "comparison"


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """A slice that is being predicted.

    Attributes:
        on_screen: it is looked at.
    """

    key: ResultKey
    predictor: Predictor
    series: Series
    index: int
    on_screen: bool


class PredictionWishes:
    """What is still to be predicted; any thread may use it.

    A slice that two want of one model is predicted once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._todo: dict[ResultKey, dict[int, set[Purpose]]] = {}
        self._working: dict[Wish, set[Purpose]] = {}
        self._predictors: dict[str, Predictor] = {}
        self._series: dict[SeriesKey, Series] = {}
        self._asked: set[tuple[Purpose, ResultKey]] = set()
        self._at: tuple[SeriesKey, int] | None = None

    def look_at(self, series: SeriesKey, index: int) -> None:
        """This slice is on screen: what is wanted of it goes first, then what is near it."""
        with self._lock:
            self._at = (series, index)

    @property
    def looked_at(self) -> SeriesKey | None:
        """The series on screen."""
        return self._at[0] if self._at else None

    def add(
        self,
        purpose: Purpose,
        key: ResultKey,
        predictor: Predictor,
        series: Series,
        indices: Iterable[int],
    ) -> bool:
        """Slices of a series that one model shall predict.

        Returns:
            Whether this was the first wish for them since the purpose gave up its wishes.
        """
        with self._lock:
            self._predictors[key[0]], self._series[key[1]] = predictor, series
            todo = self._todo.setdefault(key, {})
            taken = {w.index: who for w, who in self._working.items() if w.key == key and who}
            for index in indices:
                (taken.get(index) or todo.setdefault(index, set())).add(purpose)
            if not todo:
                del self._todo[key]
            is_first = (purpose, key) not in self._asked
            self._asked.add((purpose, key))
            return is_first

    def drop(self, purpose: Purpose | None = None) -> bool:
        """One purpose, or everybody, wants nothing any more; whether anything was asked for."""
        with self._lock:
            gone = set(Purpose) if purpose is None else {purpose}
            for key, todo in list(self._todo.items()):
                self._todo[key] = {i: who - gone for i, who in todo.items() if who - gone}
                if not self._todo[key]:
                    del self._todo[key]
            for wish, who in self._working.items():
                self._working[wish] = who - gone
            kept = {(p, key) for p, key in self._asked if p not in gone}
            has_asked, self._asked = len(kept) < len(self._asked), kept
            return has_asked

    def drop_key(self, key: ResultKey, but: Wish | None = None) -> int:
        """A model cannot predict a series; how many slices are left out.

        Args:
            but: the slice at which that was found out; it is still to be finished.
        """
        with self._lock:
            return self._drop_key(key, but)

    def drop_model(self, model: str, but: Wish | None = None) -> None:
        """A model cannot predict anything; `but` as of `drop_key`."""
        with self._lock:
            for key in {*self._todo, *(wish.key for wish in self._working)}:
                if key[0] == model:
                    self._drop_key(key, but)

    def _drop_key(self, key: ResultKey, but: Wish | None) -> int:
        of_key = (wish for wish in self._working if wish.key == key and wish is not but)
        working = [wish for wish in of_key if self._working[wish]]
        for wish in working:
            self._working[wish] = set()
        return len(working) + len(self._todo.pop(key, ()))

    def take(self) -> Wish | None:
        """The slice to be predicted now; None when none is left."""
        with self._lock:
            key = self._next_key()
            if key is None:
                return None
            todo = self._todo[key]
            index = min(todo, key=self._distance(key))
            who = todo.pop(index)
            if not todo:
                del self._todo[key]
            on_screen = (key[1], index) == self._at
            wish = Wish(key, self._predictors[key[0]], self._series[key[1]], index, on_screen)
            self._working[wish] = who
            return wish

    def _next_key(self) -> ResultKey | None:
        """Of the series on screen the model whose next slice is nearest, else the first there is.

        Models come in turns, so that a slice is predicted by all of them before the next one is.
        """
        seen = [key for key in self._todo if self._at and key[1] == self._at[0]]
        if seen:
            return min(seen, key=lambda key: min(map(self._distance(key), self._todo[key])))
        return next(iter(self._todo), None)

    def _distance(self, key: ResultKey) -> Callable[[int], int]:
        """How far a slice is from the one on screen, or from the first of another series."""
        at = self._at[1] if self._at and key[1] == self._at[0] else 0
        return lambda index: abs(index - at)

    def is_wanted(self, wish: Wish) -> bool:
        """Somebody still waits for a slice that was taken."""
        with self._lock:
            return bool(self._working.get(wish))

    def finish(self, wish: Wish) -> frozenset[Purpose]:
        """A slice that was taken is done; for whom, which may be nobody any more."""
        with self._lock:
            return frozenset(self._working.pop(wish, ()))

    @property
    def remaining(self) -> int:
        """How many slices are wanted that are not finished."""
        with self._lock:
            working = sum(bool(who) for who in self._working.values())
            return working + sum(map(len, self._todo.values()))
