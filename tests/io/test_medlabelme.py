from __future__ import annotations

import base64
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape, ShapeType
from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.io import atomic, medlabelme
from medseg_desktop.io.medlabelme import (
    annotation_to_json,
    new_annotation,
    new_shape_keys,
    parse_annotation,
    read_annotation,
    write_annotation,
)
from medseg_desktop.io.shape_json import shape_to_json
from tests.builders import annotation_json, shape_json, write_json

TABLE = LabelTable.from_names(["H"])


def parse(document: object) -> Annotation:
    return parse_annotation(json.dumps(document).encode(), "case.json")


def one_shape(points: Any, kind: str, **keys: object) -> dict[str, Any]:
    shape = {**shape_json([], "H", kind), "points": points, **keys}
    return annotation_json("a.dcm", {0: [shape]})


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
    assert shape_to_json(moved)["points"] == [5, 6, 9, 3]


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


def test_numbers_of_numpy_are_written_as_numbers(tmp_path: Path) -> None:
    points = tuple((np.float64(x), np.int32(y)) for x, y in TRIANGLE)
    document = Annotation("a.dcm").with_frame(FrameAnnotation(0, (Shape("H", points),)))
    write_annotation(tmp_path / "a.json", document)
    assert read_annotation(tmp_path / "a.json").shapes(0)[0].points == points


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (Shape("H", ((1, 1), (math.nan, 1), (5, 5))), "not a number"),
        (Shape("H", ((1, 1), (math.inf, 1), (5, 5))), "not a number"),
        (Shape("\ud800", ((1, 1), (5, 1), (5, 5))), "half a character"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(
    tmp_path: Path, shape: Shape, said: str
) -> None:
    path = write_json(tmp_path / "a.json", annotation_json("a.dcm", {0: []}))
    before = path.read_bytes()
    document = read_annotation(path).with_frame(FrameAnnotation(0, (shape,)))
    with pytest.raises(WorkspaceError, match=rf"a\.json was not written: .*{said}"):
        write_annotation(path, document)
    assert path.read_bytes() == before


def test_a_file_too_large_with_spaces_is_written_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = parse(one_shape(TRIANGLE * 40, "polygon"))
    monkeypatch.setattr(medlabelme, "MAXIMUM_BYTES", 1500)
    write_annotation(tmp_path / "a.json", document)
    assert read_annotation(tmp_path / "a.json") == document
    larger = parse(one_shape(TRIANGLE * 400, "polygon"))
    with pytest.raises(WorkspaceError, match="too large to be read"):
        write_annotation(tmp_path / "b.json", larger)
    assert not (tmp_path / "b.json").exists()


def test_new_documents_have_the_keys_in_the_order_of_medical_labelme() -> None:
    shape = Shape("H", ((1, 1), (5, 1), (5, 5)), extra=new_shape_keys(2))
    written = annotation_to_json(new_annotation("a.dcm").with_frame(FrameAnnotation(2, (shape,))))
    assert list(written) == ["version", "flags", "image_path", "total_frames", "frames"]
    assert list(written["frames"][0]) == ["frame", "shapes"]
    assert list(written["frames"][0]["shapes"][0]) == [
        "label", "points", "group_id", "description", "shape_type", "flags", "frame",
    ]  # fmt: skip


def test_a_labelme_file_that_gets_a_second_slice_becomes_one_of_medical_labelme() -> None:
    plain = {"imageData": None, "imagePath": "a.dcm", "shapes": [shape_json(TRIANGLE)]}
    document = parse(plain).with_frame(
        FrameAnnotation(3, (Shape("H", ((1, 1),), ShapeType.POINT),))
    )
    written = annotation_to_json(document)
    assert [f["frame"] for f in written["frames"]] == [0, 3]
    assert (written["image_path"], written["imageData"]) == ("a.dcm", None)
    again = parse(written)
    assert [again.shapes(i) for i in (0, 3)] == [document.shapes(i) for i in (0, 3)]


def test_an_edited_shape_keeps_the_keys_it_had_and_their_order() -> None:
    shape = {"flags": {"x": True}, "points": TRIANGLE, "note": 7, "label": "H"}
    (read,) = parse(annotation_json("a.dcm", {0: [shape]})).shapes(0)
    moved = shape_to_json(replace(read, label="edema"))
    assert list(moved.items()) == list({**shape, "label": "edema"}.items())
    line = shape_to_json(replace(read, shape_type=ShapeType.LINESTRIP))
    assert line == {**shape, "shape_type": "linestrip"}


def test_a_rectangle_that_became_a_polygon_is_written_in_pairs() -> None:
    (read,) = parse(one_shape([4, 6, 9, 3], "rectangle")).shapes(0)
    corners = ((4, 6), (13, 6), (13, 9), (4, 9))
    polygon = shape_to_json(replace(read, points=corners, shape_type=ShapeType.POLYGON))
    assert (polygon["points"], polygon["shape_type"]) == ([list(c) for c in corners], "polygon")
