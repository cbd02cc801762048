"""Shapes as text, for the clipboard: the same JSON that annotation files hold."""

from __future__ import annotations

import msgspec

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape
from medseg_desktop.core.errors import AnnotationError
from medseg_desktop.io.medlabelme import annotation_to_json, parse_annotation


def shapes_to_text(shapes: tuple[Shape, ...]) -> str:
    """Shapes as a MedicalLabelMe document of one frame."""
    document = Annotation("clipboard", 1, (FrameAnnotation(0, shapes),), {"version": "1.0.0"})
    return msgspec.json.encode(annotation_to_json(document)).decode()


def shapes_from_text(text: str) -> tuple[Shape, ...]:
    """The shapes of a document on the clipboard; none where the text is something else."""
    try:
        document = parse_annotation(text.encode("utf-8", "replace"), "The clipboard")
    except AnnotationError:
        return ()
    return tuple(shape for frame in document.frames for shape in frame.shapes)
