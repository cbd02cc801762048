"""Saving annotations: by itself a moment after every change, or when asked; nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.store.annotation_store import ChangedOnDiskError, Saved
from medseg_desktop.io.store.journal import Leftover
from medseg_desktop.io.store.saver import Saver
from medseg_desktop.io.store.versions import Version
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.sessions import AnnotationSession

#: A change is in the journal after this, and in its file after that; while changes go on, at the
#: latest after the third.
_NOTE_AFTER_MS, _SAVE_AFTER_MS, _SAVE_AT_LATEST_MS = 200, 1500, 8000
#: What could not be saved is tried again.
_AGAIN_AFTER_MS = 20_000

_Save = Callable[[str, Annotation | None], Saved]
#: Versions with what they hold; None for one that cannot be read.
_Contents = tuple[tuple[Version, Annotation | None], ...]


class Saving(QObject):
    """Follows the documents of the session and saves them in a thread of its own.

    Signals:
        state_changed(): more or fewer documents are unsaved, or they were saved.
        saved(datetime): everything is saved, at this time.
        moved(str): a document cannot be written beside its image, for this reason; it lives in
            the workspace now.
        failed(str): something could not be saved; it stays unsaved and in the journal.
        conflicted(): another program has changed a file; see `conflicts`.
        found(dict[str, Leftover]): what an earlier session left unsaved of the opened source.
        found_elsewhere(tuple[Leftover, ...]): the same, of images that are not open.
        settled(bool): after `finish`: whether everything is saved.
    """

    state_changed = Signal()
    saved = Signal(object)
    moved = Signal(str)
    failed = Signal(str)
    conflicted = Signal()
    found = Signal(object)
    found_elsewhere = Signal(object)
    settled = Signal(bool)

    def __init__(
        self,
        workspace: Workspace,
        annotations: AnnotationSession,
        autosave: bool,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace, self._annotations = workspace, annotations
        self._saver = Saver(workspace.annotations, workspace.recovery)
        self._background = Background(1, "saving", self)
        self._autosave = autosave
        self._folder = 0  # counts opened sources, so that late answers are known
        #: Unsaved documents: path of the image -> the document as it was last written or noted.
        self._dirty: dict[str, object] = {}
        self._unnoted: set[str] = set()
        self._running = 0
        self._finishing = False
        self.conflicts: dict[str, ChangedOnDiskError] = {}
        self.saved_at: datetime | None = None
        self._note_soon = self._timer(_NOTE_AFTER_MS, self._note)
        self._save_soon = self._timer(_SAVE_AFTER_MS, self._save_by_itself)
        self._save_at_latest = self._timer(_SAVE_AT_LATEST_MS, self._save_by_itself)
        self._again = self._timer(_AGAIN_AFTER_MS, self._save_by_itself)
        annotations.document_edited.connect(self._on_edited)
        annotations.documents_changed.connect(self.state_changed)  # once a step, not once a file
        annotations.labels_changed.connect(self._keep_labels)
        self._kept_labels: LabelTable | None = annotations.labels

    def _timer(self, after_ms: int, call: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(after_ms)
        timer.timeout.connect(call)
        return timer

    @property
    def unsaved(self) -> frozenset[str]:
        """Paths of the images whose documents are not saved."""
        return frozenset(self._dirty)

    @property
    def is_autosaving(self) -> bool:
        return self._autosave

    def set_autosave(self, on: bool) -> None:
        """Whether changes are saved without being asked."""
        self._autosave = on
        if on:
            self._save_by_itself()

    # -- another source

    def set_folder(self, found: ScanResult) -> None:
        """Another source is open; of the last one everything was saved or given up."""
        self._folder += 1
        for timer in (self._note_soon, self._save_soon, self._save_at_latest, self._again):
            timer.stop()
        self._dirty.clear()
        self._unnoted.clear()
        self.conflicts.clear()
        self.saved_at = None
        self._kept_labels = self._annotations.labels
        self.state_changed.emit()
        self._background.submit(
            partial(self._open, found), partial(self._on_opened, self._folder), self._on_failed
        )

    def _open(self, found: ScanResult) -> tuple[dict[str, Leftover], tuple[Leftover, ...]]:
        """In the background: what may have to be restored."""
        self._saver.open(found.loaded.documents, found.place)
        leftovers = self._saver.leftovers()
        here = self._saver.paths_of(leftovers)
        elsewhere = tuple(x for x in leftovers if x not in here.values())
        return here, elsewhere

    def _on_opened(
        self, folder: int, found: tuple[dict[str, Leftover], tuple[Leftover, ...]]
    ) -> None:
        if folder != self._folder:
            return
        here, elsewhere = found
        if here:
            self.found.emit(here)
        if elsewhere:
            self.found_elsewhere.emit(elsewhere)

    def look_for_leftovers(self) -> None:
        """At the start, while nothing is open."""

        def tell(found: tuple[Leftover, ...]) -> None:
            if found:
                self.found_elsewhere.emit(found)

        self._background.submit(self._saver.leftovers, tell, self._on_failed)

    def discard(self, leftovers: tuple[Leftover, ...]) -> None:
        """Give up what an earlier session left."""

        def work() -> None:
            for leftover in leftovers:
                self._saver.journal.discard(leftover)

        self._background.submit(work, lambda _: None, self._on_failed)

    def ask_place(self, path: str, done: Callable[[str], None]) -> None:
        """Call `done` with the reason why the document of an image lives in the workspace; empty
        where it lies beside the image."""

        def work() -> str:
            return self._saver.place(path).reason

        self._background.submit(work, done, self._on_failed)

    # -- changes

    def _on_edited(self, path: str) -> None:
        self._dirty[path] = self._annotations.document(path)
        self._unnoted.add(path)
        if not self._note_soon.isActive():
            self._note_soon.start()
        if self._autosave:
            self._save_soon.start()
            if not self._save_at_latest.isActive():
                self._save_at_latest.start()

    def _note(self) -> None:
        """Put what has changed into the journal."""
        paths, self._unnoted = self._unnoted, set()
        documents = {path: self._annotations.document(path) for path in paths}

        def work() -> None:
            for path, document in documents.items():
                self._saver.note(path, document)

        if documents:
            self._background.submit(work, lambda _: None, self._on_failed)

    def _keep_labels(self, labels: LabelTable) -> None:
        """Changes of the table are kept in the workspace; what a folder brought, when it is
        converted or edited."""
        if self._annotations.are_labels_edited and labels != self._kept_labels:
            self._kept_labels = labels
            self._background.submit(
                lambda: self._workspace.keep_labels(labels), lambda _: None, self._on_failed
            )

    # -- saving

    def save(self) -> None:
        """Save now, because somebody asks for it."""
        if self._dirty:
            self._save(autosave=False)
        else:
            self.saved_at = datetime.now()
            self.saved.emit(self.saved_at)

    def _save_by_itself(self) -> None:
        if self._autosave:
            self._save(autosave=True)

    def _save(self, autosave: bool) -> None:
        for timer in (self._save_soon, self._save_at_latest, self._again):
            timer.stop()
        self._note_soon.stop()
        self._note()  # whatever becomes of the save, it is in the journal
        for path in self._dirty:
            if path not in self.conflicts:
                document = self._annotations.document(path)
                self._run(path, document, partial(self._saver.save, autosave=autosave))

    def _run(self, path: str, document: Annotation | None, save: _Save) -> None:
        self._running += 1
        self._background.submit(
            lambda: save(path, document),
            partial(self._on_saved, self._folder, path, document),
            partial(self._on_not_saved, self._folder, path),
        )

    def _on_saved(self, folder: int, path: str, document: Annotation | None, saved: Saved) -> None:
        self._running -= 1
        if folder == self._folder:
            self.conflicts.pop(path, None)
            if self._annotations.document(path) is document:
                self._dirty.pop(path, None)
            if saved.moved_to_workspace:
                self.moved.emit(saved.place.reason)
            self.saved_at = datetime.now()
            if not self._dirty:
                self.saved.emit(self.saved_at)
            self.state_changed.emit()
        self._settle()

    def _on_not_saved(self, folder: int, path: str, error: MedSegError) -> None:
        self._running -= 1
        if folder == self._folder:
            if isinstance(error, ChangedOnDiskError):
                self.conflicts[path] = error
                self.conflicted.emit()
            else:
                self._again.start()
                self._on_failed(error)
            self.state_changed.emit()
        self._settle()

    def _on_failed(self, error: MedSegError) -> None:
        self.failed.emit(" ".join(str(error).split()))

    # -- another program has changed a file

    def keep_ours(self, path: str) -> None:
        """Save over what another program wrote, which goes to the versions."""
        changed = self.conflicts[path]
        document = self._annotations.document(path)
        self._run(path, document, lambda p, d: self._saver.keep_ours(p, d, changed))

    def take_theirs(self, path: str) -> None:
        """Show what another program wrote; our document goes to the versions."""
        changed = self.conflicts[path]
        document = self._annotations.document(path)
        self._background.submit(
            lambda: self._saver.take_theirs(path, document, changed),
            partial(self._on_taken, self._folder, path),
            self._on_failed,
        )

    def _on_taken(self, folder: int, path: str, theirs: Annotation | None) -> None:
        if folder != self._folder:
            return
        self.conflicts.pop(path, None)
        text = self.tr("take over the changed file")
        self._annotations.replace_documents(text, {path: theirs})
        self._dirty.pop(path, None)  # it is what the file says
        self._unnoted.discard(path)
        self.state_changed.emit()

    # -- earlier versions

    def ask_versions(self, path: str, done: Callable[[_Contents], None]) -> None:
        """Call `done` with the earlier contents of a document, newest first."""

        def work() -> _Contents:
            return tuple((version, _read(version)) for version in self._saver.versions(path))

        self._background.submit(work, done, self._on_failed)

    def restore(self, documents: Mapping[str, Annotation | None], text: str) -> None:
        """Put documents in the place of what is open, as a step that can be taken back; they are
        in the journal before anything else happens to them."""
        self._annotations.replace_documents(text, documents)
        self._note()

    # -- the end

    def finish(self, *, discard: bool = False) -> None:
        """Save what is unsaved, or give it up, and tell when that is done."""
        self._finishing = True
        if discard:
            for path in list(self._dirty):
                self._background.submit(partial(self._saver.forget, path), lambda _: None)
            self._dirty.clear()
            self._unnoted.clear()
            self.state_changed.emit()
        elif self._dirty:
            self._save(autosave=True)
        self._settle()

    def _settle(self) -> None:
        if self._finishing and not self._running:
            self._finishing = False
            self.settled.emit(not self._dirty)

    def quit(self) -> None:
        """Begin nothing more; what is being written is written to its end."""
        for timer in (self._note_soon, self._save_soon, self._save_at_latest, self._again):
            timer.stop()
        self._background.quit()

    def close(self) -> None:
        """End the thread, and the session in the journal."""
        self._background.close()
        self._saver.close()


def _read(version: Version) -> Annotation | None:
    try:
        return version.read()
    except MedSegError:
        return None
