from __future__ import annotations

import base64
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.annotation import Annotation, ShapeType
from medseg_desktop.core.errors import AnnotationError, WorkspaceError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.io import atomic, medlabelme
from medseg_desktop.io.medlabelme import (
    NoAnnotationError,
    annotation_to_json,
    parse_annotation,
    read_annotation,
    referenced_image,
    write_annotation,
)
from tests.builders import annotation_json, shape_json, write_json

TABLE = LabelTable.from_names(["H"])


def parse(document: object) -> Annotation:
    return parse_annotation(json.dumps(document).encode(), "case.json")


def one_shape(points: Any, kind: str, **keys: object) -> dict[str, Any]:
    shape = {**shape_json([], "H", kind), "points": points, **keys}
    return annotation_json("a.dcm", {0: [shape]})


def test_every_real_annotation_is_written_back_key_for_key(test_data: Path) -> None:
    files = sorted((test_data / "data" / "lesions" / "series").rglob("*.json"))
    assert len(files) > 100
    for path in files:
        data = path.read_bytes()
        try:
            original = json.loads(data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            original = json.loads(data.decode("gb18030"))
        assert annotation_to_json(read_annotation(path)) == original, path.name


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
numbers = st.integers(-999, 999) | st.floats(-999, 999, allow_subnormal=False)
pairs = st.lists(numbers, min_size=2, max_size=2)
known = {
    "label", "points", "shape_type", "frame", "width", "height", "shapes", "frames",
    "image_path", "total_frames", "mask",
}  # fmt: skip
unknown_keys = st.dictionaries(st.text(max_size=6), json_values, max_size=3).map(
    lambda keys: {k: v for k, v in keys.items() if k not in known}
)


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from([t for t in ShapeType if t is not ShapeType.MASK]))
    if kind is ShapeType.RECTANGLE and draw(st.booleans()):
        points: list[Any] = draw(st.lists(numbers, min_size=4, max_size=4))
        points = [points] if draw(st.booleans()) else points
    else:
        least = 2 if kind is ShapeType.RECTANGLE else 3
        points = draw(st.lists(pairs, min_size=least, max_size=2 if least == 2 else 6))
    label = draw(st.text(min_size=1, max_size=6))
    return {
        **draw(unknown_keys),
        "label": label,
        "points": points,
        "shape_type": str(kind),
    }


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    frames = [
        {
            **draw(unknown_keys),
            "frame": i,
            **({"width": 40, "height": draw(st.none() | st.just(32))} if i % 2 else {}),
            "shapes": draw(st.lists(shapes(), max_size=3)),
        }
        for i in range(draw(st.integers(0, 3)))
    ]
    total = {"total_frames": draw(st.integers(0, 9) | st.none())} if draw(st.booleans()) else {}
    return {**draw(unknown_keys), "image_path": "x\\图 像.dcm", **total, "frames": frames}


@given(documents())
def test_documents_are_written_back_key_for_key(document: dict[str, Any]) -> None:
    assert annotation_to_json(parse(document)) == document


@given(documents())
def test_a_written_file_reads_as_the_same_document(document: dict[str, Any]) -> None:
    annotation = parse(document)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        write_annotation(path, annotation)
        assert read_annotation(path) == annotation


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_labels_are_read_in_every_usual_encoding(encoding: str) -> None:
    document = annotation_json("影像.dcm", {0: [shape_json([[1, 1], [5, 1], [5, 5]], "病灶")]})
    data = json.dumps(document, ensure_ascii=False).encode(encoding)
    annotation = parse_annotation(data, "a.json")
    assert annotation.labels == ("病灶",)
    assert annotation.image_path == "影像.dcm"


def test_files_are_written_as_utf8_without_a_mark(tmp_path: Path) -> None:
    document = annotation_json("影像.dcm", {0: []})
    path = tmp_path / "a.json"
    write_annotation(path, parse(document))
    assert json.loads(path.read_bytes().decode("utf-8")) == document


def label_map(document: dict[str, Any]) -> np.ndarray:
    return draw_label_map(parse(document).shapes(0), TABLE, 32, 32)


@pytest.mark.parametrize(
    "points", [[[4, 6], [13, 9]], [[13, 9], [4, 6]], [[4, 6, 9, 3]], [4, 6, 9, 3]]
)
def test_a_rectangle_covers_the_same_pixels_in_every_form(points: list[Any]) -> None:
    expected = np.zeros((32, 32), np.uint8)
    expected[6:10, 4:14] = 1
    assert np.array_equal(label_map(one_shape(points, "rectangle")), expected)


@pytest.mark.parametrize("points", [[[0.1, 0.2, 0.3, 0.7]], [0.1, 0.2, 0.3, 0.7]])
def test_four_numbers_are_written_back_digit_for_digit(points: list[Any]) -> None:
    document = one_shape(points, "rectangle")
    assert annotation_to_json(parse(document)) == document


