"""What a user has chosen: kept in the settings file, and told to whom it concerns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QFileDialog, QInputDialog

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.settings import MAXIMUM_CACHE_MB, Settings
from medseg_desktop.io.settings_file import save_settings, user_name
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.message_bar import Level
from medseg_desktop.qt.sessions import RunSession, StudySession
from medseg_desktop.qt.theme import apply_theme


class Preferences(QObject):
    """Owns the settings of the window.

    Signals:
        theme_changed(): what is drawn in colours of the theme is drawn anew.
    """

    theme_changed = Signal()

    def __init__(
        self,
        settings: Settings,
        window: MainWindow,
        study: StudySession,
        runs: RunSession,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.settings = settings
        self._window, self._study, self._runs = window, study, runs
        actions = window.actions_by_key
        actions["training_interpreter"].triggered.connect(lambda: self.choose_interpreter())
        actions["cache"].triggered.connect(lambda: self.choose_cache())
        actions["light_theme"].setChecked(settings.theme == "light")
        actions["light_theme"].toggled.connect(self._set_theme)

    def annotator(self) -> str:
        """The name of who works here."""
        return self.settings.annotator or user_name()

    def change(self, name: str, value: object) -> None:
        """Keep another value of a setting."""
        self.settings = replace(self.settings, **{name: value})  # type: ignore[arg-type]
        self._runs.settings = self.settings
        try:
            save_settings(self.settings)
        except MedSegError as error:
            self._window.messages.show_message(sentence(error), Level.WARNING)

    def choose_interpreter(self) -> None:
        """Ask for another Python that trains; cancelling the choice goes back to our own."""
        file, _ = QFileDialog.getOpenFileName(
            self._window,
            self.tr("Choose the Python that trains"),
            self.settings.training_interpreter or str(Path.home()),
        )
        self.change("training_interpreter", file)
        text = self.tr("Trainings use {name}.") if file else self.tr("Trainings use this program.")
        self._window.messages.show_message(text.format(name=file), Level.INFO)

    def choose_cache(self) -> None:
        """Ask for the memory that slices may take."""
        value, chosen = QInputDialog.getInt(
            self._window,
            self.tr("Memory for slices"),
            self.tr("MB (0 chooses: a quarter of the memory)"),
            self.settings.cache_mb,
            0,
            MAXIMUM_CACHE_MB,
            256,
        )
        if chosen:
            self.change("cache_mb", value)
            self._study.loader.set_cache_bytes(value << 20)

    def _set_theme(self, light: bool) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, dark=not light)
            self.theme_changed.emit()
        self.change("theme", "light" if light else "dark")
