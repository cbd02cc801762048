"""MedicalLabelMe and labelme annotation files: read with distrust, write without losing keys.

Format of MedicalLabelMe 1.0.0: one JSON beside the DICOM file with `image_path`,
`total_frames` and `frames`, of which only frames with shapes are listed.  Plain labelme files
(`shapes`, `imagePath`) are read too and written back as such.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import (
    MINIMUM_POINTS,
    Annotation,
    FrameAnnotation,
    Point,
    Shape,
    ShapeType,
)
from medseg_desktop.core.errors import AnnotationError, DataError, describe_os_error
from medseg_desktop.io.atomic import write_bytes
from medseg_desktop.io.png import check_png

MAXIMUM_BYTES = 64 * 1024 * 1024
MAXIMUM_POINTS = 100_000
#: Coordinates beyond this are no pixel positions of any slice.
_COORDINATE_LIMIT = 1e6

_TOP_KEYS = ("image_path", "total_frames", "frames")
_LABELME_KEYS = ("imagePath", "imageWidth", "imageHeight", "shapes")
_FRAME_KEYS = ("frame", "width", "height", "shapes")
_SHAPE_KEYS = ("label", "points", "shape_type")


class NoAnnotationError(AnnotationError):
    """A sound JSON file that is no annotation (somebody's settings, say)."""


def new_annotation(image_path: str, total_frames: int = 1) -> Annotation:
    """An empty document with the keys that MedicalLabelMe writes."""
    return Annotation(image_path, total_frames, extra={"version": "1.0.0", "flags": {}})


def new_shape_keys(frame: int) -> dict[str, Any]:
    """The further keys that MedicalLabelMe writes into a shape."""
    return {"group_id": None, "description": "", "flags": {}, "frame": frame}


def read_annotation(path: Path) -> Annotation:
    """Read one annotation file; UTF-8 (with or without mark) first, then GB18030.

    Raises:
        NoAnnotationError: sound JSON, but not an annotation.
        AnnotationError: what is wrong, with the file's name.
    """
    return parse_annotation(read_annotation_bytes(path), path.name)


def read_annotation_bytes(path: Path) -> bytes:
    """The bytes of an annotation file; raises AnnotationError where there are none, or too many."""
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise AnnotationError(f"{path.name} is too large for an annotation file.")
        return path.read_bytes()
    except OSError as error:
        raise AnnotationError(describe_os_error(error, path, "read")) from error


def parse_annotation(data: bytes, name: str) -> Annotation:
    """The bytes of an annotation file -> document; `name` is for messages."""
    document = _decode_json(data, name)
    if not isinstance(document, dict):
        raise NoAnnotationError(f"{name} is not an annotation file.")
    if "frames" in document:
        return _read_medlabelme(document, name)
    if "shapes" in document:
        return _read_labelme(document, name)
    raise NoAnnotationError(f"{name} is not an annotation file.")


def _decode_json(data: bytes, name: str) -> Any:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError as error:
            raise AnnotationError(f"{name} is neither UTF-8 nor GB18030 text.") from error
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError) as error:
        raise AnnotationError(f"{name} is damaged: {error}.") from error


def _read_medlabelme(document: dict[str, Any], name: str) -> Annotation:
    frames = document["frames"]
    if not isinstance(frames, list):
        raise AnnotationError(f"{name}: frames is not a list.")
    total = document.get("total_frames")
    return Annotation(
        image_path=_image_path(document.get("image_path"), "image_path", name),
        total_frames=total if _is_count(total) else None,
        frames=tuple(_read_frame(f, name) for f in frames),
        extra=_rest(document, _TOP_KEYS if _is_count(total) else ("image_path", "frames")),
    )


def _read_labelme(document: dict[str, Any], name: str) -> Annotation:
    frame = FrameAnnotation(
        frame=0,
        shapes=_read_shapes(document["shapes"], 0, name),
        width=_size(document.get("imageWidth"), "imageWidth", name),
        height=_size(document.get("imageHeight"), "imageHeight", name),
    )
    return Annotation(
        image_path=_image_path(document.get("imagePath"), "imagePath", name),
        total_frames=None,
        frames=(frame,),
        extra=_rest(document, _LABELME_KEYS),
        is_labelme=True,
    )


