"""Before a job reads annotation files, what is drawn has to be in them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject

from medseg_desktop.qt.saving import Ending, Saving


@dataclass(frozen=True, slots=True)
class UnsavedTexts:
    """What is said where something cannot be saved, so that the job did not begin.

    Attributes:
        nothing: what was not done.
        changed: what to do about {changed} files that another program has changed.
        again: what to do otherwise.
    """

    nothing: str
    changed: str
    again: str


class SavedFirst(QObject):
    """Saves, and then lets a job begin; one at a time."""

    def __init__(self, saving: Saving, texts: UnsavedTexts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._saving, self._texts = saving, texts
        self._turn = 0  # counts what was begun or cancelled, so that a late answer is known
        self.is_waiting = False

    def begin(
        self, then: Callable[[], None], refused: Callable[[str], None], *, names: bool
    ) -> None:
        """Call `then` when everything is saved, else `refused` with a sentence that says why.

        Args:
            names: the sentence may name files, which are often called like the patient.
        """
        self._turn += 1
        self.is_waiting = True
        self._saving.finish(
            Ending.SAVE, partial(self._on_settled, self._turn, then, refused, names)
        )

    def cancel(self) -> None:
        """Nothing shall begin any more."""
        self._turn += 1
        self.is_waiting = False

    def _on_settled(
        self,
        turn: int,
        then: Callable[[], None],
        refused: Callable[[str], None],
        names: bool,
        is_saved: bool,
    ) -> None:
        if turn != self._turn:
            return
        self.is_waiting = False
        if is_saved or not self._saving.unsaved:
            then()
        else:
            refused(self._sentence(names))

    def _sentence(self, names: bool) -> str:
        unsaved, changed = sorted(self._saving.unsaved), len(self._saving.conflicts)
        if not names:
            text = self.tr("Annotations that are not saved: {n}.")
        elif len(unsaved) == 1:
            text = self.tr("The annotation of {name} is not saved.")
        else:
            text = self.tr("The annotations of {n} files are not saved ({name} is the first).")
        cure = self._texts.changed if changed else self._texts.again
        text = f"{text} {self._texts.nothing} {cure}"
        return text.format(n=len(unsaved), name=os.path.basename(unsaved[0]), changed=changed)