def test_a_moved_rectangle_keeps_its_form() -> None:
    shape = parse(one_shape([4, 6, 9, 3], "rectangle")).shapes(0)[0]
    moved = replace(shape, points=((5.0, 6.0), (14.0, 9.0)))
    assert medlabelme._shape_to_json(moved)["points"] == [5, 6, 9, 3]


@pytest.mark.parametrize(
    ("kind", "points", "pixels"),
    [
        ("point", [[3.9, 7.2]], {(7, 3)}),
        ("points", [[3, 7], [1, 2], [99, 99]], {(7, 3), (2, 1)}),
        ("line", [[2, 5], [4, 5]], {(5, 2), (5, 3), (5, 4)}),
        ("linestrip", [[2, 5], [3, 5], [3, 7]], {(5, 2), (5, 3), (6, 3), (7, 3)}),
    ],
)
def test_points_and_lines_are_drawn(
    kind: str, points: list[Any], pixels: set[tuple[int, int]]
) -> None:
    drawn = {tuple(p) for p in np.argwhere(label_map(one_shape(points, kind))).tolist()}
    assert drawn == pixels


def test_a_circle_is_a_centre_and_a_point_on_the_rim() -> None:
    area = int(label_map(one_shape([[16, 16], [16, 26]], "circle")).sum())
    assert area == pytest.approx(np.pi * 10**2, rel=0.1)


def mask_text(bitmap: np.ndarray) -> str:
    return base64.b64encode(cv2.imencode(".png", bitmap)[1].tobytes()).decode()


def test_a_mask_is_pasted_at_its_corner_and_written_back() -> None:
    bitmap = np.zeros((4, 6), np.uint8)
    bitmap[1:3, 2:5] = 1
    document = one_shape([[10, 20], [15, 23]], "mask", mask=mask_text(bitmap))
    expected = np.zeros((32, 32), np.uint8)
    expected[21:23, 12:15] = 1
    assert np.array_equal(label_map(document), expected)
    assert annotation_to_json(parse(document)) == document


def test_plain_labelme_files_are_read_and_written_as_such() -> None:
    document = {
        "version": "5.0",
        "flags": {},
        "imagePath": "a.dcm",
        "imageData": None,
        "imageWidth": 40,
        "imageHeight": 32,
        "shapes": [shape_json([[1, 1], [5, 1], [5, 5]])],
    }
    annotation = parse(document)
    assert annotation.is_labelme
    assert len(annotation.shapes(0)) == 1
    assert annotation_to_json(annotation) == document


