"""Offers what could be restored: unsaved work, documents of the workspace, earlier versions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.store.journal import Leftover
from medseg_desktop.io.store.loading import Conflict
from medseg_desktop.qt.dialogs.restore_dialog import RestoreDialog, RestoreRow, RestoreWords
from medseg_desktop.qt.dialogs.versions_dialog import VersionsDialog
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.messages import Level, Message
from medseg_desktop.qt.presenters.patient_titles import patient_titles
from medseg_desktop.qt.recovery import Contents, Recovery
from medseg_desktop.qt.sessions import AnnotationSession, StudySession

_OPEN, _RESTORE, _COMPARE = "open_leftovers", "restore", "compare"


class RecoveryPresenter(QObject):
    """Shows the dialogs, one at a time.

    Signals:
        open_requested(Path): a folder with unsaved work.
    """

    open_requested = Signal(object)

    def __init__(
        self,
        window: MainWindow,
        recovery: Recovery,
        study: StudySession,
        annotations: AnnotationSession,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._recovery = window, recovery
        self._study, self._annotations = study, annotations
        self._leftovers: dict[str, Leftover] = {}
        self._conflicts: dict[str, Conflict] = {}
        self._folder: Path | None = None  # with unsaved work
        self._opened = 0
        self.dialog: RestoreDialog | VersionsDialog | None = None
        window.actions_by_key["versions"].triggered.connect(lambda _=False: self.show_versions())
        recovery.found.connect(self._on_found)
        recovery.found_elsewhere.connect(self._on_elsewhere)
        study.folder_changed.connect(self._on_folder)
        study.identity_changed.connect(lambda _: self._show_conflicts())
        window.messages.action_requested.connect(self._on_action)

    def _on_action(self, key: str) -> None:
        if key == _RESTORE:
            self.offer()
        elif key == _COMPARE:
            self.offer_conflicts()
        elif key == _OPEN and self._folder is not None:
            self.open_requested.emit(self._folder)

    def _say(self, text: str, action: str = "", key: str = "") -> None:
        self._window.messages.show_message(text, Level.WARNING, action, key)

    def _show(self, dialog: RestoreDialog | VersionsDialog) -> None:
        """Instead of the one before, whose rows may be out of date."""
        if self.dialog is not None:
            self.dialog.reject()
        self.dialog = dialog

        def forget() -> None:
            if self.dialog is dialog:
                self.dialog = None

        dialog.finished.connect(lambda _: forget())
        dialog.open()

    def _on_folder(self, found: ScanResult) -> None:
        """What was offered belongs to other images."""
        if self.dialog is not None:
            self.dialog.reject()
        self._opened += 1
        self._leftovers = {}
        for key in (_RESTORE, _OPEN):
            self._window.messages.withdraw(key)
        self._conflicts = {str(c.key.image): c for c in found.loaded.conflicts}
        self._show_conflicts()

    # -- what an earlier session left

    def _on_found(self, leftovers: dict[str, Leftover]) -> None:
        self._leftovers = leftovers
        self._remind()
        self.offer()

    def _remind(self) -> None:
        """Say what nobody has decided about yet."""
        count = len(self._leftovers)
        self._window.messages.withdraw(_RESTORE)
        if count:
            text = self.tr("{n} slices have unsaved work of an earlier session.")
            if count == 1:
                text = self.tr("A slice has unsaved work of an earlier session.")
            self._say(text.format(n=count), self.tr("Restore…"), _RESTORE)

    def offer(self) -> None:
        """Show what can be restored of the opened source."""
        if not self._leftovers:
            return
        words = RestoreWords(
            self.tr("Restore unsaved work"),
            self.tr(
                "The program ended before these annotations were saved. They are newer than the "
                "files. What you restore can be undone."
            ),
            self.tr("Unsaved"),
            self.tr("Discard"),
        )
        titles = self._titles()
        rows = [
            RestoreRow(
                path,
                self._title(titles, path),
                self._holds(leftover.document),
                self._holds(self._annotations.document(path)),
                f"{leftover.time.astimezone():%Y-%m-%d %H:%M}",
                self.tr("the file was changed since") if leftover.is_file_changed else "",
            )
            for path, leftover in self._leftovers.items()
        ]
        dialog = RestoreDialog(words, rows, self._window)
        dialog.restore_requested.connect(self._restore)
        dialog.discard_requested.connect(self._discard)
        self._show(dialog)

    def _restore(self, paths: list[str]) -> None:
        chosen = {path: self._leftovers.pop(path) for path in paths}
        self._recovery.restore(chosen, self.tr("restore unsaved work"))
        self._remind()

    def _discard(self, paths: list[str]) -> None:
        self._recovery.discard(tuple(self._leftovers.pop(path) for path in paths))
        self._remind()

    def _on_elsewhere(self, folder: Path | None) -> None:
        """Of images that are not open; said at the start only."""
        if self._study.found is not None:
            return
        self._folder = folder
        if folder is None:
            self._say(
                self.tr(
                    "There is unsaved work of an earlier session. "
                    "It is offered when its images are opened again."
                )
            )
            return
        text = self.tr("There is unsaved work of an earlier session in {folder}.")
        if not self._study.state.identity:
            text = self.tr("There is unsaved work of an earlier session.")
        text = text.format(folder=folder.name)
        self._say(text, self.tr("Open and restore"), _OPEN)

    # -- the workspace says something else than the file

    def _show_conflicts(self) -> None:
        """Stands as long as the source is open, or until it is closed or decided."""
        found, message = self._study.found, None
        warnings = found.loaded.warnings if found is not None else ()
        if self._conflicts:
            text = " ".join(warnings)
            if not self._study.state.identity:
                text = self.tr("An annotation file is not what was saved last.")
            action = self.tr("Compare…")
            message = Message(text, Level.WARNING, action, _COMPARE, self._opened)
        elif found is not None and found.loaded.notes:
            text = found.loaded.warnings[0]
            if not self._study.state.identity:
                text = self.tr("Some annotations of the workspace cannot be used.")
            message = Message(text, Level.WARNING, subject=self._opened)
        self._window.messages.set_standing("workspace", message)

    def offer_conflicts(self) -> None:
        """Show the documents of the workspace that do not count, because the files do."""
        if not self._conflicts:
            return
        words = RestoreWords(
            self.tr("Annotations of the workspace"),
            self.tr(
                "These files are not what was saved last. The files are shown; the workspace has "
                "other annotations. What you restore can be undone."
            ),
            self.tr("In the workspace"),
            self.tr("Keep the files"),
        )
        titles = self._titles()
        rows = [
            RestoreRow(
                path,
                self._title(titles, path),
                self._holds(conflict.other),
                self._holds(self._annotations.document(path)),
                "",
            )
            for path, conflict in self._conflicts.items()
        ]
        dialog = RestoreDialog(words, rows, self._window)
        dialog.restore_requested.connect(self._restore_conflicts)
        dialog.discard_requested.connect(self._drop_conflicts)
        self._show(dialog)

    def _restore_conflicts(self, paths: list[str]) -> None:
        documents = {path: self._conflicts[path].other for path in paths}
        self._recovery.restore_documents(documents, self.tr("restore from the workspace"))
        self._drop_conflicts(paths)

    def _drop_conflicts(self, paths: Sequence[str]) -> None:
        for path in paths:
            del self._conflicts[path]
        self._show_conflicts()

    # -- earlier versions

    def show_versions(self) -> None:
        """What was saved of the file of the slice on screen before."""
        view, opened = self._study.view, self._opened
        if view is None:
            return
        path = view.slice.path

        def show(found: Contents) -> None:
            if opened == self._opened:
                self._list_versions(path, found)

        self._recovery.ask_versions(path, show)

    def _list_versions(self, path: str, found: Contents) -> None:
        readable = [(version, document) for version, document in found if document is not None]
        rows = [
            (f"{version.time.astimezone():%Y-%m-%d %H:%M:%S}", self._holds(document))
            for version, document in readable
        ]
        dialog = VersionsDialog(self._title(self._titles(), path), rows, self._window)

        def restore(place: int) -> None:
            document = readable[place][1]
            self._recovery.restore_documents({path: document}, self.tr("restore earlier version"))

        dialog.chosen.connect(restore)
        self._show(dialog)

    # -- in words

    def _titles(self) -> dict[str, str]:
        """Path of an image -> its patient, where there are several, its series and its slice."""
        found, titles = self._study.found, dict[str, str]()
        if found is None:
            return titles
        patients = patient_titles(found, self._study.state.identity)
        for series in found.series:
            name = series.title
            if len(patients) > 1:
                name = f"{patients[series.patient.hash]} · {name}"
            for index, item in enumerate(series.slices):
                text = self.tr("{series}, slice {n}")
                titles[item.path] = text.format(series=name, n=index + 1)
        return titles

    def _title(self, titles: dict[str, str], path: str) -> str:
        if path in titles:
            return titles[path]
        return os.path.basename(path) if self._study.state.identity else self.tr("A slice")

    def _holds(self, document: Annotation | None) -> str:
        if document is None:
            return self.tr("nothing")
        count = sum(len(frame.shapes) for frame in document.frames)
        if count == 1:
            return self.tr("1 shape")
        return self.tr("{n} shapes").format(n=count) if count else self.tr("no lesion")
