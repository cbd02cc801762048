"""Saves annotation documents: beside their images and in the workspace, and never over others.

A document is a file beside its image, as MedicalLabelMe wants it, and has a folder of its own
in the workspace: `WORKSPACE/annotations/<series>/<file>/` with `current.json` (the mirror: the
bytes saved last), `state.json` and `versions/`.  Where nothing can be written beside the image
the mirror is the document.  `io.store.loading` decides which of the two counts.
"""

from __future__ import annotations

import contextlib
import errno
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import AnnotationError, WorkspaceError
from medseg_desktop.io.annotation_files import digest_of
from medseg_desktop.io.atomic import remove_file, write_bytes
from medseg_desktop.io.medlabelme import annotation_bytes, parse_annotation
from medseg_desktop.io.store.keys import ImageKey
from medseg_desktop.io.store.places import Place
from medseg_desktop.io.store.record import Base, Record, SavedState, read_bytes
from medseg_desktop.io.store.versions import Version

#: Autosaves that follow each other within this time are one version.
AUTOSAVE_VERSION = timedelta(seconds=60)
#: The folder refuses, and will go on refusing; all else may be gone at the next try.
_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS)

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class ChangedOnDiskError(WorkspaceError):
    """Another program changed, made or removed the file; nothing was written over it.

    Attributes:
        path: the file.
        data: what it holds now; None where it is gone.
    """

    def __init__(self, path: Path, data: bytes | None) -> None:
        what = "was removed" if data is None else "was changed"
        super().__init__(
            f"{path} {what} by another program since it was read.", "Choose which one to keep."
        )
        self.path = path
        self.data = data

    @property
    def digest(self) -> str | None:
        """What the base of a document made from the other program's file says."""
        return _digest(self.data)


@dataclass(frozen=True, slots=True)
class Saved:
    """A good save.

    Attributes:
        base: what the next save expects.
        place: where the document lies, which may be another place than was asked for.
        moved_to_workspace: the file could not be written, for the reason of `place`.
        is_removed: the document said nothing, so there is no file any more.
    """

    base: Base
    place: Place
    moved_to_workspace: bool = False
    is_removed: bool = False


