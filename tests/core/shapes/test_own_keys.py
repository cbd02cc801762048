from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape
from medseg_desktop.core.shapes.own_keys import give_back, says_the_same


def shape(x: float, label: str = "H", **extra: Any) -> Shape:
    return Shape(label, ((x, 0.0), (9.0, 0.0), (9.0, 9.0)), extra=extra)


def document(*shapes: Shape, frame: int = 0, **extra: Any) -> Annotation:
    return Annotation("a.dcm", frames=(FrameAnnotation(frame, shapes),), extra=extra)


OURS = {"provenance": "model stroke-v2"}


def test_a_shape_that_lost_its_keys_gets_them_back() -> None:
    given_back = give_back(document(shape(1), shape(2)), document(shape(2, medseg=OURS)))
    assert [s.extra for s in given_back.shapes(0)] == [{}, {"medseg": OURS}]


def test_another_label_frame_or_outline_gets_nothing() -> None:
    saved = document(shape(1, medseg=OURS))
    for other in (shape(1, "I"), shape(3)):
        assert give_back(document(other), saved) == document(other)
    assert give_back(document(shape(1), frame=1), saved) == document(shape(1), frame=1)


def test_keys_that_are_there_stay_as_they_are() -> None:
    theirs = document(shape(1, medseg={"provenance": "manual"}), medseg={"x": 1})
    saved = document(shape(1, medseg=OURS), medseg={"reviewed_frames": [3]})
    assert give_back(theirs, saved) == theirs


def test_of_two_equal_shapes_each_gets_the_keys_of_one() -> None:
    first, second = {"provenance": "a"}, {"provenance": "b"}
    saved = document(shape(1, medseg=first), shape(1, medseg=second))
    given_back = give_back(document(shape(1), shape(1), shape(1)), saved)
    assert [s.extra.get("medseg") for s in given_back.shapes(0)] == [first, second, None]


def test_reviewed_frames_and_slice_states_come_back_and_nothing_else_of_the_top_level() -> None:
    ours = {"reviewed_frames": [2], "slice_states": {"3": "doubt"}, "prediction": True}
    given_back = give_back(document(shape(1), flags={}), document(medseg=ours))
    assert given_back.extra == {
        "flags": {},
        "medseg": {"reviewed_frames": [2], "slice_states": {"3": "doubt"}},
    }
    assert not given_back.is_prediction
    assert give_back(document(), document(medseg={"prediction": True})) == document()


shapes = st.builds(
    shape, st.integers(0, 2), st.sampled_from(["H", "I"]), medseg=st.sampled_from([OURS, {}])
)


@given(st.lists(shapes, max_size=5), st.randoms())
def test_dropping_our_keys_and_giving_them_back_changes_nothing(
    drawn: list[Shape], random: Any
) -> None:
    # Of shapes with the same outline those with other keys could change places.
    unique = list({(s.label, s.points): s for s in drawn}.values())
    saved = document(*unique, medseg={"reviewed_frames": [0, 4]})
    dropped = document(*(replace(s, extra={}) for s in unique))
    assert give_back(dropped, saved) == saved
    assert says_the_same(give_back(dropped, saved), saved)
    random.shuffle(unique)
    assert give_back(saved, document(*unique)) == saved
