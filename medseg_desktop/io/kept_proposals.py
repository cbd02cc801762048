"""What a model proposes for frames of a film that nobody has decided about yet.

An annotation file that a model wrote becomes a person's with the first decision.  A film has more
frames than that one, so what was proposed for the others is kept in our own key
`medseg.proposals`: `{"model": NAME-vN, "frames": [{"frame", "shapes"}]}`.  It is no annotation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from medseg_desktop.core.annotation import Annotation, FrameAnnotation
from medseg_desktop.io.shape_json import ShapeReader, shapes_to_json

#: Our keys that a model's document does not have.
_PERSONS = ("proposals", "reviewed_frames", "slice_states")


def with_kept_proposals(document: Annotation, prediction: Annotation) -> Annotation:
    """A person's document of a film with all that a model's document of it proposes."""
    frames = [
        {"frame": f.frame, "shapes": shapes_to_json(f.shapes, ())}
        for f in prediction.frames
        if f.shapes
    ]
    kept = {"model": prediction.prediction_model, "frames": frames}
    return replace(document, extra={**document.extra, "medseg": {**_ours(document), **_key(kept)}})


def kept_proposals(document: Annotation) -> Annotation | None:
    """The model's document that `with_kept_proposals` has kept, None where there is none.

    It is what belongs into the file when a person's document says nothing any more, so it has
    the proposals of every frame, decided or not, and all that other programs have written.
    """
    kept = _ours(document).get("proposals")
    if not isinstance(kept, Mapping) or not isinstance(kept.get("frames"), list):
        return None
    frames: dict[int, FrameAnnotation] = {}
    for entry in kept["frames"]:
        if not isinstance(entry, Mapping):
            continue
        number, listed = entry.get("frame"), entry.get("shapes")
        if isinstance(number, int) and not isinstance(number, bool) and isinstance(listed, list):
            was = document.frame(number) or FrameAnnotation(number)
            frames[number] = replace(was, shapes=ShapeReader().read(listed)[0])
    model = kept.get("model")
    if not frames or not isinstance(model, str) or not model:
        return None
    # Our other keys tell of the person's document.
    ours = {k: v for k, v in _ours(document).items() if k not in _PERSONS}
    extra = {**document.extra, "medseg": {**ours, "prediction": model}}
    return replace(document, frames=tuple(frames[i] for i in sorted(frames)), extra=extra)


def parts_of(document: Annotation | None) -> tuple[Annotation | None, Annotation | None]:
    """Of the content of an annotation file: a person's document, and what a model proposes."""
    if document is None:
        return None, None
    if document.is_prediction:
        return None, document
    return document, kept_proposals(document)


def _ours(document: Annotation) -> Mapping[str, Any]:
    ours = document.extra.get("medseg")
    return ours if isinstance(ours, Mapping) else {}


def _key(kept: Mapping[str, Any]) -> dict[str, Any]:
    return {"proposals": kept} if kept["frames"] else {}
