"""Window presets: two lists (toolbar and panel) that show the same choice."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QObject, QSignalBlocker
from PySide6.QtWidgets import QComboBox

from medseg_desktop.core.display import Window, percentile_window
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.qt.panels.window_panel import WindowPanel
from medseg_desktop.qt.sessions.study import StudySession
from medseg_desktop.qt.slice_loader import LoadedSlice

FILE = "file"
#: Percentile presets for series without calibrated values (key -> low, high).
PERCENTILES = {"auto": (1.0, 99.0), "soft": (0.5, 99.8), "lesion": (50.0, 99.9)}


def preset_names() -> list[tuple[str, str]]:
    """(key, text) of every preset."""
    tr = QCoreApplication.translate
    return [
        (FILE, tr("Presets", "Of the series")),
        ("auto", tr("Presets", "Auto 1–99 %")),  # noqa: RUF001
        ("soft", tr("Presets", "Soft 0.5–99.8 %")),  # noqa: RUF001
        ("lesion", tr("Presets", "Lesion-bright")),
    ]


class PresetPresenter(QObject):
    """Applies a preset to the series on screen and shows which one is on."""

    def __init__(
        self,
        panel: WindowPanel,
        chooser: QComboBox,
        study: StudySession,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._chooser, self._study = panel, chooser, study
        self._applied: tuple[str, Window] | None = None
        self._loaded: LoadedSlice | None = None
        panel.set_presets(preset_names())
        for key, text in preset_names():
            chooser.addItem(text, key)
        self._show(None)
        panel.preset_chosen.connect(self.apply)
        chooser.activated.connect(lambda: self.apply(str(chooser.currentData())))
        study.slice_loaded.connect(self._on_loaded)
        study.view_changed.connect(self._on_view)

    def apply(self, key: str) -> None:
        """Window of the file, or by percentiles of the slice on screen."""
        view, loaded = self._study.view, self._loaded
        if key == FILE:
            self._study.set_window(None)
        elif key in PERCENTILES and view and loaded and loaded.series_key == view.series.key:
            window = percentile_window(loaded.values, *PERCENTILES[key])
            self._applied = (key, window)
            self._study.set_window(window)
        self._show_current()

    def _on_loaded(self, loaded: LoadedSlice) -> None:
        self._loaded = loaded

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or before.window != now.window or before.series is not now.series:
            self._show_current()

    def _show_current(self) -> None:
        window = self._study.state.window
        if self._study.view is None:
            self._show(None)
        elif window is None:
            self._show(FILE)
        else:
            applied = self._applied
            self._show(applied[0] if applied and applied[1] == window else None)

    def _show(self, key: str | None) -> None:
        self._panel.set_preset(key)
        with QSignalBlocker(self._chooser):
            self._chooser.setCurrentIndex(-1 if key is None else self._chooser.findData(key))