TRIANGLE = [[1, 1], [5, 1], [5, 5]]
BAD = {
    "empty": b"",
    "truncated": json.dumps(one_shape(TRIANGLE, "polygon")).encode()[:-9],
    "not-a-number": json.dumps(one_shape([[1, float("nan")], [5, 1], [5, 5]], "polygon")).encode(),
    "infinity": json.dumps(one_shape([[1, float("inf")], [5, 1], [5, 5]], "polygon")).encode(),
    "overflow": json.dumps(one_shape(TRIANGLE, "polygon")).replace("5", "1e999").encode(),
    "huge-integer": b'{"frames": [], "image_path": "a", "x": ' + b"1" * 4301 + b"}",
    "deep": b'{"frames": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "no-text": b'{"frames": "\xff\xff\xff"}',
    "frames-no-list": b'{"frames": 3, "image_path": "a.dcm"}',
    "no-image-path": b'{"frames": []}',
    "blank-image-path": b'{"frames": [], "image_path": " "}',
    "number-as-image-path": b'{"frames": [], "image_path": 3}',
    "frame-no-object": b'{"frames": [3], "image_path": "a.dcm"}',
    "negative-frame": b'{"frames": [{"frame": -1, "shapes": []}], "image_path": "a.dcm"}',
    "shapes-no-list": b'{"frames": [{"frame": 0, "shapes": 3}], "image_path": "a.dcm"}',
    "width-zero": b'{"frames": [{"frame": 0, "width": 0, "shapes": []}], "image_path": "a"}',
    "points-no-pairs": json.dumps(one_shape([[1, 2, 3]] * 3, "polygon")).encode(),
    "points-text": json.dumps(one_shape([["1", "2"]] * 3, "polygon")).encode(),
    "points-true": json.dumps(one_shape([[True, False]] * 3, "polygon")).encode(),
    "points-far-away": json.dumps(one_shape([[1, 1e9], [5, 1], [5, 5]], "polygon")).encode(),
    "no-points": json.dumps(one_shape(None, "polygon")).encode(),
    "two-points": json.dumps(one_shape(TRIANGLE[:2], "polygon")).encode(),
    "one-corner": json.dumps(one_shape(TRIANGLE[:1], "rectangle")).encode(),
    "unknown-type": json.dumps(one_shape(TRIANGLE, "cuboid")).encode(),
    "type-no-text": json.dumps({**one_shape(TRIANGLE, "polygon")}).replace(
        '"polygon"', '["polygon"]'
    ).encode(),
    "no-label": json.dumps(one_shape(TRIANGLE, "polygon", label="")).encode(),
    "label-no-text": json.dumps(one_shape(TRIANGLE, "polygon", label=7)).encode(),
    "too-many-points": json.dumps(one_shape([[1, 1]] * 100_001, "polygon")).encode(),
    "mask-without-bitmap": json.dumps(one_shape(TRIANGLE, "mask")).encode(),
    "mask-no-base64": json.dumps(one_shape(TRIANGLE, "mask", mask="!!")).encode(),
    "mask-no-png": json.dumps(one_shape(TRIANGLE, "mask", mask="aGFsbG8=")).encode(),
    "mask-bomb": json.dumps(
        one_shape(
            TRIANGLE,
            "mask",
            mask=base64.b64encode(
                b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff\xff\xff\0\xff\xff\xff" + b"\x08" + b"\0" * 99
            ).decode(),
        )
    ).encode(),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_annotation_is_refused_in_one_sentence_that_names_the_file(
    case: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad one.json"
    path.write_bytes(BAD[case])
    with pytest.raises(AnnotationError) as caught:
        read_annotation(path)
    assert not isinstance(caught.value, NoAnnotationError)
    assert "bad one.json" in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("data", [b"3", b"[]", b"{}", b'{"Modality": "MR"}'])
def test_sound_json_of_other_programs_is_told_apart(data: bytes) -> None:
    with pytest.raises(NoAnnotationError):
        parse_annotation(data, "sidecar.json")


def test_a_file_above_64_megabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    with path.open("wb") as file:
        file.truncate(medlabelme.MAXIMUM_BYTES + 1)
    with pytest.raises(AnnotationError, match=r"big\.json is too large"):
        read_annotation(path)


def test_a_missing_file_is_an_annotation_error(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="does not exist"):
        read_annotation(tmp_path / "none.json")


HOSTILE = [
    "../../secret.dcm", "..\\..\\secret.dcm", "a/../../../secret.dcm", "/etc/passwd",
    "\\etc\\passwd", "C:\\Windows\\x.dcm", "C:x.dcm", "c:/x.dcm", "\\\\server\\share\\x.dcm",
    "//server/share/x.dcm", "\\\\?\\C:\\x.dcm", "\\\\.\\COM1", "a\0.dcm", "../..",
    "sub/../../..\\x.dcm",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_a_path_that_leaves_the_opened_folder_is_refused_without_asking_the_disk(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    json_path = tmp_path / "p1" / "x.json"
    with monkeypatch.context() as patched:
        for name in ("stat", "lstat", "open", "readlink"):
            patched.setattr(os, name, lambda path, *_a, **_k: asked.append(path))
        try:
            referenced_image(json_path, Annotation(text), tmp_path)
        except AnnotationError as error:
            message = error.message
    assert "outside the opened folder" in message
    assert asked == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IM1.dcm", "p1/IM1.dcm"),
        (".\\IM1.dcm", "p1/IM1.dcm"),
        ("..\\p2\\IM1.dcm", "p2/IM1.dcm"),
        ("sub/./IM1.dcm", "p1/sub/IM1.dcm"),
        ("影像 数据.dcm", "p1/影像 数据.dcm"),
        ("..dcm", "p1/..dcm"),
        ("x" * 300, "p1/" + "x" * 300),
        ("10:30:00.dcm", "p1/10:30:00.dcm"),
    ],
)
def test_both_separators_are_understood(text: str, expected: str, tmp_path: Path) -> None:
    found = referenced_image(tmp_path / "p1" / "x.json", Annotation(text), tmp_path)
    assert found == tmp_path / expected


def test_listed_frames_are_reviewed_and_others_are_not() -> None:
    annotation = parse(annotation_json("a.dcm", {0: [], 2: [shape_json(TRIANGLE, frame=2)]}))
    assert [annotation.is_reviewed(i) for i in range(4)] == [True, False, True, False]


def test_an_empty_frames_list_means_that_every_frame_is_reviewed() -> None:
    annotation = parse(annotation_json("a.dcm", {}))
    assert all(annotation.is_reviewed(i) for i in range(5))


def test_our_own_key_adds_reviewed_frames() -> None:
    document = annotation_json("a.dcm", {0: []})
    document["medseg"] = {"reviewed_frames": [3, True, "5"]}
    annotation = parse(document)
    assert [i for i in range(6) if annotation.is_reviewed(i)] == [0, 3]


def test_predictions_that_nobody_accepted_are_never_reviewed() -> None:
    document = annotation_json("a.dcm", {0: [shape_json(TRIANGLE)]})
    document["medseg"] = {"prediction": "tiny-v1"}
    assert not parse(document).is_reviewed(0)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_json(tmp_path / "a.json", annotation_json("a.dcm", {0: []}))
    before = path.read_bytes()

    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "replace", fail)
    with pytest.raises(WorkspaceError, match="the disk is full"):
        write_annotation(path, parse(annotation_json("b.dcm", {})))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
