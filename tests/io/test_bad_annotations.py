"""Annotation files that are damaged, hostile or only odd: a sentence, or a clean reading."""

from __future__ import annotations

import base64
import codecs
import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import AnnotationError
from medseg_desktop.core.shapes.clip import reaches_outside
from medseg_desktop.io import guarded_json, shape_json
from medseg_desktop.io.medlabelme import (
    NoAnnotationError,
    annotation_to_json,
    parse_annotation,
    read_annotation,
)
from tests.builders import annotation_json
from tests.builders import shape_json as shape_of

TRIANGLE = [[1, 1], [5, 1], [5, 5]]
MIB = 1024 * 1024
GOOD = json.dumps(annotation_json("影像.dcm", {0: [shape_of(TRIANGLE, "病灶")]})).encode()
assert b"\\u75c5" in GOOD
LIMIT_S = 2


def read_within_the_limit(path: Path) -> Annotation:
    """As a scan reads it; processor time, because other programs run too."""
    begun = time.process_time()
    try:
        return read_annotation(path)
    finally:
        assert time.process_time() - begun < LIMIT_S


def with_value(value: str) -> bytes:
    """A good file with one further key, whose value is spelled as given."""
    return GOOD[:-1] + b', "further": ' + value.encode() + b"}"


def with_frames(frames: str) -> bytes:
    return b'{"image_path": "a.dcm", "frames": ' + frames.encode() + b"}"


