"""The way to the next disagreement of the series, also where predictions are still to come."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.comparison_map import Disagreement
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.core.volume import Series
from medseg_desktop.qt.comparisons import Comparisons
from medseg_desktop.qt.loaded_slice import SeriesKey
from medseg_desktop.qt.sessions import StudySession

_Order = tuple[int, int]


class DisagreementSearch(QObject):
    """Goes from place to place: down the slice on screen, then to the next slice that has one.

    Slices of which it is not known yet whether they have one are waited for, until the user
    goes elsewhere.

    Signals:
        found(Disagreement, int, int): the place that was gone to, its number on the slice from 1,
            and how many there are.
        waits(): the next slice must be predicted first.
        ended(int): there is no further one in this direction, 1 or -1.
        given_up(): the user went elsewhere meanwhile.
    """

    found = Signal(object, int, int)
    waits = Signal()
    ended = Signal(int)
    given_up = Signal()

    def __init__(
        self, study: StudySession, comparisons: Comparisons, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._study, self._comparisons = study, comparisons
        self._at: tuple[SeriesKey, int, _Order] | None = None  # where the last one was
        self._looking: tuple[Series, int, int] | None = None  # series, next slice, direction
        self._is_moving = False
        study.view_changed.connect(self._on_view)
        comparisons.changed.connect(self._go_on)

    @property
    def is_looking(self) -> bool:
        """Slices are waited for."""
        return self._looking is not None

    def begin(self, direction: int) -> None:
        """To the next place (1) or the one before (-1)."""
        view = self._study.view
        if view is None:
            return
        self._looking = (view.series, view.index, direction)
        self._go_on()

    def stop(self) -> None:
        """Wait for nothing any more."""
        if self._looking is not None:
            self._looking = None
            self.given_up.emit()

    def forget(self) -> None:
        """Something else is compared: begin anew on the slice on screen."""
        self._at = None
        self.stop()

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if self._is_moving or before is None:
            return
        if before.slice != now.slice:
            self.forget()

    def _go_on(self) -> None:
        """As far as it is known what the slices have."""
        if self._looking is None:
            return
        series, index, direction = self._looking
        while 0 <= index < len(series.slices):
            places = self._places(series, index)
            if places is None:
                self._looking = (series, index, direction)
                self.waits.emit()
                return
            ahead = self._ahead(series, index, places, direction)
            if ahead:
                self._looking = None
                self._go(series, index, ahead[0] if direction > 0 else ahead[-1], places)
                return
            index += direction
        self._looking = None
        self.ended.emit(direction)

    def _places(self, series: Series, index: int) -> tuple[Disagreement, ...] | None:
        """Those of a slice; None where they are not known yet."""
        compared = self._comparisons
        if compared.is_comparable(series, index) and compared.pending(series, index):
            return None
        found = compared.comparison(series, index)
        return found.disagreements if found is not None else None

    def _ahead(
        self, series: Series, index: int, places: tuple[Disagreement, ...], direction: int
    ) -> tuple[Disagreement, ...]:
        """Those beyond the place where the last one was, which need not be there any more."""
        if self._at is None or self._at[:2] != (series.key, index):
            return places
        last = self._at[2]
        return tuple(p for p in places if (_order(p) > last if direction > 0 else _order(p) < last))

    def _go(
        self, series: Series, index: int, place: Disagreement, places: tuple[Disagreement, ...]
    ) -> None:
        self._at = (series.key, index, _order(place))
        self._is_moving = True
        try:
            self._study.set_slice(index)
        finally:
            self._is_moving = False
        self.found.emit(place, places.index(place) + 1, len(places))


def _order(place: Disagreement) -> _Order:
    """As `SliceComparison.disagreements` are."""
    return place.box[1], place.box[0]
