"""An annotation that is read and written unchanged is equal: keys, order, values, digits."""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medseg_desktop.core.annotation import Annotation, ShapeType
from medseg_desktop.io.medlabelme import (
    annotation_to_json,
    parse_annotation,
    read_annotation,
    write_annotation,
)
from medseg_desktop.io.png import encode_png
from tests.builders import annotation_json, shape_json

TRIANGLE = [[1, 1], [5.5, 1], [5, 5]]


def parse(document: object) -> Annotation:
    return parse_annotation(json.dumps(document).encode(), "case.json")


def text(document: object) -> str:
    """Equal only where keys stand in the same order and 1 is not 1.0, nor 0.0 -0.0."""
    return json.dumps(document)


def test_every_real_annotation_is_written_back_key_for_key(test_data: Path) -> None:
    files = sorted((test_data / "data" / "lesions" / "series").rglob("*.json"))
    assert len(files) > 100
    for path in files:
        data = path.read_bytes()
        try:
            original = json.loads(data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            original = json.loads(data.decode("gb18030"))
        annotation = read_annotation(path)
        assert text(annotation_to_json(annotation)) == text(original), path.name
        assert annotation.notices(path.name) == ()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
numbers = st.integers(-999, 999) | st.floats(-999, 999)
pairs = st.lists(numbers, min_size=2, max_size=2)
known = {
    "label", "points", "shape_type", "frame", "width", "height", "shapes", "frames", "mask",
    "image_path", "total_frames", "imagePath", "imageWidth", "imageHeight",
}  # fmt: skip
unknown_keys = st.dictionaries(st.text(max_size=6), json_values, max_size=3).map(
    lambda keys: {k: v for k, v in keys.items() if k not in known}
)
further_keys = st.fixed_dictionaries(
    {},
    optional={
        "group_id": st.none() | st.integers(),
        "description": st.none() | st.text(max_size=4),
        "flags": st.dictionaries(st.text(max_size=3), st.booleans(), max_size=2),
        "medseg": unknown_keys,
    },
)


def shuffled(document: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.permutations(list(document.items())).map(dict)


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(list(ShapeType)))
    own: dict[str, Any] = {"shape_type": str(kind)}
    if kind is ShapeType.RECTANGLE and draw(st.booleans()):
        points: list[Any] = draw(st.lists(numbers, min_size=4, max_size=4))
        points = [points] if draw(st.booleans()) else points
    else:
        least = 2 if kind is ShapeType.RECTANGLE else 3
        points = draw(st.lists(pairs, min_size=least, max_size=2 if least == 2 else 6))
    if kind is ShapeType.MASK:
        bitmap = draw(arrays(np.uint8, (2, 3), elements=st.sampled_from([0, 255])))
        own["mask"] = base64.b64encode(encode_png(bitmap)).decode()
    if kind is ShapeType.POLYGON and draw(st.booleans()):
        del own["shape_type"]  # a polygon is what a shape is that does not say
    own |= {"label": draw(st.text(min_size=1, max_size=6)), "points": points}
    return draw(shuffled({**draw(unknown_keys), **draw(further_keys), **own}))


#: What is no shape at all is kept at its place as well.
entries = st.lists(shapes() | json_values, max_size=4)
sizes = st.fixed_dictionaries(
    {}, optional={"width": st.just(40), "height": st.none() | st.just(32)}
)


@st.composite
def frames(draw: st.DrawFn) -> dict[str, Any]:
    listed = {"shapes": draw(entries)} if draw(st.booleans()) else {}
    frame = {"frame": draw(st.integers(0, 3))}  # some stand twice
    return draw(shuffled({**draw(unknown_keys), **frame, **draw(sizes), **listed}))


@st.composite
def medlabelme_documents(draw: st.DrawFn) -> dict[str, Any]:
    total = st.integers(-1, 9) | st.none() | st.booleans() | st.text(max_size=2)
    own = {
        "image_path": "x\\图 像.dcm",
        "frames": draw(st.lists(frames(), max_size=3)),
        **({"total_frames": draw(total)} if draw(st.booleans()) else {}),
    }
    return draw(shuffled({**draw(unknown_keys), **draw(further_keys), **own}))


@st.composite
def labelme_documents(draw: st.DrawFn) -> dict[str, Any]:
    size = {"width": "imageWidth", "height": "imageHeight"}
    own = {
        "imagePath": "..\\a.dcm",
        "shapes": draw(entries),
        **{size[key]: value for key, value in draw(sizes).items()},
        **({"imageData": draw(st.none() | st.just("aGk="))} if draw(st.booleans()) else {}),
    }
    return draw(shuffled({**draw(unknown_keys), **draw(further_keys), **own}))


documents = medlabelme_documents() | labelme_documents()


@settings(max_examples=300, deadline=None)
@given(documents)
def test_documents_are_written_back_key_for_key(document: dict[str, Any]) -> None:
    assert text(annotation_to_json(parse(document))) == text(document)


@settings(max_examples=150, deadline=None)
@given(documents, st.booleans())
def test_a_written_file_reads_as_the_same_document(
    document: dict[str, Any], spelled_in_ascii: bool
) -> None:
    data = json.dumps(document, ensure_ascii=spelled_in_ascii).encode()
    annotation = parse_annotation(data, "case.json")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        write_annotation(path, annotation)
        assert read_annotation(path) == annotation
        assert text(json.loads(path.read_bytes())) == text(document)


@pytest.mark.parametrize(
    "number",
    ["18446744073709551616", "-9223372036854775809", "9" * 400, "-0.0", "1.0", "1e22", "5e-324",
     "1.7976931348623157e308", "0.1", "123456789012345678.0", "0.30000000000000004"],
)  # fmt: skip
def test_numbers_keep_their_kind_and_value(number: str, tmp_path: Path) -> None:
    document = annotation_json("a.dcm", {0: [shape_json(TRIANGLE)]})
    data = json.dumps({**document, "x": "X"}).replace('"X"', number).encode()
    write_annotation(tmp_path / "a.json", parse_annotation(data, "case.json"))
    written = json.loads((tmp_path / "a.json").read_bytes())["x"]
    assert repr(written) == repr(json.loads(number))


def test_coordinates_keep_their_kind() -> None:
    points = [[1, 1.0], [-0.0, 2.5], [0, 3]]
    document = annotation_json("a.dcm", {0: [shape_json(points)]})
    assert text(annotation_to_json(parse(document))) == text(document)


@pytest.mark.parametrize("points", [[[1.0, 2, 3.0, 4]], [0.1, 0.2, 0.3, 0.7], [[4, 3], [1, 2]]])
def test_rectangles_keep_the_form_they_are_stored_in(points: list[Any]) -> None:
    document = annotation_json("a.dcm", {0: [shape_json([], kind="rectangle")]})
    document["frames"][0]["shapes"][0]["points"] = points
    assert text(annotation_to_json(parse(document))) == text(document)
