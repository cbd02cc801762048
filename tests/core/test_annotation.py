"""Annotation documents: what is reviewed, and edits that leave the old document alone."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.annotation import (
    MINIMUM_POINTS,
    Annotation,
    FrameAnnotation,
    Shape,
    ShapeType,
    SliceState,
    UnusableShape,
)

SQUARE = Shape("H", ((1, 1), (4, 1), (4, 4), (1, 4)))
BROKEN = UnusableShape(1, {"label": "H"}, "has no points")
DOT = Shape("edema", ((2, 2),), ShapeType.POINT)


def document(*frames: FrameAnnotation, medseg: Any = None) -> Annotation:
    extra = {} if medseg is None else {"medseg": medseg}
    return Annotation("a.dcm", 10, frames, extra)


def test_an_empty_list_of_frames_means_that_every_frame_is_reviewed() -> None:
    annotation = document()
    assert all(annotation.is_reviewed(i) for i in range(10))
    assert annotation.shapes(0) == ()


def test_only_listed_frames_are_reviewed_where_some_are_listed() -> None:
    annotation = document(FrameAnnotation(2, (SQUARE,)), FrameAnnotation(5))
    assert [i for i in range(10) if annotation.is_reviewed(i)] == [2, 5]


def test_our_own_key_adds_reviewed_frames() -> None:
    annotation = document(FrameAnnotation(2), medseg={"reviewed_frames": [3, 4]})
    assert [i for i in range(10) if annotation.is_reviewed(i)] == [2, 3, 4]


def test_a_prediction_that_nobody_accepted_is_not_reviewed() -> None:
    prediction = {"prediction": {"model": "m"}, "reviewed_frames": [1]}
    annotation = document(FrameAnnotation(0, (SQUARE,)), medseg=prediction)
    assert not any(annotation.is_reviewed(i) for i in range(10))
    assert not document(medseg=prediction).is_reviewed(0)


@pytest.mark.parametrize(
    "medseg", [None, 3, "x", [], {}, {"reviewed_frames": None}, {"reviewed_frames": "12"},
               {"reviewed_frames": {"1": 2}}, {"reviewed_frames": ["1", 2.0, None, True]}],
)  # fmt: skip
def test_nonsense_under_our_own_key_names_no_frames(medseg: Any) -> None:
    annotation = document(FrameAnnotation(7), medseg=medseg)
    assert annotation.reviewed_frames == frozenset()
    assert not annotation.is_reviewed(1)


def test_labels_come_in_order_of_first_appearance() -> None:
    annotation = document(FrameAnnotation(3, (DOT, SQUARE)), FrameAnnotation(4, (SQUARE, DOT)))
    assert annotation.labels == ("edema", "H")
    assert document().labels == ()


def test_shapes_are_those_of_the_frame() -> None:
    annotation = document(FrameAnnotation(3, (DOT,)), FrameAnnotation(4, (SQUARE,)))
    assert annotation.shapes(3) == (DOT,)
    assert annotation.shapes(4) == (SQUARE,)
    assert annotation.shapes(0) == ()
    assert annotation.frame(0) is None


def test_shapes_of_a_frame_that_is_listed_twice_are_all_found() -> None:
    annotation = document(FrameAnnotation(3, (DOT,)), FrameAnnotation(3, (SQUARE,)))
    assert annotation.shapes(3) == (DOT, SQUARE)


@given(st.lists(st.integers(0, 9), unique=True), st.integers(0, 9))
def test_replacing_a_frame_keeps_the_others_and_the_old_document(
    listed: list[int], edited: int
) -> None:
    before = document(*(FrameAnnotation(i, (DOT,)) for i in listed), medseg={"x": 1})
    after = before.with_frame(FrameAnnotation(edited, (SQUARE,), 8, 6))
    assert [f.frame for f in after.frames] == sorted({*listed, edited})
    assert after.shapes(edited) == (SQUARE,)
    assert all(after.shapes(i) == (DOT,) for i in listed if i != edited)
    assert [f.frame for f in before.frames] == listed
    assert (after.image_path, after.total_frames, after.extra) == (
        before.image_path,
        before.total_frames,
        before.extra,
    )


def test_documents_cannot_be_changed_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        SQUARE.label = "x"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        document().frames = ()  # type: ignore[misc]


def test_every_shape_type_has_its_fewest_points() -> None:
    assert set(MINIMUM_POINTS) == set(ShapeType)
    assert MINIMUM_POINTS[ShapeType.POLYGON] == 3


def test_shape_types_are_written_as_labelme_writes_them() -> None:
    assert [str(t) for t in ShapeType] == [
        "polygon", "rectangle", "circle", "line", "linestrip", "point", "points", "mask",
    ]  # fmt: skip


def test_the_state_of_a_slice_is_unseen_reviewed_or_lesion() -> None:
    frames = FrameAnnotation(2, (SQUARE,)), FrameAnnotation(5)
    annotation = document(*frames, medseg={"reviewed_frames": [3]})
    states = {i: annotation.slice_state(i) for i in (1, 2, 3, 5)}
    assert states == {
        1: SliceState.UNSEEN,
        2: SliceState.LESION,
        3: SliceState.NO_LESION,
        5: SliceState.NO_LESION,
    }


def test_a_slice_whose_only_shape_cannot_be_used_is_not_one_without_lesion() -> None:
    annotation = document(FrameAnnotation(2, unusable=(BROKEN,)), FrameAnnotation(5))
    assert annotation.slice_state(2) is SliceState.LESION
    assert (annotation.shapes(2), annotation.labels) == ((), ())


def test_what_only_a_model_drew_is_unseen() -> None:
    annotation = document(FrameAnnotation(0, (SQUARE,)), medseg={"prediction": "m"})
    assert annotation.slice_state(0) is SliceState.UNSEEN


def test_unusable_shapes_are_told_one_by_one_with_their_frame_and_number() -> None:
    broken = (BROKEN, UnusableShape(4, 7, "is not an object"))
    annotation = document(FrameAnnotation(2, (SQUARE,), unusable=broken), FrameAnnotation(5))
    assert annotation.notices("a.json") == (
        "a.json: shape 2 of frame 2 has no points.",
        "a.json: shape 5 of frame 2 is not an object.",
    )
    assert [annotation.is_complete(i) for i in (1, 2, 5)] == [True, False, True]


def test_an_edit_of_a_frame_that_is_listed_twice_loses_nothing() -> None:
    first = FrameAnnotation(3, (DOT,), None, 6, {"a": 1, "b": 1}, (BROKEN,))
    second = FrameAnnotation(3, (SQUARE,), 8, 9, {"b": 2, "c": 2}, (BROKEN,))
    annotation = document(first, FrameAnnotation(4), second)
    joined = annotation.frame(3)
    assert joined is not None
    assert joined.shapes == (DOT, SQUARE) == annotation.shapes(3)
    assert (joined.width, joined.height) == (8, 6)
    assert joined.extra == {"a": 1, "b": 1, "c": 2}
    assert [u.position for u in joined.unusable] == [1, 3]
    after = annotation.with_frame(joined)
    assert [f.frame for f in after.frames] == [3, 4]
    assert len(after.notices("a.json")) == 2


def test_rejected_outlines_are_kept_by_frame_and_model_and_once() -> None:
    first, second = ((0.5, 1.0), (4.0, 1.0), (4.0, 5.0)), ((7.0, 1.0), (9.0, 1.0), (9.0, 5.0))
    document = Annotation("a.dcm", extra={"medseg": {"reviewed_frames": [0]}})
    twice = document.with_rejected(0, "m-v1", [first]).with_rejected(0, "m-v1", [first, second])
    assert [e["frame"] for e in twice.extra["medseg"]["rejected"]] == [0]
    other = twice.with_rejected(3, "n-v1", [first])
    assert other.rejected == {(0, "m-v1"): {first, second}, (3, "n-v1"): {first}}
    assert other.reviewed_frames == {0}
    assert twice.with_rejected(0, "m-v1", [second]) is twice
    read = replace(document, extra=json.loads(json.dumps(other.extra)))
    assert read.rejected == other.rejected


@pytest.mark.parametrize(
    "value",
    [
        3,
        [None, {}],
        [{"frame": "0", "model": "m", "outlines": []}],
        [{"frame": 0, "model": 1, "outlines": []}],
        [{"frame": 0, "model": "m", "outlines": 4}],
    ],
)
def test_rejections_that_make_no_sense_are_left_out(value: object) -> None:
    assert Annotation("a.dcm", extra={"medseg": {"rejected": value}}).rejected == {}


def test_an_outline_that_makes_no_sense_rejects_nothing() -> None:
    outlines = [None, [], [[1, 2, 3]], [["a", 1]], [1], [[[1], 2]]]
    entry = {"frame": 0, "model": "m", "outlines": outlines}
    found = Annotation("a.dcm", extra={"medseg": {"rejected": [entry]}}).rejected
    assert found == {(0, "m"): frozenset()}


def test_an_outline_is_rejected_beside_entries_that_make_no_sense() -> None:
    entry = {"frame": 0, "model": "m", "outlines": 4}
    document = Annotation("a.dcm", extra={"medseg": {"rejected": [entry]}})
    outline = ((0.5, 1.0), (4.0, 1.0), (4.0, 5.0))
    assert document.with_rejected(0, "m", [outline]).rejected == {(0, "m"): {outline}}
