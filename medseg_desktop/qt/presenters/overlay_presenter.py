"""What lies on the slice: outlines, label map and prediction, their panel and their marks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject

from medseg_desktop.core.view import Layers, LayerState, ResolvedView
from medseg_desktop.core.volume import Series
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.qt.canvas.slice_slider import SliceMarks, SliceSlider
from medseg_desktop.qt.canvas.slice_view import LabelLayer, SliceView
from medseg_desktop.qt.loaded_slice import LoadedSlice
from medseg_desktop.qt.panels.overlay_panel import LabelRow, Layer, OverlayPanel
from medseg_desktop.qt.prediction_loader import PredictionLoader
from medseg_desktop.qt.presenters import overlays
from medseg_desktop.qt.sessions.annotations import AnnotationSession
from medseg_desktop.qt.sessions.study import StudySession
from medseg_desktop.qt.theme.tokens import DARK

LabelMap = npt.NDArray[np.uint8]
#: Dice below which outline and prediction of a slice are marked as disagreeing.
_AGREEMENT = 0.5


class OverlayPresenter(QObject):
    """Draws what the documents and the model say about the slice on screen."""

    def __init__(
        self,
        view: SliceView,
        slider: SliceSlider,
        panel: OverlayPanel,
        study: StudySession,
        annotations: AnnotationSession,
        predictions: PredictionLoader,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._view, self._slider, self._panel = view, slider, panel
        self._study, self._annotations = study, annotations
        self._outlines = overlays.ShapeOutlines()
        self._loaded: LoadedSlice | None = None
        self._predictor: Predictor | None = None
        self._predicted: dict[int, LabelMap] = {}
        self._differing: set[int] = set()
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(self._clear)
        study.slice_loaded.connect(self._on_loaded)
        study.slice_failed.connect(lambda _: self._clear())
        annotations.documents_changed.connect(self._on_documents)
        predictions.predicted.connect(self._on_predicted)
        panel.layer_changed.connect(self._on_layer)
        panel.label_visibility_changed.connect(study.set_label_visible)
        self._fill_labels()
        self._show_layers(study.state.layers)

    @property
    def predicted(self) -> dict[int, LabelMap]:
        """Slice index -> label map, of the series on screen by the model in use."""
        return dict(self._predicted)

    def set_predictor(self, predictor: Predictor | None) -> None:
        """The model whose predictions are shown; None for none."""
        self._predictor = predictor
        self._forget_predictions()
        now = self._study.view
        if now is not None:
            self._show_marks(now)
        self._draw()

    # -- from the sessions

    def _on_layer(self, layer: Layer, visible: bool, opacity: float) -> None:
        self._study.set_layer(layer.value, LayerState(visible, opacity))

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or before.series is not now.series:
            self._clear()
            self._forget_predictions()
            self._show_marks(now)
        elif before.time_point != now.time_point:
            self._show_marks(now)
        if before is None or before.layers != now.layers:
            self._show_layers(now.layers)
            self._draw()

    def _show_layers(self, layers: Layers) -> None:
        for layer in Layer:
            state: LayerState = getattr(layers, layer.value)
            self._panel.set_layer(layer, state.visible, state.opacity)

    def _on_loaded(self, loaded: LoadedSlice) -> None:
        self._loaded = loaded
        self._draw()
        self._fill_shapes()

    def _clear(self) -> None:
        self._loaded = None
        self._panel.set_shapes([])

    def _on_documents(self) -> None:
        self._fill_labels()
        self._draw()
        self._fill_shapes()

    def _fill_labels(self) -> None:
        hidden = self._study.state.layers.hidden_labels
        rows = [
            LabelRow(x.index, x.name, overlays.hex_color(x.color), x.index not in hidden)
            for x in self._annotations.labels.foreground
        ]
        self._panel.set_labels(rows)

    def _forget_predictions(self) -> None:
        self._predicted.clear()
        self._differing.clear()

    def _on_predicted(self, key: object, index: int, label_map: LabelMap) -> None:
        now = self._study.view
        if now is None or key != now.series.key or self._predictor is None:
            return
        self._predicted[index] = label_map
        if self._differs(now.series, index, label_map):
            self._differing.add(index)
        self._show_marks(now)
        if index == now.index:
            self._draw()

    # -- drawing

    def _draw(self) -> None:
        """Outlines, label map and prediction of the slice on screen, as the layers say."""
        now, loaded = self._study.view, self._loaded
        if now is None or loaded is None or loaded.index != now.index:
            return
        shapes = self._annotations.shapes(now.slice)
        labels = self._annotations.labels
        layers = now.layers
        rows, columns = loaded.shape
        outlines = []
        if layers.outlines.visible:
            outlines += self._outlines.of(shapes, labels, layers.hidden_labels)
        layer = None
        if layers.label_map.visible and shapes:
            label_map = overlays.visible_label_map(
                shapes, labels, layers.hidden_labels, rows, columns
            )
            layer = LabelLayer(label_map, [x.color for x in labels.labels])
        self._view.set_label_map(layer, layers.label_map.opacity)
        predicted = self._predicted.get(now.index) if layers.prediction.visible else None
        if predicted is not None and self._predictor is not None:
            table = self._predictor.table
            outlines += overlays.prediction_outlines(predicted, table, DARK.model)
            colors = [_rgb(DARK.model)] * len(table)
            opacity = layers.prediction.opacity
            self._view.set_prediction_map(LabelLayer(predicted, colors), opacity)
        else:
            self._view.set_prediction_map(None)
        self._view.set_outlines(outlines)

    def _fill_shapes(self) -> None:
        now = self._study.view
        if now is not None:
            shapes = self._annotations.shapes(now.slice)
            rows = overlays.shape_rows(shapes, self._annotations.labels, now.series)
            self._panel.set_shapes(rows)

    def _show_marks(self, view: ResolvedView) -> None:
        """Marks of the time point on screen, by position."""
        series = view.series
        start = view.time_point * series.positions
        shown = range(start, start + series.positions)
        annotated = self._annotations.annotated(series)
        clear = set(self._annotations.reviewed(series)) - set(annotated)
        found = {i for i, m in self._predicted.items() if m.any()}
        marks = (annotated, clear, found, self._differing)
        self._slider.set_marks(
            SliceMarks.of(*({i - start for i in indices if i in shown} for indices in marks))
        )

    def _differs(self, series: Series, index: int, label_map: LabelMap) -> bool:
        """A reviewed slice on which outlines and prediction hardly overlap."""
        if not self._annotations.is_reviewed(series.slices[index]):
            return False
        predicted = label_map > 0
        shapes = self._annotations.shapes(series.slices[index])
        labels = self._annotations.labels
        truth = overlays.visible_label_map(shapes, labels, frozenset(), *predicted.shape) > 0
        total = int(truth.sum()) + int(predicted.sum())
        return total > 0 and 2 * int((truth & predicted).sum()) / total < _AGREEMENT


def _rgb(color: str) -> tuple[int, int, int]:
    return (int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16))
