"""What datasets, trainings and models are worked on with, in the tabs beside the slice."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.qt.dialogs.text_dialog import show_text_file
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.model_importing import ModelImporting
from medseg_desktop.qt.presenters.conversion_presenter import ConversionPresenter
from medseg_desktop.qt.presenters.models.models_presenter import ModelsPresenter
from medseg_desktop.qt.presenters.patients_presenter import PatientsPresenter
from medseg_desktop.qt.presenters.retraining.retrain_presenter import RetrainPresenter
from medseg_desktop.qt.presenters.training_presenter import TrainingPresenter
from medseg_desktop.qt.saving import Saving
from medseg_desktop.qt.sessions import AnnotationSession, RunSession, StudySession


class Learning(QObject):
    """Makes the presenters of conversion, training and models, and connects them.

    Args:
        annotator: gives the name of who works here.

    Signals:
        failed(str): a sentence about what did not work.
        source_requested(): the user wants to open a folder.
    """

    failed = Signal(str)
    source_requested = Signal()

    def __init__(
        self,
        window: MainWindow,
        study: StudySession,
        annotations: AnnotationSession,
        runs: RunSession,
        saving: Saving,
        annotator: Callable[[], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window = w = window
        self.conversion = ConversionPresenter(runs, annotations, saving, w)
        self.patients = PatientsPresenter(runs.workspace, annotator, w)
        self.training = TrainingPresenter(w.training_panel, runs, self)
        self.model_tab = ModelsPresenter(
            w.models_panel, w.messages, runs, study, annotations, saving, annotator, w
        )
        self.retrain = RetrainPresenter(
            w.training_panel, runs, annotations, saving, self.training.runs, self
        )
        self.importing = ModelImporting(w, runs, self)
        self._connect(study)

    def _connect(self, study: StudySession) -> None:
        w, tabs, actions = self._window, self._window.tabs, self._window.actions_by_key
        handlers: dict[str, Callable[[], object]] = {
            "convert": self.conversion.open,
            "patients": self.patients.open,
            "import_model": self.importing.choose_file,
            "audit_trail": self.model_tab.show_audit,
        }
        for key, handler in handlers.items():
            actions[key].triggered.connect(lambda _=False, handler=handler: handler())
        for part in (self.conversion, self.patients, self.retrain):
            study.identity_changed.connect(part.set_identity)
        self.conversion.source_requested.connect(self.source_requested)
        self.conversion.converted.connect(self.training.choose_dataset)
        self.conversion.converted.connect(lambda _: self.patients.read())
        self.conversion.converted.connect(lambda _: tabs.setCurrentWidget(w.training_panel))
        self.patients.moved.connect(self.conversion.refresh)
        self.training.convert_requested.connect(self.conversion.open)
        self.training.failed.connect(self.failed)
        self.training.log_requested.connect(lambda path: show_text_file(w, path))
        self.retrain.open_requested.connect(self.source_requested)
        self.retrain.failed.connect(self.failed)
        self.retrain.chain.compare_requested.connect(self.model_tab.results.show)
        self.retrain.chain.promote_requested.connect(self.model_tab.promote)
        self.model_tab.import_requested.connect(actions["import_model"].trigger)
        self.importing.refused.connect(w.messages.show_message)

    def set_folder(self, found: ScanResult) -> None:
        """Another folder is open, and its annotations are known."""
        self.model_tab.set_folder()
        self.conversion.set_folder(found)
        self.patients.set_folder(found)
        self.retrain.set_folder(found)

    def quit(self) -> None:
        """Begin no more work; does not wait."""
        for part in (self.retrain, self.training, self.patients, self.model_tab):
            part.quit()

    def close(self) -> None:
        """Close the windows and end the threads."""
        for part in (self.retrain, self.training, self.patients, self.model_tab):
            part.close()
