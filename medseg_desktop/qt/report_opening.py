"""Opens a report in the program that shows web pages."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from medseg_desktop.qt.background import Background
from medseg_desktop.qt.messages import sentence


class ReportOpening(QObject):
    """A report is one file and loads nothing.

    Signals:
        failed(str): a sentence on why it does not open.
    """

    failed = Signal(str)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background

    def open(self, path: Path) -> None:
        """Open it, if it is there."""
        self._background.submit(
            path.is_file,
            partial(self._open, path),
            lambda error: self.failed.emit(sentence(error)),
        )

    def _open(self, path: Path, is_there: bool) -> None:
        if not is_there:
            text = self.tr("{path} is not there: no report was written.")
            self.failed.emit(text.format(path=path))
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            text = self.tr("No program opens {path}; open it in a web browser.")
            self.failed.emit(text.format(path=path))
