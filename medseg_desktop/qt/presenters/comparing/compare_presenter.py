"""Compare mode: who takes part, what is predicted for it, and the way around."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QRectF, QSignalBlocker, QTimer

from medseg_desktop.core.comparison_map import Disagreement
from medseg_desktop.core.view import ComparisonState, ResolvedView
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.qt.comparisons import Comparisons
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.panels.comparison_box import OtherModel
from medseg_desktop.qt.panels.message_bar import Level
from medseg_desktop.qt.prediction_loader import PredictionLoader, Purpose
from medseg_desktop.qt.presenters.comparing import texts as compare_texts
from medseg_desktop.qt.presenters.comparing.disagreement_search import DisagreementSearch
from medseg_desktop.qt.presenters.comparing.legend import CompareLegend
from medseg_desktop.qt.presenters.model_texts import full_name
from medseg_desktop.qt.presenters.slice_presenter import SlicePresenter
from medseg_desktop.qt.sessions import AnnotationSession, RunSession, StudySession
from medseg_desktop.qt.sessions.compared_model import ComparedModels

_KEYS = ("compare", "next_disagreement", "previous_disagreement")
#: So long the place that was gone to is marked.
_MARK_MS = 2500


class ComparePresenter(QObject):
    """Between compare mode's actions, its part of the panel, the models and the slice."""

    def __init__(
        self,
        window: MainWindow,
        study: StudySession,
        annotations: AnnotationSession,
        runs: RunSession,
        models: ComparedModels,
        predictions: PredictionLoader,
        comparisons: Comparisons,
        slices: SlicePresenter,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._view, self._panel = window.slice_view, window.overlay_panel
        self._actions, self._messages = window.actions_by_key, window.messages
        self._box = self._panel.comparison
        self._study, self._runs, self._models = study, runs, models
        self._predictions, self._slices = predictions, slices
        self.search = DisagreementSearch(study, comparisons, self)
        self._legend = CompareLegend(self._box, study, annotations, models, comparisons, self)
        self._unmark = QTimer(self)
        self._unmark.setSingleShot(True)
        self._unmark.setInterval(_MARK_MS)
        self._unmark.timeout.connect(lambda: self._mark(None))
        self._connect()
        self._show_models()

    def _connect(self) -> None:
        study, models, search, box = self._study, self._models, self.search, self._box
        self._actions["compare"].toggled.connect(self.set_visible)
        self._actions["next_disagreement"].triggered.connect(lambda _=False: self.step(1))
        self._actions["previous_disagreement"].triggered.connect(lambda _=False: self.step(-1))
        box.other_chosen.connect(lambda key: models.choose_other_model(Path(key) if key else None))
        box.mine_toggled.connect(lambda on: self._set(mine=on))
        box.opacity_changed.connect(lambda opacity: self._set(opacity=opacity))
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(lambda: self._mark(None))
        study.folder_changed.connect(lambda _: self._on_folder())
        models.pair_changed.connect(self._on_pair)
        models.other_model_chosen.connect(lambda _: self._show_models())
        self._runs.models_changed.connect(lambda _: self._show_models())
        search.found.connect(self._on_found)
        looking = self.tr("Looking for the next disagreement…")
        search.waits.connect(lambda: self._legend.say(looking))
        search.ended.connect(self._on_ended)
        search.given_up.connect(lambda: self._legend.say(""))

    @property
    def _state(self) -> ComparisonState:
        return self._study.state.comparison

    def _set(self, **changes: object) -> None:
        self._study.set_comparison(replace(self._state, **changes))  # type: ignore[arg-type]

    # -- on and off

    def set_visible(self, on: bool) -> None:
        """Turn compare mode on or off; off, everything is as it was before."""
        if not on:
            self._models.end_pair()
        self._legend.is_cancelled = False
        offers = not self._models.is_pair
        mine = self._state.mine or self._models.other_path is None
        self._set(visible=on, offers=offers, mine=mine)

    def leave(self) -> None:
        """Compare no more."""
        self.set_visible(False)

    def _on_folder(self) -> None:
        """A pair was looked at on a slice of the folder of before."""
        if self._models.is_pair:
            self.leave()

    def cancel(self) -> None:
        """Predict nothing for the comparison until somebody asks again; what was found stays."""
        self._legend.is_cancelled = True
        self.search.stop()
        self._predictions.stop(Purpose.COMPARISON)

    def show_models(
        self, candidate: Path, champion: Path, series_uid: str, stack: int, index: int
    ) -> bool:
        """Look at two models on a slice, side by side with the user's outlines.

        The model in use stays the one that it is, and leaving compare mode brings it back.

        Args:
            candidate: the package that is looked at first; champion: the one beside it.
            index: of the slice, from 0.

        Returns:
            False where the open study has no such series or slice; nothing has changed then.
        """
        series = self._study.series((series_uid, stack))
        if series is None or not 0 <= index < len(series.slices):
            return False
        self._models.show_pair(candidate, champion)
        self._study.set_series(series.key)
        self._study.set_slice(index)
        self._legend.is_cancelled = False
        self._set(visible=True, mine=True, offers=False)
        return True

    def _on_pair(self) -> None:
        """Other models take part, or a pair is looked at no more."""
        self._predictions.stop(Purpose.COMPARISON)
        self.search.forget()
        self._legend.is_cancelled = False
        state, models = self._state, self._models
        offers = not models.is_pair
        visible = state.visible and (models.first is not None or models.is_pair)
        mine = state.mine or models.other_path is None
        self._study.set_comparison(replace(state, visible=visible, mine=mine, offers=offers))
        self._show_models()
        self._want()

    # -- predictions

    def _want(self) -> None:
        """The series on screen by all models that take part, the slice on screen first."""
        view, models = self._study.view, self._models
        if view is None or not view.comparison.visible:
            self._predictions.stop(Purpose.COMPARISON)
        elif not self._legend.is_cancelled:
            for predictor in filter(None, (models.first, models.other)):
                purpose = Purpose.COMPARISON
                self._predictions.want(predictor, view.series, view.index, purpose=purpose)

    # -- the way around

    def step(self, direction: int) -> None:
        """To the next disagreement (1) or the one before (-1); turns compare mode on."""
        if self._study.view is None or self._models.first is None:
            return
        if not self._state.visible:
            self.set_visible(True)
        if self._legend.is_cancelled:
            self._legend.is_cancelled = False
            self._want()
        self.search.begin(direction)

    def _on_found(self, place: Disagreement, number: int, count: int) -> None:
        left, top, right, bottom = place.box
        self._mark(QRectF(left, top, right - left, bottom - top))
        self._legend.say_place(place, number, count)

    def _on_ended(self, direction: int) -> None:
        self._legend.say("")
        further = self.tr("No further disagreement in this series.")
        before = self.tr("No disagreement before this one in this series.")
        self._messages.show_message(further if direction > 0 else before, Level.INFO)

    def _mark(self, place: QRectF | None) -> None:
        self._view.set_place(place)
        if place is not None:
            self._unmark.start()

    # -- what is shown

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        compared = now.comparison
        with QSignalBlocker(self._actions["compare"]):
            self._actions["compare"].setChecked(compared.visible)
        is_new = before is None or before.series is not now.series
        if before is None or before.slice != now.slice:
            self._mark(None)
        self._box.set_opacity(compared.opacity)
        if before is None or _who(before.comparison) != _who(compared):
            self._panel.set_comparing(compared.visible)
            self._mark(None)
            self.search.forget()
            self._show_models()
        if is_new or (before and before.comparison.visible != compared.visible):
            self._want()
        elif compared.visible and before and before.index != now.index:
            self._predictions.look_at(now.series, now.index)

    def _show_models(self) -> None:
        """Who takes part: in the panel, on the slice, and whether there is anybody at all."""
        models, state = self._models, self._state
        usable = models.first is not None or models.is_pair
        for key in _KEYS:
            self._actions[key].setEnabled(usable)
        tip = self.tr("Choose a model at the top right first.")
        if usable:
            tip = self.tr("Show where my outlines and models differ (U)")
        self._actions["compare"].setToolTip(tip)
        title = models.title or self.tr("Loading…")
        tip = self.tr("It is looked at, and not in use.") if models.is_pair else ""
        shown = self.tr("{model} · not in use").format(model=title) if self._is_foreign else title
        self._box.set_model(shown, tip)
        self._box.set_others(self._others(), str(models.other_path or ""))
        self._box.set_mine(state.mine, models.other_path is not None)
        lines: tuple[str, ...] = ()
        if state.visible and models.first is not None:
            first = self._name(models.first, models.first_path)
            other = self._name(models.other, models.other_path) if models.other else ""
            lines = compare_texts.corner_lines(first, other, state.mine)
        self._slices.set_comparison(lines)

    def _name(self, predictor: Predictor, path: Path | None) -> str:
        """A model as the corner names it wherever its overlay is seen."""
        return full_name(predictor.info, self._runs.model_list.status_of(path))

    @property
    def _is_foreign(self) -> bool:
        """The first model is looked at and is not the one in use."""
        return self._models.is_pair and self._models.first_path != self._runs.chosen_path

    def _others(self) -> list[OtherModel]:
        """The models of the workspace but the first one, and one from elsewhere that is chosen."""
        models = self._models
        found = [
            OtherModel(str(entry.path), entry.title, entry.problem)
            for entry in self._runs.models
            if entry.path != models.first_path
        ]
        path, other = models.other_path, models.other
        if path is not None and other is not None and str(path) not in {x.key for x in found}:
            found.append(OtherModel(str(path), other.info.title))
        return found


def _who(state: ComparisonState) -> tuple[bool, bool, bool]:
    """All of it but how it looks."""
    return state.visible, state.mine, state.offers
