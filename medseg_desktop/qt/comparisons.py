"""Comparisons of the series on screen, slice by slice: worked out in the background and kept."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import is_

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.comparison_map import (
    CategoryMap,
    LabelMap,
    Side,
    SliceComparison,
    category_map,
    compare,
)
from medseg_desktop.core.label_changes import within_limit
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.core.shapes.proposals import Proposals
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.core.volume import Series
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.loaded_slice import SeriesKey
from medseg_desktop.qt.prediction_loader import PredictionLoader, model_key
from medseg_desktop.qt.sessions import AnnotationSession, StudySession
from medseg_desktop.qt.sessions.compared_model import ComparedModels

#: So long the window may be kept waiting to find out what is to be compared.
_IDLE_S = 0.004
#: What was found out is told so often.
_TELL_AFTER_S = 0.03
#: A category map takes a byte a pixel; those of the slices looked at last are kept.
_KEPT_BYTES = 32 << 20
_Place = tuple[SeriesKey, int]


@dataclass(frozen=True, slots=True, eq=False)
class SliceSides:
    """What the sides say of one slice; told from others by identity, since nothing of it changes.

    Attributes:
        mine: a person's shapes; None where nobody has looked at the slice, or they take no part.
        model, other: what the models found; None where that is not known, or there is none.
        labels: the label table of now; hidden labels take no part.
    """

    mine: tuple[Shape, ...] | None
    model: Proposals | None
    other: Proposals | None
    labels: LabelTable

    @property
    def sides(self) -> Side:
        """Those who say something."""
        said = {Side.MINE: self.mine, Side.MODEL: self.model, Side.OTHER: self.other}
        return Side(sum(side for side, what in said.items() if what is not None))

    def is_same(self, other: SliceSides | None) -> bool:
        """The other one is made of the same."""
        return other is not None and all(map(is_, self._parts, other._parts))

    @property
    def _parts(self) -> tuple[object, ...]:
        return self.mine, self.model, self.other, self.labels

    @property
    def vertices(self) -> int:
        """How many points there are, which tells how long drawing them takes."""
        found = (self.mine, *(x.shapes for x in (self.model, self.other) if x is not None))
        return sum(len(shape.points) for shapes in found for shape in shapes or ())

    def label_maps(
        self, rows: int, columns: int, mine: LabelMap | None = None
    ) -> dict[Side, LabelMap]:
        """What each of the sides marks, in the classes of one table.

        Args:
            mine: the person's label map, where it is known already.
        """
        found = [x.shapes for x in (self.model, self.other) if x is not None]
        names = (shape.label for shapes in found for shape in shapes)
        table = within_limit(self.labels.extended(names))
        maps: dict[Side, LabelMap] = {}
        if self.mine is not None:
            drawn = draw_label_map(self.mine, table, rows, columns) if mine is None else mine
            maps[Side.MINE] = drawn
        for side, proposals in ((Side.MODEL, self.model), (Side.OTHER, self.other)):
            if proposals is not None:
                maps[side] = draw_label_map(proposals.shapes, table, rows, columns)
        shown = np.arange(256, dtype=np.uint8)
        hidden = [label.index for label in table.foreground if not label.visible]
        shown[hidden] = 0
        return {side: shown[m] for side, m in maps.items()} if hidden else maps


_Compared = tuple[_Place, SliceSides, CategoryMap, SliceComparison]


class Comparisons(QObject):
    """Compares what is known of the series on screen, and follows every change of it.

    Outside compare mode a person's outlines are compared with the model in use, for the marks
    of the slices; in compare mode whatever takes part in it.

    Signals:
        changed(): of some slices of the series on screen something else is known.
    """

    changed = Signal()

    def __init__(
        self,
        study: StudySession,
        annotations: AnnotationSession,
        predictions: PredictionLoader,
        models: ComparedModels,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._study, self._annotations = study, annotations
        self._predictions, self._models = predictions, models
        self._background = Background(1, "comparisons", self)
        self._known: dict[_Place, tuple[SliceSides, SliceComparison]] = {}
        self._maps: OrderedDict[_Place, tuple[SliceSides, CategoryMap]] = OrderedDict()
        self._asked: dict[_Place, SliceSides] = {}
        self._to_look_at: dict[int, None] = {}
        self._when_idle = QTimer(self)
        self._when_idle.setSingleShot(True)
        self._when_idle.setInterval(0)
        self._when_idle.timeout.connect(self._look_at_some)
        study.view_changed.connect(self._on_view)
        study.folder_changed.connect(lambda _: self._forget())
        annotations.document_edited.connect(self._on_edited)
        annotations.documents_changed.connect(self._on_documents)
        annotations.labels_changed.connect(lambda _: self._look_at_all())
        predictions.predicted.connect(self._on_predicted)
        models.pair_changed.connect(self._begin_anew)
        self._edited: set[str] = set()

    # -- what takes part

    @property
    def asked(self) -> Side:
        """The sides that are to be compared, as far as there are models for them."""
        state, models = self._study.state.comparison, self._models
        sides = Side.MODEL if models.first is not None else Side(0)
        if not state.visible:
            return sides | Side.MINE
        if models.other is not None:
            sides |= Side.OTHER
        return sides | Side.MINE if state.mine else sides

    def sides_of(self, series: Series, index: int) -> SliceSides:
        """What they say of a slice now."""
        item, asked = series.slices[index], self.asked
        mine = None
        if Side.MINE in asked and self._annotations.is_reviewed(item):
            mine = self._annotations.shapes(item)
        first, other = self._models.first, self._models.other
        find = self._predictions.found
        return SliceSides(
            mine,
            find(first, series, index) if first is not None else None,
            find(other, series, index) if other is not None and Side.OTHER in asked else None,
            self._annotations.labels,
        )

    def is_comparable(self, series: Series, index: int) -> bool:
        """There are two sides that can say something of a slice: one that nobody has looked at
        can only be compared between models."""
        asked = self.asked
        if Side.OTHER in asked:
            return True
        return Side.MINE in asked and self._annotations.is_reviewed(series.slices[index])

    def pending(self, series: Series, index: int) -> Side:
        """Models that take part and whose prediction of a slice may still come."""
        asked, models = self.asked, self._models
        waiting = Side(0)
        for side, model in ((Side.MODEL, models.first), (Side.OTHER, models.other)):
            if side in asked and model is not None:
                settled = self._predictions.is_settled(model, series, index)
                waiting |= Side(0) if settled else side
        return waiting

    # -- what came of it

    def comparison(self, series: Series, index: int) -> SliceComparison | None:
        """Of a slice as it is now; None where it is still to be worked out.

        Where fewer than two sides say something, nothing disagrees.
        """
        sides = self.sides_of(series, index)
        if sides.sides.bit_count() < 2:
            return SliceComparison(sides.sides, {}, ())
        known = self._known.get((series.key, index))
        return known[1] if known is not None and sides.is_same(known[0]) else None

    def known(self, series: Series) -> Mapping[int, SliceComparison]:
        """What was worked out last, by slice; of what has just been changed it may be old."""
        return {i: found for (key, i), (_, found) in self._known.items() if key == series.key}

    def categories(self, series: Series, index: int) -> CategoryMap | None:
        """The category map of a slice as it is now, where it is kept; not to be written to."""
        place = (series.key, index)
        kept = self._maps.get(place)
        if kept is None or not self.sides_of(series, index).is_same(kept[0]):
            return None
        self._maps.move_to_end(place)
        return kept[1]

    # -- what has to be looked at

    def _forget(self) -> None:
        for known in (self._known, self._maps, self._asked, self._to_look_at):
            known.clear()

    def _begin_anew(self) -> None:
        """Others are compared: nothing of what is known holds any more."""
        self._forget()
        self._look_at_all()
        self.changed.emit()

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        state = now.comparison
        if (
            before is None
            or before.series is not now.series
            or before.comparison.visible != state.visible
            or before.comparison.mine != state.mine
        ):
            self._begin_anew()

    def _on_predicted(
        self, model: str, key: SeriesKey, found: Mapping[int, Proposals], _purposes: object
    ) -> None:
        view = self._study.view
        models = (self._models.first, self._models.other)
        compared = {model_key(x) for x in models if x is not None}
        if view is not None and view.series.key == key and model in compared:
            self._look_soon(found)
            if not found:
                self.changed.emit()  # what cannot be predicted is not waited for

    def _on_edited(self, path: str) -> None:
        self._edited.add(path)

    def _on_documents(self) -> None:
        """After each step; without one, other documents have come with another folder."""
        edited, self._edited = self._edited, set()
        view = self._study.view
        if view is None:
            return
        if edited:
            slices = enumerate(view.series.slices)
            self._look_soon(i for i, item in slices if item.path in edited)
        else:
            self._look_at_all()

    def _look_at_all(self) -> None:
        view = self._study.view
        if view is not None:
            self._look_soon(range(len(view.series.slices)))

    def _look_soon(self, indices: Iterable[int]) -> None:
        if self.asked.bit_count() > 1:
            self._to_look_at |= dict.fromkeys(indices)
        if self._to_look_at and not self._when_idle.isActive():
            self._when_idle.start()

    def _look_at_some(self) -> None:
        """What has to be compared of some slices, that on screen first."""
        view = self._study.view
        if view is None:
            return
        until_s, series = time.monotonic() + _IDLE_S, view.series
        work: list[tuple[_Place, SliceSides]] = []
        gone = False
        while self._to_look_at and time.monotonic() < until_s:
            index = view.index if view.index in self._to_look_at else next(iter(self._to_look_at))
            del self._to_look_at[index]
            place, sides = (series.key, index), self.sides_of(series, index)
            if sides.is_same(self._asked.get(place)):
                continue
            self._asked[place] = sides
            if sides.sides.bit_count() > 1:
                work.append((place, sides))
            else:
                gone = self._known.pop(place, None) is not None or gone
        if work:
            size = series.rows, series.columns
            self._background.submit(partial(self._compare, work, size), self._keep)
        if gone:
            self.changed.emit()
        if self._to_look_at:
            self._when_idle.start()

    # -- the thread

    def _compare(
        self, work: list[tuple[_Place, SliceSides]], size: tuple[int, int]
    ) -> list[_Compared]:
        """In the background: what was found out is told some slices at a time."""
        found: list[_Compared] = []
        told_s = time.monotonic()
        for place, sides in work:
            if self._background.closed:
                return []
            if self._asked.get(place) is not sides:
                continue  # it has changed again meanwhile
            maps = sides.label_maps(*size)
            categories = category_map(maps)
            found.append((place, sides, categories, compare(maps, categories)))
            if time.monotonic() - told_s > _TELL_AFTER_S:
                self._background.deliver(partial(self._keep, found))
                found, told_s = [], time.monotonic()
        return found

    def _keep(self, found: list[_Compared]) -> None:
        kept = False
        for place, sides, categories, comparison in found:
            if self._asked.get(place) is not sides:
                continue
            self._known[place] = (sides, comparison)
            self._maps[place] = (sides, categories)
            self._maps.move_to_end(place)
            while len(self._maps) > max(_KEPT_BYTES // max(categories.size, 1), 1):
                self._maps.popitem(last=False)
            kept = True
        if kept:
            self.changed.emit()

    def quit(self) -> None:
        """Compare nothing any more; does not wait for the thread."""
        self._when_idle.stop()
        self._background.quit()

    def close(self) -> None:
        """End the thread."""
        self.quit()
        self._background.close()