class AnnotationStore:
    """The documents of a workspace; `save` and `force_over` are for one thread at a time.

    Args:
        folder: `Workspace.annotations`; it is made when something is saved.
        says_nothing: whether a document is as good as none, and its file is to be removed.
        clock: gives the time as an aware datetime.
    """

    def __init__(
        self,
        folder: Path,
        *,
        says_nothing: Callable[[Annotation], bool] | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.folder = folder
        self._says_nothing = says_nothing or (lambda _: False)
        self._clock = clock
        # File -> digests that a save of ours may have left there although it failed.
        self._tried: defaultdict[Path, set[str | None]] = defaultdict(set)

    def record(self, key: ImageKey) -> Record:
        """The document's folder in the workspace, which may not exist."""
        return Record(self.folder / key.series_folder / key.folder, key.name)

    def versions(self, key: ImageKey) -> tuple[Version, ...]:
        """The contents that were replaced, newest first; raises WorkspaceError."""
        return self.record(key).versions.list()

    def keep(self, key: ImageKey, data: bytes) -> None:
        """Put a content that will not be saved among the versions; raises WorkspaceError."""
        self.record(key).versions.push(data, self._clock())

    def encode(self, key: ImageKey, document: Annotation | None) -> bytes | None:
        """The bytes that a document is saved as, which are sure to be readable; None where it says
        nothing.

        Raises:
            WorkspaceError: nobody could read them, or not one of the shapes.
        """
        if document is None or self._says_nothing(document):
            return None
        name = f"The annotation of {key.image}"
        data = annotation_bytes(document, name)
        try:
            notices = parse_annotation(data, name).notices(name)
        except AnnotationError as error:
            raise WorkspaceError(error.message, "It was not saved.") from error
        known = document.notices(name)  # what could not be read before goes back as it was
        if len(notices) > len(known):
            sentence = next((n for n in notices if n not in known), notices[0])
            raise WorkspaceError(sentence, "It was not saved; change or delete that shape.")
        return data

    def save(
        self,
        key: ImageKey,
        document: Annotation | None,
        base: Base,
        place: Place,
        *,
        autosave: bool = False,
    ) -> Saved:
        """Save a document where it belongs; one that says nothing, or None, is removed.

        The steps, each durable before the next begins, and which document counts (see
        `io.store.loading`) when a crash or a fault comes behind it:

        1. The replaced bytes go to the versions: the old one.
        2. The mirror is written: the old one, since the state does not know the new one; where
           there was none at all, the new one.
        3. The state is written: the old one, as what the file `replaces`.
        4. The file beside the image is written: the new one.  Where there was none before, the
           state is written once more.

        A removal goes without step 2 and takes the mirror away at the end.  A document that
        lives in the workspace has no step 4: where the state stays as it was its time is
        written first, so that the mirror decides; else the state decides.

        Args:
            base: of the document, from loading or the last `Saved`.
            place: from `io.store.places.Places`.
            autosave: nobody asked for it.

        Raises:
            ChangedOnDiskError: the file is not what the document was made from; it is untouched.
            WorkspaceError: a full or failing disk, say; the old document is still there.
        """
        data = self.encode(key, document)
        record = self.record(key)
        mirror = read_bytes(record.mirror)
        if place.path is None:
            self._check(record.mirror, mirror, base.mirror)
            return self._save_here(record, data, base, place, mirror, autosave)
        try:
            return self._save_beside(record, data, base, place.path, mirror, autosave)
        except _RefusedError as error:
            place = Place(None, error.message)
        mirror = read_bytes(record.mirror)
        saved = self._save_here(record, data, base, place, mirror, autosave)
        return replace(saved, moved_to_workspace=True)

    def force_over(
        self,
        key: ImageKey,
        document: Annotation | None,
        base: Base,
        place: Place,
        theirs: bytes | None,
    ) -> Saved:
        """Save although another program has changed the file, as the user has decided.

        The other program's bytes go to the versions first.

        Args:
            theirs: `ChangedOnDiskError.data`, which the decision was about.

        Raises:
            ChangedOnDiskError: the file has changed once more.
            WorkspaceError: as `save` raises it.
        """
        digest = _digest(theirs)
        if place.path is None:
            return self.save(key, document, replace(base, mirror=digest), place)
        return self.save(key, document, replace(base, beside=digest), place)

    # -- the steps

    def _check(self, path: Path, found: bytes | None, expected: str | None) -> None:
        """Raise unless a file is what the document was made from, or what we tried to make it."""
        if (digest := _digest(found)) != expected and digest not in self._tried.get(path, ()):
            raise ChangedOnDiskError(path, found)

    def _save_here(
        self,
        record: Record,
        data: bytes | None,
        base: Base,
        place: Place,
        mirror: bytes | None,
        autosave: bool,
    ) -> Saved:
        """Save in the workspace only, over the mirror that was found there."""
        old = record.state()
        self._keep(record, old, data, mirror, mirror, autosave)
        state = self._state(record, data, autosave, base=base.beside)
        self._tried[record.mirror].add(_digest(data))
        left = None
        if data is None:
            record.write_state(state)
            left = _remove_mirror(record, mirror)
        elif old and old.path is None and old.base == base.beside and not old.removed:
            record.write_state(state)
            record.write_mirror(data)
        else:
            record.write_mirror(data)
            record.write_state(state)
        self._tried.pop(record.mirror, None)
        return Saved(Base(base.beside, _digest(data or left)), place, is_removed=data is None)

    def _save_beside(
        self,
        record: Record,
        data: bytes | None,
        base: Base,
        path: Path,
        mirror: bytes | None,
        autosave: bool,
    ) -> Saved:
        """Save beside the image, and in the mirror that was found.

        Raises:
            _RefusedError: the folder, or the disk, does not allow it and will not.
        """
        beside = _read_beside(path)
        self._check(path, beside, base.beside)
        self._keep(record, record.state(), data, mirror, beside, autosave)
        self._tried[record.mirror].add(_digest(data))
        if data not in (None, mirror):
            assert data is not None
            record.write_mirror(data)
        digest, old = _digest(data), _digest(beside)
        state = self._state(record, data, autosave, base=digest, path=str(path), replaces=old)
        record.write_state(state)
        if data != beside:
            self._write_beside(path, data, base)
        if old is None:
            # From now on a missing file means that somebody has removed it.
            with contextlib.suppress(WorkspaceError):
                record.write_state(msgspec.structs.replace(state, replaces=digest))
        left = _remove_mirror(record, mirror) if data is None else None
        self._tried.pop(record.mirror, None)
        self._tried.pop(path, None)
        return Saved(Base(digest, _digest(data or left)), Place(path), is_removed=data is None)

    def _write_beside(self, path: Path, data: bytes | None, base: Base) -> None:
        """Write or remove the file, which is looked at again right before."""

        def unchanged() -> None:
            self._check(path, _read_beside(path), base.beside)
            self._tried[path].add(_digest(data))

        try:
            if data is None:
                remove_file(path, before=unchanged)
            else:
                write_bytes(path, data, before_replace=unchanged)
        except (ChangedOnDiskError, _RefusedError):
            raise
        except WorkspaceError as error:
            if not _is_refusal(error):
                raise
            if path in self._tried and _read_beside(path) == data:
                return  # refused was only to make the folder durable
            raise _RefusedError(error.message) from error

    def _keep(
        self,
        record: Record,
        state: SavedState | None,
        data: bytes | None,
        mirror: bytes | None,
        replaced: bytes | None,
        autosave: bool,
    ) -> None:
        """Push to the versions what the save replaces: a mirror that says something else, too."""
        now = self._clock()
        if mirror not in (None, data, replaced) and not self._is_tried(record.mirror, mirror):
            assert mirror is not None
            record.versions.push(mirror, now)
        if replaced in (None, data) or self._is_tried(record.mirror, replaced):
            return
        assert replaced is not None
        newest = next(iter(record.versions.list()), None)
        is_same_burst = (
            autosave
            and data is not None
            and state is not None
            and state.autosaved
            and replaced == mirror
            and newest is not None
            and timedelta(0) <= now - newest.time < AUTOSAVE_VERSION
        )
        if not is_same_burst:
            record.versions.push(replaced, now)

    def _is_tried(self, mirror: Path, data: bytes | None) -> bool:
        """Bytes that a failed save of this session has left, which is no version."""
        return _digest(data) in self._tried.get(mirror, ())

    def _state(
        self,
        record: Record,
        data: bytes | None,
        autosave: bool,
        *,
        base: str | None,
        path: str | None = None,
        replaces: str | None = None,
    ) -> SavedState:
        return SavedState(
            base=base,
            path=path,
            replaces=replaces,
            time=self._clock().astimezone(UTC).isoformat(timespec="microseconds"),
            image=record.image,
            autosaved=autosave,
            removed=data is None,
        )


class _RefusedError(WorkspaceError):
    """The file beside the image cannot be read or written; the workspace can."""


def _read_beside(path: Path) -> bytes | None:
    try:
        return read_bytes(path)
    except WorkspaceError as error:
        if _is_refusal(error):
            raise _RefusedError(error.message) from error
        raise


def _remove_mirror(record: Record, mirror: bytes | None) -> bytes | None:
    """Take the mirror away; what is left of it, which the state says does not count."""
    try:
        remove_file(record.mirror)
    except WorkspaceError:
        return mirror
    return None


def _is_refusal(error: WorkspaceError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _REFUSALS


def _digest(data: bytes | None) -> str | None:
    return None if data is None else digest_of(data)
