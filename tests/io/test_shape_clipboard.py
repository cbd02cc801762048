"""Shapes on the clipboard and back."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.io.shape_clipboard import shapes_from_text, shapes_to_text

numbers = st.floats(-1e4, 1e4).map(lambda x: x + 0.0)  # JSON readers know no minus zero
points = st.tuples(numbers, numbers)
labels = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=12)
keys = st.fixed_dictionaries({"group_id": st.none() | st.integers(0, 9), "description": st.text()})
shapes = st.one_of(
    st.builds(Shape, labels, st.lists(points, min_size=3, max_size=9).map(tuple), extra=keys),
    st.builds(Shape, labels, st.tuples(points, points), st.just(ShapeType.RECTANGLE)),
    st.builds(Shape, labels, st.tuples(points, points), st.just(ShapeType.CIRCLE)),
    st.builds(Shape, labels, st.tuples(points, points), st.just(ShapeType.LINE)),
)


@given(st.lists(shapes, min_size=1, max_size=4).map(tuple))
def test_shapes_come_back_as_they_were(copied: tuple[Shape, ...]) -> None:
    pasted = shapes_from_text(shapes_to_text(copied))
    assert [(s.label, s.points, s.shape_type) for s in pasted] == [
        (s.label, s.points, s.shape_type) for s in copied
    ]
    for was, now in zip(copied, pasted, strict=True):
        assert {key: now.extra[key] for key in was.extra} == dict(was.extra)


def test_a_bitmap_comes_back_pixel_for_pixel() -> None:
    bitmap = np.arange(20).reshape(4, 5) % 3 == 0
    _, png = cv2.imencode(".png", bitmap.astype(np.uint8) * 255)
    mask = Shape(
        "H",
        ((3.0, 4.0), (7.0, 7.0)),
        ShapeType.MASK,
        extra={"mask": base64.b64encode(png.tobytes()).decode()},
        bitmap=bitmap,
    )
    (pasted,) = shapes_from_text(shapes_to_text((mask,)))
    assert pasted.bitmap is not None
    np.testing.assert_array_equal(pasted.bitmap, bitmap)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a sentence",
        "{}",
        "[1, 2]",
        '{"frames": 3}',
        "null",
        "\ud800",
        '{"frames": [{}]}',
        "1e999",
    ],
)
def test_other_text_holds_no_shapes(text: str) -> None:
    assert shapes_from_text(text) == ()


@given(st.text())
def test_no_text_on_the_clipboard_raises_an_error(text: str) -> None:
    assert shapes_from_text(text) == ()


def test_shapes_of_a_labelme_file_can_be_pasted() -> None:
    text = '{"shapes": [{"label": "H", "points": [[1, 2], [5, 2], [5, 6]]}], "imagePath": "a.png"}'
    (pasted,) = shapes_from_text(text)
    assert (pasted.label, pasted.points) == ("H", ((1.0, 2.0), (5.0, 2.0), (5.0, 6.0)))
