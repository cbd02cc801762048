"""The marks of the slice slider, and what the model found, slice by slice."""

from __future__ import annotations

from PySide6.QtCore import QObject

from medseg_desktop.core.metrics import foreground_overlap
from medseg_desktop.core.raster import LabelMap, draw_label_map
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.core.volume import Series
from medseg_desktop.qt.canvas.slice_slider import SliceMarks, SliceSlider
from medseg_desktop.qt.loaded_slice import SeriesKey
from medseg_desktop.qt.prediction_loader import Prediction, PredictionLoader
from medseg_desktop.qt.sessions import AnnotationSession, StudySession

#: Dice below which outlines and prediction of a slice are marked as disagreeing.
_AGREEMENT = 0.5


class MarksPresenter(QObject):
    """Hands what the model finds to the annotations, and marks slices by what is known of them."""

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
        self._found: dict[SeriesKey, dict[int, Prediction]] = {}
        self._differing: dict[SeriesKey, set[int]] = {}
        predictions.predicted.connect(self._on_predicted)
        study.view_changed.connect(self._on_view)
        study.folder_changed.connect(lambda _: self.forget())
        annotations.documents_changed.connect(self._on_documents)
        annotations.document_edited.connect(self._on_edited)

    @property
    def predicted(self) -> dict[int, LabelMap]:
        """Slice index -> label map, of the series on screen by the model in use."""
        view = self._study.view
        found = self._found.get(view.series.key, {}) if view else {}
        return {index: prediction.label_map for index, prediction in found.items()}

    def forget(self) -> None:
        """Another model, or another folder."""
        self._found.clear()
        self._differing.clear()
        self._annotations.clear_proposals()
        self._show()

    def _on_predicted(self, key: SeriesKey, index: int, found: Prediction) -> None:
        series = self._study.series(key)
        if series is None:
            return
        self._found.setdefault(key, {})[index] = found
        self._compare(series, index)
        self._annotations.set_proposals(series.slices[index], found.proposals)
        view = self._study.view
        if view is not None and view.series.key == key:
            self._show()

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if (
            before is None
            or before.series is not now.series
            or before.time_point != now.time_point
            or before.layers.prediction.visible != now.layers.prediction.visible
        ):
            self._show()

    def _on_edited(self, path: str) -> None:
        """Compare again what was predicted of an edited file's slices."""
        for key, found in self._found.items():
            series = self._study.series(key)
            for index in found if series else ():
                if series is not None and series.slices[index].path == path:
                    self._compare(series, index)

    def _on_documents(self) -> None:
        self._show()

    def _compare(self, series: Series, index: int) -> None:
        """Whether outlines and prediction of a reviewed slice hardly overlap."""
        differing = self._differing.setdefault(series.key, set())
        differing.discard(index)
        item = series.slices[index]
        if not self._annotations.is_reviewed(item):
            return
        predicted = self._found[series.key][index].label_map
        shapes, labels = self._annotations.shapes(item), self._annotations.labels
        counts = foreground_overlap(draw_label_map(shapes, labels, *predicted.shape), predicted)
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
        found = {i for i, p in self._found.get(series.key, {}).items() if p.proposals.shapes}
        found |= set(self._annotations.proposed(series))
        differing = self._differing.get(series.key, set())
        if not view.layers.prediction.visible:
            found, differing = set(), set()
        marks = (annotated, clear, found, differing)
        self._slider.set_marks(
            SliceMarks.of(*({i - start for i in indices if i in shown} for indices in marks))
        )
