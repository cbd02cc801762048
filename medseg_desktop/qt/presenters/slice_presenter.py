"""The slice on screen: its pixels, corner texts, orientation, and how it is turned."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from medseg_desktop.core.view import ResolvedView
from medseg_desktop.qt.canvas.slice_view import CornerTexts, Rendering, SliceView
from medseg_desktop.qt.loaded_slice import LoadedSlice
from medseg_desktop.qt.presenters.corner_lines import corner_texts
from medseg_desktop.qt.sessions.study import StudySession

#: After so many milliseconds a slice that is still being read is shown as such.
_LATE_MS = 150


class SlicePresenter(QObject):
    """Shows what StudySession resolved."""

    def __init__(self, view: SliceView, study: StudySession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view, self._study = view, study
        self._loaded: LoadedSlice | None = None
        self._model = ""
        self._comparison: tuple[str, ...] = ()
        # A slice of the one before under the new number misleads, unless only for a moment.
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_LATE_MS)
        self._late.timeout.connect(lambda: self._show_instead(self.tr("Reading…")))
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(self._clear)
        study.slice_loaded.connect(self._on_loaded)
        study.slice_failed.connect(self._show_instead)
        view.slice_step_requested.connect(study.step_slice)
        view.time_step_requested.connect(study.step_time)

    @property
    def loaded(self) -> LoadedSlice | None:
        """The slice on screen; None while there is none."""
        return self._loaded

    def set_model_name(self, name: str) -> None:
        """The model that predictions are made by; empty for none."""
        if name == self._model:
            return
        self._model = name
        if self._study.view is not None:
            self._show_texts(self._study.view)

    def set_comparison(self, lines: tuple[str, ...]) -> None:
        """The models that are compared on the slice; empty where none are."""
        if lines == self._comparison:
            return
        self._comparison = lines
        if self._study.view is not None:
            self._show_texts(self._study.view)

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or before.series is not now.series:
            self._show_series(now)
        if before is None or before.turned != now.turned:
            self._view.set_turned(now.turned)
        if before is None or before.letters != now.letters:
            self._view.set_orientation_letters(*now.letters)
        if before is None or before.slice != now.slice or before.preview != now.preview:
            self._late.start()  # before the new slice is asked for, which may come at once
        elif (before.voi, before.inverted) != (now.voi, now.inverted):
            self._show_rendering(now)
        self._show_texts(now)

    def _show_series(self, now: ResolvedView) -> None:
        """Zoom and pan are those of a series; another one begins with the whole slice."""
        self._show_instead(self.tr("Reading…"))
        self._view.fit()
        self._view.set_pixel_aspect(now.aspect, now.column_spacing_mm)

    def texts(self, view: ResolvedView) -> CornerTexts:
        """What stands in the corners of a view."""
        model = self._model if view.layers.prediction.visible else ""
        return corner_texts(view, model, self._comparison if view.comparison.visible else ())

    def _show_texts(self, now: ResolvedView) -> None:
        self._view.set_corner_texts(self.texts(now))

    def _show_rendering(self, now: ResolvedView) -> None:
        if self._loaded is not None and now.voi is not None:
            self._view.set_rendering(Rendering(self._loaded.fmt, now.voi, now.inverted))

    def _on_loaded(self, loaded: LoadedSlice) -> None:
        now = self._study.view
        if now is None or now.voi is None:
            return
        self._loaded = loaded
        self._late.stop()
        self._view.set_message("")
        self._view.set_slice(loaded.stored, Rendering(loaded.fmt, now.voi, now.inverted))

    def _show_instead(self, message: str) -> None:
        """No slice, and why."""
        self._clear()
        self._view.set_message(message)

    def _clear(self) -> None:
        self._loaded = None
        self._late.stop()
        self._view.clear()
