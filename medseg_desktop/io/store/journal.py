"""Documents that are not saved yet, kept so that a crash takes nothing along.

`WORKSPACE/recovery/<session>/` holds one JSON for each such document, the files that the
session has meant to write (`targets.jsonl`), and a lock file that its process holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import AnnotationError, WorkspaceError, describe_os_error
from medseg_desktop.io.annotation_files import digest_of
from medseg_desktop.io.atomic import remove_temporaries, write_bytes
from medseg_desktop.io.medlabelme import annotation_to_json, parse_annotation
from medseg_desktop.io.store.annotation_store import AnnotationStore, Clock, utc_now
from medseg_desktop.io.store.keys import ImageKey
from medseg_desktop.io.store.record import Base, Record, read_bytes
from medseg_desktop.io.store.sessions import claim, new_session, remove_session, session_folders

_TARGETS = "targets.jsonl"


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One unsaved document as a file; `document` is its MedicalLabelMe JSON, or null."""

    schema: int = 1
    time: str
    number: int
    series_uid: str
    sop_uid: str
    disambiguator: str
    image: str
    target: str | None
    beside: str | None
    mirror: str | None
    document: msgspec.Raw

    @property
    def key(self) -> ImageKey:
        return ImageKey(self.series_uid, self.sop_uid, Path(self.image), self.disambiguator)


class _Target(msgspec.Struct, frozen=True):
    """A file that may be written (null: none beside the image), and the record's folder."""

    path: str | None
    record: str


@dataclass(frozen=True, slots=True)
class Leftover:
    """A document that a session which ended without saving has left.

    Attributes:
        document: None where the last edit took everything away.
        base: what it was made from.
        target: the file it was meant for; None for the workspace.
        time: of the last edit that was noted, UTC.
        is_file_changed: what it would be saved over is not what it was made from.
        files: the entries in the journal that it stands for, newest first.
    """

    key: ImageKey
    document: Annotation | None
    base: Base
    target: Path | None
    time: datetime
    is_file_changed: bool
    files: tuple[Path, ...]


