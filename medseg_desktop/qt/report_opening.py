"""Reports are shown by the program that shows web pages; each is one file that loads nothing."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from medseg_desktop.qt.background import Background
from medseg_desktop.qt.messages import sentence


class ReportOpening(QObject):
    """Looks in the background whether a report is there, and opens it.

    Signals:
        failed(str): a sentence for the window.
    """

    failed = Signal(str)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background

    def open(self, path: Path, missing: str) -> None:
        """Open a report; `missing` says, with {path}, that there is none."""
        self._background.submit(
            path.is_file,
            partial(self._open, path, missing),
            lambda error: self.failed.emit(sentence(error)),
        )

    def _open(self, path: Path, missing: str, is_there: bool) -> None:
        if not is_there:
            self.failed.emit(missing.format(path=path))
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            text = self.tr("No program opens {path}; open it in a web browser.")
            self.failed.emit(text.format(path=path))
