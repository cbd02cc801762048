from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape
from medseg_desktop.core.shapes.own_keys import give_back, says_the_same
from medseg_desktop.core.shapes.review import FileFacts, with_slice


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


FILM = FileFacts("a.dcm", 10, 20, 24)


def film(states: dict[int, tuple[Shape, ...]]) -> Annotation:
    """A film as it is saved here, with the shapes of its reviewed frames."""
    result: Annotation | None = None
    for frame, drawn in states.items():
        result = with_slice(result, FILM, frame, drawn, True, {})
    assert result is not None
    return result


def as_others_save(document: Annotation, *more: FrameAnnotation) -> Annotation:
    """MedicalLabelMe drops frames without shapes, and every key of ours."""
    frames = [
        replace(f, shapes=tuple(replace(s, extra={}) for s in f.shapes))
        for f in (*document.frames, *more)
        if f.shapes
    ]
    extra = {k: v for k, v in document.extra.items() if k != "medseg"}
    return replace(document, frames=tuple(frames), extra=extra)


def reviewed(document: Annotation) -> set[int]:
    return {i for i in range(FILM.frames) if document.is_reviewed(i)}


def test_unseen_frames_of_a_film_stay_unseen_where_its_only_listed_frame_was_dropped() -> None:
    saved = film({3: ()})
    theirs = as_others_save(saved)
    assert reviewed(theirs) == set(range(10))  # what the file alone means
    assert reviewed(give_back(theirs, saved)) == {3}
    assert says_the_same(give_back(theirs, saved), saved)


def test_a_frame_that_another_program_drew_on_is_reviewed_beside_ours() -> None:
    saved = film({3: ()})
    theirs = as_others_save(saved, FrameAnnotation(5, (shape(1),)))
    assert reviewed(give_back(theirs, saved)) == {3, 5}


def test_the_frame_whose_last_shape_another_program_deleted_has_no_lesion() -> None:
    saved = film({3: (shape(1),)})
    given_back = give_back(as_others_save(film({3: ()})), saved)
    assert reviewed(given_back) == {3}
    assert given_back.shapes(3) == ()


def test_frames_are_listed_again_too_where_only_the_empty_ones_were_dropped() -> None:
    saved = film({3: ()})
    assert give_back(replace(saved, frames=()), saved) == saved


def test_what_was_rejected_and_what_is_still_proposed_comes_back() -> None:
    proposals = {"model": "m-v1", "frames": [{"frame": 4, "shapes": []}]}
    saved = film({3: (shape(1),)}).with_rejected(4, "m-v1", [shape(1).points])
    saved = replace(saved, extra={"medseg": {**saved.extra["medseg"], "proposals": proposals}})
    given_back = give_back(as_others_save(saved), saved)
    assert given_back.rejected == {(4, "m-v1"): {shape(1).points}}
    assert given_back.extra["medseg"]["proposals"] == proposals


def test_a_film_without_lesion_and_a_models_file_list_no_frame_afterwards() -> None:
    saved = film({i: () for i in range(10)})
    assert give_back(as_others_save(saved), saved).frames == ()
    theirs = Annotation("a.dcm", 10, extra={"medseg": {"prediction": "m", "reviewed_frames": [3]}})
    assert give_back(theirs, film({3: ()})) == theirs


@given(st.dictionaries(st.integers(0, 9), st.booleans(), min_size=1))
def test_what_was_reviewed_survives_another_programs_save(outlined: dict[int, bool]) -> None:
    saved = film({i: (shape(1),) if on else () for i, on in outlined.items()})
    given_back = give_back(as_others_save(saved), saved)
    assert reviewed(given_back) == outlined.keys()
    assert says_the_same(given_back, saved)


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
