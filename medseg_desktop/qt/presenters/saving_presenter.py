"""What the window says about saving, and the questions that only a person can answer."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QInputDialog, QMessageBox

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.io.store.journal import Leftover
from medseg_desktop.io.store.versions import Version
from medseg_desktop.qt.dialogs.restore_dialog import RestoreDialog, RestoreRow
from medseg_desktop.qt.dialogs.versions_dialog import VersionsDialog
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.messages import Level, Message
from medseg_desktop.qt.saving import Saving
from medseg_desktop.qt.sessions import AnnotationSession, StudySession

_CHOOSE, _OPEN, _RESTORE = "choose_file", "open_leftovers", "restore"


class SavingPresenter(QObject):
    """Shows what is saved, and offers what an earlier session left.

    Signals:
        open_requested(Path): a folder with unsaved work.
        annotator_changed(str), autosave_changed(bool): settings.
    """

    open_requested = Signal(object)
    annotator_changed = Signal(str)
    autosave_changed = Signal(bool)

    def __init__(
        self,
        window: MainWindow,
        saving: Saving,
        study: StudySession,
        annotations: AnnotationSession,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._saving = window, saving
        self._study, self._annotations = study, annotations
        self._leftovers: dict[str, Leftover] = {}
        self._elsewhere: tuple[Leftover, ...] = ()
        self.question: QMessageBox | None = None
        self.dialog: RestoreDialog | VersionsDialog | None = None
        actions = window.actions_by_key
        actions["save"].triggered.connect(lambda _=False: saving.save())
        actions["autosave"].setChecked(saving.is_autosaving)
        actions["autosave"].toggled.connect(self._set_autosave)
        actions["versions"].triggered.connect(lambda _=False: self.show_versions())
        actions["annotator"].triggered.connect(lambda _=False: self.choose_annotator())
        saving.state_changed.connect(self._show)
        saving.saved.connect(lambda _: self._show())
        saving.moved.connect(self._on_moved)
        saving.failed.connect(lambda text: self._say(text, Level.ERROR))
        saving.conflicted.connect(self._on_conflict)
        saving.found.connect(self._on_found)
        saving.found_elsewhere.connect(self._on_elsewhere)
        window.messages.action_requested.connect(self._on_action)
        study.identity_changed.connect(lambda _: self._show())

    # -- what is saved

    def _show(self) -> None:
        """The mark on the window, and the sentence in the status line."""
        unsaved, saving = len(self._saving.unsaved), self._saving
        self._window.setWindowModified(unsaved > 0)
        if unsaved and saving.conflicts:
            text = self.tr("Not saved: a file was changed by another program")
        elif unsaved and saving.is_autosaving:
            text = self.tr("Saving…")
        elif unsaved:
            text = self.tr("Not saved")
        elif saving.saved_at is not None:
            text = self.tr("Saved {time}").format(time=f"{saving.saved_at:%H:%M}")
        else:
            text = ""
        self._window.show_saved(text, bool(unsaved) and not saving.is_autosaving)

    def _set_autosave(self, on: bool) -> None:
        self._saving.set_autosave(on)
        self.autosave_changed.emit(on)
        self._show()

    def _on_moved(self, reason: str) -> None:
        text = self.tr("{reason} The annotations are kept in the workspace instead.")
        self._say(text.format(reason=reason), Level.WARNING)

    def _say(self, text: str, level: Level, action: str = "", key: str = "") -> None:
        self._window.messages.show_message(text, level, action, key)

    def show_place(self, reason: str) -> None:
        """Said when a folder is opened that cannot be written; empty where it can."""
        message = None
        if reason:
            text = self.tr("{reason} Annotations are kept in the workspace instead.")
            message = Message(text.format(reason=reason), Level.INFO, subject=reason)
        self._window.messages.set_standing("place", message)

    # -- another program has changed a file

    def _on_conflict(self) -> None:
        name = self._names(next(iter(self._saving.conflicts)))
        text = self.tr("{name} was changed by another program. Nothing was overwritten.")
        self._say(text.format(name=name), Level.WARNING, self.tr("Choose…"), _CHOOSE)

    def ask_which(self) -> None:
        """Which of two documents counts, for every file that another program has changed."""
        if self.question is not None or not self._saving.conflicts:
            return
        path = next(iter(self._saving.conflicts))
        box = QMessageBox(self._window)
        box.setWindowTitle(self.tr("Changed by another program"))
        text = self.tr("{name} was changed by another program while you worked on it.")
        box.setText(text.format(name=self._names(path)))
        box.setInformativeText(
            self.tr("Whichever you keep, the other one is among the earlier versions.")
        )
        mine = box.addButton(self.tr("Keep mine"), QMessageBox.ButtonRole.AcceptRole)
        theirs = box.addButton(self.tr("Take theirs"), QMessageBox.ButtonRole.AcceptRole)
        later = box.addButton(self.tr("Decide later"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(later)
        box.setEscapeButton(later)
        self.question = box

        def answered() -> None:
            self.question = None
            clicked = box.clickedButton()
            box.deleteLater()
            if clicked is mine:
                self._saving.keep_ours(path)
            elif clicked is theirs:
                self._saving.take_theirs(path)
            if clicked is not later and len(self._saving.conflicts) > 1:
                self.ask_which()

        box.finished.connect(lambda _: answered())
        box.open()

    def _names(self, path: str) -> str:
        """The file of a conflict; its name may be the patient's."""
        if not self._study.state.identity:
            return self.tr("An annotation file")
        return os.path.basename(self._saving.conflicts[path].path)

    # -- what an earlier session left

    def _on_found(self, leftovers: dict[str, Leftover]) -> None:
        self._leftovers = leftovers
        text = self.tr("{n} slices have unsaved work of an earlier session.")
        if len(leftovers) == 1:
            text = self.tr("A slice has unsaved work of an earlier session.")
        text = text.format(n=len(leftovers))
        self._say(text, Level.WARNING, self.tr("Restore…"), _RESTORE)
        self.offer()

    def offer(self) -> None:
        """Show what can be restored of the opened source."""
        if not self._leftovers:
            return
        rows = [self._row(path, leftover) for path, leftover in self._leftovers.items()]
        dialog = RestoreDialog(rows, self._window)
        dialog.restore_requested.connect(self._restore)
        dialog.discard_requested.connect(self._discard)
        self.dialog = dialog
        dialog.destroyed.connect(self._forget_dialog)
        dialog.open()

    def _row(self, path: str, leftover: Leftover) -> RestoreRow:
        title = self._titles().get(path, os.path.basename(path))
        note = self.tr("the file was changed since") if leftover.is_file_changed else ""
        return RestoreRow(
            path,
            title,
            self._holds(leftover.document),
            self._holds(self._annotations.document(path)),
            f"{leftover.time.astimezone():%Y-%m-%d %H:%M}",
            note,
        )

    def _titles(self) -> dict[str, str]:
        """Path of an image -> its series and slice, for lists."""
        found, titles = self._study.found, {}
        for series in found.series if found else ():
            for index, item in enumerate(series.slices):
                text = self.tr("{series}, slice {n}")
                titles[item.path] = text.format(series=series.title, n=index + 1)
        return titles

    def _holds(self, document: Annotation | None) -> str:
        if document is None:
            return self.tr("nothing")
        count = sum(len(frame.shapes) for frame in document.frames)
        if count == 1:
            return self.tr("1 shape")
        return self.tr("{n} shapes").format(n=count) if count else self.tr("no lesion")

    def _restore(self, paths: list[str]) -> None:
        chosen = {path: self._leftovers.pop(path) for path in paths}
        documents = {path: leftover.document for path, leftover in chosen.items()}
        self._saving.restore(documents, self.tr("restore unsaved work"))
        self._saving.discard(tuple(chosen.values()))
        self._window.messages.withdraw(_RESTORE)

    def _discard(self, paths: list[str]) -> None:
        self._saving.discard(tuple(self._leftovers.pop(path) for path in paths))
        self._window.messages.withdraw(_RESTORE)

    def _on_elsewhere(self, leftovers: tuple[Leftover, ...]) -> None:
        """Of images that are not open: say where they are."""
        if self._study.found is not None:
            return  # said at the start
        self._elsewhere = leftovers
        folder = os.path.basename(os.path.dirname(leftovers[-1].key.image))
        text = self.tr("There is unsaved work of an earlier session in {folder}.")
        text = text.format(folder=folder)
        self._say(text, Level.WARNING, self.tr("Open and restore"), _OPEN)

    def _on_action(self, key: str) -> None:
        if key == _CHOOSE:
            self.ask_which()
        elif key == _RESTORE:
            self.offer()
        elif key == _OPEN and self._elsewhere:
            self.open_requested.emit(Path(self._elsewhere[-1].key.image).parent)

    # -- earlier versions

    def show_versions(self) -> None:
        """What was saved of the file of the slice on screen before."""
        view = self._study.view
        if view is not None:
            path = view.slice.path
            self._saving.ask_versions(path, lambda found: self._list_versions(path, found))

    def _list_versions(
        self, path: str, found: tuple[tuple[Version, Annotation | None], ...]
    ) -> None:
        readable = [(version, document) for version, document in found if document is not None]
        rows = [
            (f"{version.time.astimezone():%Y-%m-%d %H:%M:%S}", self._holds(document))
            for version, document in readable
        ]
        title = self._titles().get(path, "")
        dialog = VersionsDialog(title, rows, self._window)
        text = self.tr("restore earlier version")
        dialog.chosen.connect(lambda place: self._saving.restore({path: readable[place][1]}, text))
        self.dialog = dialog
        dialog.destroyed.connect(self._forget_dialog)
        dialog.open()

    def _forget_dialog(self) -> None:
        self.dialog = None

    # -- who annotates

    def choose_annotator(self) -> None:
        """Ask whose name is written into shapes."""
        name, chosen = QInputDialog.getText(
            self._window,
            self.tr("Annotator"),
            self.tr("Name that is written into the shapes you draw or accept"),
            text=self._annotations.author.annotator,
        )
        if chosen:
            self.annotator_changed.emit(name.strip())