def _read_frame(frame: Any, name: str) -> FrameAnnotation:
    if not isinstance(frame, dict):
        raise AnnotationError(f"{name}: an entry of frames is not an object.")
    index: Any = frame.get("frame")
    if not _is_count(index):
        raise AnnotationError(f"{name}: an entry of frames has no frame number.")
    return FrameAnnotation(
        frame=index,
        shapes=_read_shapes(frame.get("shapes", []), index, name),
        width=_size(frame.get("width"), "width", name),
        height=_size(frame.get("height"), "height", name),
        extra=_rest(frame, _FRAME_KEYS),
    )


def _read_shapes(shapes: Any, frame: int, name: str) -> tuple[Shape, ...]:
    if not isinstance(shapes, list):
        raise AnnotationError(f"{name}: shapes is not a list.")
    return tuple(_read_shape(s, f"{name}: shape {i + 1} of frame {frame}", name)
                 for i, s in enumerate(shapes))  # fmt: skip


def _read_shape(shape: Any, where: str, name: str) -> Shape:
    if not isinstance(shape, dict):
        raise AnnotationError(f"{where} is not an object.")
    label = shape.get("label")
    if not isinstance(label, str) or not label:
        raise AnnotationError(f"{where} has no label.")
    kind = shape.get("shape_type", "polygon")
    try:
        shape_type = ShapeType(kind)
    except ValueError as error:
        raise AnnotationError(f"{where} has the unknown shape type {str(kind)[:40]!r}.") from error
    points, stored = _read_points(shape.get("points"), shape_type, where)
    if len(points) < MINIMUM_POINTS[shape_type]:
        raise AnnotationError(
            f"{where} is a {shape_type} with {len(points)} points; "
            f"it needs at least {MINIMUM_POINTS[shape_type]}."
        )
    bitmap = _bitmap(shape.get("mask"), where) if shape_type is ShapeType.MASK else None
    extra = _rest(shape, _SHAPE_KEYS)
    return Shape(label, points, shape_type, extra, bool(stored), stored, bitmap)


def _read_points(
    points: Any, shape_type: ShapeType, where: str
) -> tuple[tuple[Point, ...], tuple[Any, ...]]:
    """Points as pairs, and a rectangle of x, y, width, height as the file stores it."""
    if not isinstance(points, list):
        raise AnnotationError(f"{where} has no points.")
    if len(points) > MAXIMUM_POINTS:
        raise AnnotationError(f"{where} has more than {MAXIMUM_POINTS} points.")
    if shape_type is ShapeType.RECTANGLE:
        flat = points[0] if len(points) == 1 else points
        if isinstance(flat, list) and len(flat) == 4 and all(_is_number(v) for v in flat):
            x, y, width, height = (_coordinate(v, where) for v in flat)
            return ((x, y), (x + width, y + height)), tuple(points)
    pairs = []
    for point in points:
        if not isinstance(point, list) or len(point) != 2:
            raise AnnotationError(f"{where} has a point that is not a pair of numbers.")
        pairs.append((_coordinate(point[0], where), _coordinate(point[1], where)))
    if shape_type is ShapeType.RECTANGLE and len(pairs) == 1:
        raise AnnotationError(f"{where} is a rectangle with one corner; it needs two.")
    return tuple(pairs), ()


def _coordinate(value: Any, where: str) -> float:
    if not _is_number(value) or not math.isfinite(value) or abs(value) > _COORDINATE_LIMIT:
        raise AnnotationError(f"{where} has a coordinate that is not a usable number.")
    return value  # type: ignore[no-any-return]  # int and float are both written back as found


