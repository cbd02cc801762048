"""What has been looked at: the state of a slice, and documents with other shapes or states.

How a state is told by a document is fixed by the format (see `Annotation.is_reviewed`): a listed
frame is reviewed, and no listed frame at all means that every frame is.  So a document that is
changed here lists each reviewed frame, in `frames` and, because other programs drop frames
without shapes, in our own `medseg.reviewed_frames`; `medseg.slice_states` tells who said so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape, SliceState
from medseg_desktop.core.labels import LabelTable


def slice_state(document: Annotation | None, frame: int) -> SliceState:
    """The state of a frame; a file without a document is unseen."""
    return document.slice_state(frame) if document else SliceState.UNSEEN


def shape_count(document: Annotation | None, label: str) -> int:
    """How many shapes of a label a document has."""
    if document is None:
        return 0
    return sum(shape.label == label for frame in document.frames for shape in frame.shapes)


def revealed(
    labels: LabelTable, changes: Sequence[tuple[Annotation | None, Annotation | None]]
) -> LabelTable:
    """The table with those hidden labels shown that have got shapes, because what is drawn has to
    be seen; itself where there are none.

    Args:
        changes: documents before and after.
    """
    for label in labels.foreground:
        if not label.visible and any(
            shape_count(new, label.name) > shape_count(old, label.name) for old, new in changes
        ):
            labels = labels.with_visible(label.index, True)
    return labels


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


@dataclass(frozen=True, slots=True)
class SliceChange:
    """What a frame is to be.

    Attributes:
        reviewed: a person has looked at it; always so where it has shapes.
    """

    shapes: tuple[Shape, ...]
    reviewed: bool


def with_slice(
    document: Annotation | None,
    facts: FileFacts,
    frame: int,
    shapes: tuple[Shape, ...],
    reviewed: bool,
    signature: Mapping[str, str],
) -> Annotation | None:
    """A document in which one frame has these shapes and this state; see `with_slices`."""
    return with_slices(document, facts, {frame: SliceChange(shapes, reviewed)}, signature)


def with_slices(
    document: Annotation | None,
    facts: FileFacts,
    changes: Mapping[int, SliceChange],
    signature: Mapping[str, str],
) -> Annotation | None:
    """A document in which some frames have other shapes and another state.

    Frames that the document lists beyond those of the file stay in it, and so does a reviewed
    frame's entry that has keys of other programs.

    Args:
        document: as it is; None where there is none.
        changes: by zero-based frame; one at least.
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
    edited = {
        i: replace(before.frame(i) or _empty(i, facts), shapes=change.shapes)
        for i, change in changes.items()
    }
    told = {i: changes[i].reviewed or _is_outlined(frame) for i, frame in edited.items()}
    listed = {*before.reviewed_frames, *(f.frame for f in before.frames)}
    known = {*range(facts.frames), *(i for i in listed if i >= facts.frames)}
    seen = {i for i in known if document and document.is_reviewed(i)}
    seen = {i for i in {*seen, *told} if told.get(i, True)}
    if not seen:
        return None
    states = {
        str(i): {"state": str(_state(edited[i])), **signature} if reviewed else None
        for i, reviewed in told.items()
    }
    if before.is_labelme:
        return replace(before, frames=tuple(edited.values()), extra=_signed(before, states))
    frames = [edited.get(i) or before.frame(i) or _empty(i, facts) for i in sorted(seen)]
    if seen == set(range(facts.frames)) and all(map(_says_nothing, frames)):
        frames = []
    extra = _signed(before, states, reviewed_frames=sorted(seen))
    return replace(before, frames=tuple(frames), extra=extra)


def _empty(frame: int, facts: FileFacts) -> FrameAnnotation:
    return FrameAnnotation(frame, width=facts.columns, height=facts.rows)


def _is_outlined(frame: FrameAnnotation) -> bool:
    """Somebody has drawn something; what cannot be used counts too."""
    return bool(frame.shapes or frame.unusable)


def _says_nothing(frame: FrameAnnotation) -> bool:
    """It is only listed: no shapes, and no keys of other programs."""
    return not _is_outlined(frame) and not frame.extra


def _state(frame: FrameAnnotation) -> SliceState:
    return SliceState.LESION if _is_outlined(frame) else SliceState.NO_LESION


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
