"""Who drew a shape, and from which model's proposal: our own key `medseg` of a shape.

`provenance` is `manual`, `model NAME-vN` (accepted as proposed) or `model NAME-vN edited`.  With
it stand `annotator`, `time` (UTC), and of an edited proposal `proposal` (the proposed outlines)
and `dice` (between these and the shape, Dice 1945), which tell how much was corrected.  `rings`
are the outlines of a shape with holes (see `core.shapes.rings`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Point, Shape

MANUAL = "manual"
_MODEL, _EDITED = "model ", " edited"


def own_keys(shape: Shape) -> Mapping[str, Any]:
    """Our own keys of a shape; none where another program wrote it."""
    ours = shape.extra.get("medseg")
    return ours if isinstance(ours, Mapping) else {}


def with_own_keys(shape: Shape, **keys: Any) -> Shape:
    """The shape with some of our keys set; None removes a key."""
    ours = {**own_keys(shape), **keys}
    ours = {key: value for key, value in ours.items() if value is not None}
    extra = {key: value for key, value in shape.extra.items() if key != "medseg"}
    signed = replace(shape, extra={**extra, "medseg": ours} if ours else extra)
    # What was worked out of the points stays; the rings may be other ones.
    signed.derived.update({k: v for k, v in shape.derived.items() if k != "rings"})
    return signed


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a shape comes from.

    Attributes:
        model: name and version of the model that proposed it; empty where a person drew it.
        edited: the proposal was changed.
        annotator, time: who accepted or drew it, and when (ISO 8601); empty where not known.
        dice: between proposal and shape, 0..1; None where it was not changed.
    """

    model: str = ""
    edited: bool = False
    annotator: str = ""
    time: str = ""
    dice: float | None = None

    @classmethod
    def of(cls, shape: Shape) -> Provenance:
        """As the shape says; values that make no sense are left out."""
        ours = own_keys(shape)
        text, dice = ours.get("provenance"), ours.get("dice")
        model = text[len(_MODEL) :] if isinstance(text, str) and text.startswith(_MODEL) else ""
        return cls(
            model=model.removesuffix(_EDITED),
            edited=model.endswith(_EDITED),
            annotator=_text(ours.get("annotator")),
            time=_text(ours.get("time")),
            dice=float(dice) if isinstance(dice, float | int) and 0 <= dice <= 1 else None,
        )


def is_open_proposal(shape: Shape) -> bool:
    """A model proposes it and nobody has signed it."""
    made = Provenance.of(shape)
    return bool(made.model) and not made.time


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def proposed_by(model: str) -> dict[str, Any]:
    """Our keys of a shape that a model proposes and nobody has accepted yet."""
    return {"provenance": f"{_MODEL}{model}"}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Author:
    """Signs shapes.

    Attributes:
        annotator: the person's name.
        now: the time, as ISO 8601.
    """

    annotator: str = ""
    now: Callable[[], str] = _now

    def _signature(self) -> dict[str, Any]:
        return {"annotator": self.annotator or None, "time": self.now()}

    def drawn(self, shape: Shape) -> Shape:
        """A new shape of a person's own."""
        return with_own_keys(
            shape, provenance=MANUAL, dice=None, proposal=None, **self._signature()
        )

    def accepted(self, proposal: Shape) -> Shape:
        """A model's shape as it was proposed."""
        return with_own_keys(proposal, **self._signature())

    def edited(self, shape: Shape, sources: Sequence[Shape]) -> Shape:
        """A shape that was made from others.

        It counts as an edited proposal if one of its sources was proposed by a model.
        """
        model = next((p.model for p in map(Provenance.of, sources) if p.model), "")
        if not model:
            return self.drawn(shape)
        proposal = [outline for source in sources for outline in _proposal(source)]
        return with_own_keys(
            shape,
            provenance=f"{_MODEL}{model}{_EDITED}",
            proposal=[[list(point) for point in outline] for outline in proposal],
            dice=round(dice_of_outlines(proposal, [shape.points]), 4),
            **self._signature(),
        )


def _proposal(shape: Shape) -> list[Sequence[Point]]:
    """The outlines that a model proposed for a shape; none for what a person drew."""
    kept = own_keys(shape).get("proposal")
    if isinstance(kept, list) and all(_is_outline(outline) for outline in kept):
        return [[(x, y) for x, y in outline] for outline in kept]
    return [shape.points] if Provenance.of(shape).model else []


def _is_outline(outline: object) -> bool:
    return isinstance(outline, list) and all(
        isinstance(p, list) and len(p) == 2 and all(isinstance(v, float | int) for v in p)
        for p in outline
    )


def dice_of_outlines(first: Sequence[Sequence[Point]], second: Sequence[Sequence[Point]]) -> float:
    """Dice of the pixels that two lists of polygons fill, with the program's one rasteriser.

    Returns:
        0..1; 1 where both are empty.
    """
    sides = [[_vertices(outline) for outline in side if len(outline)] for side in (first, second)]
    vertices = [v for side in sides for v in side]
    if not vertices:
        return 1.0
    low = np.min([v.min(axis=0) for v in vertices], axis=0)
    columns, rows = (np.max([v.max(axis=0) for v in vertices], axis=0) - low + 1).tolist()
    both = total = 0
    height = max(_BAND_PIXELS // columns, 1)
    for top in range(0, rows, height):  # outlines that go far out would fill the memory
        corner = low + np.array([0, top], np.int32)
        filled = []
        for side in sides:
            label_map = np.zeros((min(height, rows - top), columns), np.uint8)
            for v in side:
                cv2.fillPoly(label_map, [v - corner], 1)
            filled.append(label_map)
        both += int(np.count_nonzero(filled[0] & filled[1]))
        total += int(np.count_nonzero(filled[0])) + int(np.count_nonzero(filled[1]))
    return 2 * both / total if total else 1.0


#: No slice is larger; further out nothing is compared.
_FARTHEST = 16_384
#: So many pixels are compared at a time.
_BAND_PIXELS = 1 << 24


def _vertices(outline: Sequence[Point]) -> npt.NDArray[np.int32]:
    points = np.asarray(outline, dtype=np.float64)
    return np.clip(points, -1, _FARTHEST).astype(np.int32)
