"""Window and level: the panel, the drag on the slice, and the box whose values set them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QRectF, Qt
from PySide6.QtGui import QAction

from medseg_desktop.core.display import (
    Window,
    as_window,
    moved_window,
    percentile_window,
    range_of_values,
)
from medseg_desktop.core.view import ResolvedView, dragged_window
from medseg_desktop.qt.canvas.mouse import DragAction
from medseg_desktop.qt.canvas.slice_view import SliceView
from medseg_desktop.qt.loaded_slice import LoadedSlice
from medseg_desktop.qt.panels.window_panel import WindowPanel
from medseg_desktop.qt.presenters.slice_presenter import SlicePresenter
from medseg_desktop.qt.sessions.study import StudySession

_FINE, _COARSE = 0.1, 5.0
#: Of the values in a dragged box: what becomes black and white.
_BOX_PERCENTILES = (1.0, 99.0)
_BINS = 96
#: Values looked at for the histogram; of a larger slice every second, third, ... is enough.
_HISTOGRAM_VALUES = 1 << 16


class WindowPresenter(QObject):
    """Shows the window that StudySession resolved and reports what the user does to it."""

    def __init__(
        self,
        panel: WindowPanel,
        view: SliceView,
        box_action: QAction,
        study: StudySession,
        slices: SlicePresenter,
        drag_down_is_brighter: bool,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._view, self._box = panel, view, box_action
        self._study, self._slices = study, slices
        self.drag_down_is_brighter = drag_down_is_brighter
        self._histogram_of: object = None
        self._before_drag = study.state.voi
        study.view_changed.connect(self._on_view)
        study.slice_loaded.connect(self._on_loaded)
        view.window_drag_started.connect(self._on_drag_started)
        view.window_drag.connect(self._on_drag)
        view.box_drawn.connect(self._on_box)
        box_action.toggled.connect(lambda on: view.set_left_action(DragAction.BOX if on else None))
        panel.window_changed.connect(self._on_panel)
        panel.reset_requested.connect(study.reset_window)
        panel.inverted_changed.connect(study.set_inverted)
        panel.per_slice_changed.connect(study.set_per_slice)
        panel.setEnabled(False)

    def cancel(self) -> bool:
        """The Escape key: a drag of the window is taken back, and no box is drawn any more.

        Returns:
            Whether there was anything to end.
        """
        dragged, drew = self._view.cancel_drag(), self._box.isChecked()
        if dragged is DragAction.WINDOW:
            self._study.set_voi(self._before_drag)
        self._box.setChecked(False)
        return dragged is not None or drew

    # -- from the user

    def _on_drag_started(self) -> None:
        self._before_drag = self._study.state.voi

    def _on_drag(self, dx: float, dy: float, modifiers: Qt.KeyboardModifier) -> None:
        view = self._study.view
        if view is None or view.voi is None:
            return
        side = max(min(self._view.width(), self._view.height()), 1)
        low, high = range_of_values(view.low, view.high)
        gain = (high - low) / side
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            gain *= _FINE
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            gain *= _COARSE
        down = self.drag_down_is_brighter != view.inverted
        self._study.set_voi(dragged_window(view.voi, dx, dy, gain, down))

    def _on_panel(self, center: float, width: float) -> None:
        view = self._study.view
        voi = view.voi if view and view.voi else Window(center, width)
        self._study.set_voi(moved_window(voi, center, width))

    def _on_box(self, box: QRectF) -> None:
        """The values in the box become black to white.

        A box without area does nothing, nor does one on a slice of what was shown before, which
        may stand for a moment until the first of the new ones is read.
        """
        self._box.setChecked(False)
        loaded, view = self._slices.loaded, self._study.view
        if loaded is None or view is None:
            return
        if (loaded.series_key, loaded.preview) != (view.series.key, view.preview):
            return
        rows, columns = loaded.shape
        top, foot = (min(max(round(v), 0), rows) for v in (box.top(), box.bottom()))
        left, right = (min(max(round(v), 0), columns) for v in (box.left(), box.right()))
        if foot - top >= 2 and right - left >= 2:
            values = loaded.brightness((slice(top, foot), slice(left, right)))
            self._study.set_voi(percentile_window(values, *_BOX_PERCENTILES))

    # -- from the session

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        same = before is not None and before.series is now.series
        same = same and before is not None and before.preview == now.preview
        if not same:
            # A drag that goes on in another series is taken back to that one's own window.
            self._before_drag = self._study.state.voi
        if not same or before is None or (before.low, before.high) != (now.low, now.high):
            self._panel.set_range(now.low, now.high)
            self._histogram_of = None
        if before is None or before.per_slice != now.per_slice:
            self._panel.set_per_slice(now.per_slice)
        if before is None or (before.voi, before.inverted) != (now.voi, now.inverted):
            self._panel.set_inverted(now.inverted)
            if now.voi is not None:
                # Never disabled between two series: what has the keyboard would lose it.
                self._panel.setEnabled(True)
                window = as_window(now.voi)
                self._panel.set_window(window.center, window.width, window.low, window.high)

    def _on_loaded(self, loaded: LoadedSlice) -> None:
        now = self._study.view
        if now is None:
            return
        shown = (loaded.series_key, loaded.preview, now.low, now.high)
        if self._histogram_of != shown:
            self._histogram_of = shown
            self._panel.set_histogram(histogram(loaded.brightness(), now.low, now.high))


def histogram(values: npt.NDArray[np.generic], low: float, high: float) -> npt.NDArray[np.integer]:
    """Counts of values (N,) in equal bins from `low` to `high`; a sample of many is enough."""
    step = max(1, values.size // _HISTOGRAM_VALUES)
    counts, _ = np.histogram(values[::step], bins=_BINS, range=range_of_values(low, high))
    return counts
