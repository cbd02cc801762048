"""What the window says about saving, and the questions that only a person can answer."""

from __future__ import annotations

import os

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QInputDialog, QMessageBox

from medseg_desktop.io.store.places import Place
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.messages import Level, Message
from medseg_desktop.qt.saving import Saving
from medseg_desktop.qt.sessions import AnnotationSession, StudySession

_CHOOSE, _AGAIN = "choose_file", "save_again"


class SavingPresenter(QObject):
    """Shows what is saved, and asks which counts where another program has changed a file.

    Signals:
        annotator_changed(str), autosave_changed(bool): settings.
    """

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
        self._place = Place(None)
        self.question: QMessageBox | None = None
        actions = window.actions_by_key
        actions["save"].triggered.connect(lambda _=False: saving.save())
        actions["autosave"].setChecked(saving.is_autosaving)
        actions["autosave"].toggled.connect(self._set_autosave)
        actions["annotator"].triggered.connect(lambda _=False: self.choose_annotator())
        saving.state_changed.connect(self._show)
        saving.saved.connect(lambda _: self._show())
        saving.moved.connect(self._on_moved)
        saving.failed.connect(self._on_failed)
        saving.left_unsaved.connect(self._on_left_unsaved)
        saving.conflicted.connect(self._on_conflict)
        window.messages.action_requested.connect(self._on_action)
        study.identity_changed.connect(lambda _: self._show_place())

    # -- what is saved

    def _show(self) -> None:
        """The mark on the window, and the sentence in the status line."""
        unsaved, saving = len(self._saving.unsaved), self._saving
        self._window.setWindowModified(unsaved > 0)
        if not saving.conflicts:
            self._window.messages.withdraw(_CHOOSE)
        if not saving.is_failing:
            self._window.messages.withdraw(_AGAIN)
        waits = bool(unsaved) and not saving.is_autosaving
        if unsaved and saving.conflicts:
            text, waits = self.tr("Not saved: a file was changed by another program"), True
        elif unsaved and saving.is_failing:
            text, waits = self.tr("Not saved: it will be tried again"), True
        elif unsaved and saving.is_autosaving:
            text = self.tr("Saving…")
        elif unsaved:
            text = self.tr("Not saved")
        elif saving.saved_at is not None:
            text = self.tr("Saved {time}").format(time=f"{saving.saved_at:%H:%M}")
        else:
            text = ""
        self._window.show_saved(text, waits)

    def _set_autosave(self, on: bool) -> None:
        self._saving.set_autosave(on)
        self.autosave_changed.emit(on)
        self._show()

    def _on_moved(self, reason: str) -> None:
        text = self.tr("{reason} The annotations are kept in the workspace instead.")
        if not self._study.state.identity:
            text = self.tr("The annotations are kept in the workspace, not beside the images.")
        self._say(text.format(reason=reason), Level.WARNING)

    def _on_failed(self, text: str) -> None:
        """What could not be saved is tried again; then the message goes by itself."""
        if not self._study.state.identity:
            text = self.tr("Something could not be saved.")
        if self._saving.is_failing:
            self._say(text, Level.ERROR, self.tr("Try again"), _AGAIN)
        else:
            self._say(text, Level.ERROR)

    def _on_left_unsaved(self, reason: str) -> None:
        """Another source is open by now, so there is nothing to press."""
        if not self._study.state.identity:
            reason = self.tr("Something could not be saved.")
        text = self.tr(
            "{reason} The changes are kept in the workspace and offered when you open the images "
            "again."
        )
        self._say(text.format(reason=reason), Level.ERROR)

    def _on_action(self, key: str) -> None:
        if key == _CHOOSE:
            self.ask_which()
        elif key == _AGAIN:
            self._saving.save()

    def _say(self, text: str, level: Level, action: str = "", key: str = "") -> None:
        self._window.messages.show_message(text, level, action, key)

    def show_place(self, place: Place) -> None:
        """Said of an image whose document cannot lie beside it; nothing where it can."""
        self._place = place
        self._show_place()

    def _show_place(self) -> None:
        """The folder is often called like the patient."""
        place, message = self._place, None
        if place.reason:
            text = self.tr("{reason} Annotations are kept in the workspace instead.")
            text = text.format(reason=place.reason)
            if not self._study.state.identity:
                text = self.tr("Annotations are kept in the workspace, not beside the images.")
            # A broken file is somebody's work that nobody sees; a share to read from is usual.
            level = Level.WARNING if place.in_the_way else Level.INFO
            message = Message(text, level, subject=place.reason)
        self._window.messages.set_standing("place", message)

    # -- another program has changed a file

    def _on_conflict(self) -> None:
        path, changed = next(iter(self._saving.conflicts.items()))
        text = self.tr("{name} was changed by another program. Nothing was overwritten.")
        if changed.data is None:
            text = self.tr("{name} was removed by another program.")
        text = text.format(name=self._names(path))
        self._say(text, Level.WARNING, self.tr("Choose…"), _CHOOSE)

    def ask_which(self) -> None:
        """Which of two documents counts, for every file that another program has changed."""
        if self.question is None and self._saving.conflicts:
            self._ask(list(self._saving.conflicts))

    def _ask(self, paths: list[str]) -> None:
        """Ask for the first of some images, and then for the others."""
        path = paths[0]
        box = QMessageBox(self._window)
        box.setWindowTitle(self.tr("Changed by another program"))
        text = self.tr("{name} was changed by another program while you worked on it.")
        if self._saving.conflicts[path].data is None:
            text = self.tr("{name} was removed by another program while you worked on it.")
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
            others = [p for p in paths[1:] if p in self._saving.conflicts]
            if clicked in (mine, theirs) and others:
                self._ask(others)

        box.finished.connect(lambda _: answered())
        box.open()

    def _names(self, path: str) -> str:
        """The file of a conflict; its name may be the patient's."""
        if not self._study.state.identity:
            return self.tr("An annotation file")
        return os.path.basename(self._saving.conflicts[path].path)

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
