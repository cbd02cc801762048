"""The actions that change what is seen: moving, window, turning, preview, pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, QSignalBlocker, Signal
from PySide6.QtGui import QAction

from medseg_desktop.core.geometry import AS_STORED, SpatialTransformation
from medseg_desktop.core.preprocessing import PRESETS
from medseg_desktop.core.settings import Settings
from medseg_desktop.core.view import LayerState, ResolvedView
from medseg_desktop.core.volume import Series
from medseg_desktop.qt.canvas.slice_view import SliceView
from medseg_desktop.qt.pictures import Pictures
from medseg_desktop.qt.presenters.window_presenter import WindowPresenter
from medseg_desktop.qt.sessions import AnnotationSession, RunSession, StudySession

#: Overlays with an action of their own of the same name.
_LAYERS = ("outlines", "label_map")


class ViewActions(QObject):
    """Connects the actions to the session, and shows on them what the session says.

    Signals:
        setting_changed(str, object): name and value of a setting that an action changed.
    """

    setting_changed = Signal(str, object)

    def __init__(
        self,
        actions: dict[str, QAction],
        view: SliceView,
        study: StudySession,
        annotations: AnnotationSession,
        runs: RunSession,
        levels: WindowPresenter,
        pictures: Pictures,
        settings: Settings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._actions, self._view = actions, view
        self._study, self._annotations, self._runs = study, annotations, runs
        self._levels = levels
        study.view_changed.connect(self._on_view)
        runs.model_chosen.connect(lambda _: self._set_preview(actions["denoise"].isChecked()))
        self._connect_moves()
        self._connect_turns()
        self._connect(
            {
                "reset_window": study.reset_window,
                "fit": view.fit,
                "actual_pixels": view.show_pixels,
                "copy_picture": pictures.copy,
                "save_picture": pictures.save,
            }
        )
        self._connect_toggles(settings)

    def _connect(self, handlers: dict[str, Callable[[], object]]) -> None:
        for key, handler in handlers.items():
            self._actions[key].triggered.connect(lambda _=False, handler=handler: handler())

    def _connect_moves(self) -> None:
        study = self._study
        self._connect(
            {
                "next_slice": lambda: study.step_slice(1),
                "previous_slice": lambda: study.step_slice(-1),
                "first_slice": lambda: study.set_place(position=0),
                "last_slice": lambda: study.set_place(position=10**9),
                "next_time": lambda: study.step_time(1),
                "previous_time": lambda: study.step_time(-1),
                "next_annotated": lambda: self._jump(1, self._annotations.annotated),
                "previous_annotated": lambda: self._jump(-1, self._annotations.annotated),
                "next_proposal": lambda: self._jump(1, self._annotations.proposed),
                "previous_proposal": lambda: self._jump(-1, self._annotations.proposed),
            }
        )

    def _connect_turns(self) -> None:
        study = self._study
        turns: dict[str, Callable[[SpatialTransformation], SpatialTransformation]] = {
            "rotate_right": lambda now: now.rotated(1),
            "rotate_left": lambda now: now.rotated(-1),
            "flip_horizontal": lambda now: now.flipped_horizontally(),
            "flip_vertical": lambda now: now.flipped_vertically(),
            "turn_back": lambda _: AS_STORED,
        }
        self._connect(
            {
                key: lambda turn=turn: study.set_turned(turn(study.state.turned))  # type: ignore[misc]
                for key, turn in turns.items()
            }
        )

    def _connect_toggles(self, settings: Settings) -> None:
        actions = self._actions
        actions["smooth"].setChecked(settings.smooth)
        actions["drag_down"].setChecked(settings.level_drag_down_is_brighter)
        self._view.set_smooth(settings.smooth)
        actions["invert"].toggled.connect(self._study.set_inverted)
        actions["identity"].toggled.connect(self._study.set_identity)
        for key in _LAYERS:
            actions[key].setChecked(getattr(self._study.state.layers, key).visible)
            actions[key].toggled.connect(partial(self._set_layer_visible, key))
        actions["denoise"].toggled.connect(self._set_preview)
        actions["smooth"].toggled.connect(self._set_smooth)
        actions["drag_down"].toggled.connect(self._set_drag_down)

    def _set_layer_visible(self, key: str, visible: bool) -> None:
        layer: LayerState = getattr(self._study.state.layers, key)
        self._study.set_layer(key, replace(layer, visible=visible))

    def _jump(self, direction: int, indices_of: Callable[[Series], Sequence[int]]) -> None:
        """To the next (1) or previous (-1) slice of a series with a shape, or with a proposal."""
        view = self._study.view
        if view is None:
            return
        ahead = [i for i in indices_of(view.series) if (i - view.index) * direction > 0]
        if ahead:
            self._study.set_slice(min(ahead) if direction > 0 else max(ahead))

    def _set_preview(self, on: bool) -> None:
        """The preprocessing of the model in use, or of a new dataset."""
        predictor = self._runs.predictor
        how = predictor.info.preprocessing if predictor else PRESETS["default"]
        self._study.set_preview(how if on else None)

    def _set_smooth(self, smooth: bool) -> None:
        self._view.set_smooth(smooth)
        self.setting_changed.emit("smooth", smooth)

    def _set_drag_down(self, down: bool) -> None:
        self._levels.drag_down_is_brighter = down
        self.setting_changed.emit("level_drag_down_is_brighter", down)

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        shown = {"invert": now.inverted, "denoise": now.preview is not None}
        shown |= {key: getattr(now.layers, key).visible for key in _LAYERS}
        for key, on in shown.items():
            if self._actions[key].isChecked() != on:
                with QSignalBlocker(self._actions[key]):
                    self._actions[key].setChecked(on)
