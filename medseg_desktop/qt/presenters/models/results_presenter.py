"""The windows of evaluations, and what leads from them: pictures, the viewer, files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.core.evaluation.result import EvaluationRecord, LesionChange
from medseg_desktop.io.atomic import write_bytes
from medseg_desktop.io.evaluation.folder import CASES, REPORT, read_record
from medseg_desktop.io.evaluation.picture import picture_file
from medseg_desktop.io.models.listing import ListedModel
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.dialogs.comparison_window import ComparisonWindow
from medseg_desktop.qt.dialogs.evaluation_window import EvaluationWindow
from medseg_desktop.qt.dialogs.result_window import ResultWindow
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.presenters.patient_titles import patient_titles
from medseg_desktop.qt.report_opening import ReportOpening
from medseg_desktop.qt.sessions import RunSession, StudySession


class ResultsPresenter(QObject):
    """Owns the windows that are open; each evaluation has one.

    Signals:
        failed(str): a sentence for the window.
        compare_requested(candidate: Path, champion: Path, series_uid: str, stack: int,
            index: int): show both models on this slice, which is on screen.
        viewer_requested(): the main window should come to the front.
        promote_requested(ListedModel): its evaluation's window asks for it.
    """

    failed = Signal(str)
    compare_requested = Signal(object, object, str, int, int)
    viewer_requested = Signal()
    promote_requested = Signal(object)

    def __init__(self, runs: RunSession, study: StudySession, parent: QWidget) -> None:
        super().__init__(parent)
        self._runs, self._study, self._window = runs, study, parent
        self._background = Background(1, "evaluations", self)
        self._report = ReportOpening(self._background, self)
        self._report.failed.connect(self.failed)
        self._folder = Path.home()
        self.windows: dict[Path, ResultWindow] = {}
        study.folder_changed.connect(lambda _: self._show_titles())
        study.identity_changed.connect(lambda _: self._show_titles())
        runs.models_changed.connect(lambda _: self._show_promotable())

    def show(self, folder: Path) -> None:
        """Open the window of an evaluation, or bring it to the front."""
        window = self.windows.get(folder)
        if window is not None:
            window.begin()
            return
        self._background.submit(
            lambda: read_record(folder),
            partial(self._open, folder),
            lambda error: self.failed.emit(sentence(error)),
        )

    def _open(self, folder: Path, record: EvaluationRecord) -> None:
        if folder in self.windows:  # asked for twice while it was read
            self.windows[folder].begin()
            return
        kind = EvaluationWindow if record.comparison is None else ComparisonWindow
        window = kind(folder, record, self._titles)
        self.windows[folder] = window
        window.picture_requested.connect(partial(self._read_picture, window))
        window.lesion_requested.connect(partial(self._show_lesion, record))
        window.report_requested.connect(lambda: self._report.open(folder / REPORT))
        window.csv_requested.connect(partial(self._ask_for_csv, window))
        window.promote_requested.connect(partial(self._promote, record))
        window.destroyed.connect(partial(self._forget, folder))
        self._show_promotable()
        window.begin()

    def _forget(self, folder: Path) -> None:
        self.windows.pop(folder, None)

    # -- patients and models

    @property
    def _titles(self) -> dict[str, str]:
        """What the patients of the open folder may be called on screen."""
        found, identity = self._study.found, self._study.state.identity
        return patient_titles(found, identity) if found is not None and identity else {}

    def _show_titles(self) -> None:
        for window in self.windows.values():
            window.set_titles(self._titles)

    def _evaluated(self, record: EvaluationRecord) -> ListedModel | None:
        result = record.candidate
        return self._runs.model_list.of_network(result.network, result.model)

    def _show_promotable(self) -> None:
        for window in self.windows.values():
            model = self._evaluated(window.record)
            champion = self._runs.model_list.champion
            reason = ""
            if model is None:
                reason = self.tr("{name} is not in the workspace any more.")
            elif champion is not None and champion.model == model.path.name:
                reason = self.tr("{name} is the champion.")
            window.set_promotable(reason.format(name=window.record.candidate.model))

    def _promote(self, record: EvaluationRecord) -> None:
        model = self._evaluated(record)
        if model is not None:
            self.promote_requested.emit(model)

    # -- lesions

    def _read_picture(self, window: ResultWindow, change: LesionChange) -> None:
        if not change.picture:
            window.set_picture(change, None, self.tr("There is no picture of this lesion."))
            return
        folder = window.folder
        self._background.submit(
            lambda: _picture(folder, change.picture),
            partial(self._show_picture, folder, change),
            lambda error: self._show_picture(folder, change, sentence(error)),
        )

    def _show_picture(self, folder: Path, change: LesionChange, found: QImage | str) -> None:
        window = self.windows.get(folder)
        if window is None:
            return
        if isinstance(found, str):
            window.set_picture(change, None, found)
        else:
            window.set_picture(change, found)

    def _show_lesion(self, record: EvaluationRecord, change: LesionChange) -> None:
        """Go to the slice with most of a lesion, where its series is open."""
        lesion = change.lesion
        key = (lesion.series_uid, lesion.stack)
        series = self._study.series(key)
        if series is None or not 0 <= lesion.shown_slice < len(series.slices):
            self.failed.emit(
                self.tr(
                    "The series of this lesion is not open. Open the folder that was evaluated, "
                    "then show the lesion again."
                )
            )
            return
        self._study.set_series(key)
        self._study.set_slice(lesion.shown_slice)
        self.viewer_requested.emit()
        mine, other = self._evaluated(record), self._compared(record)
        if mine is not None and other is not None:
            self.compare_requested.emit(mine.path, other.path, *key, lesion.shown_slice)

    def _compared(self, record: EvaluationRecord) -> ListedModel | None:
        result = record.champion
        return self._runs.model_list.of_network(result.network, result.model) if result else None

    # -- files

    def _ask_for_csv(self, window: ResultWindow) -> None:
        start = self._folder / f"{window.record.candidate.model} {window.folder.name}.csv"
        name, _ = QFileDialog.getSaveFileName(
            window, self.tr("Save the patients' figures"), str(start), self.tr("Table (*.csv)")
        )
        if name:
            path = Path(name)
            self._folder = path.parent
            self.save_csv(window.folder, path)

    def save_csv(self, folder: Path, path: Path) -> None:
        """Copy the table of an evaluation to a file of the user's."""

        def work() -> None:
            try:
                data = (folder / CASES).read_bytes()
            except OSError as error:
                raise WorkspaceError(describe_os_error(error, folder / CASES, "read")) from error
            write_bytes(path, data)

        self._background.submit(
            work, lambda _: None, lambda error: self.failed.emit(sentence(error))
        )

    def quit(self) -> None:
        """Begin no more work; does not wait."""
        self._background.quit()

    def close(self) -> None:
        """Close the windows and end the thread."""
        for window in list(self.windows.values()):
            window.close()
        self._background.close()


def _picture(folder: Path, name: str) -> QImage:
    """In a worker thread.

    Raises:
        WorkspaceError: it is none of this evaluation, or cannot be read.
    """
    image = QImage()
    if not image.loadFromData(picture_file(folder, name)):
        raise WorkspaceError(f"{name} of the evaluation {folder.name} is no picture.")
    return image
