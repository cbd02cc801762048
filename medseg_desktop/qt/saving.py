"""Saving annotations: by itself a moment after every change, or when asked; nothing is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from enum import Enum, auto
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import MedSegError
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.store.annotation_store import ChangedOnDiskError, Saved
from medseg_desktop.io.store.places import Place
from medseg_desktop.io.store.saver import Saver
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.label_keeping import LabelKeeping
from medseg_desktop.qt.last_saves import LastSaves
from medseg_desktop.qt.recovery import Recovery
from medseg_desktop.qt.sessions import AnnotationSession

#: A change is in the journal after this, and in its file after that; while changes go on, at the
#: latest after the third.
_NOTE_AFTER_MS, _SAVE_AFTER_MS, _SAVE_AT_LATEST_MS = 200, 1500, 8000
#: What could not be saved is tried again.
_AGAIN_AFTER_MS = 20_000
#: Where nothing goes forward for so long, a network drive say, nobody waits for it any more.
_PATIENCE_S = 8.0

_log = logging.getLogger(__name__)
_Save = Callable[[str, Annotation | None], Saved]


class Ending(Enum):
    """What becomes of unsaved documents at the end of a session."""

    SAVE = auto()
    DISCARD = auto()
    #: They stay in the journal and are offered at the next start.
    KEEP = auto()


class Saving(QObject):
    """Follows the documents of the session and saves them in a thread of its own.

    Signals:
        state_changed(): more or fewer documents are unsaved, or they were saved.
        saved(datetime): everything is saved, at this time.
        moved(str): a document cannot be written beside its image, for this reason; it lives in
            the workspace now.
        failed(str): something could not be saved; it stays unsaved and in the journal.
        left_unsaved(str): the same of a source that is not open any more, once for each: it is
            offered when its images are opened again.
        conflicted(): another program has changed a file; see `conflicts`.

    Attributes:
        recovery: what earlier sessions left, and earlier versions.
        conflicts: path of the image -> what another program has done to its annotation file.
    """

    state_changed = Signal()
    saved = Signal(object)
    moved = Signal(str)
    failed = Signal(str)
    left_unsaved = Signal(str)
    conflicted = Signal()

    def __init__(
        self,
        workspace: Workspace,
        annotations: AnnotationSession,
        autosave: bool,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._annotations = annotations
        self._saver = Saver(workspace.annotations, workspace.recovery)
        self._background = Background(1, "saving", self)
        self._autosave = autosave
        self._folder = 0  # counts opened sources, so that late answers are known
        self._told_folder = -1  # the last of which a failed save was told when it was left
        self._dirty: set[str] = set()
        self._unnoted: set[str] = set()
        #: Documents as their files say them; a path that is missing here is unsaved.
        self._on_disk: dict[str, Annotation | None] = {}
        self._running: set[str] = set()  # are being saved
        self._wanted: set[str] = set()  # are to be saved once more when that is done
        self._failing: set[str] = set()
        self._given_up: dict[str, Annotation | None] = {}
        self._edited: set[str] = set()  # since the source that comes next is being read
        self._carried: dict[str, Annotation | None] = {}
        self._told: dict[str, str] = {}  # what does not work -> how that was said
        self._settled: list[Callable[[bool], None]] = []
        self._pending = 0
        self.conflicts: dict[str, ChangedOnDiskError] = {}
        self.saved_at: datetime | None = None
        self._note_soon = self._timer(_NOTE_AFTER_MS, self.note)
        self._save_soon = self._timer(_SAVE_AFTER_MS, self._save_by_itself)
        self._save_at_latest = self._timer(_SAVE_AT_LATEST_MS, self._save_by_itself)
        self._again = self._timer(_AGAIN_AFTER_MS, self._save_by_itself)
        self._patience = self._timer(round(_PATIENCE_S * 1000), self._lose_patience)
        self.recovery = Recovery(self._saver, self._background, annotations, self.note, self)
        self.recovery.failed.connect(self.failed)
        annotations.document_edited.connect(self._on_edited)
        annotations.documents_changed.connect(self.state_changed)  # once a step, not once a file
        self.labels = LabelKeeping(
            workspace,
            annotations,
            self._background,
            partial(self._works, "labels"),
            partial(self._tell_once, "labels"),
            self,
        )

    def _timer(self, after_ms: int, call: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(after_ms)
        timer.timeout.connect(lambda: call())
        return timer

    def _stop_timers(self) -> None:
        for timer in (self._note_soon, self._save_soon, self._save_at_latest, self._again):
            timer.stop()

    @property
    def unsaved(self) -> frozenset[str]:
        """Paths of the images whose documents are not saved."""
        return frozenset(self._dirty)

    @property
    def is_failing(self) -> bool:
        """Something could not be saved, and is tried again."""
        return bool(self._failing)

    @property
    def is_autosaving(self) -> bool:
        return self._autosave

    def set_autosave(self, on: bool) -> None:
        """Whether changes are saved without being asked."""
        self._autosave = on
        if on:
            self._save_by_itself()

    # -- another source

    def begin_reading(self) -> None:
        """Another source is being read, or this one again: what is edited from now on may be
        missing in what is read, and so may what is saved while it is read."""
        self._edited = self._dirty | self._running

    def give_up(self) -> None:
        """What is unsaved now is dropped, as soon as the next source is there."""
        self._given_up = {path: self._annotations.document(path) for path in self._dirty}

    def take_back(self) -> None:
        """The next source does not come, so nothing is given up."""
        self._given_up.clear()

    def leave(self, found: ScanResult) -> None:
        """Another source is there; the session still has the documents of the last one.

        They are saved, or stay in the journal, from where they are offered again.  What was
        edited while the same images were being read again stays as it is.
        """
        for path, document in self._given_up.items():
            if self._annotations.document(path) is document:
                self._drop(path)
                self._edited.discard(path)
        self._given_up.clear()
        if not self._dirty and not self._edited:
            return
        open_again = (self._edited | self._dirty) & found.loaded.documents.keys()
        self._carried = {path: self._annotations.document(path) for path in open_again}
        self.note()
        if self._autosave:
            for path in self._dirty - self.conflicts.keys() - open_again:
                self._run(path, partial(self._saver.save, autosave=True))
        self._wait_for_thread()

    def set_folder(self, found: ScanResult) -> None:
        """The session has the documents of another source, see `leave`."""
        self._folder += 1
        self._stop_timers()
        for paths in (self._dirty, self._unnoted, self._running, self._wanted, self._failing):
            paths.clear()
        self.conflicts.clear()
        carried, self._carried = self._carried, {}
        document = self._annotations.document
        self._on_disk = {p: document(p) for p in found.loaded.documents if p not in carried}
        self.saved_at = None
        self.labels.begin()
        folder, staying = self._folder, frozenset(carried)

        def tell(is_opened: None) -> None:
            if folder == self._folder:
                self.recovery.look()

        self._background.submit(
            lambda: self._saver.open(found.loaded.documents, found.place, staying),
            tell,
            self._on_failed,
        )
        if carried:
            text = self.tr("keep changes made while reading")
            self._annotations.replace_documents(text, carried)
        self.state_changed.emit()

    def ask_place(self, path: str, done: Callable[[Place], None]) -> None:
        """Call `done` with the place where the document of an image is saved."""
        self._background.submit(lambda: self._saver.place(path), done, self._on_failed)

    # -- changes

    def _on_edited(self, path: str) -> None:
        self._edited.add(path)
        is_busy = path in self._running or path in self.conflicts
        if not is_busy and self._is_on_disk(path):
            self._drop(path)  # a step was taken back
            self.state_changed.emit()
            return
        self._dirty.add(path)
        self._unnoted.add(path)
        if not self._note_soon.isActive():
            self._note_soon.start()
        if self._autosave:
            self._save_soon.start()
            if not self._save_at_latest.isActive():
                self._save_at_latest.start()

    def _is_on_disk(self, path: str) -> bool:
        return path in self._on_disk and self._on_disk[path] is self._annotations.document(path)

    def _drop(self, path: str) -> None:
        """A document is not unsaved any more, whatever the journal says."""
        self._dirty.discard(path)
        self._unnoted.discard(path)
        self._failing.discard(path)
        self._background.submit(partial(self._saver.forget, path), lambda _: None)

    def note(self, then: Callable[[], None] | None = None) -> None:
        """Put what has changed into the journal, and when that is durable do `then` in the
        background."""
        self._note_soon.stop()
        folder, paths, self._unnoted = self._folder, self._unnoted, set()
        documents = {path: self._annotations.document(path) for path in paths}

        def work() -> None:
            for path, document in documents.items():
                self._saver.note(path, document)
            if then is not None:
                then()

        def failed(error: MedSegError) -> None:
            if folder == self._folder:
                self._unnoted |= paths & self._dirty
            self._tell_once("journal", error)

        if documents or then is not None:
            self._background.submit(work, lambda _: self._works("journal"), failed)

    # -- saving

    def save(self) -> None:
        """Save now, because somebody asks for it."""
        if self._dirty:
            self._save(autosave=False)
            if self.conflicts:
                self.conflicted.emit()
        else:
            self.saved_at = datetime.now()
            self.saved.emit(self.saved_at)

    def _save_by_itself(self) -> None:
        if self._autosave:
            self._save(autosave=True)

    def _save(self, autosave: bool) -> None:
        for timer in (self._save_soon, self._save_at_latest, self._again):
            timer.stop()
        self.note()  # whatever becomes of the save, it is in the journal
        for path in sorted(self._dirty - self.conflicts.keys()):
            if path in self._running:
                self._wanted.add(path)
            else:
                self._run(path, partial(self._saver.save, autosave=autosave))

    def _run(self, path: str, save: _Save) -> None:
        document = self._annotations.document(path)
        self._running.add(path)
        self._background.submit(
            lambda: save(path, document),
            partial(self._on_saved, self._folder, path, document),
            partial(self._on_not_saved, self._folder, path),
        )

    def _on_saved(self, folder: int, path: str, document: Annotation | None, saved: Saved) -> None:
        if folder != self._folder:
            return
        self._running.discard(path)
        self.conflicts.pop(path, None)
        self._failing.discard(path)
        self._on_disk[path] = document
        if saved.moved_to_workspace:
            self.moved.emit(saved.place.reason)
        if self._is_on_disk(path):
            self._dirty.discard(path)
            self._wanted.discard(path)
        elif path in self._wanted or self._settled:
            self._wanted.discard(path)
            self._dirty.add(path)
            self._run(path, partial(self._saver.save, autosave=True))
        else:
            self._dirty.add(path)
            if self._autosave and not self._save_soon.isActive():
                self._save_soon.start()
        self.saved_at = datetime.now()
        if not self._dirty:
            self.saved.emit(self.saved_at)
        self.state_changed.emit()
        self._settle()

    def _on_not_saved(self, folder: int, path: str, error: MedSegError) -> None:
        if folder != self._folder:
            self._tell_left(folder, error)
            return
        self._running.discard(path)
        self._wanted.discard(path)
        self._on_disk.pop(path, None)  # nobody knows how far it came
        self._dirty.add(path)
        if isinstance(error, ChangedOnDiskError):
            self.conflicts[path] = error
            self._failing.discard(path)
            self.conflicted.emit()
        else:
            self._failing.add(path)
            self._again.start()
            self._on_failed(error)
        self.state_changed.emit()
        self._settle()

    def _tell_left(self, folder: int, error: MedSegError) -> None:
        """A document of an earlier source is not saved, but in the journal if that works."""
        if "journal" in self._told:
            self._on_failed(error)
        elif folder > self._told_folder:  # its other documents mostly fail for the same reason
            self._told_folder = folder
            self.left_unsaved.emit(error.message)

    def _on_failed(self, error: MedSegError) -> None:
        self.failed.emit(" ".join(str(error).split()))

    def _tell_once(self, what: str, error: MedSegError) -> None:
        """What goes wrong at every step is said once, until it has worked again."""
        if self._told.get(what) != str(error):
            self._told[what] = str(error)
            self._on_failed(error)

    def _works(self, what: str) -> None:
        self._told.pop(what, None)

    # -- another program has changed a file

    def keep_ours(self, path: str) -> None:
        """Save over what another program wrote, which goes to the versions."""
        changed = self.conflicts.get(path)
        if changed is not None and path not in self._running:
            self._run(path, lambda p, d: self._saver.keep_ours(p, d, changed))

    def take_theirs(self, path: str) -> None:
        """Show what another program wrote; our document goes to the versions."""
        changed = self.conflicts.get(path)
        if changed is None or path in self._running:
            return
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
        self._on_disk[path] = theirs
        text = self.tr("take over the changed file")
        if not self._annotations.replace_documents(text, {path: theirs}):
            self._on_disk[path] = self._annotations.document(path)  # they say the same
            self._drop(path)
        self.state_changed.emit()

    # -- the end

    def finish(self, how: Ending, done: Callable[[bool], None]) -> None:
        """Save what is unsaved, or give it up, or leave it to the journal.

        Args:
            done: called when nothing is being written any more, or the disk does not answer, with
                whether all went as wanted; at once where nothing has to be done.
        """
        self._settled.append(done)
        if how is Ending.SAVE:
            if self._dirty:
                self._save(autosave=True)
        else:
            if how is Ending.DISCARD:
                for path in list(self._dirty):
                    self._drop(path)
                self._wanted.clear()
                self.state_changed.emit()
            self.note()
            self._wait_for_thread()
        self._settle()

    def _wait_for_thread(self) -> None:
        """What is in the queue now belongs to what `finish` waits for."""

        def done(_: None) -> None:
            self._pending -= 1
            self._settle()

        self._pending += 1
        self._background.submit(lambda: None, done)

    def _settle(self) -> None:
        if self._settled and (self._running or self._pending):
            self._patience.start()  # something has just gone forward
        elif self._settled:
            self._answer(not self._dirty)

    def _lose_patience(self) -> None:
        _log.warning("saving does not go forward; going on without waiting for it")
        self._answer(False)

    def _answer(self, is_saved: bool) -> None:
        self._patience.stop()
        calls, self._settled = self._settled, []
        for call in calls:
            call(is_saved)

    def quit(self) -> None:
        """Begin nothing more by itself; all that waits to be written is written by `close`."""
        self._stop_timers()

    def close(self) -> None:
        """End the thread, and the session in the journal; what is unsaved is saved, or noted.

        Where a disk does not answer that is given up; what is unsaved is in the journal then, if
        the disk of the workspace answers.
        """
        self._stop_timers()
        self._patience.stop()
        if self._background.closed:
            return
        documents = {path: self._annotations.document(path) for path in sorted(self._dirty)}
        kept = self.conflicts.keys() if self._autosave else documents.keys()
        LastSaves(self._saver, self._background, documents, frozenset(kept)).run(_PATIENCE_S)
