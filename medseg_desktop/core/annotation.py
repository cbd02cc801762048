"""Annotations: immutable documents of shapes, independent of the file format.

Points are (x = column, y = row) in corner coordinates: the pixel (row r, column c) covers
x in [c, c + 1) and y in [r, r + 1).  A document is never changed; an edit makes a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Point = tuple[float, float]
Points = tuple[Point, ...]


class ShapeType(StrEnum):
    """The shape types of MedicalLabelMe and labelme files."""

    POLYGON = "polygon"
    RECTANGLE = "rectangle"
    CIRCLE = "circle"
    LINE = "line"
    LINESTRIP = "linestrip"
    POINT = "point"
    POINTS = "points"
    MASK = "mask"


#: Fewest points that a shape of this type needs to be drawn.
MINIMUM_POINTS = {
    ShapeType.POLYGON: 3,
    ShapeType.RECTANGLE: 1,
    ShapeType.CIRCLE: 2,
    ShapeType.LINE: 2,
    ShapeType.LINESTRIP: 2,
    ShapeType.POINT: 1,
    ShapeType.POINTS: 1,
    ShapeType.MASK: 2,
}


class SliceState(StrEnum):
    """What is known of a slice's lesions."""

    UNSEEN = "unseen"
    NO_LESION = "no_lesion"
    LESION = "lesion"


@dataclass(frozen=True, slots=True)
class Shape:
    """One outline.

    Attributes:
        label: class name.
        points: (x, y) pairs as found in the file.  A rectangle may also be stored as one
            "point" of four numbers (x, y, width, height); the reader turns it into two corners.
        shape_type: how the points are meant.
        extra: every other key of the shape in the file, kept for writing back.
        rectangle_xywh: the file stored the rectangle as four numbers, so it is written so.
        rectangle_stored: those four numbers as the file nests them, [x, y, w, h] or
            [[x, y, w, h]], so that an untouched rectangle is written back digit for digit.
        bitmap: pixels (rows, columns) of a labelme `mask` shape, bool; its top-left corner is
            the first point.
        key_order: the shape's keys in the order of the file; empty for a new shape.
        derived: what was worked out of the shape, by name (see `core.raster`).  A shape is never
            changed, so it is kept with it; `replace` begins anew.
    """

    label: str
    points: tuple[Point, ...]
    shape_type: ShapeType = ShapeType.POLYGON
    extra: Mapping[str, Any] = field(default_factory=dict)
    rectangle_xywh: bool = False
    rectangle_stored: tuple[Any, ...] = field(default=(), compare=False)
    bitmap: npt.NDArray[np.bool_] | None = field(default=None, compare=False)
    key_order: tuple[str, ...] = field(default=(), compare=False)
    derived: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class UnusableShape:
    """An entry of a frame's list of shapes that cannot be used; it is only kept.

    It is not drawn and is no shape for any count, but nobody may lose it by saving.

    Attributes:
        position: zero-based place in the file's list, the usable shapes counted.
        raw: the entry as the file has it.
        problem: the end of a sentence that begins with the shape: "has no label".
    """

    position: int
    raw: Any
    problem: str


@dataclass(frozen=True, slots=True)
class FrameAnnotation:
    """The shapes of one listed frame; listed without shapes means "reviewed, no lesion".

    Attributes:
        frame: zero-based frame index in the DICOM file.
        width, height: size in pixels as the annotation file gives it; None where it does not.
        extra: every other key of the frame in the file, kept for writing back.
        unusable: entries of the file's list of shapes that are no usable shapes, by position.
        key_order: the frame's keys in the order of the file; empty for a new frame.
    """

    frame: int
    shapes: tuple[Shape, ...] = ()
    width: int | None = None
    height: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    unusable: tuple[UnusableShape, ...] = ()
    key_order: tuple[str, ...] = field(default=(), compare=False)

    def joined(self, other: FrameAnnotation) -> FrameAnnotation:
        """Both entries of one frame as one: this one's shapes first, and its keys before the
        other's."""
        before = len(self.shapes) + len(self.unusable)
        moved = (replace(u, position=before + u.position) for u in other.unusable)
        return replace(
            self,
            shapes=self.shapes + other.shapes,
            width=other.width if self.width is None else self.width,
            height=other.height if self.height is None else self.height,
            extra={**other.extra, **self.extra},
            unusable=(*self.unusable, *moved),
        )


