"""Which model is in use, and predictions of the series on screen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QSignalBlocker, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox

from medseg_desktop.core.view import LayerState, ResolvedView
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.workspace import ModelEntry
from medseg_desktop.qt.panels.overlay_panel import Layer, OverlayPanel
from medseg_desktop.qt.prediction_loader import PredictionLoader
from medseg_desktop.qt.presenters.slice_presenter import SlicePresenter
from medseg_desktop.qt.sessions.runs import RunSession
from medseg_desktop.qt.sessions.study import StudySession


class ModelPresenter(QObject):
    """Between the model chooser, the Predict action and the prediction layer.

    Signals:
        new_model(ModelEntry): a training brought a model while another one is in use.
        no_model(): predictions were asked for, but there is none.
    """

    new_model = Signal(object)
    no_model = Signal()

    def __init__(
        self,
        chooser: QComboBox,
        action: QAction,
        panel: OverlayPanel,
        study: StudySession,
        runs: RunSession,
        predictions: PredictionLoader,
        slices: SlicePresenter,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._chooser, self._action, self._panel = chooser, action, panel
        self._study, self._runs = study, runs
        self._predictions, self._slices = predictions, slices
        chooser.activated.connect(self._on_chosen)
        action.toggled.connect(self._on_toggled)
        runs.models_changed.connect(self._fill)
        runs.model_chosen.connect(self._on_model)
        runs.model_added.connect(self._on_added)
        study.view_changed.connect(self._on_view)
        study.folder_changed.connect(lambda _: predictions.forget())
        self._fill(())

    def _fill(self, entries: tuple[ModelEntry, ...]) -> None:
        with QSignalBlocker(self._chooser):
            self._chooser.clear()
            for entry in entries:
                self._chooser.addItem(entry.title, str(entry.path))
                if entry.problem:
                    item = self._chooser.count() - 1
                    self._chooser.setItemData(item, entry.problem, 3)  # Qt.ToolTipRole
            path = self._runs.chosen_path
            self._chooser.setCurrentIndex(self._chooser.findData(str(path)) if path else -1)
        self._show_available(bool(entries))

    def _show_available(self, any_model: bool) -> None:
        """Say why nothing can be predicted, or that it can."""
        self._chooser.setEnabled(any_model)
        usable = self._runs.predictor is not None
        if usable:
            reason = self.tr("Show what the model finds (Ctrl+P)")
        elif any_model:
            reason = self.tr("Choose a model first")
        else:
            reason = self.tr("There is no model yet: train one, import one, or open the demo")
        self._chooser.setPlaceholderText(
            self.tr("Choose a model") if any_model else self.tr("No model yet")
        )
        self._action.setEnabled(usable)
        self._action.setToolTip(reason)
        self._panel.set_layer_available(Layer.PREDICTION, usable, "" if usable else reason)

    def _on_chosen(self) -> None:
        path = self._chooser.currentData()
        if path:
            self._runs.choose_model(Path(path))

    def _on_added(self, entry: ModelEntry) -> None:
        """A first model is used at once; a further one only when somebody says so."""
        if self._runs.predictor is None:
            self._runs.choose_model(entry.path)
        else:
            self.new_model.emit(entry)

    def _on_model(self, predictor: Predictor | None) -> None:
        self._predictions.stop()
        self._slices.set_predictor(predictor)
        self._panel.set_prediction_name(predictor.info.title if predictor else "")
        with QSignalBlocker(self._chooser):
            path = self._runs.chosen_path
            self._chooser.setCurrentIndex(self._chooser.findData(str(path)) if path else -1)
        self._show_available(self._chooser.count() > 0 or predictor is not None)
        self._update()

    def _on_toggled(self, on: bool) -> None:
        opacity = self._study.state.layers.prediction.opacity
        if on and self._runs.predictor is None:
            self.no_model.emit()
        self._study.set_layer(Layer.PREDICTION.value, LayerState(on, opacity))

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        visible = now.layers.prediction.visible
        with QSignalBlocker(self._action):
            self._action.setChecked(visible)
        same = (
            before is not None
            and before.series is now.series
            and before.index == now.index
            and before.layers.prediction.visible == visible
        )
        if not same:
            self._update()

    def _update(self) -> None:
        """Predict what is on screen, or stop predicting."""
        view, predictor = self._study.view, self._runs.predictor
        if view is None or predictor is None or not view.layers.prediction.visible:
            self._predictions.stop()
        else:
            self._predictions.start(predictor, view.series, view.index)
