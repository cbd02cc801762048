"""Find the series of an opened source: every file looked at by content, headers only.

The result names every file that was found and what became of it, so nothing is left out
silently.  Pixels are not read here (see `io.pixels.reader`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import (
    AnnotationError,
    DataError,
    NotAnImageError,
    UnreadableSliceError,
)
from medseg_desktop.core.volume import NO_UID, Series, Slice
from medseg_desktop.io.annotation_files import (
    AnnotationFile,
    FileShape,
    Pairing,
    pair_annotations,
    read_annotation_file,
)
from medseg_desktop.io.dicom.guard import NoDicomError
from medseg_desktop.io.dicom.header import Header, read_header
from medseg_desktop.io.dicom.plain_pixels import PlainFile
from medseg_desktop.io.dicom.stacks import PatientKey, group_stacks, relative_path, top_folder
from medseg_desktop.io.dicom.transfer_syntax import is_native
from medseg_desktop.io.medlabelme import NoAnnotationError
from medseg_desktop.io.sources.source import Source
from medseg_desktop.io.store.annotation_store import AnnotationStore
from medseg_desktop.io.store.keys import ImageFile, ImageKey, image_keys
from medseg_desktop.io.store.loading import LoadedAnnotations, apply_store
from medseg_desktop.io.store.places import Place, Places

#: Called with (files done, files in all); returning normally means "go on".
ScanProgress = Callable[[int, int], None]


class FileStatus(StrEnum):
    """What became of a file of the source."""

    SHOWN = "shown"
    WARNED = "warned"
    REFUSED = "refused"
    ANNOTATION = "annotation"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file: `path` relative to the source's root with `/`, and why it has its status.

    An annotation with a reason is used but for the shapes that the reason tells of.
    `is_object`: refused because it is no image (a report, a plan, ...), and sound otherwise.
    """

    path: str
    status: FileStatus
    reason: str = ""
    is_object: bool = False

    @property
    def sentence(self) -> str:
        """The file and its reason without a full stop, the file's name said once."""
        folder, _, name = self.path.rpartition("/")
        reason = self.reason.rstrip(".")
        if reason.startswith(name):
            return f"{folder}/{reason}" if folder else reason
        return f"{self.path}: {reason}"


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Everything found in an opened source.

    Attributes:
        source: what was opened; messages name it.
        annotations: absolute DICOM path -> the annotation that counts.
        loaded: the same with all that is known of the documents, for every image.
        plain: absolute DICOM path -> how `io.pixels.reader` reads it without its header.
        notes: sentences about the source as a whole.
    """

    source: Source
    series: tuple[Series, ...] = ()
    files: tuple[FileRow, ...] = ()
    annotations: dict[str, AnnotationFile] = field(default_factory=dict)
    plain: dict[str, PlainFile] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    loaded: LoadedAnnotations = field(default_factory=LoadedAnnotations)
    _places: Places | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def root(self) -> Path:
        """The folder that the paths of rows are relative to (see `Source.root`)."""
        return self.source.root

    def annotation(self, item: Slice) -> Annotation | None:
        """The annotation document of the file a slice lies in, or None."""
        found = self.annotations.get(item.path)
        return found.annotation if found else None

    def place(self, path: str) -> Place:
        """Where the document of an image (absolute path) is saved, as `Places` says."""
        if self._places is None:  # frozen; made when it is first asked for, which few are
            object.__setattr__(self, "_places", self._make_places())
        assert self._places is not None
        document = self.loaded.documents[path]
        return self._places.of(document.key.image, document.file)

    def _make_places(self) -> Places:
        return Places(
            (document.key.image for document in self.loaded.documents.values()),
            (self.root / f.path for f in self.files if f.path.lower().endswith(".json")),
            is_temporary=self.source.is_temporary,
        )

    def is_annotated(self, item: Slice) -> bool:
        """The slice has at least one shape."""
        document = self.annotation(item)
        return bool(document and document.shapes(item.frame))

    def is_reviewed(self, item: Slice) -> bool:
        """A person has looked at the slice, lesion or not."""
        document = self.annotation(item)
        return bool(document and document.is_reviewed(item.frame))

    def is_usable(self, item: Slice) -> bool:
        """The slice is reviewed, and all that was outlined on it is understood.

        Only such slices may enter a dataset or an evaluation: a lesion whose outline cannot be
        read would count as healthy there.
        """
        document = self.annotation(item)
        return self.is_reviewed(item) and bool(document and document.is_complete(item.frame))

    @property
    def refused(self) -> tuple[FileRow, ...]:
        return tuple(f for f in self.files if f.status is FileStatus.REFUSED)

    @property
    def unusable(self) -> tuple[FileRow, ...]:
        """Refused files that were meant to be usable: all but sound objects that are no image."""
        return tuple(f for f in self.refused if not f.is_object)

    @property
    def refused_annotations(self) -> tuple[FileRow, ...]:
        """Annotation files that cannot be used, which nobody should overlook."""
        return tuple(f for f in self.refused if f.path.lower().endswith(".json"))

    @property
    def incomplete_annotations(self) -> tuple[FileRow, ...]:
        """Annotation files of persons with shapes that cannot be used, beside others that can."""
        incomplete = {
            relative_path(found.path, self.root)
            for found in self.annotations.values()
            if found.annotation.notices("") and not found.annotation.is_prediction
        }
        return tuple(f for f in self.files if f.path in incomplete)

    @property
    def broken_annotations(self) -> tuple[FileRow, ...]:
        """Annotation files that cannot be used at all or in part; jobs stop at them."""
        return self.refused_annotations + self.incomplete_annotations


def scan(
    source: Source,
    *,
    salt: bytes,
    patient_key: PatientKey = "id",
    progress: ScanProgress | None = None,
    on_compressed: Callable[[], None] | None = None,
    store: AnnotationStore | None = None,
) -> ScanResult:
    """Look at every file of an opened source, which must stay open as long as the result is used.

    Args:
        salt: of the workspace, for the patient hashes.
        patient_key: `id` uses PatientID with issuer; `folder` the top-level folder, for data
            whose PatientIDs were all made equal.
        progress: may raise `core.errors.Cancelled` to stop.
        on_compressed: called once, when the first file with compressed pixels is met.
        store: of the workspace, for the annotations that live there.
    """
    root = source.root
    rows = [FileRow(path, FileStatus.REFUSED, reason) for path, reason in source.refused]
    headers, documents = _look_at(source.files, root, rows, progress, on_compressed)
    shapes = {str(h.path): FileShape(len(h.frames), h.rows, h.columns) for h in headers}
    pairing = pair_annotations(documents, shapes, root)
    rows += [_annotation_row(path, f.annotation, root, pairing) for path, f in documents.items()]
    loaded = apply_store(pairing.paired, _keys(headers, source), store, shapes=shapes)
    series, warned = group_stacks(headers, root, salt, patient_key)
    for header in headers:
        reason = warned.get(str(header.path), "")
        status = FileStatus.WARNED if reason else FileStatus.SHOWN
        rows.append(FileRow(relative_path(header.path, root), status, reason))
    return ScanResult(
        source=source,
        series=series,
        files=tuple(sorted(rows, key=lambda r: r.path)),
        annotations=loaded.annotations,
        plain={str(h.path): h.plain for h in headers if h.plain is not None},
        notes=_notes(headers, root, patient_key),
        loaded=loaded,
    )


def require_series(result: ScanResult) -> None:
    """Raise DataError, in one sentence, where a source holds nothing to work with."""
    if result.series:
        return
    if not result.files:
        raise DataError(f"{result.source} is empty.", "Choose a folder with DICOM series.")
    refused = [f for f in result.refused if f not in result.refused_annotations]
    if refused:
        raise DataError(f"{result.source} holds no usable DICOM series; {refused[0].sentence}.")
    raise DataError(f"{result.source} holds no DICOM series.", "Choose another folder.")


def _keys(headers: Sequence[Header], source: Source) -> tuple[ImageKey, ...]:
    """What the documents of the files are known by."""
    files = [
        ImageFile(h.path, "" if h.series_uid.startswith(NO_UID) else h.series_uid, h.sop_uid)
        for h in headers
    ]
    named = "|".join(map(str, source.named)) if source.is_temporary else ""
    return image_keys(files, source.root, named)


def _annotation_row(path: Path, document: Annotation, root: Path, pairing: Pairing) -> FileRow:
    if path in pairing.refused:
        return FileRow(relative_path(path, root), FileStatus.REFUSED, pairing.refused[path])
    if path in pairing.unused:
        return FileRow(relative_path(path, root), FileStatus.IGNORED, pairing.unused[path])
    notices = document.notices(path.name)
    reason = notices[0].rstrip(".") if notices else ""
    if len(notices) > 1:
        reason += f" ({len(notices) - 1} more of its shapes cannot be used)"
    return FileRow(relative_path(path, root), FileStatus.ANNOTATION, reason)


def _look_at(
    paths: Sequence[Path],
    root: Path,
    rows: list[FileRow],
    progress: ScanProgress | None,
    on_compressed: Callable[[], None] | None,
) -> tuple[list[Header], dict[Path, AnnotationFile]]:
    """Headers and annotations; files that are neither get their row at once."""
    headers: list[Header] = []
    documents: dict[Path, AnnotationFile] = {}
    for i, path in enumerate(paths):
        if progress:
            progress(i, len(paths))
        try:
            if path.suffix.lower() == ".json" and not path.name.startswith("._"):
                documents[path] = read_annotation_file(path)
            else:
                headers.append(read_header(path))
                if on_compressed and not is_native(headers[-1].transfer_syntax):
                    on_compressed()
                    on_compressed = None
        except NoDicomError:
            rows.append(FileRow(relative_path(path, root), FileStatus.IGNORED, "not DICOM"))
        except NoAnnotationError as error:
            # Beside a slice of the same name it is an annotation that went wrong.
            beside = any(path.with_suffix(s).is_file() for s in (".dcm", ".DCM"))
            status = FileStatus.REFUSED if beside else FileStatus.IGNORED
            reason = error.message.rstrip(".") if beside else "no annotation"
            rows.append(FileRow(relative_path(path, root), status, reason))
        except (UnreadableSliceError, AnnotationError) as error:
            reason, is_object = error.message.rstrip("."), isinstance(error, NotAnImageError)
            rows.append(FileRow(relative_path(path, root), FileStatus.REFUSED, reason, is_object))
    if progress:
        progress(len(paths), len(paths))
    return headers, documents


def _notes(headers: list[Header], root: Path, patient_key: PatientKey) -> tuple[str, ...]:
    folders = {top_folder(h.path, root) for h in headers}
    patients = {(h.patient_id, h.issuer) for h in headers if h.patient_id}
    studies = {h.study_uid for h in headers}
    if patient_key == "id" and len(patients) == 1 and len(folders) > 1 and len(studies) > 1:
        return (
            f"One PatientID covers {len(folders)} folders; if these are several patients, "
            "use the top-level folder as the patient (--patient-key folder).",
        )
    return ()
