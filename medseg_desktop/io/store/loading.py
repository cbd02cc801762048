"""Which document counts: that of the file beside the image, or that of the workspace.

Nothing is written here: opening and looking leaves the disk as it is.
"""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import AnnotationError, WorkspaceError
from medseg_desktop.core.shapes.own_keys import give_back, says_the_same
from medseg_desktop.io.annotation_files import AnnotationFile, FileShape, check_fits, digest_of
from medseg_desktop.io.medlabelme import parse_annotation
from medseg_desktop.io.store.annotation_store import AnnotationStore
from medseg_desktop.io.store.keys import ImageKey
from medseg_desktop.io.store.places import is_writable
from medseg_desktop.io.store.record import Base, Record, SavedState, read_bytes


@dataclass(frozen=True, slots=True)
class Conflict:
    """The file beside an image and the workspace say different things.

    Attributes:
        sentence: what has happened to which file.
        other: the document of the workspace, which does not count.
    """

    key: ImageKey
    sentence: str
    other: Annotation


@dataclass(frozen=True, slots=True)
class LoadedDocument:
    """What is known of one image's document.

    Attributes:
        counts: the document that counts, and the file it was read from; None for an image
            without.
        base: what a save of it expects to find.
        file: the file beside the image that it goes back to; None where there is none.
    """

    key: ImageKey
    counts: AnnotationFile | None
    base: Base
    file: Path | None = None
    conflict: Conflict | None = None


