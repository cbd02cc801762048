"""The state of a slice, and what a document says of its frames."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.annotation import (
    Annotation,
    FrameAnnotation,
    Shape,
    SliceState,
    UnusableShape,
)
from medseg_desktop.core.shapes.review import (
    FileFacts,
    SliceChange,
    slice_state,
    with_slice,
    with_slices,
)

SHAPE = Shape("H", ((1.0, 1.0), (5.0, 1.0), (5.0, 5.0)))
SIGNATURE = {"annotator": "Li", "time": "2026-01-02T03:04:05+00:00"}
ONE = FileFacts("a.dcm", 1, 32, 40)


def facts(frames: int) -> FileFacts:
    return FileFacts("film.dcm", frames, 32, 40)


def states(document: Annotation | None, frames: int) -> list[SliceState]:
    return [slice_state(document, i) for i in range(frames)]


def test_a_slice_without_document_is_unseen() -> None:
    assert slice_state(None, 0) is SliceState.UNSEEN


def test_a_single_slice_without_lesion_is_written_as_medlabelme_does() -> None:
    document = with_slice(None, ONE, 0, (), True, SIGNATURE)
    assert document is not None
    assert document.frames == ()
    assert slice_state(document, 0) is SliceState.NO_LESION
    assert document.extra["medseg"] == {
        "reviewed_frames": [0],
        "slice_states": {"0": {"state": "no_lesion", **SIGNATURE}},
    }


def test_an_unseen_slice_has_no_document() -> None:
    document = with_slice(None, ONE, 0, (SHAPE,), True, SIGNATURE)
    assert with_slice(document, ONE, 0, (), False, SIGNATURE) is None


def test_a_slice_with_shapes_is_reviewed_whatever_is_said() -> None:
    document = with_slice(None, ONE, 0, (SHAPE,), False, SIGNATURE)
    assert slice_state(document, 0) is SliceState.LESION
    assert document is not None
    assert (document.frames[0].width, document.frames[0].height) == (40, 32)


def test_drawing_on_a_frame_leaves_the_reviewed_ones_reviewed() -> None:
    reviewed = Annotation("film.dcm", 4)
    document = with_slice(reviewed, facts(4), 2, (SHAPE,), True, SIGNATURE)
    assert states(document, 4) == [
        SliceState.NO_LESION,
        SliceState.NO_LESION,
        SliceState.LESION,
        SliceState.NO_LESION,
    ]


def test_one_frame_of_reviewed_ones_can_be_made_unseen() -> None:
    document = with_slice(Annotation("film.dcm", 3), facts(3), 1, (), False, SIGNATURE)
    assert states(document, 3) == [
        SliceState.NO_LESION,
        SliceState.UNSEEN,
        SliceState.NO_LESION,
    ]


def test_keys_of_other_programs_stay() -> None:
    frame = FrameAnnotation(0, (SHAPE,), 40, 32, {"note": "dim"})
    before = Annotation("a.dcm", 1, (frame,), {"version": "1.0.0", "mine": [1]})
    document = with_slice(before, ONE, 0, (SHAPE, SHAPE), True, SIGNATURE)
    assert document is not None
    assert document.extra["mine"] == [1]
    assert document.frames[0].extra == {"note": "dim"}


def test_a_frame_that_loses_its_last_shape_keeps_the_keys_of_other_programs() -> None:
    frame = FrameAnnotation(0, (SHAPE,), 40, 32, {"note": "dim"})
    document = with_slice(Annotation("a.dcm", 1, (frame,)), ONE, 0, (), True, SIGNATURE)
    assert document is not None
    assert document.frames == (FrameAnnotation(0, (), 40, 32, {"note": "dim"}),)
    assert slice_state(document, 0) is SliceState.NO_LESION


def test_entries_that_cannot_be_used_stay_listed() -> None:
    frame = FrameAnnotation(0, (SHAPE,), unusable=(UnusableShape(1, "none", "is no object"),))
    document = with_slice(Annotation("a.dcm", 1, (frame,)), ONE, 0, (), True, SIGNATURE)
    assert document is not None
    assert document.frames[0].unusable == frame.unusable


def test_frames_beyond_those_of_the_file_stay_in_its_document() -> None:
    frames = tuple(FrameAnnotation(i, (SHAPE,)) for i in range(3))
    before = Annotation("a.dcm", 3, frames)
    document = with_slice(before, ONE, 0, (SHAPE, SHAPE), True, SIGNATURE)
    assert document is not None
    assert [len(document.shapes(i)) for i in range(3)] == [2, 1, 1]
    emptied = with_slice(document, ONE, 0, (), True, SIGNATURE)
    assert states(emptied, 3) == [SliceState.NO_LESION, SliceState.LESION, SliceState.LESION]
    unseen = with_slice(emptied, ONE, 0, (), False, SIGNATURE)
    assert states(unseen, 3) == [SliceState.UNSEEN, SliceState.LESION, SliceState.LESION]


def test_a_frame_listed_twice_keeps_all_its_shapes() -> None:
    twice = (FrameAnnotation(0, (SHAPE,)), FrameAnnotation(0, (SHAPE,)))
    before = Annotation("film.dcm", 2, twice)
    document = with_slice(before, facts(2), 1, (SHAPE,), True, SIGNATURE)
    assert document is not None
    assert len(document.shapes(0)) == 2


def test_a_prediction_that_is_edited_is_a_persons_document() -> None:
    before = Annotation(
        "film.dcm", 2, (FrameAnnotation(0, (SHAPE,)),), {"medseg": {"prediction": "flair-v1"}}
    )
    assert slice_state(before, 0) is SliceState.UNSEEN
    document = with_slice(before, facts(2), 1, (SHAPE,), True, SIGNATURE)
    assert slice_state(document, 1) is SliceState.LESION


def test_a_labelme_file_beside_a_film_keeps_its_shapes_when_another_frame_is_drawn_on() -> None:
    before = Annotation(
        "film.dcm", None, (FrameAnnotation(0, (SHAPE,), 40, 32),), {"flags": {}}, is_labelme=True
    )
    document = with_slice(before, facts(3), 2, (SHAPE, SHAPE), True, SIGNATURE)
    assert document is not None
    assert [len(document.shapes(i)) for i in range(3)] == [1, 0, 2]
    assert not document.is_labelme
    again = with_slice(document, facts(3), 0, (), True, SIGNATURE)
    assert states(again, 3) == [SliceState.NO_LESION, SliceState.UNSEEN, SliceState.LESION]


steps = st.lists(
    st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), min_size=1, max_size=12
)


@given(steps)
def test_states_are_those_that_were_set(steps: list[tuple[int, bool, bool]]) -> None:
    expected = [SliceState.UNSEEN] * 4
    document: Annotation | None = None
    for frame, has_shape, reviewed in steps:
        shapes = (SHAPE,) if has_shape else ()
        document = with_slice(document, facts(4), frame, shapes, reviewed, SIGNATURE)
        expected[frame] = (
            SliceState.LESION
            if has_shape
            else SliceState.NO_LESION
            if reviewed
            else SliceState.UNSEEN
        )
        assert states(document, 4) == expected


frame_changes = st.dictionaries(
    st.integers(0, 3), st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=4
)


@given(frame_changes, frame_changes)
def test_several_frames_at_once_are_the_same_as_one_after_another(
    first: dict[int, tuple[bool, bool]], second: dict[int, tuple[bool, bool]]
) -> None:
    start = Annotation("film.dcm", 4, (FrameAnnotation(2, (SHAPE,), 40, 32),))
    at_once: Annotation | None = start
    one_by_one: Annotation | None = start
    for several in (first, second):
        changes = {
            frame: SliceChange((SHAPE, SHAPE) if has_shapes else (), reviewed)
            for frame, (has_shapes, reviewed) in several.items()
        }
        at_once = with_slices(at_once, facts(4), changes, SIGNATURE)
        for frame, change in changes.items():
            one_by_one = with_slice(
                one_by_one, facts(4), frame, change.shapes, change.reviewed, SIGNATURE
            )
    assert states(at_once, 4) == states(one_by_one, 4)
    assert at_once is None or one_by_one is None or at_once.frames == one_by_one.frames
