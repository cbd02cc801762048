"""The controller: makes sessions and presenters and connects them to the window."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.run_state import RunState
from medseg_desktop.core.settings import Settings
from medseg_desktop.core.view import LayerState, ResolvedView
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.phantom_study import write_phantom_study
from medseg_desktop.io.settings_file import save_settings
from medseg_desktop.io.workspace import ModelEntry, Workspace
from medseg_desktop.jobs.command import physical_cores
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.dialogs.about import show_about
from medseg_desktop.qt.dialogs.file_report import FileReportDialog
from medseg_desktop.qt.dialogs.text_dialog import show_text_file
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.message_bar import Level
from medseg_desktop.qt.prediction_loader import PredictionLoader
from medseg_desktop.qt.presenters.conversion_presenter import ConversionPresenter
from medseg_desktop.qt.presenters.model_presenter import ModelPresenter
from medseg_desktop.qt.presenters.slice_presenter import SlicePresenter
from medseg_desktop.qt.presenters.training_presenter import TrainingPresenter
from medseg_desktop.qt.presenters.worklist_presenter import WorklistPresenter
from medseg_desktop.qt.sessions import AnnotationSession, RunSession, StudySession
from medseg_desktop.qt.theme import apply_theme

_RECENT = 8
_DEMO_PATIENTS = 10


class Controller(QObject):
    """One opened window with everything behind it."""

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        super().__init__()
        self.workspace, self.settings = workspace, settings
        self.window = MainWindow()
        self.study = StudySession(workspace, self)
        self.annotations = AnnotationSession(workspace.labels(), self)
        self.runs = RunSession(workspace, settings, self)
        self.predictions = PredictionLoader(self.study.loader, self)
        self._tasks = Background(1, "tasks", self)
        self._stored = QSettings("MedSeg", "MedSeg Desktop")
        self._closing = False
        self._working = ""
        self._make_presenters()
        self._connect_actions()
        self._connect_sessions()
        self._show_start()

    def _make_presenters(self) -> None:
        w = self.window
        self.slices = SlicePresenter(
            w.slice_view,
            w.slice_slider,
            w.window_panel,
            w.overlay_panel,
            self.study,
            self.annotations,
            self.predictions,
            self.settings.level_drag_down_is_brighter,
            self,
        )
        self.models = ModelPresenter(
            w.model_chooser,
            w.actions_by_key["predict"],
            w.overlay_panel,
            self.study,
            self.runs,
            self.predictions,
            self.slices,
            self,
        )
        self.worklist = WorklistPresenter(w.worklist, self.study, self.annotations, self)
        self.conversion = ConversionPresenter(self.runs, self.annotations, w)
        self.training = TrainingPresenter(w.training_panel, self.runs, self)

    # -- wiring

    def _connect_actions(self) -> None:
        w, study = self.window, self.study
        handlers = {
            "open_folder": self.choose_folder,
            "open_file": self.choose_file,
            "reload": self._reload,
            "file_report": self._show_files,
            "quit": w.close,
            "next_slice": lambda: study.step_slice(1),
            "previous_slice": lambda: study.step_slice(-1),
            "first_slice": lambda: study.set_slice(0),
            "last_slice": lambda: study.set_slice(10**9),
            "next_annotated": lambda: self._jump(1),
            "previous_annotated": lambda: self._jump(-1),
            "next_series": lambda: study.step_series(1),
            "previous_series": lambda: study.step_series(-1),
            "reset_window": lambda: study.set_window(None),
            "fit": w.slice_view.fit,
            "convert": self.conversion.open,
            "import_model": self.choose_model_file,
            "demo_study": self.open_demo_study,
            "training_interpreter": self.choose_interpreter,
            "about": lambda: show_about(w),
        }
        for key, handler in handlers.items():
            w.actions_by_key[key].triggered.connect(lambda _=False, handler=handler: handler())
        w.actions_by_key["invert"].toggled.connect(study.set_inverted)
        w.actions_by_key["identity"].toggled.connect(study.set_identity)
        w.actions_by_key["worklist"].toggled.connect(w.worklist.setVisible)
        w.actions_by_key["panels"].toggled.connect(w.tabs.setVisible)
        w.actions_by_key["light_theme"].setChecked(self.settings.theme == "light")
        w.actions_by_key["light_theme"].toggled.connect(self._set_theme)
        for key in ("identity", "worklist", "panels"):
            w.actions_by_key[key].setChecked(True)

    def _connect_sessions(self) -> None:
        w, study, runs = self.window, self.study, self.runs
        w.close_requested.connect(self._on_close)
        w.path_dropped.connect(lambda path: self.open(Path(path)))
        w.cancel_requested.connect(self._cancel)
        w.worklist.open_requested.connect(self.choose_folder)
        w.messages.action_requested.connect(self._on_message_action)
        w.preset_chooser.activated.connect(
            lambda: self.slices.apply_preset(w.preset_chooser.currentData())
        )
        w.slice_view.cursor_moved.connect(self._show_cursor)
        w.slice_view.cursor_left.connect(lambda: w.cursor_text.setText(""))
        study.scan_started.connect(lambda path: self._show_work("scan", self.tr("Opening"), 0, 0))
        study.scan_progress.connect(
            lambda done, total: self._show_work("scan", self.tr("Reading files"), done, total)
        )
        study.scan_failed.connect(self._on_scan_failed)
        study.folder_changed.connect(self._on_folder)
        study.view_changed.connect(self._on_view)
        study.series_progress.connect(self._on_series_progress)
        self.predictions.failed.connect(lambda text: self.show_message(text, Level.ERROR))
        runs.failed.connect(lambda error: self.show_message(sentence(error), Level.ERROR))
        runs.training_changed.connect(self._on_training)
        runs.idle.connect(self._on_idle)
        self.models.new_model.connect(self._on_new_model)
        self.models.no_model.connect(self._say_no_model)
        self.conversion.source_requested.connect(self.choose_folder)
        self.conversion.converted.connect(self.training.choose_dataset)
        self.training.convert_requested.connect(self.conversion.open)
        self.training.failed.connect(lambda text: self.show_message(text, Level.ERROR))
        self.training.log_requested.connect(lambda path: show_text_file(w, path))

    def _show_start(self) -> None:
        w = self.window
        presets = [
            ("file", self.tr("Of the series")),
            ("auto", self.tr("Auto 1–99 %")),  # noqa: RUF001
            ("soft", self.tr("Soft 0.5–99.8 %")),  # noqa: RUF001
            ("lesion", self.tr("Lesion-bright")),
        ]
        w.window_panel.set_presets(presets)
        for key, text in presets:
            w.preset_chooser.addItem(text, key)
        w.preset_chooser.setCurrentIndex(-1)
        w.slice_view.set_smooth(self.settings.smooth)
        w.slice_view.set_message(
            self.tr("Open a folder with DICOM series, or drop one here.")
        )
        cores = self.settings.threads or physical_cores()
        w.place_text.setText(self.tr("CPU · {n} threads").format(n=cores))
        w.restore_geometry(self._stored)
        self._fill_recent()
        w.slice_view.setFocus()
        self.runs.refresh()

    # -- opening

    def open(self, path: Path) -> None:
        """Open a folder or file."""
        self.window.messages.clear()
        self.study.open(path)

    def choose_folder(self) -> None:
        """Ask for a folder and open it."""
        folder = QFileDialog.getExistingDirectory(
            self.window, self.tr("Open a folder of DICOM series"), self._last_folder()
        )
        if folder:
            self.open(Path(folder))

    def choose_file(self) -> None:
        """Ask for one file and open it."""
        file, _ = QFileDialog.getOpenFileName(
            self.window, self.tr("Open a DICOM file"), self._last_folder()
        )
        if file:
            self.open(Path(file))

    def _last_folder(self) -> str:
        recent = self._recent()
        return recent[0] if recent else str(Path.home())

    def _reload(self) -> None:
        if self.study.found is not None:
            self.open(self.study.found.root)

    def open_demo_study(self) -> None:
        """Make the phantom study in the workspace, if it is not there, and open it."""
        folder = self.workspace.root / "demo-study"
        if folder.is_dir():
            self.open(folder)
            return
        self._show_work("demo", self.tr("Making the demo study"), 0, _DEMO_PATIENTS)

        def progress(done: int, total: int) -> None:
            text = self.tr("Making the demo study")
            self._tasks.deliver(lambda: self._show_work("demo", text, done, total))

        def work() -> Path:
            write_phantom_study(folder, patients=_DEMO_PATIENTS, progress=progress)
            return folder

        self._tasks.submit(work, self.open, self._on_scan_failed)

    def _on_scan_failed(self, error: MedSegError) -> None:
        self._show_work("", "", 0, 0)
        self.show_message(sentence(error), Level.ERROR)

    def _on_folder(self, found: ScanResult) -> None:
        w = self.window
        self._show_work("", "", 0, 0)
        self.annotations.set_folder(found)
        self.worklist.set_folder(found)
        self.conversion.set_folder(found)
        slices = sum(len(s.slices) for s in found.series)
        w.show_status(
            self.tr("{series} series, {slices} slices").format(
                series=len(found.series), slices=f"{slices:,}"
            )
        )
        w.setWindowTitle(f"{found.root.name} – MedSeg Desktop")  # noqa: RUF001
        self._remember(str(found.root))
        if found.refused:
            text = self.tr("{n} files cannot be used; the first is {name}: {reason}.")
            first = (found.refused_annotations or found.refused)[0]
            message = text.format(n=len(found.refused), name=first.path, reason=first.reason)
            self.show_message(message, Level.WARNING, self.tr("Show all"), "files")
        elif found.notes:
            self.show_message(found.notes[0], Level.INFO)

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        invert = self.window.actions_by_key["invert"]
        if invert.isChecked() != now.inverted:
            invert.blockSignals(True)
            invert.setChecked(now.inverted)
            invert.blockSignals(False)
        if before is None or before.series is not now.series:
            if now.series.warnings and not (self.study.found and self.study.found.refused):
                self.show_message(" ".join(now.series.warnings), Level.WARNING)
            self.window.preset_chooser.setCurrentIndex(-1)

    def _on_series_progress(self, done: int, total: int) -> None:
        if self._working in ("", "slices"):
            if done < total:
                text = self.tr("Reading {done} of {total} slices")
                self._show_work("slices", text.format(done=done, total=total), done, total)
            else:
                self._show_work("", "", 0, 0)

    def _show_cursor(self, column: float, row: float) -> None:
        view = self.study.view
        if view is None:
            return
        value = self.slices.value_at(int(row), int(column))
        text = self.tr("row {row}, column {column}").format(row=int(row), column=int(column))
        self.window.cursor_text.setText(f"{text}: {value:g}" if value is not None else text)

    def _jump(self, direction: int) -> None:
        """To the next (1) or previous (-1) slice with a shape."""
        view = self.study.view
        if view is None:
            return
        annotated = self.annotations.annotated(view.series)
        ahead = [i for i in annotated if (i - view.index) * direction > 0]
        if ahead:
            self.study.set_slice(min(ahead) if direction > 0 else max(ahead))

    # -- models and training

    def choose_model_file(self) -> None:
        """Ask for a model package and copy it into the workspace."""
        file, _ = QFileDialog.getOpenFileName(
            self.window,
            self.tr("Import a model"),
            str(Path.home()),
            self.tr("Model package (model.json *.zip)"),
        )
        if file:
            self.import_model(Path(file))

    def import_model(self, path: Path) -> None:
        """Check a package (its model.json or .zip) and copy it into the workspace."""
        package = path.parent if path.name == "model.json" else path

        def done(entry: ModelEntry) -> None:
            self.show_message(
                self.tr("Imported {name}.").format(name=entry.title), Level.INFO
            )
            self.runs.refresh()
            self.runs.model_added.emit(entry)

        self._tasks.submit(
            lambda: self.workspace.register_model(package),
            done,
            lambda error: self.show_message(sentence(error), Level.ERROR),
        )

    def choose_interpreter(self) -> None:
        """Ask for another Python that trains; cancelling the choice goes back to our own."""
        file, _ = QFileDialog.getOpenFileName(
            self.window,
            self.tr("Choose the Python that trains"),
            self.settings.training_interpreter or str(Path.home()),
        )
        self.settings = replace(self.settings, training_interpreter=file)
        self.runs.settings = self.settings
        self._save_settings()
        text = self.tr("Trainings use {name}.") if file else self.tr("Trainings use this program.")
        self.show_message(text.format(name=file), Level.INFO)

    def _on_training(self, run: RunState) -> None:
        if run.is_over or not run.total:
            self.window.place_text.setToolTip("")
            return
        device = str(run.details.get("device", "CPU")).upper()
        self.window.place_text.setToolTip(self.tr("Training on {device}").format(device=device))

    def _on_new_model(self, entry: ModelEntry) -> None:
        self._offered = entry
        text = self.tr("The model {name} is ready. {current} stays in use.")
        predictor = self.runs.predictor
        current = predictor.info.title if predictor else ""
        self.show_message(
            text.format(name=entry.title, current=current),
            Level.INFO,
            self.tr("Use {name}").format(name=entry.title),
            "use_model",
        )

    def _say_no_model(self) -> None:
        self.show_message(
            self.tr("There is no model yet: train one, import one, or open the demo study."),
            Level.INFO,
            self.tr("Import a model"),
            "import_model",
        )

    # -- messages and status

    def show_message(
        self, text: str, level: Level = Level.WARNING, action: str = "", key: str = ""
    ) -> None:
        """One sentence above the slice."""
        self.window.messages.show_message(text, level, action, key)

    def _on_message_action(self, key: str) -> None:
        if key == "files":
            self._show_files()
        elif key == "use_model":
            self.window.messages.clear()
            self.runs.choose_model(self._offered.path)
        elif key == "import_model":
            self.choose_model_file()

    def _show_files(self) -> None:
        if self.study.found is not None:
            FileReportDialog(self.study.found, self.window).open()

    def _show_work(self, kind: str, text: str, done: int, total: int) -> None:
        self._working = kind
        self.window.show_progress(text, done, total, cancellable=kind == "scan")

    def _cancel(self) -> None:
        if self._working == "scan":
            self.study.cancel_scan()

    # -- settings

    def _set_theme(self, light: bool) -> None:
        self.settings = replace(self.settings, theme="light" if light else "dark")
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, dark=not light)
        self._save_settings()

    def _save_settings(self) -> None:
        try:
            save_settings(self.settings)
        except MedSegError as error:
            self.show_message(sentence(error), Level.WARNING)

    def _recent(self) -> list[str]:
        value = self._stored.value("recent", [])
        paths = [value] if isinstance(value, str) else value
        if not isinstance(paths, list):
            return []
        return [p for p in paths if isinstance(p, str) and os.path.isdir(p)][:_RECENT]

    def _remember(self, path: str) -> None:
        self._stored.setValue("recent", list(dict.fromkeys([path, *self._recent()]))[:_RECENT])
        self._fill_recent()

    def _fill_recent(self) -> None:
        for action in self.window.show_recent(self._recent()):
            action.triggered.connect(partial(self._open_recent, action))

    def _open_recent(self, action: QAction) -> None:
        self.open(Path(action.data()))

    # -- closing

    def _on_close(self) -> None:
        """Ask while a training runs, then stop it cleanly; the window goes when it is done."""
        if self._closing:
            return
        if self.runs.is_training and not self._confirm_stop():
            return
        self._closing = True
        if self.runs.is_idle:
            self._finish()
            return
        self.runs.stop_all()
        self.window.show_progress(self.tr("Stopping; the best model is kept"), 0, 0)
        self.window.splitter.setEnabled(False)

    def _confirm_stop(self) -> bool:
        box = QMessageBox(self.window)
        box.setWindowTitle(self.tr("A training is running"))
        box.setText(self.tr("A training is running. Stop it and close?"))
        box.setInformativeText(self.tr("The best model so far is kept in the workspace."))
        stop = box.addButton(self.tr("Stop and close"), QMessageBox.ButtonRole.AcceptRole)
        keep = box.addButton(self.tr("Keep training"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setWindowModality(Qt.WindowModality.WindowModal)
        box.exec()
        confirmed = box.clickedButton() is stop
        box.deleteLater()
        return confirmed

    def _on_idle(self) -> None:
        if self._closing:
            self._finish()

    def _finish(self) -> None:
        self.window.save_geometry(self._stored)
        self.close()
        self.window.allow_close()

    def close(self) -> None:
        """End every thread and job; used by tests too."""
        self._tasks.close()
        self.training.close()
        self.worklist.close()
        self.predictions.close()
        self.study.close()
        self.runs.close()

    def set_prediction_visible(self, visible: bool) -> None:
        """Show or hide the prediction layer."""
        opacity = self.study.state.layers.prediction.opacity
        self.study.set_layer("prediction", LayerState(visible, opacity))
