"""What the shapes of one slice fill together: the label map, and where labels overlap.

An edit rarely changes more than one shape of hundreds, so all this is made from what it was
before, in the box of the shapes that are different.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import is_

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.raster import LabelMap
from medseg_desktop.core.shapes.patches import NOWHERE, Box, Patch, Pixels, is_area, patch_of

Shapes = Sequence[Shape]


@dataclass(frozen=True, slots=True, eq=False)
class _Base:
    """What was worked out for other shapes, and the box in which these differ from them."""

    different: Box
    marks: npt.NDArray[np.uint16] | None
    shared: Pixels | None
    numbers: Mapping[str, int]
    label_map: LabelMap | None
    indices: Mapping[str, int]


class SlicePixels:
    """The pixels of some shapes on a slice, each of them and all together.

    Everything is worked out when it is first asked for, and kept.  The arrays must not be
    written to.

    Attributes:
        shapes: in the order of the slice; later ones lie on top.
        patches: the pixels of each.
    """

    def __init__(self, shapes: Shapes, rows: int, columns: int) -> None:
        self._begin(tuple(shapes), (rows, columns), [patch_of(s, rows, columns) for s in shapes])

    def _begin(
        self, shapes: tuple[Shape, ...], size: tuple[int, int], patches: list[Patch]
    ) -> None:
        self.shapes, self.size, self.patches = shapes, size, patches
        self._base: _Base | None = None
        # By label its number in `marks`, which hold that of the uppermost area.
        self._numbers: dict[str, int] = {}
        self._marks: npt.NDArray[np.uint16] | None = None
        self._shared: Pixels | None = None
        self._label_map: LabelMap | None = None
        self._indices: Mapping[str, int] = {}

    def after(self, shapes: Shapes) -> SlicePixels:
        """That of other shapes on the same slice, most of which are the same objects."""
        if len(shapes) == len(self.shapes) and all(map(is_, shapes, self.shapes)):
            return self
        rows, columns = self.size
        known = {id(s): patch for s, patch in zip(self.shapes, self.patches, strict=True)}
        new = tuple(shapes)
        patches = [known.get(id(s)) or patch_of(s, rows, columns) for s in new]
        result = SlicePixels.__new__(SlicePixels)
        result._begin(new, self.size, patches)
        if self._shared is not None or self._label_map is not None:
            result._base = _Base(
                self._difference(result),
                self._marks,
                self._shared,
                self._numbers,
                self._label_map,
                self._indices,
            )
        return result

    def _difference(self, other: SlicePixels) -> Box:
        """The box of all that lies elsewhere, or in another order, in the other one."""
        mine, theirs = set(map(id, self.shapes)), set(map(id, other.shapes))
        kept = [id(s) for s in self.shapes if id(s) in theirs]
        if kept != [id(s) for s in other.shapes if id(s) in mine]:
            return Box(0, 0, self.size[1], self.size[0])
        moved = [p for s, p in zip(self.shapes, self.patches, strict=True) if id(s) not in theirs]
        moved += [p for s, p in zip(other.shapes, other.patches, strict=True) if id(s) not in mine]
        return _around(moved)

    @property
    def overlap(self) -> Pixels:
        """The pixels (rows, columns) that areas of different labels share.

        The label map gives them to the later shape.
        """
        if self._shared is None:
            self._find_overlap()
        assert self._shared is not None
        return self._shared

    def _find_overlap(self) -> None:
        box, base = Box(0, 0, self.size[1], self.size[0]), self._base
        if base is not None and base.marks is not None and base.shared is not None:
            box, marks, shared = base.different, base.marks.copy(), base.shared.copy()
            self._numbers = dict(base.numbers)
        else:
            marks, shared = np.zeros(self.size, np.uint16), np.zeros(self.size, np.bool_)
        box.of(marks)[:] = 0
        box.of(shared)[:] = False
        for shape, patch in zip(self.shapes, self.patches, strict=True):
            if is_area(shape) and patch.box.meets(box):
                number = self._numbers.setdefault(shape.label, len(self._numbers) + 1)
                part, own = patch.within(box)
                below = part.of(marks)
                # Only pixels whose uppermost area is of another label are shared from now on.
                part.of(shared)[own & (below != number) & (below > 0)] = True
                below[own] = number
        self._marks, self._shared = marks, shared

    def label_map(self, table: LabelTable) -> LabelMap:
        """Class indices (rows, columns), uint8; the same as `raster.draw_label_map`."""
        indices = {label.name: label.index for label in reversed(table.labels)}
        if self._label_map is None or self._indices != indices:
            self._label_map, self._indices = self._drawn(indices), indices
        return self._label_map

    def _drawn(self, indices: Mapping[str, int]) -> LabelMap:
        box, base = Box(0, 0, self.size[1], self.size[0]), self._base
        if base is not None and base.label_map is not None and base.indices == indices:
            box, label_map = base.different, base.label_map.copy()
        else:
            label_map = np.zeros(self.size, np.uint8)
        box.of(label_map)[:] = 0
        for shape, patch in zip(self.shapes, self.patches, strict=True):
            index = indices.get(shape.label)
            if index and patch.box.meets(box):
                part, own = patch.within(box)
                part.of(label_map)[own] = index
        return label_map


def _around(patches: Iterable[Patch]) -> Box:
    box = NOWHERE
    for patch in patches:
        if patch.count:
            box = patch.box if box is NOWHERE else box.around(patch.box)
    return box


class PixelKeeper:
    """The pixels of the slice on screen, made from what they were at the last question."""

    def __init__(self) -> None:
        self._last: SlicePixels | None = None

    def of(self, shapes: Shapes, rows: int, columns: int) -> SlicePixels:
        """Those of these shapes on a slice."""
        last = self._last
        if last is not None and last.size == (rows, columns):
            self._last = last.after(shapes)
        else:
            self._last = SlicePixels(shapes, rows, columns)
        return self._last
