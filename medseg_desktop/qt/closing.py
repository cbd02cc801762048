"""Closing the window: save, ask while a job runs, stop it cleanly, then go."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMessageBox

from medseg_desktop.qt.leaving import Leaving, Words
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.saving import Ending, Saving
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
        leaving: Leaving,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._runs, self._saving = window, runs, saving
        self._leaving = leaving
        self._closing = False
        window.close_requested.connect(self.request)
        runs.idle.connect(self._on_idle)

    @property
    def question(self) -> QMessageBox | None:
        """What is asked now."""
        return self._leaving.question

    def request(self) -> None:
        """The user wants to close: asks first where work would be lost."""
        if self._closing or self.question is not None:
            return
        runs = self._runs
        busy = (
            runs.is_training,
            runs.is_converting,
            runs.evaluations.is_running,
            runs.is_retraining,
        )
        if any(busy):
            self._ask()
        else:
            self._leave()

    def close_now(self) -> None:
        """Stop all jobs and save, without a question, and finish when that is done.

        Where changes are only saved when asked for, they are kept for the next start.
        """
        if not self._closing:
            how = Ending.SAVE if self._saving.is_autosaving else Ending.KEEP
            self._saving.finish(how, lambda _: self._stop_jobs())

    def _leave(self) -> None:
        words = Words(
            self.tr("Close"),
            self.tr("Save and close"),
            self.tr("Close without saving"),
            self.tr("Stay"),
            self.tr("They are kept in the workspace and offered when you start the next time."),
            self.tr("Close"),
        )
        self._leaving.leave(words, self._stop_jobs, self._drop)

    def _drop(self) -> None:
        self._saving.finish(Ending.DISCARD, lambda _: self._stop_jobs())

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
        if self._runs.is_retraining:
            box.setText(self.tr("A retraining is running. Stop it and close?"))
            box.setInformativeText(self.tr("It can be continued at the next start."))
        elif self._runs.is_training:
            box.setText(self.tr("A training is running. Stop it and close?"))
            box.setInformativeText(self._kept_and_lost())
        else:
            conversion = self.tr("A conversion is running. Stop it and close?")
            evaluation = self.tr("An evaluation is running. Stop it and close?")
            box.setText(conversion if self._runs.is_converting else evaluation)
            box.setInformativeText(self.tr("Nothing half-made is kept."))
        stop = box.addButton(self.tr("Stop and close"), QMessageBox.ButtonRole.AcceptRole)
        keep = box.addButton(self.tr("Keep it running"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        self._leaving.show(
            box,
            self.tr("Close"),
            lambda: self._leave() if box.clickedButton() is stop else None,
        )

    def _kept_and_lost(self) -> str:
        """What becomes of the training that runs, and of those that wait for it."""
        kept = self.tr("The best model so far is kept in its run.")
        waiting = len(self._runs.queue)
        if not waiting:
            return kept
        lost = (
            self.tr("One more training waits in the queue and will not begin.")
            if waiting == 1
            else self.tr("{n} more trainings wait in the queue and will not begin.")
        )
        return f"{kept} {lost.format(n=waiting)}"

    def _on_idle(self) -> None:
        if self._closing:
            self.finished.emit()
