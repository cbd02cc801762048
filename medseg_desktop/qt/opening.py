"""Opening folders: the menu, a drop, the recent list and the demo study."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QSettings
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog

from medseg_desktop.core.errors import Cancelled, MedSegError
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.phantom_study import write_phantom_study
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.message_bar import Level
from medseg_desktop.qt.sessions import StudySession
from medseg_desktop.qt.status_line import StatusLine

_RECENT = 8
DEMO_PATIENTS = 10


class Opening(QObject):
    """Asks for folders, opens them and remembers which.

    Args:
        demo_folder: where the demo study lies or will be made.
        stored: remembers the recent folders.
    """

    def __init__(
        self,
        window: MainWindow,
        study: StudySession,
        status: StatusLine,
        demo_folder: Path,
        stored: QSettings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._study, self._status = window, study, status
        self._demo_folder, self._stored = demo_folder, stored
        self._tasks = Background(1, "demo", self)
        self._making_demo = False
        window.path_dropped.connect(lambda path: self.open(Path(path)))
        window.worklist.open_requested.connect(self.choose_folder)
        study.scan_failed.connect(self._on_failed)
        study.scan_cancelled.connect(
            lambda: self._say(self.tr("Opening was cancelled."), Level.INFO)
        )
        study.folder_changed.connect(self._on_folder)
        self._fill_recent()

    def open(self, path: Path) -> None:
        """Open a folder or file."""
        self._window.messages.clear()
        self._study.open(path)

    def choose_folder(self) -> None:
        """Ask for a folder and open it."""
        folder = QFileDialog.getExistingDirectory(
            self._window, self.tr("Open a folder of DICOM series"), self._last_folder()
        )
        if folder:
            self.open(Path(folder))

    def choose_file(self) -> None:
        """Ask for one file and open it."""
        file, _ = QFileDialog.getOpenFileName(
            self._window, self.tr("Open a DICOM file"), self._last_folder()
        )
        if file:
            self.open(Path(file))

    def reload(self) -> None:
        """Read the opened folder again."""
        if self._study.found is not None:
            self.open(self._study.found.root)

    def open_demo_study(self) -> None:
        """Make the phantom study, if it is not there, and open it."""
        if self._making_demo:
            return
        if self._demo_folder.is_dir():
            self.open(self._demo_folder)
            return
        self._making_demo = True
        self._window.messages.clear()
        self._show_demo(0, DEMO_PATIENTS)
        self._tasks.submit(self._make_demo, self._on_demo, self._on_no_demo)

    def _make_demo(self) -> None:
        """In the background."""

        def progress(done: int, total: int) -> None:
            if self._tasks.closed:
                raise Cancelled
            self._tasks.deliver(lambda: self._show_demo(done, total))

        write_phantom_study(self._demo_folder, patients=DEMO_PATIENTS, progress=progress)

    def _show_demo(self, done: int, total: int) -> None:
        self._status.show("demo", self.tr("Making the demo study"), done, total)

    def _on_demo(self, _result: None) -> None:
        self._making_demo = False
        self._status.clear("demo")
        self.open(self._demo_folder)

    def _on_no_demo(self, error: MedSegError) -> None:
        self._making_demo = False
        self._status.clear("demo")
        self._on_failed(error)

    def _on_failed(self, error: MedSegError) -> None:
        self._say(sentence(error), Level.ERROR)

    def _on_folder(self, found: ScanResult) -> None:
        slices = sum(len(s.slices) for s in found.series)
        text = self.tr("{series} series, {slices} slices")
        self._window.show_status(text.format(series=f"{len(found.series):,}", slices=f"{slices:,}"))
        self._window.setWindowTitle(f"{found.root.name} – MedSeg Desktop")  # noqa: RUF001
        self._remember(str(found.root))
        refused = found.refused_annotations or found.refused
        if refused:
            text = self.tr("{n} files cannot be used. The first: {first}.")
            if len(found.refused) == 1:
                text = self.tr("One file cannot be used. {first}.")
            message = text.format(n=f"{len(found.refused):,}", first=refused[0].sentence)
            show = self.tr("Show all")
            self._window.messages.show_message(message, Level.WARNING, show, "files")
        elif found.notes:
            self._say(found.notes[0], Level.INFO)

    def _say(self, text: str, level: Level) -> None:
        self._window.messages.show_message(text, level)

    # -- recent folders; never looked at here, because a network drive may take its time

    def _last_folder(self) -> str:
        recent = self._recent()
        return recent[0] if recent else str(Path.home())

    def _recent(self) -> list[str]:
        value = self._stored.value("recent", [])
        paths = [value] if isinstance(value, str) else value
        if not isinstance(paths, list):
            return []
        return [p for p in paths if isinstance(p, str) and p][:_RECENT]

    def _remember(self, path: str) -> None:
        self._stored.setValue("recent", list(dict.fromkeys([path, *self._recent()]))[:_RECENT])
        self._fill_recent()

    def _fill_recent(self) -> None:
        for action in self._window.show_recent(self._recent()):
            action.triggered.connect(partial(self._open_recent, action))

    def _open_recent(self, action: QAction) -> None:
        self.open(Path(action.data()))

    def close(self) -> None:
        """End the thread."""
        self._tasks.close()
