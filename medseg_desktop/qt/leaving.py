"""Before the window closes or something else is opened: what is unsaved is seen to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from medseg_desktop.qt.saving import Ending, Saving


@dataclass(frozen=True, slots=True)
class Words:
    """What the questions say.

    Attributes:
        title: of the box.
        save, drop, stay: the buttons where changes are only saved when asked for.
        kept: what becomes of what cannot be saved, a sentence.
        anyway: the button that goes although something could not be saved.
    """

    title: str
    save: str
    drop: str
    stay: str
    kept: str
    anyway: str


class Leaving(QObject):
    """Asks at most one question at a time."""

    def __init__(self, window: QWidget, saving: Saving, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window, self._saving = window, saving
        self.question: QMessageBox | None = None

    def leave(self, words: Words, go: Callable[[], None], drop: Callable[[], None]) -> None:
        """Save and then `go`, unless somebody decides to stay.

        Args:
            go: also for what could not be saved, when that is decided; it stays in the journal.
            drop: instead, where the unsaved changes are not wanted.
        """
        if self.question is not None:
            return
        if self._saving.unsaved and not self._saving.is_autosaving:
            self._ask_to_save(words, go, drop)
        else:
            self._save(words, go)

    def _save(self, words: Words, go: Callable[[], None]) -> None:
        def settled(is_saved: bool) -> None:
            if is_saved:
                go()
            else:
                self._ask_unsaved(words, go)

        self._saving.finish(Ending.SAVE, settled)

    def _ask_to_save(self, words: Words, go: Callable[[], None], drop: Callable[[], None]) -> None:
        box = QMessageBox(self._window)
        box.setText(self.tr("There are changes that are not saved."))
        save = box.addButton(words.save, QMessageBox.ButtonRole.AcceptRole)
        discard = box.addButton(words.drop, QMessageBox.ButtonRole.DestructiveRole)
        stay = box.addButton(words.stay, QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(save)
        box.setEscapeButton(stay)

        def answered() -> None:
            if box.clickedButton() is save:
                self._save(words, go)
            elif box.clickedButton() is discard:
                drop()

        self.show(box, words.title, answered)

    def _ask_unsaved(self, words: Words, go: Callable[[], None]) -> None:
        """What could not be saved is not lost; still somebody may want to mend the reason."""
        if self.question is not None:
            return
        box = QMessageBox(self._window)
        box.setText(self.tr("Some annotations could not be saved."))
        box.setInformativeText(words.kept)
        anyway = box.addButton(words.anyway, QMessageBox.ButtonRole.AcceptRole)
        stay = box.addButton(self.tr("Stay"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        self.show(box, words.title, lambda: go() if box.clickedButton() is anyway else None)

    def show(self, box: QMessageBox, title: str, answered: Callable[[], None]) -> None:
        """Open a question and call `answered` when it is answered."""
        box.setWindowTitle(title)
        box.setWindowModality(Qt.WindowModality.WindowModal)
        self.question = box

        def finished() -> None:
            self.question = None
            answered()
            box.deleteLater()

        box.finished.connect(lambda _: finished())
        box.open()
