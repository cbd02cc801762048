"""The order of the shapes of a slice: where a later one covers an earlier one of another label.

Moving a shape changes the label map wherever it passes one of another label that shares a pixel
with it.  Open proposals are no part of the annotation, so those of other labels do not count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.shapes.patches import Box, Patch, Pixels, box_of, patch_of
from medseg_desktop.core.shapes.provenance import is_open_proposal


def other_labels(
    shapes: tuple[Shape, ...],
    label: str,
    near: Box,
    rows: int,
    columns: int,
    without: Collection[int] = (),
) -> dict[int, Patch]:
    """The shapes of other labels, lines and points too, whose box meets another one.

    Args:
        without: positions of shapes that do not count.

    Returns:
        Their pixels by their position, the lowest first.
    """
    return {
        i: patch_of(shape, rows, columns)
        for i, shape in enumerate(shapes)
        if shape.label != label
        and i not in without
        and box_of(shape).meets(near)
        and not is_open_proposal(shape)
    }


def barriers(pixels: Pixels, others: Mapping[int, Patch]) -> list[int]:
    """Positions of the shapes that share one of these pixels (rows, columns)."""
    return [i for i, patch in others.items() if patch.meets(pixels)]


def may_move(place: int, to: int, barriers: Iterable[int]) -> bool:
    """A shape may go from its place to before the shape at another one: it passes no barrier."""
    low, high = min(place, to), max(place, to)
    return not any(low <= barrier < high for barrier in barriers)


def uppermost(
    patches: Mapping[int, Patch], wanted: Collection[int], rows: int, columns: int
) -> Pixels:
    """Pixels (rows, columns) where the last of several shapes is one of those wanted.

    Args:
        patches: the pixels of the shapes by position.
        wanted: positions.
    """
    found = np.zeros((rows, columns), np.bool_)
    for i, patch in sorted(patches.items()):
        patch.box.of(found)[patch.pixels] = i in wanted
    return found