class Journal:
    """The journal of this session, and what earlier ones have left; for one thread at a time.

    Args:
        folder: `Workspace.recovery`; it is made when the first document is noted.
    """

    def __init__(self, folder: Path, store: AnnotationStore, *, clock: Clock = utc_now) -> None:
        self._folder = folder
        self._store = store
        self._clock = clock
        self._session: tuple[Path, IO[bytes]] | None = None
        self._claimed: dict[Path, IO[bytes]] = {}
        self._targets: set[_Target] = set()
        self._numbers: dict[Path, int] = {}
        self._last = 0

    def note(
        self, key: ImageKey, document: Annotation | None, base: Base, target: Path | None
    ) -> int:
        """Keep a document until it is saved; what was noted of it before is replaced.

        Returns:
            A number that `forget` takes, so that it forgets nothing newer.

        Raises:
            WorkspaceError: it cannot be written.
        """
        folder = self._own_session()
        self._last += 1
        raw = msgspec.json.encode(None if document is None else annotation_to_json(document))
        entry = _Entry(
            time=self._clock().astimezone(UTC).isoformat(),
            number=self._last,
            series_uid=key.series_uid,
            sop_uid=key.sop_uid,
            disambiguator=key.disambiguator,
            image=str(key.image),
            target=None if target is None else str(target),
            beside=base.beside,
            mirror=base.mirror,
            document=msgspec.Raw(raw),
        )
        path = folder / _entry_name(key)
        self._add_target(folder, _Target(entry.target, str(self._store.record(key).folder)))
        write_bytes(path, msgspec.json.encode(entry), sync_folder=False)
        self._numbers[path] = self._last
        return self._last

    def forget(self, key: ImageKey, number: int | None = None) -> bool:
        """The document is saved; with a number only if nothing newer was noted since.

        An entry that cannot be removed does no harm: it says the same as the saved file.

        Returns:
            Whether nothing is noted of it any more.
        """
        if self._session is None:
            return True
        path = self._session[0] / _entry_name(key)
        if number is not None and self._numbers.get(path) != number:
            return path not in self._numbers
        self._numbers.pop(path, None)
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return True

    def leave(self, staying: Iterable[ImageKey]) -> None:
        """Other documents are open: what is still noted is a leftover from now on.

        Args:
            staying: documents that are open still; what is noted of them goes along.

        Raises:
            WorkspaceError: they cannot go along and are leftovers too.
        """
        names = {_entry_name(key) for key in staying}
        if self._session is None or all(path.name in names for path in self._numbers):
            return
        folder, lock = self._session
        numbers = {path.name: n for path, n in self._numbers.items() if path.name in names}
        self._claimed[folder] = lock
        self._session, self._targets, self._numbers = None, set(), {}
        for name, number in numbers.items():
            path = self._own_session() / name
            try:
                os.replace(folder / name, path)
            except OSError as error:
                raise WorkspaceError(describe_os_error(error, path, "write")) from error
            self._numbers[path] = number

    def leftovers(self) -> tuple[Leftover, ...]:
        """What dead sessions have left unsaved, the newest of each document, oldest first.

        Their sessions belong to this one until `close`, so that no other window offers them
        too.  Half-written files that they left beside images and in the workspace are removed,
        and so are sessions that have nothing left.  Damaged entries stay where they are.
        """
        for folder in session_folders(self._folder):
            is_own = self._session is not None and folder == self._session[0]
            if not is_own and folder not in self._claimed:
                lock = claim(folder)
                if lock is not None:
                    self._claimed[folder] = lock
        self._clean()
        found: defaultdict[ImageKey, list[tuple[_Entry, Path]]] = defaultdict(list)
        for folder in self._claimed:
            for path, entry in _entries(folder):
                found[entry.key].append((entry, path))
        leftovers = []
        for entries in found.values():
            entries.sort(key=lambda e: (e[0].time, e[0].number), reverse=True)
            newest, files = entries[0][0], tuple(path for _, path in entries)
            if (leftover := self._leftover(newest, files)) is not None:
                leftovers.append(leftover)
        self._remove_empty_sessions()
        return tuple(sorted(leftovers, key=lambda x: x.time))

    def discard(self, entry: Leftover) -> None:
        """Give a leftover up, with all that is older of the same document.

        Raises:
            WorkspaceError: it cannot be removed.
        """
        for path in reversed(entry.files):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise WorkspaceError(describe_os_error(error, path, "remove")) from error
        self._remove_empty_sessions()

    def close(self) -> None:
        """End the session; what is still unsaved is a leftover for the next one."""
        self._clean()
        self._remove_empty_sessions()
        for lock in self._claimed.values():
            lock.close()
        self._claimed.clear()
        if self._session is not None:
            folder, lock = self._session
            _clean_session(folder, keep=self._targets_of_living())
            remove_session(folder, lock, (_TARGETS,))
            lock.close()
            self._session = None

    # -- this session

    def _own_session(self) -> Path:
        if self._session is None:
            try:
                self._session = new_session(self._folder)
            except OSError as error:
                what = describe_os_error(error, self._folder, "make a folder in")
                raise WorkspaceError(what) from error
        return self._session[0]

    def _add_target(self, folder: Path, target: _Target) -> None:
        """Remember what may be written before it is; after a SIGKILL the line is there."""
        if target in self._targets:
            return
        try:
            with (folder / _TARGETS).open("ab") as file:
                file.write(msgspec.json.encode(target) + b"\n")
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, folder / _TARGETS, "write")) from error
        self._targets.add(target)

    # -- dead sessions

    def _leftover(self, entry: _Entry, files: tuple[Path, ...]) -> Leftover | None:
        """An entry as a leftover; None where it was saved, which removes it."""
        base = Base(entry.beside, entry.mirror)
        target = None if entry.target is None else Path(entry.target)
        document = _document(entry)
        found = wanted = None
        is_known = False
        with contextlib.suppress(WorkspaceError):
            found = read_bytes(target or self._store.record(entry.key).mirror)
            wanted = self._store.encode(entry.key, document)
            is_known = True
        if is_known and found == wanted:
            for path in files:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
            return None
        digest = None if found is None else digest_of(found)
        is_changed = digest != (base.mirror if target is None else base.beside)
        time = datetime.fromisoformat(entry.time)
        return Leftover(entry.key, document, base, target, time, is_changed, files)

    def _clean(self) -> None:
        """Remove half-written files of the dead, but none that a living session may be writing."""
        keep = self._targets_of_living() | self._targets
        for folder in self._claimed:
            _clean_session(folder, keep)

    def _targets_of_living(self) -> set[_Target]:
        own = self._session[0] if self._session is not None else None
        others = (f for f in session_folders(self._folder) if f not in self._claimed and f != own)
        return {target for folder in others for target in _targets(folder)}

    def _remove_empty_sessions(self) -> None:
        for folder, lock in list(self._claimed.items()):
            remove_session(folder, lock, (_TARGETS,))
            if not folder.exists():
                lock.close()
                del self._claimed[folder]


def _entry_name(key: ImageKey) -> str:
    words = "\0".join((key.series_uid, key.sop_uid, key.disambiguator, str(key.image)))
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:32] + ".json"


def _entries(folder: Path) -> Iterator[tuple[Path, _Entry]]:
    """The entries of a session that are whole."""
    for path in sorted(folder.glob("*.json")):
        with contextlib.suppress(
            OSError, msgspec.MsgspecError, RecursionError, ValueError, AnnotationError
        ):
            entry = msgspec.json.decode(path.read_bytes(), type=_Entry)
            _document(entry)
            if entry.schema == 1 and datetime.fromisoformat(entry.time).tzinfo is not None:
                yield path, entry


def _document(entry: _Entry) -> Annotation | None:
    """Raises AnnotationError where it is damaged."""
    data = bytes(entry.document)
    return None if data == b"null" else parse_annotation(data, entry.image)


def _targets(folder: Path) -> set[_Target]:
    """What a session has meant to write; the last line may be torn."""
    try:
        lines = (folder / _TARGETS).read_bytes().splitlines()
    except OSError:
        return set()
    targets = set()
    for line in lines:
        with contextlib.suppress(msgspec.MsgspecError, UnicodeError):
            targets.add(msgspec.json.decode(line, type=_Target))
    return targets


def _clean_session(folder: Path, keep: set[_Target]) -> None:
    """Remove half-written files of a session; what cannot be removed is left."""
    paths_kept = {t.path for t in keep}
    records_kept = {t.record for t in keep}
    for target in _targets(folder):
        if target.path is not None and target.path not in paths_kept:
            with contextlib.suppress(OSError):
                remove_temporaries(Path(target.path))
        if target.record not in records_kept and os.path.isdir(target.record):
            with contextlib.suppress(OSError):
                Record(Path(target.record)).remove_temporaries()
    for path in sorted(folder.glob(".*.json.*.tmp")):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