@dataclass(frozen=True)
class Annotation:
    """All shapes of one DICOM file (one JSON).

    Attributes:
        image_path: as found in the file (may hold backslashes).
        total_frames: number of frames the file claims; None where it does not.
        frames: the listed frames in file order.
        extra: every other top-level key, kept for writing back.
        is_labelme: the file is a plain labelme file (`shapes` at top level).
        key_order: the top-level keys in the order of the file; empty for a new document.
    """

    image_path: str
    total_frames: int | None = 1
    frames: tuple[FrameAnnotation, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    is_labelme: bool = False
    key_order: tuple[str, ...] = field(default=(), compare=False)

    def frame(self, index: int) -> FrameAnnotation | None:
        """The listed frame with this zero-based index, or None.

        Where a file lists a frame twice, both entries joined, so that `with_frame` of what
        this returns loses nothing.
        """
        return self._by_number.get(index)

    @cached_property
    def _by_number(self) -> Mapping[int, FrameAnnotation]:
        """Frames by their number: a film of a thousand frames is asked for each of them."""
        found: dict[int, FrameAnnotation] = {}
        for frame in self.frames:
            known = found.get(frame.frame)
            found[frame.frame] = known.joined(frame) if known else frame
        return found

    def shapes(self, index: int) -> tuple[Shape, ...]:
        """The shapes of a frame; empty where the frame is not listed."""
        frame = self._by_number.get(index)
        return frame.shapes if frame else ()

    def is_reviewed(self, index: int) -> bool:
        """Whether a person has looked at this frame.

        A listed frame is reviewed, with or without shapes; an empty `frames` list means that
        every frame is; our own key `medseg.reviewed_frames` adds unlisted ones.  A file of
        predictions that no person has accepted is never reviewed.
        """
        if self.is_prediction:
            return False
        if not self.frames or self.frame(index) is not None:
            return True
        return index in self.reviewed_frames

    def is_complete(self, index: int) -> bool:
        """Every entry of the frame's list of shapes is a usable shape."""
        frame = self._by_number.get(index)
        return not (frame and frame.unusable)

    def slice_state(self, index: int) -> SliceState:
        """Unseen, reviewed without lesion, or with lesion; what only a model drew is unseen.

        An unusable shape is a lesion as well: somebody outlined something.
        """
        if not self.is_reviewed(index):
            return SliceState.UNSEEN
        is_outlined = bool(self.shapes(index)) or not self.is_complete(index)
        return SliceState.LESION if is_outlined else SliceState.NO_LESION

    def notices(self, name: str) -> tuple[str, ...]:
        """One sentence for each unusable shape; `name` is the file's, shapes count from 1."""
        return tuple(
            f"{name}: shape {u.position + 1} of frame {f.frame} {u.problem}."
            for f in self.frames
            for u in f.unusable
        )

    @property
    def is_prediction(self) -> bool:
        """The file was written by a model (our own key `medseg.prediction`)."""
        return bool(self.prediction_model)

    @property
    def prediction_model(self) -> str:
        """The model that wrote the file; empty where a person did."""
        ours = self.extra.get("medseg")
        model = ours.get("prediction") if isinstance(ours, Mapping) else None
        return str(model) if model else ""

    @cached_property
    def reviewed_frames(self) -> frozenset[int]:
        """Frame indices named by our own key `medseg.reviewed_frames`."""
        ours = self.extra.get("medseg")
        listed = ours.get("reviewed_frames", ()) if isinstance(ours, Mapping) else ()
        if not isinstance(listed, (list, tuple)):
            return frozenset()
        return frozenset(i for i in listed if isinstance(i, int) and not isinstance(i, bool))

    @cached_property
    def rejected(self) -> Mapping[tuple[int, str], frozenset[Points]]:
        """(frame, model) -> outlines that a person has rejected of the model's proposals.

        Our own key `medseg.rejected`: `[{"frame", "model", "outlines"}]`; entries that make no
        sense are left out.
        """
        found: dict[tuple[int, str], frozenset[Points]] = {}
        for entry in self._rejected_entries:
            frame, model, listed = (entry.get(k) for k in ("frame", "model", "outlines"))
            if isinstance(frame, int) and isinstance(model, str) and isinstance(listed, list):
                read = frozenset(p for p in map(_points_of, listed) if p)
                found[frame, model] = found.get((frame, model), frozenset()) | read
        return found

    @property
    def _rejected_entries(self) -> list[Mapping[str, Any]]:
        ours = self.extra.get("medseg")
        listed = ours.get("rejected") if isinstance(ours, Mapping) else None
        if not isinstance(listed, (list, tuple)):
            return []
        return [entry for entry in listed if isinstance(entry, Mapping)]

    def with_rejected(self, frame: int, model: str, outlines: Iterable[Points]) -> Annotation:
        """This document with further rejected outlines; itself where it has them all."""
        known = self.rejected.get((frame, model), frozenset())
        new = [[list(point) for point in o] for o in dict.fromkeys(outlines) if o not in known]
        if not new:
            return self
        ours = self.extra.get("medseg")
        entries = list(self._rejected_entries)
        last = entries[-1] if entries else {}
        listed = last.get("outlines")
        if (last.get("frame"), last.get("model")) == (frame, model) and isinstance(listed, list):
            entries[-1:], new = [], [*listed, *new]
        entries.append({"frame": frame, "model": model, "outlines": new})
        kept = {**(ours if isinstance(ours, Mapping) else {}), "rejected": entries}
        return replace(self, extra={**self.extra, "medseg": kept})

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names in order of first appearance."""
        return tuple(dict.fromkeys(s.label for f in self.frames for s in f.shapes))

    def with_frame(self, frame: FrameAnnotation) -> Annotation:
        """This document with one frame replaced or added (frames stay in index order)."""
        others = [f for f in self.frames if f.frame != frame.frame]
        return replace(self, frames=tuple(sorted([*others, frame], key=lambda f: f.frame)))


def _points_of(listed: object) -> Points:
    """An outline as JSON has it; empty where it is none."""
    if not isinstance(listed, list) or not all(isinstance(p, list) for p in listed):
        return ()
    points = tuple(tuple(p) for p in listed)
    is_sound = all(len(p) == 2 and all(isinstance(v, float | int) for v in p) for p in points)
    return points if is_sound else ()
