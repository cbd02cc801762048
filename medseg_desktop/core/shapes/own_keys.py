"""Our own keys of a document, given back where another program has dropped them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape

#: The key that ours lie under, at top level and in each shape.
OWN = "medseg"
_GIVEN_BACK = ("reviewed_frames", "slice_states", "rejected", "proposals")


def give_back(document: Annotation, saved: Annotation) -> Annotation:
    """A document with the own keys of what was saved, as far as they still hold.

    A shape without `medseg` gets that of a saved one with its label and points in the same
    frame (each serves once).  What was reviewed, rejected and proposed comes back where
    the document has no `medseg` at all.  Reviewed frames that are not listed any more, because
    nothing is outlined on them, are listed again: no listed frame would mean that all are.
    """
    frames = tuple(_frame(frame, saved.shapes(frame.frame)) for frame in document.frames)
    extra = document.extra
    ours = saved.extra.get(OWN)
    if OWN not in extra and isinstance(ours, Mapping):
        kept = {k: ours[k] for k in _GIVEN_BACK if k in ours}
        extra = {**extra, OWN: kept} if kept else extra
    return _relisted(replace(document, frames=frames, extra=extra), saved)


def _relisted(document: Annotation, saved: Annotation) -> Annotation:
    """A document that lists every frame of which it and what was saved say it was reviewed."""
    if not saved.frames or document.is_labelme or document.is_prediction or saved.is_prediction:
        return document  # what was saved without frames means all of them itself
    total = document.total_frames
    for i in sorted(document.reviewed_frames & saved.reviewed_frames):
        if document.frame(i) is None and i >= 0 and (total is None or i < total):
            was = saved.frame(i) or FrameAnnotation(i)
            document = document.with_frame(replace(was, shapes=(), unusable=()))
    return document


def says_the_same(document: Annotation, other: Annotation) -> bool:
    """Both list the same frames with the same outlines; other keys than ours do not count."""
    return _content(document) == _content(other)


def _content(document: Annotation) -> tuple[object, object]:
    frames = {
        f.frame: [(s.label, s.points, s.shape_type, s.extra.get(OWN)) for s in f.shapes]
        for f in document.frames
    }
    return frames, document.extra.get(OWN)


def _frame(frame: FrameAnnotation, saved: tuple[Shape, ...]) -> FrameAnnotation:
    left = [s for s in saved if OWN in s.extra]
    if not left:
        return frame
    shapes = []
    for shape in frame.shapes:
        match = None
        if OWN not in shape.extra:
            match = next((s for s in left if _outline(s) == _outline(shape)), None)
        if match is not None:
            left.remove(match)
            shape = replace(shape, extra={**shape.extra, OWN: match.extra[OWN]})
        shapes.append(shape)
    return replace(frame, shapes=tuple(shapes))


def _outline(shape: Shape) -> Any:
    return shape.label, shape.shape_type, shape.points
