"""The panel about the series on screen: how it was acquired, and how noisy it is."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject

from medseg_desktop.core.display import modality_values
from medseg_desktop.core.noise import estimate_snr
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.core.volume import Acquisition, Series
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.loaded_slice import SeriesKey
from medseg_desktop.qt.panels.series_panel import SeriesPanel
from medseg_desktop.qt.sessions.study import StudySession


class SeriesPresenter(QObject):
    """Fills the panel; the noise of the middle slice is estimated in the background."""

    def __init__(
        self, panel: SeriesPanel, study: StudySession, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._panel, self._study = panel, study
        self._background = Background(1, "noise", self)
        self._known: dict[SeriesKey, float | None] = {}
        study.folder_changed.connect(lambda _: self._known.clear())
        study.view_changed.connect(self._on_view)
        study.slice_loaded.connect(lambda _: self._on_loaded())
        study.view_closed.connect(lambda: panel.set_series("", ""))

    def quit(self) -> None:
        """Begin no more work; does not wait for the thread."""
        self._background.quit()

    def close(self) -> None:
        """End the thread."""
        self._background.close()

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is not None and before.series is now.series:
            return
        series = now.series
        self._panel.set_series(series.title, self._acquisition_text(series.acquisition))
        if series.key in self._known:
            self._show_noise(series.key, self._known[series.key])

    def _on_loaded(self) -> None:
        """Once the slice on screen is there: nothing may be in its way."""
        view = self._study.view
        if view is None or view.series.modality != "MR" or view.series.key in self._known:
            return
        series = view.series
        self._known[series.key] = None  # until it is known
        self._background.submit(
            partial(self._estimate, series), partial(self._show_noise, series.key)
        )

    def _estimate(self, series: Series) -> float | None:
        """In the background: of the middle slice of the first time point.

        Raises:
            UnreadableSliceError: it cannot be read; then nothing is shown.
        """
        loaded = self._study.loader.read_now(series, series.positions // 2)
        if loaded.is_colour:
            return None
        return estimate_snr(modality_values(loaded.stored, loaded.fmt))

    def _show_noise(self, key: SeriesKey, snr: float | None) -> None:
        self._known[key] = snr
        view = self._study.view
        if view is None or view.series.key != key or snr is None:
            return
        self._panel.set_noise(
            self.tr("SNR about {snr}").format(snr=f"{snr:.0f}" if snr >= 10 else f"{snr:.1f}"),
            self.tr(
                "Estimated on the middle slice: the median of the tissue divided by its noise,\n"
                "which is the spread of differences between neighbouring pixels (Immerkaer 1996).\n"
                "Good for comparing series of one kind; interpolated slices come out too high."
            ),
        )

    def _acquisition_text(self, how: Acquisition) -> str:
        """E.g. "0.35 T · TR 9000 ms · TE 100 ms · TI 2500 ms · 2 averages · 5 mm thick"."""
        averages = self.tr("{n} averages") if how.averages != 1 else self.tr("{n} average")
        parts = (
            (how.field_strength_t, self.tr("{n} T")),
            (how.repetition_time_ms, self.tr("TR {n} ms")),
            (how.echo_time_ms, self.tr("TE {n} ms")),
            (how.inversion_time_ms, self.tr("TI {n} ms")),
            (how.averages, averages),
            (how.slice_thickness_mm, self.tr("{n} mm thick")),
            (how.flip_angle_deg, self.tr("flip {n}°")),
            (how.pixel_bandwidth_hz, self.tr("{n} Hz/px")),
            (how.echo_train_length, self.tr("ETL {n}")),
        )
        machine = " ".join(filter(None, (how.manufacturer, how.model)))
        texts = (text.format(n=f"{value:g}") for value, text in parts if value)
        # A line breaks between the parts, not between a number and its unit.
        return " · ".join([*(t.replace(" ", "\u00a0") for t in texts), *filter(None, [machine])])
