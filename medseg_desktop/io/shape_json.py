"""One shape of a MedicalLabelMe or labelme file, from JSON and back."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from itertools import chain
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import (
    MINIMUM_POINTS,
    Point,
    Shape,
    ShapeType,
    UnusableShape,
)
from medseg_desktop.core.errors import DataError
from medseg_desktop.io.png import check_png

MAXIMUM_POINTS = 100_000
#: Of all bitmaps of a file together; a PNG of a few bytes may claim to be huge.
MAXIMUM_BITMAP_PIXELS = 64 * 1024 * 1024
#: Coordinates beyond this are no pixel positions of any slice.
_COORDINATE_LIMIT = 1e6

_KEYS = ("label", "points", "shape_type")
#: As MedicalLabelMe writes a new shape.
_ORDER = ("label", "points", "group_id", "description", "shape_type", "flags", "frame")


class _UnusableError(Exception):
    """What is wrong with a shape, as the end of a sentence that begins with the shape."""


class ShapeReader:
    """Reads the shapes of one file; its bitmaps share one bound."""

    def __init__(self) -> None:
        self._bitmap_pixels = MAXIMUM_BITMAP_PIXELS

    def read(self, entries: list[Any]) -> tuple[tuple[Shape, ...], tuple[UnusableShape, ...]]:
        """The usable shapes of a list and, by position, what is none."""
        shapes: list[Shape] = []
        unusable: list[UnusableShape] = []
        for position, entry in enumerate(entries):
            try:
                shapes.append(self._shape(entry))
            except _UnusableError as error:
                unusable.append(UnusableShape(position, entry, str(error)))
        return tuple(shapes), tuple(unusable)

    def _shape(self, entry: Any) -> Shape:
        if not isinstance(entry, dict):
            raise _UnusableError("is not an object")
        label = entry.get("label")
        if not isinstance(label, str) or not label:
            raise _UnusableError("has no label")
        kind = entry.get("shape_type", "polygon")
        try:
            shape_type = ShapeType(kind)
        except ValueError as error:
            raise _UnusableError(f"has the unknown shape type {str(kind)[:40]!r}") from error
        points, stored = _points(entry.get("points"), shape_type)
        return Shape(
            label=label,
            points=points,
            shape_type=shape_type,
            extra={k: v for k, v in entry.items() if k not in _KEYS},
            rectangle_xywh=bool(stored),
            rectangle_stored=stored,
            bitmap=self._bitmap(entry.get("mask")) if shape_type is ShapeType.MASK else None,
            key_order=tuple(entry),
        )

    def _bitmap(self, encoded: Any) -> npt.NDArray[np.bool_]:
        """labelme's `mask`: a PNG in base64, placed at the shape's first point."""
        try:
            data = base64.b64decode(encoded, validate=True)
            rows, columns = check_png(data)
        except (TypeError, ValueError, binascii.Error, DataError) as error:
            raise _UnusableError("has no readable bitmap") from error
        if rows * columns > self._bitmap_pixels:
            raise _UnusableError("has a bitmap that is too large")
        try:
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        except cv2.error as error:
            raise _UnusableError("has no readable bitmap") from error
        if pixels is None:
            raise _UnusableError("has no readable bitmap")
        self._bitmap_pixels -= rows * columns
        return pixels > 0


def _points(points: Any, shape_type: ShapeType) -> tuple[tuple[Point, ...], tuple[Any, ...]]:
    """Points as pairs, and a rectangle of x, y, width, height as the file stores it."""
    if not isinstance(points, list):
        raise _UnusableError("has no points")
    if len(points) > MAXIMUM_POINTS:
        raise _UnusableError(f"has more than {MAXIMUM_POINTS} points")
    if shape_type is ShapeType.RECTANGLE:
        flat = points[0] if len(points) == 1 else points
        if isinstance(flat, list) and len(flat) == 4 and not any(isinstance(v, list) for v in flat):
            _check_coordinates(flat)
            x, y, width, height = flat
            return ((x, y), (x + width, y + height)), tuple(points)
    # Whole lists at a time: a file may hold a million points.
    if set(map(type, points)) - {list} or set(map(len, points)) - {2}:
        raise _UnusableError("has a point that is not a pair of numbers")
    _check_coordinates(list(chain.from_iterable(points)))
    least = 2 if shape_type is ShapeType.RECTANGLE else MINIMUM_POINTS[shape_type]
    if len(points) < least:
        count = "1 point" if len(points) == 1 else f"{len(points)} points"
        raise _UnusableError(f"is a {shape_type} with {count}; it needs at least {least}")
    return tuple(map(tuple, points)), ()


def _check_coordinates(numbers: list[Any]) -> None:
    """int and float are both kept as found; true and false are no numbers."""
    is_numeric = not set(map(type, numbers)) - {int, float}
    if not is_numeric or (
        numbers and not -_COORDINATE_LIMIT <= min(numbers) <= max(numbers) <= _COORDINATE_LIMIT
    ):
        raise _UnusableError("has a coordinate that is not a usable number")


def shapes_to_json(shapes: Sequence[Shape], unusable: Sequence[UnusableShape]) -> list[Any]:
    """The list of a frame: what is unusable at its place, or last where the list got shorter."""
    entries: list[Any] = [shape_to_json(shape) for shape in shapes]
    for entry in sorted(unusable, key=lambda u: u.position):
        entries.insert(entry.position, entry.raw)
    return entries


def shape_to_json(shape: Shape) -> dict[str, Any]:
    """A shape as the file had it, key for key, with what was changed."""
    is_stored_so = shape.rectangle_xywh and shape.shape_type is ShapeType.RECTANGLE
    points: list[Any] = [[_plain(x), _plain(y)] for x, y in shape.points]
    values = {
        **shape.extra,
        "label": shape.label,
        "points": _four_numbers(shape) if is_stored_so and len(points) == 2 else points,
        "shape_type": str(shape.shape_type),
    }
    is_implied = shape.key_order and "shape_type" not in shape.key_order
    if is_implied and shape.shape_type is ShapeType.POLYGON:
        del values["shape_type"]
    return ordered(values, shape.key_order or _ORDER)


def ordered(values: dict[str, Any], order: Sequence[str]) -> dict[str, Any]:
    """The same keys, first those of `order`."""
    return {key: values[key] for key in order if key in values} | values


def _four_numbers(shape: Shape) -> list[Any]:
    """A rectangle as x, y, width, height: the file's own numbers where it was not moved."""
    (x0, y0), (x1, y1) = shape.points
    numbers = [x0, y0, x1 - x0, y1 - y0]
    is_flat = len(shape.rectangle_stored) == 4
    if shape.rectangle_stored:
        x, y, width, height = shape.rectangle_stored if is_flat else shape.rectangle_stored[0]
        if (x, y, x + width, y + height) == (x0, y0, x1, y1):
            numbers = [x, y, width, height]
    numbers = [_plain(v) for v in numbers]
    return numbers if is_flat else [numbers]


def _plain(number: float) -> float:
    """int and float stay what they are; numbers of NumPy are none to an encoder of JSON."""
    return number if type(number) in (int, float) else float(number)
