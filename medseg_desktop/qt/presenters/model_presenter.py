"""Which model is in use, and predictions of the series on screen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QStandardItemModel
from PySide6.QtWidgets import QComboBox

from medseg_desktop.core.view import LayerState, ResolvedView
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.models.listing import ModelStatus
from medseg_desktop.io.workspace import ModelEntry
from medseg_desktop.qt.panels.message_bar import Level, Message, MessageBar
from medseg_desktop.qt.panels.overlay_panel import Layer, OverlayPanel
from medseg_desktop.qt.prediction_loader import PredictionLoader
from medseg_desktop.qt.presenters.marks_presenter import MarksPresenter
from medseg_desktop.qt.presenters.model_texts import about_text, full_name, status_text
from medseg_desktop.qt.presenters.slice_presenter import SlicePresenter
from medseg_desktop.qt.sessions.annotations import AnnotationSession
from medseg_desktop.qt.sessions.runs import RunSession
from medseg_desktop.qt.sessions.study import StudySession
from medseg_desktop.qt.theme.icons import icon

_USE, _PREDICT, _COMPARE = "use_model", "predict", "compare_model"


class ModelPresenter(QObject):
    """Between the model chooser, the Predict action and the prediction layer.

    Where a model has written annotation files of the folder, the layer shows these too, and
    without a model in use only these.

    Signals:
        compare_requested(Path): a new candidate shall be compared with the champion.
    """

    compare_requested = Signal(object)

    def __init__(
        self,
        chooser: QComboBox,
        actions: dict[str, QAction],
        panel: OverlayPanel,
        messages: MessageBar,
        study: StudySession,
        annotations: AnnotationSession,
        runs: RunSession,
        predictions: PredictionLoader,
        slices: SlicePresenter,
        marks: MarksPresenter,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._chooser, self._actions, self._panel = chooser, actions, panel
        self._action = actions["predict"]
        self._messages = messages
        self._study, self._annotations, self._runs = study, annotations, runs
        self._predictions, self._slices, self._marks = predictions, slices, marks
        self._offered: Path | None = None
        self._waiting: ModelEntry | None = None  # for the end of its retraining
        #: The series on screen is predicted; else only slices that are asked for.
        self._whole_series = True
        self._shows_stored = False
        chooser.activated.connect(self._on_chosen)
        self._action.toggled.connect(self._on_toggled)
        actions["predict_slice"].triggered.connect(self.predict_slice)
        actions["predict_series"].triggered.connect(self.predict_series)
        actions["predict_all"].triggered.connect(self.predict_all)
        messages.action_requested.connect(self._on_message_action)
        runs.models_changed.connect(self._on_models)
        runs.champion_changed.connect(lambda _: self._show_name())
        runs.model_chosen.connect(self._on_model)
        runs.model_added.connect(self._on_added)
        study.view_changed.connect(self._on_view)
        study.folder_changed.connect(lambda _: predictions.forget())
        annotations.proposals_changed.connect(self._on_proposals)
        self._fill(())

    def set_folder(self) -> None:
        """Another folder is open, and its annotations are known: what a model wrote is shown."""
        self._shows_stored = self._annotations.has_stored_proposals
        if self._shows_stored:
            self._show_stored()
        elif self._runs.predictor is None or not self._whole_series:
            self._set_visible(False)
        self._show_available()
        self._show_name()

    def _show_stored(self) -> None:
        """Show what a model wrote, which is not to ask for more."""
        if not self._study.state.layers.prediction.visible:
            self._whole_series = False
            self._set_visible(True)

    def _on_proposals(self) -> None:
        """What comes with a file that a model wrote is shown, as where it is opened."""
        if self._shows_stored != self._annotations.has_stored_proposals:
            self._shows_stored = not self._shows_stored
            if self._shows_stored:
                self._show_stored()
            self._show_available()
        self._show_name()

    def restyle(self) -> None:
        """The theme has changed."""
        self._fill(self._runs.models)

    def cancel(self) -> None:
        """Predict no more until somebody asks for it again; what was found stays."""
        self._whole_series = False
        self._predictions.stop()

    def _on_models(self, entries: tuple[ModelEntry, ...]) -> None:
        self._fill(entries)
        if self._waiting is not None and not self._runs.is_retraining:
            # Its retraining is over, and what came of the comparison is in the lists.
            entry, self._waiting = self._waiting, None
            self._on_added(entry)

    def _fill(self, entries: tuple[ModelEntry, ...]) -> None:
        model = self._chooser.model()
        with QSignalBlocker(self._chooser):
            self._chooser.clear()
            for row, entry in enumerate(entries):
                self._chooser.addItem(entry.title, str(entry.path))
                self._show_status(row, entry.path)
                if entry.problem and isinstance(model, QStandardItemModel):
                    self._chooser.setItemData(row, entry.problem, Qt.ItemDataRole.ToolTipRole)
                    model.item(row).setEnabled(False)
        self._show_chosen()

    def _show_status(self, row: int, path: Path) -> None:
        """The champion has a crown before its name; the tooltip says in words what a model is."""
        status = self._runs.model_list.status_of(path)
        if status is ModelStatus.CHAMPION:
            self._chooser.setItemIcon(row, icon("champion", "accent"))
        name = f"{self._chooser.itemText(row)}, {status_text(status)}"
        for role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            self._chooser.setItemData(row, name, role)

    def _show_chosen(self) -> None:
        """The model in use, which may lie outside the workspace."""
        path, predictor = self._runs.chosen_path, self._runs.predictor
        with QSignalBlocker(self._chooser):
            if path and predictor and self._chooser.findData(str(path)) < 0:
                self._chooser.addItem(predictor.info.title, str(path))
            self._chooser.setCurrentIndex(self._chooser.findData(str(path)) if path else -1)
        self._show_available()

    def _show_available(self) -> None:
        """Say why nothing can be predicted and what to do, or that it can."""
        any_model = self._chooser.count() > 0
        usable = self._runs.predictor is not None
        stored = self._annotations.has_stored_proposals
        links: list[tuple[str, str]] = []
        if usable:
            reason = self.tr("Show what the model finds (Ctrl+P)")
        elif any_model:
            reason = self.tr("Choose a model at the top right first.")
        else:
            reason = self.tr("There is no model yet: train one, import one, or try the demo study.")
            links = [
                ("import_model", self.tr("Import a model…")),
                ("demo_study", self.tr("Open the demo study")),
            ]
        shown = usable or stored
        tip = self.tr("Show what a model found (Ctrl+P)") if stored and not usable else reason
        self._chooser.setEnabled(any_model)
        self._chooser.setToolTip("" if any_model else reason)
        self._chooser.setPlaceholderText(
            self.tr("Choose a model") if any_model else self.tr("No model yet")
        )
        for key in ("predict_slice", "predict_series", "predict_all"):
            self._actions[key].setEnabled(usable)
        self._action.setEnabled(shown)
        self._action.setToolTip(tip)
        self._panel.set_layer_available(Layer.PREDICTION, shown, "" if shown else reason)
        self._panel.set_hint("" if usable else reason, links)

    def _on_chosen(self) -> None:
        path = self._chooser.currentData()
        if path:
            self._runs.choose_model(Path(path))

    def _on_added(self, entry: ModelEntry) -> None:
        """A first model is used at once; a further one only when somebody says so."""
        if self._runs.chosen_path is None:
            self._runs.choose_model(entry.path)
            text = self.tr("The model {name} is ready and in use.").format(name=entry.title)
            show = self.tr("Show its predictions")
            self._messages.show_message(text, Level.SUCCESS, show, _PREDICT)
            return
        if self._runs.is_retraining:
            self._waiting = entry
            return
        self._offered = entry.path
        predictor = self._runs.predictor
        current = predictor.info.title if predictor else self._runs.chosen_path.name
        text = self.tr("The model {name} is ready, a candidate. {current} stays in use.")
        text = text.format(name=entry.title, current=current)
        use, compare = self.tr("Use it for viewing"), self.tr("Compare with the champion")
        if self._runs.champion is None:
            message = Message(text, Level.SUCCESS, use, _USE)
        else:
            message = Message(
                text, Level.SUCCESS, compare, _COMPARE, other_text=use, other_key=_USE
            )
        self._messages.tell(message)

    def _on_message_action(self, key: str) -> None:
        if key in (_USE, _COMPARE) and self._offered is not None:
            self._messages.withdraw(_USE)
            if key == _USE:
                self._runs.choose_model(self._offered)
            else:
                self.compare_requested.emit(self._offered)
        elif key == _PREDICT:
            self.predict_series()

    def _on_model(self, predictor: Predictor | None) -> None:
        self._predictions.stop()
        self._marks.forget()
        self._show_name()
        self._show_chosen()
        self._update()

    def _show_name(self) -> None:
        """Name the model whose proposals lie on the slice, which may be that of a file."""
        predictor, view = self._runs.predictor, self._study.view
        of_file = self._annotations.proposing_model(view.slice) if view else ""
        if predictor and (not of_file or (view and view.index in self._marks.predicted)):
            info, status = predictor.info, self._runs.model_list.status_of(self._runs.chosen_path)
            self._slices.set_model_name(full_name(info, status))
            self._panel.set_prediction_name(info.title, about_text(info, status))
        else:
            self._slices.set_model_name(of_file)  # a file does not tell when its model was made
            self._panel.set_prediction_name(of_file)

    def _on_toggled(self, on: bool) -> None:
        """The series on screen is predicted, now and as others are looked at."""
        if on:
            self._whole_series = True
        self._set_visible(on)

    def predict_slice(self) -> None:
        """Predict the slice on screen only."""
        if not self._study.state.layers.prediction.visible:
            self._whole_series = False
            self._set_visible(True)
        view, predictor = self._study.view, self._runs.predictor
        if view is not None and predictor is not None:
            self._predictions.want(predictor, view.series, view.index, [view.index])

    def predict_series(self) -> None:
        """Predict the series on screen, and from now on those that are looked at."""
        self._whole_series = True
        self._set_visible(True)
        self._update()

    def predict_all(self) -> None:
        """Predict every series that is open, that on screen first; not the planning ones."""
        found, predictor = self._study.found, self._runs.predictor
        if found is not None and predictor is not None:
            self.predict_series()
            several = [series for series in found.series if not series.localizer]
            self._predictions.want_all(predictor, several)

    def _set_visible(self, on: bool) -> None:
        layer = self._study.state.layers.prediction
        if on:
            self._messages.withdraw(_PREDICT)
        if layer.visible != on:
            self._study.set_layer(Layer.PREDICTION.value, LayerState(on, layer.opacity))

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        visible = now.layers.prediction.visible
        with QSignalBlocker(self._action):
            self._action.setChecked(visible)
        if before is None or before.slice != now.slice:
            self._show_name()
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
        elif self._whole_series:
            self._predictions.want(predictor, view.series, view.index)
        else:
            self._predictions.look_at(view.series, view.index)
