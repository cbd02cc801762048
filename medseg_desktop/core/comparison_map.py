"""Where a person and models, or two models, outline the same slice differently.

Up to three sides take part: what a person has drawn, what a model predicts, and what another model
predicts.  Every pixel of a slice is told by who marks it (`category_map`).

What counts as a disagreement
-----------------------------
Two outlines of one lesion never fall on the same pixels: the rim between them is the border's
uncertainty and nothing that anybody wants to be led to.  Two sides disagree about

- a lesion that one of them has and the other has not: a connected region (8-neighbourhood) of one
  label of one side that shares no pixel with that label of the other, however small it is; and
- what is more than a rim: the pixels that one side marks and the other does not mark, or marks as
  another label, after a morphological opening with a square of 5 x 5 pixels.  What is up to four
  pixels wide is gone then; a block of 5 x 5 or more stays.

Two outlines of which one is the other grown by two pixels therefore agree.  Three sides disagree
where any two of them do.  The pixels of all this fall into regions (8-neighbourhood): the places
that a viewer leads to, one after another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntFlag
from itertools import permutations

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Point

LabelMap = npt.NDArray[np.uint8]
#: (rows, columns), uint8: the sides that mark a pixel, or `OTHER_LABEL`.
CategoryMap = npt.NDArray[np.uint8]


class Side(IntFlag):
    """Who marks a pixel; a category is their sum."""

    MINE = 1
    MODEL = 2
    OTHER = 4


#: Two sides or more mark the pixel, and not all of them as the same label.
OTHER_LABEL = 8
_CATEGORIES = 9
#: With 3 x 3 pixels nearly every slice of a good model has a disagreement: 97 % of those with a
#: Dice above 0.9 (low-field FLAIR, 256 x 256 pixels).  With these 39 % have one, and 98 % of those
#: with a Dice below 0.5.
_RIM = np.ones((5, 5), np.uint8)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A place where sides disagree.

    Attributes:
        box: (left, top, right, bottom), half-open: columns and rows of the slice.
        pixels: how many belong to it.
        category: of most of its pixels.
    """

    box: tuple[int, int, int, int]
    pixels: int
    category: int

    @property
    def centre(self) -> Point:
        """(x, y) of the middle of the box, corner coordinates."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


@dataclass(frozen=True, slots=True, eq=False)
class SliceComparison:
    """What the sides make of one slice.

    Attributes:
        sides: those that were compared; with fewer than two there is nothing to compare.
        pixels: category -> how many pixels are of it; categories without any are not in it.
        disagreements: from top to bottom.
    """

    sides: Side
    pixels: Mapping[int, int]
    disagreements: tuple[Disagreement, ...]

    @property
    def amount(self) -> int:
        """Pixels of all disagreements, by which slices can be put into an order."""
        return sum(found.pixels for found in self.disagreements)


def category_map(label_maps: Mapping[Side, LabelMap]) -> CategoryMap:
    """Who marks each pixel.

    Args:
        label_maps: of each side, (rows, columns) of class indices, uint8, all of one size and
            of one label table; 0 is the background.

    Returns:
        (rows, columns), uint8: 0 for nobody, the sum of the sides that mark the pixel, or
        `OTHER_LABEL` where these do not agree about the label.

    Raises:
        ValueError: there is no side, or the sizes differ.
    """
    maps = _checked(label_maps)
    categories = np.zeros(next(iter(maps.values())).shape, np.uint8)
    highest = np.zeros_like(categories)
    for side, label_map in maps.items():
        categories |= (label_map > 0).view(np.uint8) * np.uint8(side)
        np.maximum(highest, label_map, out=highest)
    if highest.max(initial=0) > 1:  # else there is only one label
        for label_map in maps.values():
            categories[(label_map > 0) & (label_map != highest)] = OTHER_LABEL
    return categories


def count_pixels(categories: CategoryMap) -> dict[int, int]:
    """Category -> its pixels, of those that have any."""
    counts = np.bincount(categories.ravel(), minlength=_CATEGORIES)
    return {i: int(n) for i, n in enumerate(counts) if i and n}


def compare(
    label_maps: Mapping[Side, LabelMap], categories: CategoryMap | None = None
) -> SliceComparison:
    """Everything about one slice; arguments and errors as of `category_map`.

    Args:
        categories: the category map of these, where it is known already.
    """
    if categories is None:
        categories = category_map(label_maps)
    sides = Side(sum(label_maps))
    column, row, columns, rows = cv2.boundingRect(categories)
    found: tuple[Disagreement, ...] = ()
    if columns and len(label_maps) > 1:
        part = np.s_[row : row + rows, column : column + columns]
        maps = {side: np.ascontiguousarray(m[part]) for side, m in label_maps.items()}
        found = _regions(disagreeing_pixels(maps), categories[part], column, row)
    return SliceComparison(sides, count_pixels(categories), found)


def disagreeing_pixels(label_maps: Mapping[Side, LabelMap]) -> LabelMap:
    """The pixels (rows, columns) of all disagreements (see the module), 0 and 1."""
    maps = _checked(label_maps)
    found: LabelMap = np.zeros(next(iter(maps.values())).shape, np.uint8)
    for one, other in permutations(maps.values(), 2):
        found |= _missing(one, other)
    return found


def _missing(one: LabelMap, other: LabelMap) -> LabelMap:
    """What of one side the other has not: more than a rim, and whole lesions."""
    difference: LabelMap = ((one > 0) & (one != other)).view(np.uint8)
    if not difference.any():
        return difference
    # Beside the array lies nothing: OpenCV would take its edge for a part of every block.
    missing: LabelMap = cv2.morphologyEx(
        difference, cv2.MORPH_OPEN, _RIM, borderType=cv2.BORDER_CONSTANT, borderValue=0
    ).astype(np.uint8)
    for label in np.unique(one[difference > 0]):
        count, numbers = cv2.connectedComponents((one == label).view(np.uint8), connectivity=8)
        whole = np.ones(count, np.uint8)
        whole[0] = 0
        whole[numbers[other == label]] = 0
        missing |= whole[numbers]
    return missing


def _regions(
    pixels: LabelMap, categories: CategoryMap, left: int, top: int
) -> tuple[Disagreement, ...]:
    """The regions of pixels that begin at a column and a row of the slice."""
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(pixels, connectivity=8)
    boxes = stats[1:, : cv2.CC_STAT_HEIGHT + 1]
    found = []
    for number, (x, y, columns, rows) in enumerate(boxes.tolist(), start=1):
        part = np.s_[y : y + rows, x : x + columns]
        own = categories[part][numbers[part] == number]
        box = (left + x, top + y, left + x + columns, top + y + rows)
        category = int(np.bincount(own, minlength=_CATEGORIES).argmax())
        found.append(Disagreement(box, len(own), category))
    return tuple(sorted(found, key=lambda region: (region.box[1], region.box[0])))


def _checked(label_maps: Mapping[Side, LabelMap]) -> Mapping[Side, LabelMap]:
    if not label_maps:
        raise ValueError("there is nothing to compare")
    if len({label_map.shape for label_map in label_maps.values()}) > 1:
        raise ValueError("the label maps differ in size")
    return label_maps
