"""Which annotation file belongs to which DICOM file, and whether the two fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import AnnotationError
from medseg_desktop.io.medlabelme import referenced_image


@dataclass(frozen=True, slots=True)
class AnnotationFile:
    """An annotation and where it was read from."""

    path: Path
    annotation: Annotation


@dataclass(frozen=True, slots=True)
class FileShape:
    """Number of frames, rows and columns of a DICOM file."""

    frames: int
    rows: int
    columns: int


def pair_annotations(
    documents: Mapping[Path, Annotation], shapes: Mapping[str, FileShape], root: Path
) -> tuple[dict[str, AnnotationFile], dict[Path, str]]:
    """Match annotations to DICOM files.

    Args:
        documents: annotation path -> document.
        shapes: absolute DICOM path -> its shape, for every readable image.

    Returns:
        (absolute DICOM path -> annotation, annotation path -> why it cannot be used).
    """
    paired: dict[str, AnnotationFile] = {}
    refused: dict[Path, str] = {}
    for path, document in documents.items():
        try:
            image = str(referenced_image(path, document, root))
            if image not in shapes:
                raise AnnotationError(
                    f"{path.name} refers to {document.image_path!r}, which is no readable image"
                )
            check_fits(document, shapes[image], path.name)
            if image in paired:
                raise AnnotationError(
                    f"{path.name} annotates the same file as {paired[image].path.name}"
                )
            paired[image] = AnnotationFile(path, document)
        except AnnotationError as error:
            refused[path] = error.message.rstrip(".")
    return paired, refused


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