@dataclass(frozen=True, slots=True)
class LoadedAnnotations:
    """The documents of a source.

    Attributes:
        annotations: absolute DICOM path -> the annotation that counts.
        documents: absolute DICOM path -> what is known, for every image.
        notes: sentences about what could not be read in the workspace.
    """

    annotations: dict[str, AnnotationFile] = field(default_factory=dict)
    documents: dict[str, LoadedDocument] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        return tuple(d.conflict for d in self.documents.values() if d.conflict is not None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for all notes, and one for all conflicts."""
        return (*_first_of(self.notes), *_first_of([c.sentence for c in self.conflicts]))


def _first_of(sentences: Sequence[str]) -> tuple[str, ...]:
    """The first sentence, which says how many more there are; hundreds would hide it."""
    if len(sentences) < 2:
        return tuple(sentences)
    return (f"{sentences[0].rstrip('.')} ({len(sentences) - 1} more like this).",)


def apply_store(
    annotations: Mapping[str, AnnotationFile],
    images: Sequence[ImageKey],
    store: AnnotationStore | None,
    *,
    shapes: Mapping[str, FileShape] | None = None,
) -> LoadedAnnotations:
    """Put what the files beside the images and the workspace say together.

    Args:
        annotations: absolute DICOM path -> what was read beside it.
        images: all images of the source.
        store: of the workspace; None where there is none.
        shapes: absolute DICOM path -> its shape; a document of the workspace that does not fit
            is not used.
    """
    documents: dict[str, LoadedDocument] = {}
    notes: list[str] = []
    writable = cache(is_writable)
    is_known = cache(lambda series: store is not None and (store.folder / series).is_dir())
    for key in images:
        path = str(key.image)
        beside = annotations.get(path)
        if store is None or not is_known(key.series_folder):
            documents[path] = _plain(key, beside)
            continue
        try:
            documents[path] = _load(
                key, beside, store, (shapes or {}).get(path), partial(writable, key.image.parent)
            )
        except (WorkspaceError, AnnotationError) as error:
            notes.append(error.message)
            documents[path] = _plain(key, beside, _mirror_digest(store, key))
    notes += _of_nobody(images, documents, store)
    counting = {path: d.counts for path, d in documents.items() if d.counts is not None}
    return LoadedAnnotations(counting, documents, tuple(notes))


def _plain(
    key: ImageKey, beside: AnnotationFile | None, mirror: str | None = None
) -> LoadedDocument:
    """What the file beside the image says."""
    if beside is None:
        return LoadedDocument(key, None, Base(None, mirror))
    return LoadedDocument(key, beside, Base(beside.digest, mirror), beside.path)


def _mirror_digest(store: AnnotationStore, key: ImageKey) -> str | None:
    """Of a mirror that cannot be used; it goes to the versions when it is replaced."""
    try:
        data = read_bytes(store.record(key).mirror)
    except WorkspaceError:
        return None
    return None if data is None else digest_of(data)


def _load(
    key: ImageKey,
    beside: AnnotationFile | None,
    store: AnnotationStore,
    shape: FileShape | None,
    is_folder_writable: Callable[[], bool],
) -> LoadedDocument:
    """Decide for one image.

    Raises:
        WorkspaceError: the workspace cannot be read.
        AnnotationError: its document is damaged or does not fit the image.
    """
    record, state = _record_of(key, store)
    data = read_bytes(record.mirror)
    mirror = None
    if data is not None:
        name = f"The annotation of {key.image.name} in the workspace ({record.mirror})"
        mirror = AnnotationFile(record.mirror, parse_annotation(data, name), digest_of(data))
        if shape is not None:
            check_fits(mirror.annotation, shape, name)
    document = decide(key, beside, mirror, state, is_folder_writable)
    own = store.record(key).mirror
    if own == record.mirror:
        return document
    data = read_bytes(own)  # a save goes to its own record, whichever was read
    digest = None if data is None else digest_of(data)
    return replace(document, base=replace(document.base, mirror=digest))


def _record_of(key: ImageKey, store: AnnotationStore) -> tuple[Record, SavedState | None]:
    """The record that tells of an image, with its state.

    A file has another record while others with its UIDs are open.  Where one of the two names
    this file, that one tells, or the later of both; else its own, since files may be moved.
    """
    own, twin = store.record(key), store.record(key.twin)
    own_state, twin_state = own.state(), twin.state()
    if twin_state is None or twin_state.image != key.name:
        return own, own_state
    if own_state is None or own_state.image != key.name or own_state.time < twin_state.time:
        return twin, twin_state
    return own, own_state


def _of_nobody(
    images: Sequence[ImageKey],
    documents: Mapping[str, LoadedDocument],
    store: AnnotationStore | None,
) -> list[str]:
    """What was annotated in the workspace before its image lay elsewhere, or had copies.

    Nobody knows which of several files with its UIDs it belongs to.
    """
    groups: defaultdict[tuple[str, str], list[ImageKey]] = defaultdict(list)
    for key in images:
        if key.disambiguator:
            groups[key.series_uid, key.sop_uid].append(key)
    notes = []
    for keys in groups.values():
        if store is None or all(documents[str(key.image)].counts for key in keys):
            continue
        record = store.record(keys[0].twin)
        with contextlib.suppress(WorkspaceError):
            state = record.state()
            is_here = state is not None and state.path is None and not state.removed
            if state is not None and is_here and state.image not in {key.name for key in keys}:
                notes.append(
                    f"The annotation in {record.mirror} could belong to {keys[0].image} or to "
                    "another file with the same UIDs; open the right one alone to see it."
                )
    return notes


def decide(
    key: ImageKey,
    beside: AnnotationFile | None,
    mirror: AnnotationFile | None,
    state: SavedState | None,
    is_folder_writable: Callable[[], bool],
) -> LoadedDocument:
    """Which of two documents counts, the one beside the image or the workspace's `mirror`.

    - Without a file beside the image the mirror counts where the document lives in the
      workspace, or where the image lies in a folder that cannot be written.
    - With one the mirror counts where the document lives in the workspace and the file is as it
      was then.
    - Else the file counts.  Where somebody else has changed it since it was saved here, the
      mirror gives our own keys back, and is offered if it says anything else.
    """
    plain = _plain(key, beside, mirror.digest if mirror else None)
    if state is not None and state.removed:
        is_as_then = beside is not None and state.path is None and beside.digest == state.base
        return replace(plain, counts=None) if is_as_then else plain
    if mirror is None:
        return plain
    if beside is None:
        return _without_file(plain, mirror, state, is_folder_writable)
    if beside.digest == mirror.digest:
        return plain
    if state is None:
        return _offer(plain, mirror, f"{beside.path} is not what was saved in the workspace.")
    if state.path is None:
        if beside.digest == state.base:
            return replace(plain, counts=mirror)
        return _offer(
            plain, mirror, f"{beside.path} was changed since it was annotated in the workspace."
        )
    if beside.digest in (state.base, state.replaces) or not _is_same(state.path, beside.path):
        return plain  # a save that did not come to its end, or another copy of the image
    document = give_back(beside.annotation, mirror.annotation)
    merged = replace(plain, counts=replace(beside, annotation=document))
    if says_the_same(document, mirror.annotation):
        return merged
    return _offer(
        merged, mirror, f"{beside.path} was changed by another program since it was saved here."
    )


def _without_file(
    plain: LoadedDocument,
    mirror: AnnotationFile,
    state: SavedState | None,
    is_folder_writable: Callable[[], bool],
) -> LoadedDocument:
    """There is no file beside the image, or none that can be used."""
    if state is None or state.path is None:
        return replace(plain, counts=mirror)
    path = Path(state.path)
    if _is_same(str(path.parent), plain.key.image.parent):
        if state.replaces is None:
            return plain  # its first save did not come to its end
        return _offer(plain, mirror, f"{path} was saved here and is gone or no longer usable.")
    return plain if is_folder_writable() else replace(plain, counts=mirror)


def _offer(document: LoadedDocument, mirror: AnnotationFile, sentence: str) -> LoadedDocument:
    return replace(document, conflict=Conflict(document.key, sentence, mirror.annotation))


def _is_same(one: str, other: Path) -> bool:
    return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))
