"""Moving through a stack: sliders, time points and cine play."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QAction

from medseg_desktop.core.view import ResolvedView
from medseg_desktop.core.volume import Series
from medseg_desktop.qt.canvas.slice_bar import SliceBar
from medseg_desktop.qt.presenters.corner_lines import time_label
from medseg_desktop.qt.sessions.study import StudySession

#: Slices a second where the file does not say (as most viewers begin).
_USUAL_RATE = 15
_SLOWEST, _FASTEST = 1, 60


class NavigationPresenter(QObject):
    """Shows the place in the stack and plays it; a time series plays through time.

    Playing ends when the user moves through the stack.
    """

    def __init__(
        self, bar: SliceBar, play: QAction, study: StudySession, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._bar, self._play, self._study = bar, play, study
        self._arrived = True
        self._is_stepping = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._step)
        bar.slices.value_changed.connect(lambda i: study.set_place(position=i))
        bar.times.value_changed.connect(lambda i: study.set_place(time_point=i))
        bar.rate.setRange(_SLOWEST, _FASTEST)
        bar.rate.setValue(_USUAL_RATE)
        bar.rate.valueChanged.connect(self._set_rate)
        play.toggled.connect(self._on_play)
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(self._on_closed)
        study.slice_loaded.connect(self._on_arrived)
        study.slice_failed.connect(self._on_arrived)

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        series = now.series
        if before is None or before.series is not series:
            self._bar.set_count(series.positions, series.time_points)
            self._bar.rate.setValue(self._rate_of(series))
        if before is None or before.index != now.index or before.series is not series:
            if not self._is_stepping:
                self._play.setChecked(False)
            self._bar.set_place(now.position, now.time_point, self._time_text(now))

    def _time_text(self, view: ResolvedView) -> str:
        """E.g. "2 / 3 · t 2 s"."""
        text = f"{view.time_point + 1} / {view.series.time_points}"
        return " · ".join(filter(None, (text, time_label(view))))

    @staticmethod
    def _rate_of(series: Series) -> float:
        """Frames a second as the film was made, within what the box allows."""
        if not series.frame_time_ms:
            return _USUAL_RATE
        return min(max(1000 / series.frame_time_ms, _SLOWEST), _FASTEST)

    def _on_closed(self) -> None:
        self._play.setChecked(False)
        self._bar.set_count(0, 1)

    # -- cine play

    def _set_rate(self, rate: float) -> None:
        if self._timer.isActive():
            self._timer.start(round(1000 / max(rate, 1)))

    def _on_play(self, on: bool) -> None:
        if on and self._study.view is None:
            self._play.setChecked(False)
        elif on:
            self._arrived = True
            self._timer.start(round(1000 / max(self._bar.rate.value(), 1)))
        else:
            self._timer.stop()

    def _on_arrived(self, _what: object) -> None:
        self._arrived = True

    def _step(self) -> None:
        """The next slice, after the last one the first; never faster than slices arrive."""
        view = self._study.view
        if view is None or not self._arrived:
            return
        self._arrived = False
        series = view.series
        self._is_stepping = True
        if series.time_points > 1:
            self._study.set_place(time_point=(view.time_point + 1) % series.time_points)
        else:
            self._study.set_place(position=(view.position + 1) % series.positions)
        self._is_stepping = False
