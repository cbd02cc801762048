"""What has been looked at: the state of a slice, and documents with other shapes or states.

How a state is told by a document is fixed by the format (see `Annotation.is_reviewed`): a listed
frame is reviewed, and no listed frame at all means that every frame is.  So a document that is
changed here lists each reviewed frame, in `frames` and, because other programs drop frames
without shapes, in our own `medseg.reviewed_frames`; `medseg.slice_states` tells who said so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape, SliceState


def slice_state(document: Annotation | None, frame: int) -> SliceState:
    """The state of a frame; a file without a document is unseen."""
    return document.slice_state(frame) if document else SliceState.UNSEEN


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a document has to know of its DICOM file.

    Attributes:
        name: of the file, without folder.
        frames: their number; rows, columns: of each.
    """

    name: str
    frames: int
    rows: int
    columns: int


def with_slice(
    document: Annotation | None,
    facts: FileFacts,
    frame: int,
    shapes: tuple[Shape, ...],
    reviewed: bool,
    signature: Mapping[str, str],
) -> Annotation | None:
    """A document in which one frame has these shapes and this state.

    Args:
        document: as it is; None where there is none.
        reviewed: a person has looked at the frame; always so where it has shapes.
        signature: `annotator` and `time` of whoever said so.

    Returns:
        The new document; None where it would say nothing of any frame, because then there is
        nothing to be written: a file without document is unseen.
    """
    before = document or Annotation(
        facts.name, facts.frames, extra={"version": "1.0.0", "flags": {}}
    )
    if before.is_labelme and facts.frames > 1:  # such a file describes one slice only
        before = replace(before, is_labelme=False, total_frames=facts.frames)
    edited = before.frame(frame) or _empty(frame, facts)
    edited = replace(edited, shapes=shapes)
    reviewed = reviewed or _is_outlined(edited)
    seen = {i for i in range(facts.frames) if document and document.is_reviewed(i)}
    seen = seen | {frame} if reviewed else seen - {frame}
    if not seen:
        return None
    state = SliceState.LESION if _is_outlined(edited) else SliceState.NO_LESION
    told = {"state": str(state), **signature}
    if before.is_labelme:
        return replace(before, frames=(edited,), extra=_signed(before, {str(frame): told}))
    frames = [edited if i == frame else before.frame(i) or _empty(i, facts) for i in sorted(seen)]
    if len(seen) == facts.frames and not any(map(_is_outlined, frames)):
        frames = []
    extra = _signed(before, {str(frame): told if reviewed else None}, reviewed_frames=sorted(seen))
    return replace(before, frames=tuple(frames), extra=extra)


def _empty(frame: int, facts: FileFacts) -> FrameAnnotation:
    return FrameAnnotation(frame, width=facts.columns, height=facts.rows)


def _is_outlined(frame: FrameAnnotation) -> bool:
    """Somebody has drawn something; what cannot be used counts too."""
    return bool(frame.shapes or frame.unusable)


def relabelled(document: Annotation, names: Mapping[str, str]) -> Annotation:
    """The document with labels renamed, old name -> new; itself where it has none of them."""
    if not names.keys() & set(document.labels):
        return document
    frames = tuple(
        replace(
            frame,
            shapes=tuple(
                replace(s, label=names[s.label]) if s.label in names else s for s in frame.shapes
            ),
        )
        for frame in document.frames
    )
    return replace(document, frames=frames)


def _signed(
    document: Annotation, states: Mapping[str, Mapping[str, str] | None], **keys: Any
) -> dict[str, Any]:
    """The further keys of the document with our own among them; a state of None goes."""
    ours = {k: v for k, v in _object(document.extra.get("medseg")).items() if k != "prediction"}
    kept = {**_object(ours.get("slice_states")), **states}
    ours |= {**keys, "slice_states": {k: v for k, v in kept.items() if v is not None}}
    return {**document.extra, "medseg": ours}


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