def _bitmap(encoded: Any, where: str) -> npt.NDArray[np.bool_]:
    """labelme's `mask`: a PNG in base64, placed at the shape's first point."""
    try:
        data = base64.b64decode(encoded, validate=True)
        check_png(data)
    except (TypeError, ValueError, binascii.Error, DataError) as error:
        raise AnnotationError(f"{where} has no readable bitmap.") from error
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise AnnotationError(f"{where} has no readable bitmap.")
    return pixels > 0


def _image_path(value: Any, key: str, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise AnnotationError(f"{name} does not say which image it belongs to ({key}).")
    return value


def _size(value: Any, key: str, name: str) -> int | None:
    if value is None:
        return None
    if not _is_count(value) or value == 0:
        raise AnnotationError(f"{name}: {key} is not a size in pixels.")
    return int(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _rest(mapping: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """What the document model does not hold: unknown keys, and known ones that are null."""
    return {k: v for k, v in mapping.items() if k not in keys or v is None}


def annotation_to_json(annotation: Annotation) -> dict[str, Any]:
    """Document -> the JSON object; unknown keys of every level come along."""
    if annotation.is_labelme:
        frame = annotation.frames[0]
        return {
            **annotation.extra,
            "imagePath": annotation.image_path,
            **_present(imageWidth=frame.width, imageHeight=frame.height),
            "shapes": [_shape_to_json(s) for s in frame.shapes],
        }
    return {
        **annotation.extra,
        "image_path": annotation.image_path,
        **_present(total_frames=annotation.total_frames),
        "frames": [_frame_to_json(f) for f in annotation.frames],
    }


def _frame_to_json(frame: FrameAnnotation) -> dict[str, Any]:
    return {
        **frame.extra,
        "frame": frame.frame,
        **_present(width=frame.width, height=frame.height),
        "shapes": [_shape_to_json(s) for s in frame.shapes],
    }


def _shape_to_json(shape: Shape) -> dict[str, Any]:
    points = [list(p) for p in shape.points]
    return {
        **shape.extra,
        "label": shape.label,
        "points": _four_numbers(shape) if shape.rectangle_xywh else points,
        "shape_type": str(shape.shape_type),
    }


def _four_numbers(shape: Shape) -> list[Any]:
    """A rectangle as x, y, width, height: the file's own numbers where it was not moved."""
    (x0, y0), (x1, y1) = shape.points
    numbers = [x0, y0, x1 - x0, y1 - y0]
    is_flat = len(shape.rectangle_stored) == 4
    if shape.rectangle_stored:
        x, y, width, height = shape.rectangle_stored if is_flat else shape.rectangle_stored[0]
        if (x, y, x + width, y + height) == (x0, y0, x1, y1):
            numbers = [x, y, width, height]
    return numbers if is_flat else [numbers]


def _present(**values: int | None) -> dict[str, int]:
    return {k: v for k, v in values.items() if v is not None}


def annotation_bytes(annotation: Annotation) -> bytes:
    """Document -> the bytes of its file, indented UTF-8."""
    data = msgspec.json.encode(annotation_to_json(annotation))
    return msgspec.json.format(data, indent=2) + b"\n"


def write_annotation(path: Path, annotation: Annotation) -> None:
    """Write a document as UTF-8, atomically; raises WorkspaceError and leaves the old file."""
    write_bytes(path, annotation_bytes(annotation))


def referenced_image(json_path: Path, annotation: Annotation, root: Path) -> Path:
    """The path of the DICOM file an annotation belongs to, below `root`; it may not exist.

    Both separators are understood.  Only the text is judged, the disk is never asked: nobody
    can make the program look outside the opened folder.

    Raises:
        AnnotationError: the path leaves the opened folder.
    """
    text = annotation.image_path
    parts = PureWindowsPath(text)
    outside = AnnotationError(f"{json_path.name} refers to {text!r}, outside the opened folder.")
    if parts.drive or parts.root or "\0" in text:
        raise outside
    folder = list(json_path.parent.relative_to(root).parts)
    for part in parts.parts:
        if part == "..":
            if not folder:
                raise outside
            folder.pop()
        elif part != ".":
            folder.append(part)
    return root.joinpath(*folder)
