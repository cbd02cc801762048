"""Closing the window: ask while a job runs, stop it cleanly, then go."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QMessageBox

from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.sessions import RunSession


class Closing(QObject):
    """Decides when the window may go.

    Signals:
        finished(): no job runs any more; everything may be ended now.
    """

    finished = Signal()

    def __init__(self, window: MainWindow, runs: RunSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window, self._runs = window, runs
        self._closing = False
        self.question: QMessageBox | None = None
        window.close_requested.connect(self.request)
        runs.idle.connect(self._on_idle)

    def request(self) -> None:
        """The user wants to close: asks first where a job would be lost."""
        if self._closing or self.question is not None:
            return
        if self._runs.is_idle:
            self.close_now()
        else:
            self._ask()

    def close_now(self) -> None:
        """Stop all jobs, without a question, and finish when they have ended."""
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
        box.setWindowTitle(self.tr("Close"))
        box.setWindowModality(Qt.WindowModality.WindowModal)
        self.question = box
        box.finished.connect(lambda _: self._answered(box.clickedButton() is stop))
        box.open()

    def _answered(self, stop: bool) -> None:
        box, self.question = self.question, None
        if box is not None:
            box.deleteLater()
        if stop:
            self.close_now()

    def _on_idle(self) -> None:
        if self._closing:
            self.finished.emit()
