"""The marks of the slice slider, and what the model found, slice by slice."""

from __future__ import annotations

import time
from collections.abc import Mapping

from PySide6.QtCore import QObject, QTimer

from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.metrics import foreground_overlap
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.core.shapes.edit import Shapes
from medseg_desktop.core.shapes.proposals import Proposals
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.core.volume import Series
from medseg_desktop.qt.canvas.slice_slider import SliceMarks, SliceSlider
from medseg_desktop.qt.loaded_slice import SeriesKey
from medseg_desktop.qt.prediction_loader import PredictionLoader
from medseg_desktop.qt.sessions import AnnotationSession, StudySession

#: Dice below which outlines and prediction of a slice are marked as disagreeing.
_AGREEMENT = 0.5
#: So long the window may be kept waiting for comparisons.
_IDLE_S = 0.005


class MarksPresenter(QObject):
    """Hands what the model finds to the annotations, and marks slices by what is known of them.

    Outlines and predictions are compared a few at a time while nothing else is to be done: one
    step may change a thousand slices.
    """

    def __init__(
        self,
        slider: SliceSlider,
        study: StudySession,
        annotations: AnnotationSession,
        predictions: PredictionLoader,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._slider, self._study, self._annotations = slider, study, annotations
        self._found: dict[SeriesKey, dict[int, Proposals]] = {}
        self._differing: dict[SeriesKey, set[int]] = {}
        self._of_file: dict[str, dict[tuple[SeriesKey, int], None]] = {}  # path -> predicted
        self._to_compare: dict[tuple[SeriesKey, int], None] = {}
        self._compared: dict[tuple[SeriesKey, int], tuple[Shapes, bool]] = {}
        self._when_idle = QTimer(self)
        self._when_idle.setSingleShot(True)
        self._when_idle.setInterval(0)
        self._when_idle.timeout.connect(self._compare_some)
        predictions.predicted.connect(self._on_predicted)
        study.view_changed.connect(self._on_view)
        study.folder_changed.connect(lambda _: self.forget())
        annotations.documents_changed.connect(self._show)
        annotations.proposals_changed.connect(self._show)
        annotations.document_edited.connect(self._on_edited)

    @property
    def predicted(self) -> dict[int, Proposals]:
        """Slice index -> what the model in use found, of the series on screen."""
        view = self._study.view
        return dict(self._found.get(view.series.key, {})) if view else {}

    def forget(self) -> None:
        """Another model, or another folder."""
        for known in (
            self._found,
            self._differing,
            self._of_file,
            self._to_compare,
            self._compared,
        ):
            known.clear()
        self._annotations.clear_proposals()

    def _on_predicted(self, key: SeriesKey, found: Mapping[int, Proposals]) -> None:
        series = self._study.series(key)
        if series is None:
            return
        known = self._found.setdefault(key, {})
        new = {i: p for i, p in found.items() if known.get(i) is not p}
        known |= new
        for i in new:
            self._of_file.setdefault(series.slices[i].path, {})[key, i] = None
            self._compare_soon(key, i)
        if new:
            self._annotations.offer((series.slices[i], p) for i, p in new.items())

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if (
            before is None
            or before.series is not now.series
            or before.time_point != now.time_point
            or before.layers.prediction.visible != now.layers.prediction.visible
        ):
            self._show()

    # -- outlines and predictions

    def _on_edited(self, path: str) -> None:
        """Compare again what was predicted of an edited file's slices."""
        for key, index in self._of_file.get(path, ()):
            self._compare_soon(key, index)

    def _compare_soon(self, key: SeriesKey, index: int) -> None:
        self._to_compare[key, index] = None
        if not self._when_idle.isActive():
            self._when_idle.start()

    def _compare_some(self) -> None:
        until_s = time.monotonic() + _IDLE_S
        before = self._here
        while self._to_compare and time.monotonic() < until_s:
            key, index = next(iter(self._to_compare))
            del self._to_compare[key, index]
            series = self._study.series(key)
            if series is not None:
                self._compare(series, index)
        if self._to_compare:
            self._when_idle.start()
        if self._here != before:
            self._show()

    @property
    def _here(self) -> frozenset[int]:
        view = self._study.view
        return frozenset(self._differing.get(view.series.key, ()) if view else ())

    def _compare(self, series: Series, index: int) -> None:
        """Whether outlines and prediction of a reviewed slice hardly overlap."""
        item = series.slices[index]
        shapes, labels = self._annotations.shapes(item), self._annotations.labels
        is_reviewed = self._annotations.is_reviewed(item)
        known = self._compared.get((series.key, index))
        if known is not None and known[0] is shapes and known[1] == is_reviewed:
            return  # another frame of the file was edited
        self._compared[series.key, index] = (shapes, is_reviewed)
        differing = self._differing.setdefault(series.key, set())
        differing.discard(index)
        if not is_reviewed:
            return
        size = (series.rows, series.columns)
        found = self._found[series.key][index].shapes
        predicted = draw_label_map(found, LabelTable.from_names(s.label for s in found), *size)
        counts = foreground_overlap(draw_label_map(shapes, labels, *size), predicted)
        total = counts.truth + counts.predicted
        if total and 2 * counts.both / total < _AGREEMENT:
            differing.add(index)

    def _show(self) -> None:
        """Marks of the time point on screen, by position."""
        view = self._study.view
        if view is None:
            return
        series = view.series
        start = view.time_point * series.positions
        shown = range(start, start + series.positions)
        annotated = self._annotations.annotated(series)
        clear = set(self._annotations.reviewed(series)) - set(annotated)
        found = {i for i, p in self._found.get(series.key, {}).items() if p.shapes}
        found |= set(self._annotations.proposed(series))
        differing = self._differing.get(series.key, set())
        if not view.layers.prediction.visible:
            found, differing = set(), set()
        marks = (annotated, clear, found, differing)
        self._slider.set_marks(
            SliceMarks.of(*({i - start for i in indices if i in shown} for indices in marks))
        )
