"""The slice on screen: pixels, overlays, corner texts, slider and window panel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Qt, QTimer

from medseg_desktop.core.display import Window
from medseg_desktop.core.view import Layers, LayerState, ResolvedView, dragged_window
from medseg_desktop.core.volume import Series
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.qt.canvas.slice_slider import SliceMarks, SliceSlider
from medseg_desktop.qt.canvas.slice_view import SliceView
from medseg_desktop.qt.panels.overlay_panel import LabelRow, Layer, OverlayPanel
from medseg_desktop.qt.panels.window_panel import WindowPanel
from medseg_desktop.qt.prediction_loader import PredictionLoader
from medseg_desktop.qt.presenters import overlays
from medseg_desktop.qt.presenters.corner_lines import corner_texts
from medseg_desktop.qt.sessions.annotations import AnnotationSession
from medseg_desktop.qt.sessions.study import StudySession
from medseg_desktop.qt.slice_loader import LoadedSlice
from medseg_desktop.qt.theme.tokens import DARK

LabelMap = npt.NDArray[np.uint8]
_FINE, _COARSE = 0.1, 5.0
#: Dice below which outline and prediction of a slice are marked as disagreeing.
_AGREEMENT = 0.5
#: After so many milliseconds a slice that is still being read is shown as such.
_LATE_MS = 150
_HISTOGRAM_SIDE = 256


class SlicePresenter(QObject):
    """Shows what StudySession resolved; reports what the user does to the slice."""

    def __init__(
        self,
        view: SliceView,
        slider: SliceSlider,
        window_panel: WindowPanel,
        overlay_panel: OverlayPanel,
        study: StudySession,
        annotations: AnnotationSession,
        predictions: PredictionLoader,
        drag_down_is_brighter: bool,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._view, self._slider = view, slider
        self._window_panel, self._overlay_panel = window_panel, overlay_panel
        self._study, self._annotations, self._predictions = study, annotations, predictions
        self._down = drag_down_is_brighter
        self._loaded: LoadedSlice | None = None
        self._predictor: Predictor | None = None
        self._predicted: dict[int, LabelMap] = {}
        self._differing: set[int] = set()
        self._histogram_of: object = None
        # A slice of the one before under the new number misleads, unless only for a moment.
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_LATE_MS)
        self._late.timeout.connect(self._show_reading)
        self._connect()
        self._fill_labels()
        self._show_layers(study.state.layers)
        window_panel.setEnabled(False)

    def _connect(self) -> None:
        study = self._study
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(self._clear)
        study.slice_loaded.connect(self._on_loaded)
        study.slice_failed.connect(self._on_failed)
        self._annotations.documents_changed.connect(self._on_documents)
        self._predictions.predicted.connect(self._on_predicted)
        self._view.slice_step_requested.connect(study.step_slice)
        self._view.window_drag.connect(self._on_drag)
        self._slider.value_changed.connect(study.set_slice)
        panel = self._window_panel
        panel.window_changed.connect(lambda c, w: study.set_window(Window(c, w)))
        panel.reset_requested.connect(lambda: study.set_window(None))
        panel.inverted_changed.connect(study.set_inverted)
        self._overlay_panel.layer_changed.connect(self._on_layer)
        self._overlay_panel.label_visibility_changed.connect(study.set_label_visible)

    @property
    def predicted(self) -> dict[int, LabelMap]:
        """Slice index -> label map, of the series on screen by the model in use."""
        return dict(self._predicted)

    def value_at(self, row: int, column: int) -> float | None:
        """The modality value of a pixel of the slice on screen."""
        loaded = self._loaded
        if loaded is None:
            return None
        rows, columns = loaded.values.shape
        inside = 0 <= row < rows and 0 <= column < columns
        return float(loaded.values[row, column]) if inside else None

    # -- from the user

    def _on_drag(self, dx: float, dy: float, modifiers: Qt.KeyboardModifier) -> None:
        view = self._study.view
        if view is None or view.window is None:
            return
        side = max(min(self._view.width(), self._view.height()), 1)
        gain = max(view.high - view.low, 1e-6) / side
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            gain *= _FINE
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            gain *= _COARSE
        down = self._down != view.inverted
        self._study.set_window(dragged_window(view.window, dx, dy, gain, down))

    def _on_layer(self, layer: Layer, visible: bool, opacity: float) -> None:
        self._study.set_layer(layer.value, LayerState(visible, opacity))

    # -- from the sessions

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or before.series is not now.series:
            self._show_series(now)
        if before is None or (before.low, before.high) != (now.low, now.high):
            self._window_panel.set_range(now.low, now.high)
            self._histogram_of = None
        if before is None or before.slice != now.slice:
            self._slider.set_value(now.index)
            self._late.start()  # before the new slice is asked for, which may come at once
        if before is None or (before.window, before.inverted) != (now.window, now.inverted):
            self._show_window(now)
        if before is None or before.layers != now.layers:
            self._show_layers(now.layers)
            self._draw_overlays()
        self._view.set_corner_texts(corner_texts(now, self._model_name(now)))

    def _show_series(self, now: ResolvedView) -> None:
        self._loaded = None
        self._overlay_panel.set_shapes([])
        self._forget_predictions()
        self._histogram_of = None
        self._view.clear()
        self._view.set_message(self.tr("Reading…"))
        self._view.set_pixel_aspect(now.aspect, now.column_spacing_mm)
        self._view.set_orientation_letters(*now.letters)
        self._slider.set_count(len(now.series.slices))
        self._show_marks(now.series)

    def _show_window(self, now: ResolvedView) -> None:
        self._window_panel.set_inverted(now.inverted)
        if now.window is not None:
            # Never disabled between two series: what has the keyboard would lose it.
            self._window_panel.setEnabled(True)
            self._window_panel.set_window(now.window.center, now.window.width)
            self._view.set_inverted(now.inverted)
            self._view.set_levels(now.window.low, now.window.high)

    def _show_layers(self, layers: Layers) -> None:
        for layer in Layer:
            state: LayerState = getattr(layers, layer.value)
            self._overlay_panel.set_layer(layer, state.visible, state.opacity)

    def _on_loaded(self, loaded: LoadedSlice) -> None:
        now = self._study.view
        if now is None or now.window is None:
            return
        self._loaded = loaded
        self._late.stop()
        self._view.set_message("")
        self._view.set_slice(loaded.values, (now.window.low, now.window.high), now.inverted)
        if self._histogram_of != (loaded.series_key, now.low, now.high):
            self._histogram_of = (loaded.series_key, now.low, now.high)
            self._window_panel.set_histogram(histogram(loaded.values, now.low, now.high))
        self._draw_overlays()
        self._fill_shapes()

    def _show_reading(self) -> None:
        self._loaded = None
        self._view.clear()
        self._view.set_message(self.tr("Reading…"))
        self._overlay_panel.set_shapes([])

    def _on_failed(self, reason: str) -> None:
        self._loaded = None
        self._late.stop()
        self._view.clear()
        self._view.set_message(reason)
        self._overlay_panel.set_shapes([])

    def _clear(self) -> None:
        self._loaded = None
        self._late.stop()
        self._view.clear()
        self._slider.set_count(0)

    def _on_documents(self) -> None:
        self._fill_labels()
        self._draw_overlays()
        self._fill_shapes()

    def _fill_labels(self) -> None:
        hidden = self._study.state.layers.hidden_labels
        rows = [
            LabelRow(x.index, x.name, overlays.hex_color(x.color), x.index not in hidden)
            for x in self._annotations.labels.foreground
        ]
        self._overlay_panel.set_labels(rows)

    # -- predictions

    def set_predictor(self, predictor: Predictor | None) -> None:
        """The model whose predictions are shown; None for none."""
        self._predictor = predictor
        self._forget_predictions()
        now = self._study.view
        if now is not None:
            self._view.set_corner_texts(corner_texts(now, self._model_name(now)))
            self._show_marks(now.series)
        self._draw_overlays()

    def _forget_predictions(self) -> None:
        self._predicted.clear()
        self._differing.clear()

    def _model_name(self, now: ResolvedView) -> str:
        """The model that made the overlay on screen; empty where none is drawn."""
        if self._predictor is None or not now.layers.prediction.visible:
            return ""
        return self._predictor.info.title

    def _on_predicted(self, key: object, index: int, label_map: LabelMap) -> None:
        now = self._study.view
        if now is None or key != now.series.key or self._predictor is None:
            return
        self._predicted[index] = label_map
        if self._differs(now.series, index, label_map):
            self._differing.add(index)
        self._show_marks(now.series)
        if index == now.index:
            self._draw_overlays()

    # -- drawing

    def _draw_overlays(self) -> None:
        """Outlines, label map and prediction of the slice on screen, as the layers say."""
        now, loaded = self._study.view, self._loaded
        if now is None or loaded is None or loaded.index != now.index:
            return
        shapes = self._annotations.shapes(now.slice)
        labels = self._annotations.labels
        layers = now.layers
        rows, columns = loaded.values.shape
        outlines = []
        if layers.outlines.visible:
            outlines += overlays.annotation_outlines(shapes, labels, layers.hidden_labels)
        rgba = None
        if layers.label_map.visible and shapes:
            label_map = overlays.visible_label_map(
                shapes, labels, layers.hidden_labels, rows, columns
            )
            rgba = overlays.colored(label_map, [x.color for x in labels.labels])
        self._view.set_label_map(rgba, layers.label_map.opacity)
        predicted = self._predicted.get(now.index) if layers.prediction.visible else None
        if predicted is not None and self._predictor is not None:
            table = self._predictor.table
            outlines += overlays.prediction_outlines(predicted, table, DARK.model)
            colors = [_rgb(DARK.model)] * len(table)
            opacity = layers.prediction.opacity
            self._view.set_prediction_map(overlays.colored(predicted, colors), opacity)
        else:
            self._view.set_prediction_map(None)
        self._view.set_outlines(outlines)

    def _fill_shapes(self) -> None:
        now = self._study.view
        if now is not None:
            shapes = self._annotations.shapes(now.slice)
            rows = overlays.shape_rows(shapes, self._annotations.labels, now.series)
            self._overlay_panel.set_shapes(rows)

    def _show_marks(self, series: Series) -> None:
        annotated = self._annotations.annotated(series)
        clear = set(self._annotations.reviewed(series)) - set(annotated)
        found = {i for i, m in self._predicted.items() if m.any()}
        self._slider.set_marks(SliceMarks.of(annotated, clear, found, self._differing))

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


def histogram(values: npt.NDArray[np.generic], low: float, high: float) -> npt.NDArray[np.integer]:
    """Counts in 96 equal bins; of a large slice every second, third, ... pixel is enough."""
    step = max(1, max(values.shape) // _HISTOGRAM_SIDE)
    counts, _ = np.histogram(values[::step, ::step], bins=96, range=(low, high))
    return counts


def _rgb(color: str) -> tuple[int, int, int]:
    return (int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16))
