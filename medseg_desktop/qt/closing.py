"""Closing the window: save, ask while a job runs, stop it cleanly, then go."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QMessageBox

from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.saving import Saving
from medseg_desktop.qt.sessions import RunSession


class Closing(QObject):
    """Decides when the window may go.

    Signals:
        finished(): no job runs any more, and nothing is being saved; everything may be ended.
    """

    finished = Signal()

    def __init__(
        self,
        window: MainWindow,
        runs: RunSession,
        saving: Saving,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._runs, self._saving = window, runs, saving
        self._closing = False
        self._without_question = False
        self.question: QMessageBox | None = None
        window.close_requested.connect(self.request)
        runs.idle.connect(self._on_idle)
        saving.settled.connect(self._on_settled)

    def request(self) -> None:
        """The user wants to close: asks first where work would be lost."""
        if self._closing or self.question is not None:
            return
        if not self._runs.is_idle:
            self._ask()
        elif self._saving.unsaved and not self._saving.is_autosaving:
            self._ask_to_save()
        else:
            self._saving.finish()

    def close_now(self) -> None:
        """Stop all jobs and save, without a question, and finish when that is done."""
        if not self._closing:
            self._without_question = True
            self._saving.finish()

    def _on_settled(self, is_saved: bool) -> None:
        """Everything is saved, or cannot be: then it is in the journal, and offered again."""
        if not is_saved and not self._without_question:
            self._ask_unsaved()
        else:
            self._stop_jobs()

    def _stop_jobs(self) -> None:
        if self._closing:
            return
        self._closing = True
        if self._runs.is_idle:
            self.finished.emit()
            return
        self._runs.stop_all()
        self._window.set_stopping(self.tr("Stopping; what was reached is saved"))

    def _ask(self) -> None:
        box = QMessageBox(self._window)
        if self._runs.is_training:
            box.setText(self.tr("A training is running. Stop it and close?"))
            box.setInformativeText(self.tr("The best model so far is kept in its run."))
        else:
            box.setText(self.tr("A conversion is running. Stop it and close?"))
            box.setInformativeText(self.tr("Nothing half-made is kept."))
        stop = box.addButton(self.tr("Stop and close"), QMessageBox.ButtonRole.AcceptRole)
        keep = box.addButton(self.tr("Keep it running"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        self._open(box, lambda: self._answered(box.clickedButton() is stop))

    def _ask_to_save(self) -> None:
        box = QMessageBox(self._window)
        box.setText(self.tr("There are changes that are not saved."))
        save = box.addButton(self.tr("Save and close"), QMessageBox.ButtonRole.AcceptRole)
        drop = box.addButton(self.tr("Close without saving"), QMessageBox.ButtonRole.NoRole)
        stay = box.addButton(self.tr("Stay"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(save)
        box.setEscapeButton(stay)

        def answered() -> None:
            if box.clickedButton() is not stay:
                self._saving.finish(discard=box.clickedButton() is drop)

        self._open(box, answered)

    def _ask_unsaved(self) -> None:
        """What could not be saved is not lost; still somebody may want to mend the reason."""
        box = QMessageBox(self._window)
        box.setText(self.tr("Some annotations could not be saved."))
        box.setInformativeText(
            self.tr("They are kept in the workspace and offered when you start the next time.")
        )
        go = box.addButton(self.tr("Close"), QMessageBox.ButtonRole.AcceptRole)
        stay = box.addButton(self.tr("Stay"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        self._open(box, lambda: self._stop_jobs() if box.clickedButton() is go else None)

    def _open(self, box: QMessageBox, answered: Callable[[], None]) -> None:
        box.setWindowTitle(self.tr("Close"))
        box.setWindowModality(Qt.WindowModality.WindowModal)
        self.question = box

        def finished() -> None:
            self.question = None
            answered()
            box.deleteLater()

        box.finished.connect(lambda _: finished())
        box.open()

    def _answered(self, stop: bool) -> None:
        if stop:
            self.close_now()

    def _on_idle(self) -> None:
        if self._closing:
            self.finished.emit()
