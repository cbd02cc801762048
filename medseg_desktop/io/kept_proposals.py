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
    """The model's document that `with_kept_proposals` has kept, of the frames that nobody has
    looked at; None where there is nothing left."""
    kept = _ours(document).get("proposals")
    if not isinstance(kept, Mapping) or not isinstance(kept.get("frames"), list):
        return None
    frames = []
    for entry in kept["frames"]:
        if not isinstance(entry, Mapping):
            continue
        number, listed = entry.get("frame"), entry.get("shapes")
        if not isinstance(number, int) or not isinstance(listed, list):
            continue
        if not document.is_reviewed(number):
            frames.append(FrameAnnotation(number, ShapeReader().read(listed)[0]))
    model = kept.get("model")
    if not frames or not isinstance(model, str) or not model:
        return None
    return Annotation(
        document.image_path,
        document.total_frames,
        tuple(frames),
        extra={"medseg": {"prediction": model}},
    )


def _ours(document: Annotation) -> Mapping[str, Any]:
    ours = document.extra.get("medseg")
    return ours if isinstance(ours, Mapping) else {}


def _key(kept: Mapping[str, Any]) -> dict[str, Any]:
    return {"proposals": kept} if kept["frames"] else {}
