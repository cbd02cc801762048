"""MedicalLabelMe and labelme annotation files: read with distrust, write without losing keys.

Format of MedicalLabelMe 1.0.0: one JSON beside the DICOM file with `image_path`,
`total_frames` and `frames`, of which only frames with shapes are listed.  Plain labelme files
(`shapes`, `imagePath`) are read too and written back as such.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import chain
from pathlib import Path, PureWindowsPath
from typing import Any

import msgspec

from medseg_desktop.core.annotation import Annotation, FrameAnnotation
from medseg_desktop.core.errors import AnnotationError, WorkspaceError, describe_os_error
from medseg_desktop.io.atomic import write_bytes
from medseg_desktop.io.guarded_json import MAXIMUM_BYTES, as_utf8, check_structure, decode_json
from medseg_desktop.io.shape_json import ShapeReader, ordered, shapes_to_json

_TOP_KEYS = ("image_path", "total_frames", "frames")
_LABELME_KEYS = ("imagePath", "imageWidth", "imageHeight", "shapes")
_FRAME_KEYS = ("frame", "width", "height", "shapes")
#: As MedicalLabelMe writes a new file.
_ORDER = ("version", "flags", "image_path", "total_frames", "frames")
#: Of a path that an error repeats; it may be as long as the file.
_TOLD_CHARACTERS = 80


class NoAnnotationError(AnnotationError):
    """A sound JSON file that is no annotation (somebody's settings, say)."""


def new_annotation(image_path: str, total_frames: int = 1) -> Annotation:
    """An empty document with the keys that MedicalLabelMe writes."""
    return Annotation(image_path, total_frames, extra={"version": "1.0.0", "flags": {}})


def new_shape_keys(frame: int) -> dict[str, Any]:
    """The further keys that MedicalLabelMe writes into a shape."""
    return {"group_id": None, "description": "", "flags": {}, "frame": frame}


def read_annotation(path: Path) -> Annotation:
    """Read one annotation file; UTF-8 first, then GB18030; UTF-16 and UTF-32 with their marks.

    Shapes that cannot be used do not spoil the others: see `Annotation.notices`.

    Raises:
        NoAnnotationError: sound JSON, but not an annotation.
        AnnotationError: what is wrong, with the file's name.
    """
    return parse_annotation(read_annotation_bytes(path), path.name)


def read_annotation_bytes(path: Path) -> bytes:
    """The bytes of an annotation file; raises AnnotationError where there are none, or too many."""
    try:
        with path.open("rb") as file:
            # The size is asked first: what is refused for it is not read.
            is_large = file.seek(0, 2) > MAXIMUM_BYTES
            file.seek(0)
            data = b"" if is_large else file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise AnnotationError(describe_os_error(error, path, "read")) from error
    if is_large or len(data) > MAXIMUM_BYTES:
        raise AnnotationError(f"{path.name} is too large for an annotation file.")
    return data


def parse_annotation(data: bytes, name: str) -> Annotation:
    """The bytes of an annotation file -> document; `name` is for messages."""
    text = as_utf8(data, name)
    document = decode_json(text, name)
    is_medlabelme = isinstance(document, dict) and "frames" in document
    if not is_medlabelme and not (isinstance(document, dict) and "shapes" in document):
        raise NoAnnotationError(f"{name} is not an annotation file.")
    check_structure(text, document, name)
    return _read_medlabelme(document, name) if is_medlabelme else _read_labelme(document, name)


def _read_medlabelme(document: dict[str, Any], name: str) -> Annotation:
    frames = document["frames"]
    if not isinstance(frames, list):
        raise AnnotationError(f"{name}: frames is not a list.")
    total = document.get("total_frames")
    reader = ShapeReader()
    return Annotation(
        image_path=_image_path(document.get("image_path"), "image_path", name),
        total_frames=total if _is_count(total) else None,
        frames=tuple(_read_frame(f, reader, name) for f in frames),
        extra=_rest(document, _TOP_KEYS if _is_count(total) else ("image_path", "frames")),
        key_order=tuple(document),
    )


def _read_labelme(document: dict[str, Any], name: str) -> Annotation:
    shapes, unusable = ShapeReader().read(_list_of_shapes(document["shapes"], name))
    frame = FrameAnnotation(
        frame=0,
        shapes=shapes,
        width=_size(document.get("imageWidth"), "imageWidth", name),
        height=_size(document.get("imageHeight"), "imageHeight", name),
        unusable=unusable,
    )
    return Annotation(
        image_path=_image_path(document.get("imagePath"), "imagePath", name),
        total_frames=None,
        frames=(frame,),
        extra=_rest(document, _LABELME_KEYS),
        is_labelme=True,
        key_order=tuple(document),
    )


def _read_frame(frame: Any, reader: ShapeReader, name: str) -> FrameAnnotation:
    if not isinstance(frame, dict):
        raise AnnotationError(f"{name}: an entry of frames is not an object.")
    index: Any = frame.get("frame")
    if not _is_count(index):
        raise AnnotationError(f"{name}: an entry of frames has no frame number.")
    where = f"{name}: frame {index}"
    shapes, unusable = reader.read(_list_of_shapes(frame.get("shapes", []), where))
    return FrameAnnotation(
        frame=index,
        shapes=shapes,
        width=_size(frame.get("width"), "width", where),
        height=_size(frame.get("height"), "height", where),
        extra=_rest(frame, _FRAME_KEYS),
        unusable=unusable,
        key_order=tuple(frame),
    )


def _list_of_shapes(shapes: Any, where: str) -> list[Any]:
    if not isinstance(shapes, list):
        raise AnnotationError(f"{where}: shapes is not a list.")
    return shapes


def _image_path(value: Any, key: str, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise AnnotationError(f"{name} does not say which image it belongs to ({key}).")
    return value


def _size(value: Any, key: str, where: str) -> int | None:
    if value is None:
        return None
    if not _is_count(value) or value == 0:
        raise AnnotationError(f"{where}: {key} is not a size in pixels.")
    return int(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _rest(mapping: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """What the document model does not hold: unknown keys, and known ones that are null."""
    return {k: v for k, v in mapping.items() if k not in keys or v is None}


def annotation_to_json(annotation: Annotation) -> dict[str, Any]:
    """Document -> the JSON object, as the file had it key for key, with what was changed.

    A plain labelme file describes one slice; when others have come to it, the document is
    written as MedicalLabelMe's.
    """
    if annotation.is_labelme and [f.frame for f in annotation.frames] == [0]:
        frame = annotation.frames[0]
        values = {
            **annotation.extra,
            "imagePath": annotation.image_path,
            **_present(imageWidth=frame.width, imageHeight=frame.height),
            "shapes": shapes_to_json(frame.shapes, frame.unusable),
        }
    else:
        values = {
            **annotation.extra,
            "image_path": annotation.image_path,
            **_present(total_frames=annotation.total_frames),
            "frames": [_frame_to_json(f) for f in annotation.frames],
        }
    return ordered(values, annotation.key_order or _ORDER)


def _frame_to_json(frame: FrameAnnotation) -> dict[str, Any]:
    values = {
        **frame.extra,
        "frame": frame.frame,
        **_present(width=frame.width, height=frame.height),
    }
    shapes = shapes_to_json(frame.shapes, frame.unusable)
    # A frame may be listed without the key, which means that it has none.
    if shapes or not frame.key_order or "shapes" in frame.key_order:
        values["shapes"] = shapes
    return ordered(values, frame.key_order or _FRAME_KEYS)


def _present(**values: int | None) -> dict[str, int]:
    return {k: v for k, v in values.items() if v is not None}


def annotation_bytes(annotation: Annotation, name: str) -> bytes:
    """Document -> the bytes of its file, indented UTF-8; `name` is for messages.

    Raises:
        WorkspaceError: what would be written could not be read back.
    """
    for frame in annotation.frames:
        numbers = chain.from_iterable(p for shape in frame.shapes for p in shape.points)
        # The encoder would write null for it.
        if not all(map(math.isfinite, numbers)):
            raise WorkspaceError(
                f"{name} was not written: frame {frame.frame} has a shape with a coordinate "
                "that is not a number."
            )
    try:
        data = msgspec.json.encode(annotation_to_json(annotation))
    except UnicodeEncodeError as error:
        raise WorkspaceError(
            f"{name} was not written: a text in it holds half a character."
        ) from error
    text = msgspec.json.format(data, indent=2) + b"\n"
    # Spaces may make a readable file of a million points too large to be read again.
    text = text if len(text) <= MAXIMUM_BYTES else data
    if len(text) > MAXIMUM_BYTES:
        raise WorkspaceError(f"{name} was not written: it would be too large to be read.")
    return text


def write_annotation(path: Path, annotation: Annotation) -> None:
    """Write a document as UTF-8, atomically.

    A link is replaced by a file of its own; what it led to stays as it is.

    Raises:
        WorkspaceError: the disk does not allow it, or what would be written could not be read
            back; the old file is left as it is.
    """
    write_bytes(path, annotation_bytes(annotation, path.name))


def referenced_image(json_path: Path, annotation: Annotation, root: Path) -> Path:
    """The path of the DICOM file an annotation belongs to, below `root`; it may not exist.

    Both separators are understood.  Only the text is judged, the disk is never asked: nobody
    can make the program look outside the opened folder.  On the disk the path may still be
    anything, a link or a device of Windows; so look it up among the files that were found, and
    never open it.

    Raises:
        AnnotationError: the path leaves the opened folder.
    """
    text = annotation.image_path
    parts = PureWindowsPath(text)
    outside = AnnotationError(
        f"{json_path.name} refers to {told(text)}, outside the opened folder."
    )
    if parts.drive or parts.root or "\0" in text:
        raise outside
    folder = list(json_path.parent.relative_to(root).parts)
    for part in parts.parts:
        if part == "..":
            if not folder:
                raise outside
            folder.pop()
        elif PureWindowsPath(part).drive:
            raise outside  # joined to a folder, Windows would leave the folder for the drive
        elif part != ".":
            folder.append(part)
    return root.joinpath(*folder)


def told(text: str) -> str:
    """A path from a file as a message repeats it: in quotes, escaped, and not too long."""
    return repr(text if len(text) <= _TOLD_CHARACTERS else f"{text[:_TOLD_CHARACTERS]}…")
