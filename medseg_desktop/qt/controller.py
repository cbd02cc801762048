"""The controller: makes sessions and presenters and connects them to the window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QSettings

from medseg_desktop.core.settings import Settings
from medseg_desktop.core.shapes.provenance import Author
from medseg_desktop.core.shapes.slice_pixels import PixelKeeper
from medseg_desktop.core.view import LayerState, ResolvedView
from medseg_desktop.core.volume import Series
from medseg_desktop.io.child_command import physical_cores
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.settings_file import settings_path, user_name
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.annotating import Annotating
from medseg_desktop.qt.closing import Closing
from medseg_desktop.qt.comparisons import Comparisons
from medseg_desktop.qt.dialogs.about import show_about
from medseg_desktop.qt.dialogs.file_report import FileReportDialog
from medseg_desktop.qt.dialogs.keys_dialog import KeysDialog
from medseg_desktop.qt.learning import Learning
from medseg_desktop.qt.leaving import Leaving
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.opening import Opening
from medseg_desktop.qt.panels.message_bar import Level, Message
from medseg_desktop.qt.pictures import Pictures
from medseg_desktop.qt.prediction_loader import PredictionLoader
from medseg_desktop.qt.preferences import Preferences
from medseg_desktop.qt.presenters.comparing.compare_presenter import ComparePresenter
from medseg_desktop.qt.presenters.drawing_presenter import DrawingPresenter
from medseg_desktop.qt.presenters.marks_presenter import MarksPresenter
from medseg_desktop.qt.presenters.model_presenter import ModelPresenter
from medseg_desktop.qt.presenters.navigation_presenter import NavigationPresenter
from medseg_desktop.qt.presenters.overlay_presenter import OverlayPresenter
from medseg_desktop.qt.presenters.preset_presenter import PresetPresenter
from medseg_desktop.qt.presenters.series_presenter import SeriesPresenter
from medseg_desktop.qt.presenters.slice_presenter import SlicePresenter
from medseg_desktop.qt.presenters.window_presenter import WindowPresenter
from medseg_desktop.qt.presenters.worklist_presenter import WorklistPresenter
from medseg_desktop.qt.saving import Saving
from medseg_desktop.qt.sessions import (
    AnnotationSession,
    DrawingSession,
    RunSession,
    StudySession,
)
from medseg_desktop.qt.sessions.compared_model import ComparedModels
from medseg_desktop.qt.status_line import StatusLine
from medseg_desktop.qt.view_actions import ViewActions

_SHOWN_AT_START = ("identity", "worklist", "panels")


class Controller(QObject):
    """One opened window with everything behind it."""

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        super().__init__()
        self.workspace = workspace
        self._stored = QSettings(
            str(settings_path().with_name("window.ini")), QSettings.Format.IniFormat
        )
        self.window = MainWindow()
        self.study = StudySession(workspace, self)
        self.study.loader.set_cache_bytes(settings.cache_mb << 20)
        author = Author(settings.annotator or user_name())
        self.annotations = AnnotationSession(workspace.labels(), author, self)
        self.drawing = DrawingSession(self)
        self.saving = Saving(workspace, self.annotations, settings.autosave, self)
        self.runs = RunSession(workspace, settings, self)
        self.preferences = Preferences(settings, self.window, self.study, self.runs, self)
        self.predictions = PredictionLoader(self.study.loader, self)
        self.compared = ComparedModels(self.runs, self)
        self.comparisons = Comparisons(
            self.study, self.annotations, self.predictions, self.compared, self
        )
        pixels = PixelKeeper()
        self._make_viewer(pixels, settings)
        self.annotating = Annotating(
            self.window,
            self.study,
            self.annotations,
            self.drawing,
            self.saving,
            self.desk,
            self.levels,
            self.presets,
            pixels,
            self,
        )
        self._make_jobs(settings)
        self._connect_actions()
        self._connect_sessions()
        self._show_start()

    def _make_viewer(self, pixels: PixelKeeper, settings: Settings) -> None:
        """What shows series and slices."""
        w = self.window
        self.slices = SlicePresenter(w.slice_view, self.study, self)
        self.desk = DrawingPresenter(w.slice_view, self.study, self.annotations, self.drawing, self)
        self.overlays = OverlayPresenter(
            w.slice_view,
            w.overlay_panel,
            self.study,
            self.annotations,
            self.drawing,
            self.desk,
            pixels,
            self.comparisons,
            self,
        )
        self.marks = MarksPresenter(
            w.slice_bar.slices,
            self.study,
            self.annotations,
            self.runs,
            self.predictions,
            self.comparisons,
            self,
        )
        self.navigation = NavigationPresenter(
            w.slice_bar, w.actions_by_key["play"], self.study, self
        )
        self.levels = WindowPresenter(
            w.window_panel,
            w.slice_view,
            w.actions_by_key["window_box"],
            self.study,
            self.slices,
            settings.level_drag_down_is_brighter,
            self,
        )
        self.presets = PresetPresenter(
            w.window_panel, w.preset_chooser, w.preset_menu, self.study, self
        )
        self.series = SeriesPresenter(w.series_panel, self.study, self)
        self.pictures = Pictures(
            w, self.study, self.slices, w.actions_by_key["picture_identity"], self
        )
        self.view_actions = ViewActions(
            w.actions_by_key,
            w.slice_view,
            self.study,
            self.annotations,
            self.runs,
            self.levels,
            self.pictures,
            settings,
            self,
        )

    def _make_jobs(self, settings: Settings) -> None:
        """What works with models and folders; it needs what shows the slices."""
        w = self.window
        self.models = ModelPresenter(
            w.model_chooser,
            w.actions_by_key,
            w.overlay_panel,
            w.messages,
            self.study,
            self.annotations,
            self.runs,
            self.predictions,
            self.slices,
            self.marks,
            self,
        )
        self.compare = ComparePresenter(
            w,
            self.study,
            self.annotations,
            self.runs,
            self.compared,
            self.predictions,
            self.comparisons,
            self.slices,
            self,
        )
        self.worklist = WorklistPresenter(w.worklist, self.study, self.annotations, self)
        self.learning = Learning(
            w,
            self.study,
            self.annotations,
            self.runs,
            self.saving,
            self.preferences.annotator,
            self,
        )
        self.conversion, self.patients = self.learning.conversion, self.learning.patients
        self.training, self.retrain = self.learning.training, self.learning.retrain
        self.model_tab = self.learning.model_tab
        threads = settings.threads or physical_cores()
        self.status = StatusLine(w, self.study, self.runs, self.predictions, threads, self)
        demo_folder = self.workspace.root / "demo-study"
        leaving = Leaving(w, self.saving, self)
        self.opening = Opening(
            w, self.study, self.status, demo_folder, self._stored, self.saving, leaving, self
        )
        self.closing = Closing(w, self.runs, self.saving, leaving, self)

    # -- wiring

    def _connect_actions(self) -> None:
        w = self.window
        handlers = {
            "open_folder": self.opening.choose_folder,
            "open_file": self.opening.choose_file,
            "reload": self.opening.reload,
            "file_report": self._show_files,
            "quit": w.close,
            "next_series": lambda: self.worklist.step(1),
            "previous_series": lambda: self.worklist.step(-1),
            "next_patient": lambda: self.worklist.step_patient(1),
            "previous_patient": lambda: self.worklist.step_patient(-1),
            "demo_study": self.opening.open_demo_study,
            "keys": lambda: KeysDialog(w).open(),
            "about": lambda: show_about(w),
        }
        for key, handler in handlers.items():
            w.actions_by_key[key].triggered.connect(lambda _=False, handler=handler: handler())
        w.actions_by_key["worklist"].toggled.connect(w.worklist.setVisible)
        w.actions_by_key["panels"].toggled.connect(w.tabs.setVisible)
        for key in _SHOWN_AT_START:
            w.actions_by_key[key].setChecked(True)

    def _connect_sessions(self) -> None:
        w, study, runs = self.window, self.study, self.runs
        annotating = self.annotating
        annotating.said.connect(lambda text: self.show_message(text, Level.INFO))
        annotating.recovery.open_requested.connect(self.opening.open)
        annotating.setting_changed.connect(self.preferences.change)
        study.folder_changed.connect(self._on_folder)
        study.view_changed.connect(self._on_view)
        self.predictions.failed.connect(self._show_error)
        self.status.prediction_cancelled.connect(self.models.cancel)
        self.status.prediction_cancelled.connect(self.compare.cancel)
        self.compared.failed.connect(lambda error: self._show_error(sentence(error)))
        runs.failed.connect(lambda error: self._show_error(sentence(error)))
        runs.model_chosen.connect(self._remember_model)
        self.model_tab.results.viewer_requested.connect(self._show_viewer)
        self.model_tab.results.compare_requested.connect(self.compare.show_models)
        self.models.compare_requested.connect(self._compare)
        self.preferences.theme_changed.connect(self.models.restyle)
        w.messages.action_requested.connect(self._on_message_action)
        w.overlay_panel.link_activated.connect(lambda key: w.actions_by_key[key].trigger())
        self.learning.source_requested.connect(self.opening.choose_folder)
        self.learning.failed.connect(self._show_error)
        self.view_actions.setting_changed.connect(self.preferences.change)
        self.closing.finished.connect(self._finish)

    def _show_start(self) -> None:
        w = self.window
        w.slice_view.set_message(
            self.tr("Open a folder with DICOM series, or drop folders, files or a .zip here.")
        )
        w.restore_geometry(self._stored)
        w.slice_view.setFocus()
        last = self._stored.value("model")
        self.runs.model_of_last_time = Path(last) if isinstance(last, str) and last else None
        self.runs.refresh()
        self.saving.recovery.look()

    # -- what the sessions tell

    def open(self, named: Path | Sequence[Path]) -> None:
        """Open what the user named (see `io.sources.source`)."""
        self.opening.open(named)

    def _on_folder(self, found: ScanResult) -> None:
        self.saving.leave(found)
        self.annotations.set_folder(found)
        self.saving.set_folder(found)
        self.worklist.set_folder(found)
        self.models.set_folder()
        self.learning.set_folder(found)

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or before.series is not now.series:
            self.window.messages.set_standing("series", _banner(now.series))

    # -- models and training

    def _compare(self, path: Path) -> None:
        self.window.tabs.setCurrentWidget(self.window.models_panel)
        self.model_tab.compare(path)

    def _show_viewer(self) -> None:
        """With the tab that says what the overlays on the slice mean."""
        self.window.tabs.setCurrentIndex(0)
        self.window.raise_()
        self.window.activateWindow()
        self.window.slice_view.setFocus()

    def set_prediction_visible(self, visible: bool) -> None:
        """Show or hide the prediction layer."""
        opacity = self.study.state.layers.prediction.opacity
        self.study.set_layer("prediction", LayerState(visible, opacity))

    def _remember_model(self) -> None:
        path = self.runs.chosen_path
        self._stored.setValue("model", str(path) if path else "")

    # -- messages and settings

    def show_message(
        self, text: str, level: Level = Level.WARNING, action: str = "", key: str = ""
    ) -> None:
        """One sentence above the slice."""
        self.window.messages.show_message(text, level, action, key)

    def _show_error(self, text: str) -> None:
        self.show_message(text, Level.ERROR)

    def _on_message_action(self, key: str) -> None:
        if key == "files":
            self._show_files()

    def _show_files(self) -> None:
        if self.study.found is not None:
            identity = self.study.state.identity
            FileReportDialog(self.study.found, self.window, identity=identity).open()

    # -- closing

    def _finish(self) -> None:
        self.window.save_geometry(self._stored)
        self.close()
        self.window.allow_close()

    def close(self) -> None:
        """End every thread and job; used by tests too."""
        owners = (
            self.opening,
            self.learning,
            self.worklist,
            self.series,
            self.annotating,
            self.comparisons,
            self.compared,
            self.predictions,
            self.saving,
            self.study,  # after all that reads its slices: it removes what was unpacked
            self.runs,
        )
        for owner in owners:  # all of them first: a thread of one may wait for another's decoder
            owner.quit()
        for owner in owners:
            owner.close()


def _banner(series: Series) -> Message | None:
    """What is wrong with a series; once dismissed, it is not said again of the same one."""
    if not series.warnings:
        return None
    return Message(" ".join(series.warnings), subject=(series.key, series.warnings))
