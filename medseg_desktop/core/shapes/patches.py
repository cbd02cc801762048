"""The pixels of one shape in its own box: hundreds of shapes on a large slice stay cheap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.raster import (
    COORDINATE_LIMIT,
    LabelMap,
    bounds_of,
    fill_shape,
    pixel_outline,
)

Pixels = npt.NDArray[np.bool_]
_Number = TypeVar("_Number", bound=np.generic)

AREA_TYPES = frozenset({ShapeType.POLYGON, ShapeType.RECTANGLE, ShapeType.CIRCLE, ShapeType.MASK})


def is_area(shape: Shape) -> bool:
    """The shape is filled, unlike lines and points."""
    return shape.shape_type in AREA_TYPES


@dataclass(frozen=True, slots=True)
class Box:
    """Columns `left` to `right` and rows `top` to `bottom` of a slice, half-open."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.bottom - self.top, self.right - self.left

    def meets(self, other: Box) -> bool:
        """They share a pixel."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def within(self, rows: int, columns: int) -> bool:
        """The whole box lies on the slice."""
        return self.left >= 0 and self.top >= 0 and self.right <= columns and self.bottom <= rows

    def around(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def grown(self, by: int, rows: int, columns: int) -> Box:
        """With `by` more pixels to each side, as far as the slice reaches."""
        return Box(
            max(self.left - by, 0),
            max(self.top - by, 0),
            min(self.right + by, columns),
            min(self.bottom + by, rows),
        )

    def moved(self, columns: int, rows: int) -> Box:
        return Box(self.left + columns, self.top + rows, self.right + columns, self.bottom + rows)

    def of(self, array: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
        """This part of an array (rows, columns); not copied."""
        return array[self.top : self.bottom, self.left : self.right]


NOWHERE = Box(0, 0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """Some pixels of a slice.

    Attributes:
        box: where they lie; all of it on the slice.
        pixels: (rows, columns) of the box, bool.
        count: how many are set.
    """

    box: Box
    pixels: Pixels
    count: int

    @classmethod
    def of(cls, pixels: Pixels, left: int = 0, top: int = 0) -> Patch:
        """Of pixels (rows, columns) that begin at a column and a row of the slice, cropped."""
        column, row, columns, rows = cv2.boundingRect(pixels.view(np.uint8))
        part = pixels[row : row + rows, column : column + columns]
        left, top = left + column, top + row
        box = Box(left, top, left + columns, top + rows)
        return cls(box, part, int(np.count_nonzero(part)))

    def meets(self, pixels: Pixels) -> bool:
        """It shares a pixel with some of the whole slice (rows, columns)."""
        return bool((self.box.of(pixels) & self.pixels).any())

    def within(self, box: Box) -> tuple[Box, Pixels]:
        """The part of its own box that lies in another one which it meets, and its pixels."""
        own = self.box
        part = Box(
            max(own.left, box.left),
            max(own.top, box.top),
            min(own.right, box.right),
            min(own.bottom, box.bottom),
        )
        if part == own:
            return own, self.pixels
        return part, part.moved(-own.left, -own.top).of(self.pixels)

    def add_to(self, pixels: Pixels, begin: Box) -> None:
        """Set its pixels in an array that covers a box in which it lies."""
        self.box.moved(-begin.left, -begin.top).of(pixels)[self.pixels] = True


def box_of(shape: Shape) -> Box:
    """The pixels between the outermost points of a shape; it may lie beside the slice.

    A labelme bitmap reaches as far as its pixels do.
    """
    if shape.shape_type is ShapeType.MASK:
        if shape.bitmap is None or not shape.points:
            return NOWHERE
        column, row = pixel_outline(shape)[0].tolist()
        rows, columns = shape.bitmap.shape
        return Box(column, row, column + columns, row + rows)
    if not shape.points:
        return NOWHERE
    # Truncation keeps the order of numbers, so these are the outermost of `pixel_outline`.
    far = COORDINATE_LIMIT
    left, top, right, bottom = (int(min(max(v, -far), far)) for v in bounds_of(shape))
    return Box(left, top, right + 1, bottom + 1)


def patch_of(shape: Shape, rows: int, columns: int) -> Patch:
    """The pixels of a shape on a slice, by the program's one rasteriser."""
    box = box_of(shape)
    if is_area(shape) and shape.shape_type is not ShapeType.MASK and box.within(rows, columns):
        filled: LabelMap = np.zeros(box.size, np.uint8)
        if filled.size:
            cv2.fillPoly(filled, [pixel_outline(shape)], 1, offset=(-box.left, -box.top))
        return Patch(box, filled.view(np.bool_), cv2.countNonZero(filled) if filled.size else 0)
    # What reaches over the edge is drawn on the whole slice: OpenCV clips lines in its own way.
    whole = np.zeros((rows, columns), np.uint8)
    fill_shape(whole, shape, 1)
    return Patch.of(whole.view(np.bool_))
