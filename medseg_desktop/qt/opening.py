"""Opening folders, files and archives: the menu, a drop, the recent list, the demo study."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QSettings
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog

from medseg_desktop.core.errors import Cancelled, MedSegError
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.phantom_study import write_phantom_study
from medseg_desktop.io.sources.private_folder import remove_leftovers
from medseg_desktop.io.sources.source import Source
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.leaving import Leaving, Words
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.message_bar import Level, Message
from medseg_desktop.qt.saving import Saving
from medseg_desktop.qt.sessions import StudySession
from medseg_desktop.qt.status_line import StatusLine

_RECENT = 8
#: An entry of the recent list is a path, or several with this between them, up to so many; the
#: folder they have in common would be another source, so it does not stand for them.
_BETWEEN = "\n"
_RECENT_PATHS = 50
DEMO_PATIENTS = 10


class Opening(QObject):
    """Asks what to open, opens it and remembers it.

    Args:
        demo_folder: where the demo study lies or will be made.
        stored: remembers what was opened recently.
        leaving: sees to what is unsaved first.
    """

    def __init__(
        self,
        window: MainWindow,
        study: StudySession,
        status: StatusLine,
        demo_folder: Path,
        stored: QSettings,
        saving: Saving,
        leaving: Leaving,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._study, self._status = window, study, status
        self._saving, self._leaving = saving, leaving
        self._demo_folder, self._stored = demo_folder, stored
        self._tasks = Background(1, "demo", self)
        self._making_demo = False
        self._opened = 0  # sources, since the start
        window.paths_dropped.connect(self._open_dropped)
        window.worklist.open_requested.connect(self.choose_folder)
        study.scan_started.connect(saving.begin_reading)
        study.scan_failed.connect(lambda _: saving.take_back())
        study.scan_cancelled.connect(saving.take_back)
        study.scan_failed.connect(self._on_failed)
        study.scan_cancelled.connect(
            lambda: self._say(self.tr("Opening was cancelled."), Level.INFO)
        )
        study.folder_changed.connect(self._on_folder)
        study.identity_changed.connect(lambda _: self._show_names())
        self._fill_recent()
        self._tasks.submit(remove_leftovers, lambda _: None)

    def open(self, named: Path | Sequence[Path]) -> None:
        """Open what the user named, when what is open is saved.

        Whether it is there is found out in the background.
        """
        words = Words(
            self.tr("Open"),
            self.tr("Save"),
            self.tr("Discard"),
            self.tr("Cancel"),
            self.tr("They are kept in the workspace and offered when you open the images again."),
            self.tr("Open anyway"),
        )
        self._leaving.leave(words, partial(self._open, named), partial(self._drop, named))

    def _open(self, named: Path | Sequence[Path]) -> None:
        self._saving.take_back()
        self._window.messages.clear()
        self._study.open(named)

    def _drop(self, named: Path | Sequence[Path]) -> None:
        """Without what is unsaved, which is there until something else is open."""
        self._open(named)
        self._saving.give_up()

    def _open_dropped(self, paths: list[Path]) -> None:
        if paths:
            self.open(paths)
        else:
            self._say(self.tr("Only files and folders can be opened."), Level.WARNING)

    def choose_folder(self) -> None:
        """Ask for a folder and open it."""
        folder = QFileDialog.getExistingDirectory(
            self._window, self.tr("Open a folder of DICOM series"), self._last_folder()
        )
        if folder:
            self.open(Path(folder))

    def choose_file(self) -> None:
        """Ask for one or more files and open them; DICOM files often have no suffix."""
        filters = (
            self.tr("All files (*)"),
            self.tr("DICOM files (*.dcm *.dicom *.ima DICOMDIR)"),
            self.tr("ZIP archives (*.zip)"),
        )
        files, _ = QFileDialog.getOpenFileNames(
            self._window,
            self.tr("Open DICOM files, a DICOMDIR or a ZIP archive"),
            self._last_folder(),
            ";;".join(filters),
        )
        if files:
            self.open([Path(file) for file in files])

    def reload(self) -> None:
        """Read what is open again."""
        if self._study.found is not None:
            self.open(self._study.found.source.named)

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
        if slices == 1:
            text = self.tr("1 series, 1 slice")
        self._window.show_status(text.format(series=f"{len(found.series):,}", slices=f"{slices:,}"))
        self._opened += 1
        self._remember(found.source)
        self._show_names()

    def _show_names(self) -> None:
        """What names folders and files, which are often called like the patient."""
        found, program = self._study.found, "MedSeg Desktop"
        if found is not None:
            named = self._study.state.identity
            # Qt puts a mark at [*] while something is not saved.
            title = f"{found.source.title}[*] – {program}" if named else f"{program}[*]"  # noqa: RUF001
            self._window.setWindowTitle(title)
            self._window.messages.set_standing("folder", self._trouble(found))
        self._fill_recent()

    def _trouble(self, found: ScanResult) -> Message | None:
        """What somebody should know of the source as a whole."""
        unusable = found.unusable
        refused = found.refused_annotations or unusable
        if refused:
            text = self.tr("{n} files cannot be used.")
            first = self.tr("The first: {first}.")
            if len(unusable) == 1:
                text, first = self.tr("One file cannot be used."), "{first}."
            if self._study.state.identity:
                text = f"{text} {first}"
            text = text.format(n=f"{len(unusable):,}", first=refused[0].sentence)
            return Message(text, Level.WARNING, self.tr("Show all"), "files", self._opened)
        incomplete = found.incomplete_annotations
        if incomplete:
            text = self.tr("{n} annotation files hold shapes that cannot be used.")
            if len(incomplete) == 1:
                text = self.tr("One annotation file holds shapes that cannot be used.")
            text = text.format(n=f"{len(incomplete):,}")
            return Message(text, Level.WARNING, self.tr("Show all"), "files", self._opened)
        note = found.notes[0] if found.notes else ""
        return Message(note, Level.INFO, subject=self._opened) if note else None

    def _say(self, text: str, level: Level) -> None:
        self._window.messages.show_message(text, level)

    # -- recent sources; never looked at here, because a network drive may take its time

    def _last_folder(self) -> str:
        folder = self._stored.value("folder")
        return folder if isinstance(folder, str) and folder else str(Path.home())

    def _recent(self) -> list[str]:
        value = self._stored.value("recent", [])
        entries = [value] if isinstance(value, str) else value
        if not isinstance(entries, list):
            return []
        return [e for e in entries if isinstance(e, str) and e][:_RECENT]

    def _remember(self, source: Source) -> None:
        self._stored.setValue("folder", str(source.folder))
        if len(source.named) > _RECENT_PATHS:
            return
        entry = _BETWEEN.join(str(path) for path in source.named)
        self._stored.setValue("recent", list(dict.fromkeys([entry, *self._recent()]))[:_RECENT])

    def _fill_recent(self) -> None:
        entries, instead = {entry: self._recent_text(entry) for entry in self._recent()}, ""
        if entries and not self._study.state.identity:
            entries, instead = {}, self.tr("Hidden with the patient")
        for action in self._window.show_recent(entries, instead):
            action.triggered.connect(partial(self._open_recent, action))

    def _recent_text(self, entry: str) -> str:
        paths = entry.split(_BETWEEN)
        if len(paths) == 1:
            return entry
        text = self.tr("{n} items of {folder}")
        return text.format(n=len(paths), folder=os.path.dirname(paths[0]))

    def _open_recent(self, action: QAction) -> None:
        self.open([Path(path) for path in action.data().split(_BETWEEN)])

    def quit(self) -> None:
        """Begin no more work; does not wait for the thread."""
        self._tasks.quit()

    def close(self) -> None:
        """End the thread."""
        self._tasks.close()
