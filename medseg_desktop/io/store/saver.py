"""What one window saves: its documents with what each was made from, store and journal together.

For one thread at a time, which need not be the same as that of the window.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import AnnotationError, WorkspaceError
from medseg_desktop.io.medlabelme import parse_annotation
from medseg_desktop.io.store.annotation_store import AnnotationStore, ChangedOnDiskError, Saved
from medseg_desktop.io.store.journal import Journal, Leftover
from medseg_desktop.io.store.keys import ImageKey
from medseg_desktop.io.store.loading import LoadedDocument
from medseg_desktop.io.store.places import Place
from medseg_desktop.io.store.record import Base
from medseg_desktop.io.store.versions import Version


@dataclass(slots=True)
class _Open:
    """One document of the opened source; `number` is that of its note in the journal."""

    key: ImageKey
    base: Base
    place: Place | None = None
    number: int | None = None


class Saver:
    """Saves the documents of an opened source by the path of their image."""

    def __init__(self, workspace_annotations: Path, recovery: Path) -> None:
        self.store = AnnotationStore(workspace_annotations)
        self.journal = Journal(recovery, self.store)
        self._open: dict[str, _Open] = {}
        self._place_of: Callable[[str], Place] = lambda _: Place(None)

    def open(
        self,
        documents: Mapping[str, LoadedDocument],
        place_of: Callable[[str], Place],
        staying: Collection[str] = (),
    ) -> None:
        """Another source; what is still noted of the last one is a leftover from now on.

        Args:
            staying: images that are open already and whose documents were edited while the
                source was read: what they were made from is what was saved last.
        """
        before = self._open
        self._open = {path: _Open(d.key, d.base) for path, d in documents.items()}
        self._place_of = place_of
        for path in staying:
            entry, now = before.get(path), self._open.get(path)
            if entry is not None and now is not None and entry.key == now.key:
                now.base, now.number = entry.base, entry.number
        self.journal.leave([entry.key for path, entry in self._open.items() if path in staying])

    def key(self, path: str) -> ImageKey:
        """What the document of an image is known by."""
        return self._open[path].key

    def place(self, path: str) -> Place:
        """Where the document of an image is saved."""
        entry = self._open[path]
        if entry.place is None:
            entry.place = self._place_of(path)
        return entry.place

    def note(self, path: str, document: Annotation | None, *, look: bool = True) -> None:
        """Keep a document in the journal until it is saved; raises WorkspaceError.

        Args:
            look: its place may be found out on the disk of the image; False where that does not
                answer.
        """
        entry = self._open[path]
        place = self.place(path) if look else entry.place
        target = place.path if place is not None else None
        entry.number = self.journal.note(entry.key, document, entry.base, target)

    def save(self, path: str, document: Annotation | None, *, autosave: bool) -> Saved:
        """Save the document of an image.

        Raises:
            ChangedOnDiskError: another program has changed the file.
            WorkspaceError: it cannot be written; the journal still has it.
        """
        entry, number = self._open[path], self._open[path].number
        saved = self.store.save(
            entry.key, document, entry.base, self.place(path), autosave=autosave
        )
        return self._done(entry, saved, number)

    def keep_ours(
        self, path: str, document: Annotation | None, changed: ChangedOnDiskError
    ) -> Saved:
        """Save over what another program has written, which goes to the versions."""
        entry, number = self._open[path], self._open[path].number
        place = self.place(path)
        saved = self.store.force_over(entry.key, document, entry.base, place, changed.data)
        return self._done(entry, saved, number)

    def take_theirs(
        self, path: str, document: Annotation | None, changed: ChangedOnDiskError
    ) -> Annotation | None:
        """What another program has written; our document goes to the versions.

        Raises:
            AnnotationError: theirs cannot be read; nothing has changed.
            WorkspaceError: ours cannot be kept.
        """
        entry = self._open[path]
        theirs = None
        if changed.data is not None:
            theirs = parse_annotation(changed.data, changed.path.name)
        ours = self.store.encode(entry.key, document)
        if ours is not None:
            self.store.keep(entry.key, ours)
        if self.place(path).path is None:
            entry.base = Base(entry.base.beside, changed.digest)
        else:
            entry.base = Base(changed.digest, entry.base.mirror)
        self.forget(path)
        return theirs

    def forget(self, path: str) -> None:
        """What was not saved of a document is given up, or taken over."""
        entry = self._open.get(path)
        if entry is not None:
            self.journal.forget(entry.key)
            entry.number = None

    def forget_all_but(self, unsaved: Collection[str]) -> None:
        """Whatever else was noted is saved, or was taken back."""
        for path, entry in self._open.items():
            if entry.number is not None and path not in unsaved:
                self.forget(path)

    def _done(self, entry: _Open, saved: Saved, number: int | None) -> Saved:
        entry.base, entry.place = saved.base, saved.place
        if number is not None and self.journal.forget(entry.key, number):
            entry.number = None
        return saved

    # -- what there was

    def versions(self, path: str) -> tuple[Version, ...]:
        """Earlier contents of a document, newest first; raises WorkspaceError."""
        entry = self._open.get(path)
        return self.store.versions(entry.key) if entry else ()

    def leftovers(self) -> tuple[Leftover, ...]:
        """What sessions that ended without saving have left."""
        return self.journal.leftovers()

    def paths_of(self, leftovers: tuple[Leftover, ...]) -> dict[str, Leftover]:
        """Those of the opened source, by the path of their image; it may have moved."""
        known = {
            (e.key.series_uid, e.key.sop_uid, e.key.disambiguator): p for p, e in self._open.items()
        }
        found = {}
        for leftover in leftovers:
            key = leftover.key
            path = known.get((key.series_uid, key.sop_uid, key.disambiguator))
            if path is not None:
                found[path] = self._at(path, leftover)
        return found

    def _at(self, path: str, leftover: Leftover) -> Leftover:
        """A leftover of an image that may lie elsewhere now, with its annotation file."""
        entry, was = self._open[path], leftover.base
        if entry.key.image == leftover.key.image:
            return leftover
        is_here = leftover.target is None
        is_same = entry.base.mirror == was.mirror if is_here else entry.base.beside == was.beside
        return replace(leftover, is_file_changed=not is_same)

    def close(self) -> None:
        """End the session; what is still unsaved is offered the next time."""
        with contextlib.suppress(WorkspaceError, AnnotationError):
            self.journal.close()
