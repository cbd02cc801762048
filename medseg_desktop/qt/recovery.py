"""What earlier sessions left unsaved, and what was saved before: to be restored, or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import MedSegError
from medseg_desktop.io.store.journal import Leftover
from medseg_desktop.io.store.saver import Saver
from medseg_desktop.io.store.versions import Version
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.sessions import AnnotationSession

#: Versions with what they hold; None for one that cannot be read.
Contents = tuple[tuple[Version, Annotation | None], ...]


class Recovery(QObject):
    """Asks the journal and the versions in the thread that saves.

    Args:
        note: puts what has changed into the journal, and does something in the background when
            that is durable (see `Saving.note`).

    Signals:
        found(dict[str, Leftover]): what an earlier session left unsaved of the opened source.
        found_elsewhere(Path | None): the same, of images that are not open: the folder of the
            latest, None where it is not there any more.
        failed(str): a sentence.
    """

    found = Signal(object)
    found_elsewhere = Signal(object)
    failed = Signal(str)

    def __init__(
        self,
        saver: Saver,
        background: Background,
        annotations: AnnotationSession,
        note: Callable[[Callable[[], None]], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._saver, self._background = saver, background
        self._annotations, self._note = annotations, note

    def look(self) -> None:
        """Tell what there is: at the start, and when a source was opened."""

        def work() -> tuple[dict[str, Leftover], tuple[Leftover, ...], Path | None]:
            leftovers = self._saver.leftovers()
            here = self._saver.paths_of(leftovers)
            elsewhere = tuple(x for x in leftovers if x not in here.values())
            folders = (x.key.image.parent for x in reversed(elsewhere))
            return here, elsewhere, next((f for f in folders if f.is_dir()), None)

        def tell(found: tuple[dict[str, Leftover], tuple[Leftover, ...], Path | None]) -> None:
            here, elsewhere, folder = found
            if here:
                self.found.emit(here)
            if elsewhere:
                self.found_elsewhere.emit(folder)

        self._background.submit(work, tell, self._on_failed)

    def restore(self, leftovers: Mapping[str, Leftover], text: str) -> None:
        """Put what was left in the place of what is open, as a step that can be taken back.

        It leaves the journal of the earlier session when it is in that of this one.
        """
        chosen = tuple(leftovers.values())
        self._annotations.replace_documents(text, {p: x.document for p, x in leftovers.items()})
        self._note(lambda: self._discard(chosen))

    def restore_documents(self, documents: Mapping[str, Annotation | None], text: str) -> None:
        """Put other contents in the place of what is open, as a step that can be taken back."""
        self._annotations.replace_documents(text, documents)

    def discard(self, leftovers: tuple[Leftover, ...]) -> None:
        """Give up what an earlier session left."""
        self._background.submit(lambda: self._discard(leftovers), lambda _: None, self._on_failed)

    def _discard(self, leftovers: tuple[Leftover, ...]) -> None:
        for leftover in leftovers:
            self._saver.journal.discard(leftover)

    def ask_versions(self, path: str, done: Callable[[Contents], None]) -> None:
        """Call `done` with the earlier contents of a document, newest first."""

        def work() -> Contents:
            return tuple((version, _read(version)) for version in self._saver.versions(path))

        self._background.submit(work, done, self._on_failed)

    def _on_failed(self, error: MedSegError) -> None:
        self.failed.emit(" ".join(str(error).split()))


def _read(version: Version) -> Annotation | None:
    try:
        return version.read()
    except MedSegError:
        return None
