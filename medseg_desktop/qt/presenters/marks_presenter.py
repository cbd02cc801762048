"""The marks of the slice slider, and what the model found, slice by slice."""

from __future__ import annotations

from collections.abc import Mapping, Set

from PySide6.QtCore import QObject

from medseg_desktop.core.shapes.proposals import Proposals
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.qt.canvas.slice_slider import SliceMarks, SliceSlider
from medseg_desktop.qt.comparisons import Comparisons
from medseg_desktop.qt.loaded_slice import SeriesKey
from medseg_desktop.qt.prediction_loader import PredictionLoader, Purpose, model_key
from medseg_desktop.qt.sessions import AnnotationSession, RunSession, StudySession


class MarksPresenter(QObject):
    """Hands what the model in use finds to the annotations, and marks slices by what is known of
    them.  A slice is marked as disagreeing where the way to the next disagreement leads to."""

    def __init__(
        self,
        slider: SliceSlider,
        study: StudySession,
        annotations: AnnotationSession,
        runs: RunSession,
        predictions: PredictionLoader,
        comparisons: Comparisons,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._slider, self._study, self._annotations = slider, study, annotations
        self._runs, self._comparisons = runs, comparisons
        self._found: dict[SeriesKey, dict[int, Proposals]] = {}
        predictions.predicted.connect(self._on_predicted)
        study.view_changed.connect(self._on_view)
        study.folder_changed.connect(lambda _: self.forget())
        annotations.documents_changed.connect(self._show)
        annotations.proposals_changed.connect(self._show)
        comparisons.changed.connect(self._show)

    @property
    def predicted(self) -> dict[int, Proposals]:
        """Slice index -> what the model in use found, of the series on screen."""
        view = self._study.view
        return dict(self._found.get(view.series.key, {})) if view else {}

    def forget(self) -> None:
        """Another model, or another folder."""
        self._found.clear()
        self._annotations.clear_proposals()

    def _on_predicted(
        self, model: str, key: SeriesKey, found: Mapping[int, Proposals], purposes: Set[Purpose]
    ) -> None:
        """Only the model in use proposes something, and only where that was asked for; what is
        compared is looked at, and no more."""
        series, in_use = self._study.series(key), self._runs.predictor
        if series is None or in_use is None or model != model_key(in_use):
            return
        if Purpose.PROPOSALS not in purposes:
            return
        known = self._found.setdefault(key, {})
        new = {i: p for i, p in found.items() if known.get(i) is not p}
        known |= new
        if new:
            self._annotations.offer((series.slices[i], p) for i, p in new.items())

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if (
            before is None
            or before.series is not now.series
            or before.time_point != now.time_point
            or before.layers.prediction.visible != now.layers.prediction.visible
            or before.comparison != now.comparison
        ):
            self._show()

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
        found: set[int] = set()
        if view.layers.prediction.visible:
            found = {i for i, p in self._found.get(series.key, {}).items() if p.shapes}
            found |= set(self._annotations.proposed(series))
        differing: set[int] = set()
        if view.layers.prediction.visible or view.comparison.visible:
            known = self._comparisons.known(series)
            differing = {i for i, compared in known.items() if compared.disagreements}
        marks = (annotated, clear, found, differing)
        self._slider.set_marks(
            SliceMarks.of(*({i - start for i in indices if i in shown} for indices in marks))
        )
