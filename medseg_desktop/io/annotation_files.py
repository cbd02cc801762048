"""Which annotation file belongs to which DICOM file, and whether the two fit together."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import AnnotationError
from medseg_desktop.io.medlabelme import (
    parse_annotation,
    read_annotation_bytes,
    referenced_image,
    told,
)


@dataclass(frozen=True, slots=True)
class AnnotationFile:
    """An annotation and where it was read from.

    `digest`: SHA-256 of the bytes it was read from, in hexadecimal digits.
    """

    path: Path
    annotation: Annotation
    digest: str = ""


def read_annotation_file(path: Path) -> AnnotationFile:
    """Read one annotation file with its digest; raises like `medlabelme.read_annotation`."""
    data = read_annotation_bytes(path)
    return AnnotationFile(path, parse_annotation(data, path.name), digest_of(data))


def digest_of(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class FileShape:
    """Number of frames, rows and columns of a DICOM file."""

    frames: int
    rows: int
    columns: int


@dataclass(slots=True)
class Pairing:
    """What became of every annotation file.

    Attributes:
        paired: absolute DICOM path -> its annotation.
        refused: annotation path -> why it cannot be used.
        unused: predictions that no person has accepted and that belong to no slice, or to one
            with an annotation of its own: annotation path -> why it is left alone.
    """

    paired: dict[str, AnnotationFile] = field(default_factory=dict)
    refused: dict[Path, str] = field(default_factory=dict)
    unused: dict[Path, str] = field(default_factory=dict)


def pair_annotations(
    documents: Mapping[Path, AnnotationFile], shapes: Mapping[str, FileShape], root: Path
) -> Pairing:
    """Match annotations to DICOM files.

    Args:
        documents: annotation path -> what it holds.
        shapes: absolute DICOM path -> its shape, for every readable image.
    """
    outcome = Pairing()
    similar = _by_similar_name(shapes)
    # What a person drew goes before what a model proposed, whatever the files are called.
    for path in sorted(documents, key=lambda p: documents[p].annotation.is_prediction):
        document = documents[path].annotation
        problems = outcome.unused if document.is_prediction else outcome.refused
        try:
            wanted = str(referenced_image(path, document, root))
            image = wanted if wanted in shapes else similar.get(_folded(wanted), "")
            if not image:
                raise AnnotationError(
                    f"{path.name} refers to {told(document.image_path)}, which is not there "
                    "or cannot be read"
                )
            if image in outcome.paired:
                other = outcome.paired[image].path.name
                raise AnnotationError(f"{path.name} annotates the same file as {other}")
            check_fits(document, shapes[image], path.name)
            outcome.paired[image] = documents[path]
        except AnnotationError as error:
            problems[path] = error.message.rstrip(".")
    return outcome


def _by_similar_name(paths: Iterable[str]) -> dict[str, str]:
    """Paths by their name without regard to case and Unicode form, where that is unique.

    A folder that was annotated on Windows or a Mac and copied to Linux needs it.
    """
    similar: dict[str, list[str]] = {}
    for path in paths:
        similar.setdefault(_folded(path), []).append(path)
    return {name: found[0] for name, found in similar.items() if len(found) == 1}


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def check_fits(document: Annotation, shape: FileShape, name: str) -> None:
    """Refuse an annotation whose size or frames are not the image's.

    Raises:
        AnnotationError: names the file and both sizes.
    """
    for frame in document.frames:
        if frame.frame >= shape.frames:
            raise AnnotationError(
                f"{name} lists frame {frame.frame}, but the image has {shape.frames}"
            )
        size = (frame.width or shape.columns, frame.height or shape.rows)
        if size != (shape.columns, shape.rows):
            raise AnnotationError(
                f"{name} was drawn on {size[0]} x {size[1]} pixels, "
                f"but the image has {shape.columns} x {shape.rows}"
            )