#: Name -> the file, and what its sentence says.
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "blank": (b" \r\n\t", "is empty"),
    "only a mark": (codecs.BOM_UTF8, "is empty"),
    "zeros of a lost disk block": (b"\0" * 4096, "invalid character in line 1, byte 1"),
    "no text": (b"\x81\xff\x00" * 9, "neither UTF-8 nor GB18030"),
    "utf-16 without a mark": (GOOD.decode().encode("utf-16-le"), "in line 1, byte 2"),
    "utf-16 cut in a character": (GOOD.decode().encode("utf-16")[:-1], "neither UTF-8"),
    **{
        f"truncated to {i} elevenths": (GOOD[: len(GOOD) * i // 11], "ends before its last value")
        for i in range(1, 11)
    },
    "not a number": (with_value("NaN"), "invalid character in line 1, byte"),
    "infinity": (with_value("Infinity"), "invalid character"),
    "minus infinity": (with_value("-Infinity"), "invalid"),
    "1e999": (with_value("1e999"), "a number that is beyond all bounds"),
    "-1e400 as coordinate": (GOOD.replace(b"[5, 1]", b"[5, -1e400]"), "beyond all bounds"),
    "4301 digits": (with_value("1" * 4301), "a number that is beyond all bounds"),
    "33 levels": (with_value("[" * 32 + "]" * 32), "nested deeper than 32 levels"),
    "33 levels of objects": (with_value('{"a":' * 32 + "1" + "}" * 32), "deeper than 32"),
    "100,000 levels": (with_value("[" * 100_000 + "]" * 100_000), "deeper than 32"),
    "100,000 levels unclosed": (b'{"frames":' * 100_000, "deeper than 32"),
    "a key twice": (GOOD[:-1] + b', "frames": []}', "an object has the key 'frames' twice"),
    "a label twice": (GOOD.replace(b'"points"', b'"label": "x", "points"'),
                      r"frames\[0\]\.shapes\[0\] has the key 'label' twice"),
    "a further key twice": (with_value('[0, {"a": {"b:": 1, "b\\u003a": 2}}]'),
                            r"further\[1\]\.a has the key 'b:' twice"),
    "a key twice in what is dropped": (with_value('{"a": {"x": 1, "x": 1}, "a": 1}'), "twice"),
    "half a character": (with_value('"\\ud800 and so on"'), "surrogate"),
    "the other half": (with_value('"\\udc00 and so on"'), "surrogate"),
    "half a character as key": (with_value('{"\\ud800_____": 1}'), "surrogate"),
    "trailing comma": (GOOD[:-1] + b",}", "trailing comma"),
    "comment": (b"// ours\n" + GOOD, "in line 1, byte 1"),
    "single quotes": (GOOD.replace(b'"', b"'"), "in line 1, byte 2"),
    "Python's None": (with_value("None"), "invalid character"),
    "two documents": (GOOD + b"\n" + GOOD, "trailing characters in line 2"),
    "a control character": (with_value('"a\nb"'), "invalid character"),
    "a raw byte of Latin-1": (with_value('"') [:-1] + b'\xe9"}', "neither UTF-8 nor"),
    "frames no list": (with_frames("3"), "frames is not a list"),
    "frames null": (with_frames("null"), "frames is not a list"),
    "a frame that is a number": (with_frames("[3]"), "an entry of frames is not an object"),
    "a frame without number": (with_frames('[{"shapes": []}]'), "has no frame number"),
    "a negative frame": (with_frames('[{"frame": -1}]'), "has no frame number"),
    "a frame called true": (with_frames('[{"frame": true}]'), "has no frame number"),
    "half a frame": (with_frames('[{"frame": 0.5}]'), "has no frame number"),
    "frame 2 to the 40": (with_frames(f'[{{"frame": {2**40}}}]'), "has no frame number"),
    "shapes no list": (with_frames('[{"frame": 4, "shapes": 3}]'), "frame 4: shapes is not a list"),
    "shapes null": (with_frames('[{"frame": 4, "shapes": null}]'), "shapes is not a list"),
    "width zero": (with_frames('[{"frame": 4, "width": 0}]'), "frame 4: width is not a size"),
    "width as text": (with_frames('[{"frame": 4, "width": "40"}]'), "width is not a size"),
    "no path": (b'{"frames": []}', r"which image it belongs to \(image_path\)"),
    "a number as path": (b'{"frames": [], "image_path": 3}', "which image"),
    "a blank path": (b'{"frames": [], "image_path": " "}', "which image"),
    "labelme without path": (b'{"shapes": []}', r"which image it belongs to \(imagePath\)"),
    "labelme of shapes no list": (b'{"shapes": 3, "imagePath": "a"}', "shapes is not a list"),
    "labelme of height 1.5": (b'{"shapes": [], "imagePath": "a", "imageHeight": 1.5}', "Height is"),
    "a million points": (GOOD.replace(b"[5, 1]", b",".join([b"[5, 1]"] * 1_000_000)), "too many"),
    "three million values": (with_value("[" + "0," * 3_000_000 + "0]"), "too many"),
    "millions of objects": (with_value("[" + "{}," * 1_500_000 + "0]"), "too many"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_makes_no_sense_is_refused_in_one_sentence(case: str, tmp_path: Path) -> None:
    data, said = REFUSED[case]
    path = tmp_path / "bad one.json"
    path.write_bytes(data)
    with pytest.raises(AnnotationError, match=said) as caught:
        read_within_the_limit(path)
    assert not isinstance(caught.value, NoAnnotationError)
    assert caught.value.message.startswith("bad one.json")
    assert caught.value.message.endswith(".")
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 200


def png_text(rows: int, columns: int) -> str:
    data = cv2.imencode(".png", np.zeros((rows, columns), np.uint8))[1].tobytes()
    return base64.b64encode(data).decode()


#: A PNG of a few bytes that claims 16.7 million pixels a side.
BOMB = base64.b64encode(
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff\xff\xff\0\xff\xff\xff" + b"\x08" + b"\0" * 99
).decode()


def a_shape(points: Any, kind: Any = "polygon", **keys: object) -> dict[str, Any]:
    return {**shape_of([], "H", "polygon"), "points": points, "shape_type": kind, **keys}


#: Name -> an entry of the list of shapes, and what is told of it.
UNUSABLE: dict[str, tuple[Any, str]] = {
    "null": (None, "is not an object"),
    "a number": (7, "is not an object"),
    "a list": ([[1, 1]], "is not an object"),
    "no keys": ({}, "has no label"),
    "no label": ({"points": TRIANGLE}, "has no label"),
    "an empty label": (a_shape(TRIANGLE, label=""), "has no label"),
    "a number as label": (a_shape(TRIANGLE, label=7), "has no label"),
    "a shape type of tomorrow": (a_shape(TRIANGLE, "cuboid"), "unknown shape type 'cuboid'"),
    "a long shape type": (a_shape(TRIANGLE, "x" * 999), "unknown shape type"),
    "no shape type": (a_shape(TRIANGLE, None), "unknown shape type 'None'"),
    "a list as shape type": (a_shape(TRIANGLE, ["polygon"]), "unknown shape type"),
    "no points": ({"label": "H"}, "has no points"),
    "points null": (a_shape(None), "has no points"),
    "points as text": (a_shape("1,1 5,1"), "has no points"),
    "points as an object": (a_shape({"x": 1}), "has no points"),
    "0 points": (a_shape([]), "is a polygon with 0 points; it needs at least 3"),
    "1 point": (a_shape(TRIANGLE[:1]), "is a polygon with 1 point; it needs at least 3"),
    "2 points": (a_shape(TRIANGLE[:2]), "is a polygon with 2 points; it needs at least 3"),
    "one corner": (a_shape(TRIANGLE[:1], "rectangle"), "a rectangle with 1 point; it needs"),
    "no corner": (a_shape([], "rectangle"), "is a rectangle with 0 points"),
    "a circle of a centre": (a_shape(TRIANGLE[:1], "circle"), "is a circle with 1 point"),
    "a line of one point": (a_shape(TRIANGLE[:1], "line"), "is a line with 1 point"),
    "no point": (a_shape([], "point"), "is a point with 0 points"),
    "triples": (a_shape([[1, 2, 3]] * 3), "a point that is not a pair of numbers"),
    "flat numbers": (a_shape([1, 1, 5, 1, 5, 5]), "a point that is not a pair"),
    "a null point": (a_shape([*TRIANGLE, None]), "a point that is not a pair"),
    "a point as text": (a_shape(["11", "51", "55"]), "a point that is not a pair"),
    "a null coordinate": (a_shape([[None, 1], [5, 1], [5, 5]]), "coordinate that is not a usable"),
    "coordinates as text": (a_shape([["1", "2"]] * 3), "coordinate that is not a usable"),
    "true and false": (a_shape([[True, False]] * 3), "coordinate that is not a usable"),
    "points within points": (a_shape([[[1], [2]]] * 3), "coordinate that is not a usable"),
    "far away": (a_shape([[1, 1e9], [5, 1], [5, 5]]), "coordinate that is not a usable"),
    "farther away": (a_shape([[1, -(10**400)], [5, 1], [5, 5]]), "coordinate that is not"),
    "a size as text": (a_shape([[1, 1, "5", 5]], "rectangle"), "coordinate that is not"),
    "100,001 points": (a_shape([[1, 1]] * 100_001), "more than 100000 points"),
    "a mask without bitmap": (a_shape(TRIANGLE, "mask"), "no readable bitmap"),
    "a mask of no base64": (a_shape(TRIANGLE, "mask", mask="!!"), "no readable bitmap"),
    "a mask of a number": (a_shape(TRIANGLE, "mask", mask=7), "no readable bitmap"),
    "a mask of no PNG": (a_shape(TRIANGLE, "mask", mask="aGFsbG8="), "no readable bitmap"),
    "a mask cut off": (a_shape(TRIANGLE, "mask", mask=png_text(9, 9)[:48]), "no readable bitmap"),
    "a mask too large to be": (a_shape(TRIANGLE, "mask", mask=BOMB), "no readable bitmap"),
    "a mask of 144 MB": (a_shape(TRIANGLE, "mask", mask=png_text(12_000, 12_000)), "too large"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_bad_shape_is_told_and_kept_and_spoils_no_other(case: str, tmp_path: Path) -> None:
    entry, said = UNUSABLE[case]
    good = shape_of(TRIANGLE, "病灶")
    document = annotation_json("a.dcm", {2: [good], 5: [good, entry, good]})
    path = tmp_path / "bad one.json"
    path.write_text(json.dumps(document))
    annotation = read_within_the_limit(path)
    (notice,) = annotation.notices(path.name)
    assert notice.startswith("bad one.json: shape 2 of frame 5 ")
    assert said in notice
    assert notice.endswith(".")
    assert len(notice) < 200
    assert len(annotation.shapes(5)) == 2
    assert annotation.labels == ("病灶",)
    assert json.dumps(annotation_to_json(annotation)) == json.dumps(document)


def test_kept_entries_stay_where_they_are_while_shapes_come_and_go() -> None:
    good = [shape_of([[i, 1], [5, 1], [5, 5]]) for i in range(3)]
    document = annotation_json("a.dcm", {0: [None, good[0], 7, good[1], good[2], {}]})
    annotation = parse_annotation(json.dumps(document).encode(), "a.json")
    frame = annotation.frame(0)
    assert frame is not None

    def written(*kept: int) -> list[Any]:
        shapes = tuple(frame.shapes[i] for i in kept)
        changed = annotation.with_frame(type(frame)(0, shapes, unusable=frame.unusable))
        listed: list[Any] = annotation_to_json(changed)["frames"][0]["shapes"]
        return listed

    assert written(0, 1, 2) == [None, good[0], 7, good[1], good[2], {}]
    assert written(1, 2) == [None, good[1], 7, good[2], {}]
    assert written() == [None, 7, {}]
    assert written(0, 1, 2, 0) == [None, good[0], 7, good[1], good[2], {}, good[0]]


def test_all_bitmaps_of_a_file_share_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape_json, "MAXIMUM_BITMAP_PIXELS", 1000)
    masks = [a_shape(TRIANGLE, "mask", mask=png_text(20, 20)) for _ in range(3)]
    document = annotation_json("a.dcm", {0: masks[:1], 1: masks[1:]})
    annotation = parse_annotation(json.dumps(document).encode(), "a.json")
    (notice,) = annotation.notices("a.json")
    assert notice == "a.json: shape 2 of frame 1 has a bitmap that is too large."
    assert annotation_to_json(annotation) == document


BOW_TIE = [[1, 1], [9, 9], [9, 1], [1, 9]]
OUTSIDE = [[-30, 4], [99, 4], [40.5, 900.25]]

#: Name -> a file that is read without a word.
ACCEPTED: dict[str, bytes] = {
    "utf-8": GOOD,
    "utf-8 with a mark": codecs.BOM_UTF8 + GOOD,
    "utf-16, little end first": codecs.BOM_UTF16_LE + GOOD.decode().encode("utf-16-le"),
    "utf-16, big end first": codecs.BOM_UTF16_BE + GOOD.decode().encode("utf-16-be"),
    "utf-32": GOOD.decode().encode("utf-32"),
    "GBK": json.dumps(json.loads(GOOD), ensure_ascii=False).encode("gbk"),
    "Windows line ends": json.dumps(json.loads(GOOD), indent=2).replace("\n", "\r\n").encode(),
    "a colon spelled out": with_value('"a\\u003a b: \\\\u003a"'),
    "32 levels": with_value("[" * 31 + "]" * 31),
    "a picture in it": with_value(f'"{"A" * 5_000_000}"'),
    "self-crossing": json.dumps(annotation_json("a", {0: [shape_of(BOW_TIE)]})).encode(),
    "an unknown label": json.dumps(annotation_json("a", {0: [shape_of(TRIANGLE, "?")]})).encode(),
    "outside the slice": json.dumps(annotation_json("a", {0: [shape_of(OUTSIDE)]})).encode(),
    "100,000 points": GOOD.replace(b"[5, 1]", b",".join([b"[5.25, 1.5]"] * 99_998)),
    "2,000 shapes": json.dumps(annotation_json("a", {0: [shape_of(TRIANGLE)] * 2000})).encode(),
    "sizes null": with_frames('[{"frame": 0, "width": null, "shapes": []}]'),
    "no shapes": with_frames('[{"frame": 0}]'),
    "a frame twice": with_frames('[{"frame": 0}, {"frame": 0, "shapes": []}]'),
    "labelme": json.dumps(
        {"imagePath": "a", "imageData": "aGk=", "shapes": [shape_of(TRIANGLE)]}
    ).encode(),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_file_that_is_only_odd_is_read_whole(case: str, tmp_path: Path) -> None:
    path = tmp_path / "odd one.json"
    path.write_bytes(ACCEPTED[case])
    annotation = read_within_the_limit(path)
    assert annotation.notices(path.name) == ()
    if case in ("GBK", "utf-32") or case.startswith("utf"):
        assert (annotation.labels, annotation.image_path) == (("病灶",), "影像.dcm")
    elif case not in ("100,000 points", "a picture in it"):
        assert annotation_to_json(annotation) == json.loads(ACCEPTED[case])


def test_a_shape_outside_its_slice_can_be_told() -> None:
    annotation = parse_annotation(ACCEPTED["outside the slice"], "a.json")
    assert [reaches_outside(s, 32, 32) for s in annotation.shapes(0)] == [True]


@pytest.mark.parametrize("data", [b"3", b"[]", b"{}", b'{"Modality": "MR"}', b'{"a": 1, "a": 1}',
                                  b"[" * 99 + b"]" * 99])  # fmt: skip
def test_sound_json_of_other_programs_is_told_apart(data: bytes) -> None:
    with pytest.raises(NoAnnotationError):
        parse_annotation(data, "sidecar.json")


def test_a_file_above_64_megabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    with path.open("wb") as file:
        file.write(b'{"imagePath": "a.dcm", "shapes": [], "imageData": "')
        file.truncate(200 * MIB)
    tracemalloc.start()
    try:
        with pytest.raises(AnnotationError, match=r"big\.json is too large"):
            read_within_the_limit(path)
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()


def test_a_million_points_are_refused_before_they_fill_the_memory() -> None:
    data = REFUSED["a million points"][0]
    tracemalloc.start()
    try:
        with pytest.raises(AnnotationError):
            parse_annotation(data, "a.json")
        assert tracemalloc.get_traced_memory()[1] < 4 * len(data) < 300 * MIB
    finally:
        tracemalloc.stop()


def test_a_key_that_stands_twice_in_a_long_file_is_not_searched_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guarded_json, "_SEARCHED_BYTES", 100)
    with pytest.raises(AnnotationError, match=r"a\.json is damaged: an object has a key twice\."):
        parse_annotation(REFUSED["a label twice"][0], "a.json")


def test_a_missing_file_is_an_annotation_error(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="does not exist"):
        read_annotation(tmp_path / "none.json")
