"""The documents of the opened folder, their labels, and every step of work."""

from __future__ import annotations

import time

import numpy as np
import pytest

from medseg_desktop.core.annotation import (
    Annotation,
    FrameAnnotation,
    Shape,
    SliceState,
    UnusableShape,
)
from medseg_desktop.core.labels import MAXIMUM_LABELS, RECIPE_LABELS, Label, LabelTable
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.core.shapes.history import Place
from medseg_desktop.core.shapes.proposals import Proposals
from medseg_desktop.core.volume import Series
from medseg_desktop.qt.sessions import AnnotationSession
from tests.annotating import AUTHOR, COLUMNS, ROWS, draw, found_of, series_of, session_of, square

A, B = series_of("a", 3), series_of("b", 2)
HERE, THERE = Place(A, 1), Place(B, 0)

pytestmark = pytest.mark.usefixtures("qapp")


def document_of(*shapes: Shape) -> Annotation:
    return Annotation("x.dcm", 1, (FrameAnnotation(0, shapes, COLUMNS, ROWS),))


def proposals_of(model: str = "m-v1", label: str = "H") -> Proposals:
    label_map = np.zeros((ROWS, COLUMNS), np.uint8)
    label_map[2:6, 2:6] = label_map[10:14, 10:14] = 1
    return Proposals.of(model, label_map, LabelTable.from_names([label]))


def labels_of(session: AnnotationSession, place: Place) -> list[str]:
    return [shape.label for shape in session.shapes(place.item)]


# -- the stack


def test_two_hundred_steps_and_more_can_be_taken_back_and_repeated() -> None:
    session = session_of((A, B))
    counts = []
    for i in range(500):
        place = (HERE, THERE)[i % 2]
        assert draw(session, place, square(i % 17, i % 13))
        counts.append([len(session.shapes(p.item)) for p in (HERE, THERE)])
    for i in range(499, 0, -1):
        session.stack.undo()
        assert [len(session.shapes(p.item)) for p in (HERE, THERE)] == counts[i - 1]
    session.stack.undo()
    assert session.document(HERE.item.path) is None
    while session.stack.canRedo():
        session.stack.redo()
    assert [len(session.shapes(p.item)) for p in (HERE, THERE)] == [250, 250]


def test_going_back_tells_where_the_step_happened_and_doing_it_does_not() -> None:
    session, places = session_of((A, B)), list[Place]()
    session.returned_to.connect(places.append)
    draw(session, HERE, square(1, 1))
    draw(session, THERE, square(1, 1))
    assert places == []
    session.stack.undo()
    session.stack.undo()
    session.stack.redo()
    assert [(p.series.uid, p.index) for p in places] == [("b", 0), ("a", 1), ("a", 1)]


def test_taking_back_a_rejection_goes_to_its_slice_too() -> None:
    session, places = session_of((A, B)), list[Place]()
    session.returned_to.connect(places.append)
    session.set_proposals(THERE.item, proposals_of())
    offered = {id(p) for p in session.open_proposals(THERE.item)}
    session.edit(THERE, "reject", lambda s: tuple(x for x in s if id(x) not in offered), True)
    assert session.open_proposals(THERE.item) == ()
    session.stack.undo()
    assert len(session.open_proposals(THERE.item)) == 2
    assert [(p.series.uid, p.index) for p in places] == [("b", 0)]


def test_a_step_of_labels_alone_has_no_place() -> None:
    session, places = session_of((A,)), list[Place]()
    session.returned_to.connect(places.append)
    session.set_labels("add label", session.labels.add("edema"))
    session.stack.undo()
    session.stack.redo()
    assert places == []


def test_steps_that_change_nothing_are_none() -> None:
    session = session_of((A,))
    draw(session, HERE, square(1, 1))
    assert not session.edit(HERE, "nothing", lambda shapes: shapes)
    assert not session.edit(HERE, "nothing", lambda shapes: tuple(list(shapes)))
    assert not session.set_labels("nothing", session.labels.renamed(1, "H"))
    assert not session.set_reviewed([HERE], "reviewed", True)
    assert not session.replace_documents("same", {HERE.item.path: session.document(HERE.item.path)})
    assert session.stack.count() == 1


def test_a_new_step_cuts_off_what_could_be_repeated() -> None:
    session = session_of((A,))
    draw(session, HERE, square(1, 1), text="first")
    draw(session, HERE, square(6, 1), text="second")
    session.stack.undo()
    draw(session, HERE, square(1, 6), text="third")
    assert not session.stack.canRedo()
    assert session.stack.undoText() == "third"
    assert session.shapes(HERE.item) == (square(1, 1), square(1, 6))


def test_another_folder_begins_with_an_empty_stack() -> None:
    session = session_of((A,))
    draw(session, HERE, square(1, 1))
    session.set_folder(found_of((B,)))
    assert not session.stack.canUndo()
    assert session.document(HERE.item.path) is None


# -- states


def test_a_state_is_a_step_and_a_slice_with_shapes_keeps_its_own() -> None:
    session = session_of((A,))
    draw(session, HERE, square(1, 1))
    every = [Place(A, i) for i in range(3)]
    session.set_reviewed(every, "review the rest", True)
    states = [session.state(p.item) for p in every]
    assert states == [SliceState.NO_LESION, SliceState.LESION, SliceState.NO_LESION]
    session.stack.undo()
    assert [session.is_reviewed(p.item) for p in every] == [False, True, False]


def test_a_film_of_a_thousand_frames_is_marked_at_once() -> None:
    film = series_of("film", 1000, film=True)
    session = session_of((film,))
    places = [Place(film, i) for i in range(1000)]
    draw(session, places[7], square(3, 3))
    begun = time.process_time()
    assert session.set_reviewed(places, "mark", True)
    assert time.process_time() - begun < 2  # one after another they take 15 s
    assert session.reviewed(film) == tuple(range(1000))
    assert session.annotated(film) == (7,)
    session.stack.undo()
    assert session.reviewed(film) == (7,)


def test_a_slice_whose_only_entry_cannot_be_used_cannot_be_made_unseen() -> None:
    odd = FrameAnnotation(0, unusable=(UnusableShape(0, "none", "is no object"),))
    session = session_of((A,), {HERE.item.path: Annotation("a1.dcm", 1, (odd,))})
    assert not session.set_reviewed([HERE], "not reviewed", False)
    assert session.state(HERE.item) is SliceState.LESION


# -- labels


def test_renaming_a_label_renames_the_shapes_of_every_document_in_one_step() -> None:
    session = session_of((A, B))
    draw(session, HERE, square(1, 1), square(6, 1, label="edema"))
    draw(session, THERE, square(1, 1))
    edited: list[str] = []
    session.document_edited.connect(edited.append)
    session.set_labels("rename label", session.labels.renamed(1, "haematoma"))
    assert labels_of(session, HERE) == ["haematoma", "edema"]
    assert labels_of(session, THERE) == ["haematoma"]
    assert set(edited) == {HERE.item.path, THERE.item.path}
    session.stack.undo()
    assert labels_of(session, HERE) == ["H", "edema"]
    assert session.labels.names[1:] == ("H", "edema")


def test_two_labels_that_exchange_their_names_stay_apart() -> None:
    session = session_of((A,), {HERE.item.path: document_of(square(1, 1), square(6, 1, 4, "e"))})
    session.set_labels("rename labels", LabelTable.from_names(["e", "H"]))
    assert labels_of(session, HERE) == ["e", "H"]
    session.stack.undo()
    assert labels_of(session, HERE) == ["H", "e"]


def test_labels_that_differ_by_case_are_two() -> None:
    session = session_of((A,), {HERE.item.path: document_of(square(1, 1), square(6, 1, 4, "h"))})
    assert session.labels.names[1:] == ("H", "h")
    session.set_labels("rename label", session.labels.renamed(2, "rim"))
    assert labels_of(session, HERE) == ["H", "rim"]


def test_hidden_and_locked_labels_stay_so_through_undo_and_redo() -> None:
    session = session_of((A,))
    session.set_labels("add label", session.labels.add("edema"))
    session.set_labels("change colour", session.labels.recolored(1, (1, 2, 3)))
    session.show_labels(session.labels.with_visible(1, False).with_locked(2, True))
    session.stack.undo()
    assert not session.labels.labels[1].visible
    assert session.labels.labels[2].locked
    assert session.labels.labels[1].color != (1, 2, 3)
    session.stack.redo()
    assert not session.labels.labels[1].visible
    assert session.labels.labels[2].locked


def test_what_is_drawn_in_a_hidden_label_shows_the_label() -> None:
    session = session_of((A,), {HERE.item.path: document_of(square(1, 1))})
    session.show_labels(session.labels.with_visible(1, False))
    session.edit(HERE, "delete", lambda shapes: ())
    assert not session.labels.labels[1].visible
    draw(session, HERE, square(6, 1))
    assert session.labels.labels[1].visible


def test_a_label_that_shapes_bring_comes_and_goes_with_their_step() -> None:
    session = session_of((A,))
    session.set_labels("add label", session.labels.add("edema"))
    draw(session, HERE, square(1, 1, label="foreign"))
    assert session.labels.names[1:] == ("H", "edema", "foreign")
    assert session.stack.count() == 2
    session.stack.undo()
    session.stack.undo()
    assert session.labels == RECIPE_LABELS
    session.stack.redo()
    session.stack.redo()
    assert session.labels.names[1:] == ("H", "edema", "foreign")


def test_an_accepted_proposal_brings_its_label() -> None:
    session = session_of((A,))
    session.set_proposals(HERE.item, proposals_of(label="infarct"))
    session.edit(HERE, "accept", lambda s: tuple(map(AUTHOR.accepted, s)), with_proposals=True)
    assert session.labels.names[1:] == ("H", "infarct")


def test_restored_documents_bring_their_labels() -> None:
    session = session_of((A,))
    session.replace_documents("restore", {HERE.item.path: document_of(square(1, 1, 4, "rim"))})
    assert session.labels.names[1:] == ("H", "rim")


def test_files_under_a_former_name_are_opened_under_the_present_one() -> None:
    table = RECIPE_LABELS.renamed(1, "haematoma")
    session = session_of((A,), {HERE.item.path: document_of(square(1, 1))}, table)
    assert labels_of(session, HERE) == ["haematoma"]
    assert session.labels == table
    assert not session.stack.canUndo()


def test_proposals_of_a_model_follow_the_name_and_are_decided_once() -> None:
    session = session_of((A,))
    session.set_proposals(HERE.item, proposals_of())
    session.set_labels("rename label", session.labels.renamed(1, "haematoma"))
    offered = session.open_proposals(HERE.item)
    assert [p.label for p in offered] == ["haematoma"] * 2
    session.edit(
        HERE,
        "accept",
        lambda s: tuple(AUTHOR.accepted(x) if x is offered[0] else x for x in s),
        with_proposals=True,
    )
    assert session.labels.names[1:] == ("haematoma",)
    assert len(session.open_proposals(HERE.item)) == 1
    session.stack.undo()
    session.stack.undo()
    assert [p.label for p in session.open_proposals(HERE.item)] == ["H"] * 2


def test_labels_that_a_dataset_knows_survive_undo() -> None:
    session = session_of((A,))
    session.set_labels("add label", session.labels.add("edema"))
    session.set_labels("rename label", session.labels.renamed(1, "x"))
    assert session.fix_labels().names[1:] == ("x", "edema")
    session.stack.undo()
    session.stack.undo()
    assert session.labels.names[1:] == ("H", "edema")
    session.stack.redo()
    session.stack.redo()
    assert session.labels.names[1:] == ("x", "edema")


def test_a_label_that_survives_undo_gets_out_of_the_way_of_its_name() -> None:
    session = session_of((A,))
    session.set_labels("rename label", session.labels.renamed(1, "x"))
    # No edit gives a former name out again, but a table of an older program may have it.
    twice = LabelTable((*session.labels.labels, Label(2, "H", (1, 2, 3))))
    session.set_labels("add label", twice)
    session.fix_labels()
    session.stack.undo()
    session.stack.undo()
    assert session.labels.names[1:] == ("H", "H (2)")
    assert not session.labels.problem


def test_more_labels_than_a_label_map_can_hold_are_shown_and_count_nowhere() -> None:
    many = [square(i % 15, i % 11, 4, f"label {i}") for i in range(300)]
    session = session_of((A,), {HERE.item.path: document_of(*many)})
    assert len(session.labels) == MAXIMUM_LABELS
    assert not session.labels.problem
    assert len(session.shapes(HERE.item)) == 300
    label_map = draw_label_map(many, session.labels, ROWS, COLUMNS)
    assert label_map.max() < MAXIMUM_LABELS
    draw(session, HERE, square(1, 1, 4, "one more"))
    assert len(session.labels) == MAXIMUM_LABELS


def test_shapes_of_a_label_that_the_table_does_not_have_are_in_no_label_map() -> None:
    shapes = (square(1, 1), square(1, 1, 4, "unknown"))
    label_map = draw_label_map(shapes, RECIPE_LABELS, ROWS, COLUMNS)
    assert set(np.unique(label_map)) == {0, 1}


# -- documents from elsewhere


def written_by_model(*shapes: Shape, model: str = "far-v1", **keys: object) -> Annotation:
    frames = (FrameAnnotation(0, shapes, COLUMNS, ROWS),)
    return Annotation("a1.dcm", 1, frames, extra={"medseg": {"prediction": model}, **keys})


def test_a_document_that_a_model_wrote_comes_as_its_proposals_and_goes_with_undo() -> None:
    ours, theirs = document_of(square(1, 1)), written_by_model(square(6, 6), square(12, 6))
    session, edited = session_of((A,), {HERE.item.path: ours}), list[str]()
    session.document_edited.connect(edited.append)
    assert session.replace_documents("take over", {HERE.item.path: theirs})
    assert session.document(HERE.item.path) is theirs
    assert session.shapes(HERE.item) == ()
    assert [s.points for s in session.open_proposals(HERE.item)] == [
        square(6, 6).points,
        square(12, 6).points,
    ]
    assert session.proposed(A) == (1,)
    assert session.proposing_model(HERE.item) == "far-v1"
    assert session.has_stored_proposals
    session.stack.undo()
    assert session.document(HERE.item.path) == ours
    assert session.open_proposals(HERE.item) == ()
    assert session.proposed(A) == ()
    assert not session.has_stored_proposals
    session.stack.redo()
    assert session.document(HERE.item.path) is theirs
    assert edited == [HERE.item.path] * 3


def test_what_was_decided_about_another_content_does_not_count_for_the_new_one() -> None:
    session = session_of((A,), {HERE.item.path: written_by_model(square(1, 1), square(6, 1))})
    first, second = session.open_proposals(HERE.item)
    session.edit(HERE, "reject", lambda s: tuple(x for x in s if x is not first), True)
    theirs = written_by_model(square(12, 6))
    session.replace_documents("take over", {HERE.item.path: theirs})
    assert [s.points for s in session.open_proposals(HERE.item)] == [square(12, 6).points]
    session.stack.undo()
    assert session.open_proposals(HERE.item) == (second,)


def test_a_file_that_is_gone_takes_the_models_proposals_along() -> None:
    session = session_of((A,), {HERE.item.path: written_by_model(square(1, 1))})
    session.replace_documents("take over", {HERE.item.path: None})
    assert session.document(HERE.item.path) is None
    assert session.open_proposals(HERE.item) == ()
    session.stack.undo()
    assert len(session.open_proposals(HERE.item)) == 1


def test_a_persons_restored_document_leaves_the_open_proposals_of_the_file() -> None:
    session = session_of((A,), {HERE.item.path: written_by_model(square(1, 1), square(6, 1))})
    accepted = AUTHOR.accepted(session.open_proposals(HERE.item)[0])
    session.replace_documents("restore", {HERE.item.path: document_of(accepted)})
    assert session.shapes(HERE.item) == (accepted,)
    assert [s.points for s in session.open_proposals(HERE.item)] == [square(6, 1).points]


# -- rejections


def reject(session: AnnotationSession, place: Place, *numbers: int) -> None:
    offered = session.open_proposals(place.item)
    ids = {id(offered[i]) for i in numbers}
    session.edit(place, "reject", lambda s: tuple(x for x in s if id(x) not in ids), True)


def read_again(session: AnnotationSession, *series: Series) -> AnnotationSession:
    """Another session that opens what this one would write."""
    paths = {item.path for each in series for item in each.slices}
    documents = {path: session.document(path) for path in paths}
    return session_of(series, {p: d for p, d in documents.items() if d is not None})


def test_a_rejection_on_a_reviewed_slice_is_kept_with_its_document_until_undo() -> None:
    session = session_of((A,), {HERE.item.path: document_of(square(15, 1))})
    before = session.document(HERE.item.path)
    session.set_proposals(HERE.item, proposals_of())
    reject(session, HERE, 0)
    later = read_again(session, A)
    assert later.shapes(HERE.item) == session.shapes(HERE.item)
    later.set_proposals(HERE.item, proposals_of())
    assert len(later.open_proposals(HERE.item)) == 1
    later.set_proposals(HERE.item, proposals_of("other-v1"))
    assert len(later.open_proposals(HERE.item)) == 2  # another model has not been asked about
    session.stack.undo()
    assert session.document(HERE.item.path) is before
    assert len(session.open_proposals(HERE.item)) == 2


def test_rejections_alone_make_no_document_and_come_with_the_first_decision() -> None:
    film = series_of("f", 3, film=True)
    session = session_of((film,))
    for i in (0, 1):
        session.set_proposals(film.slices[i], proposals_of())
    reject(session, Place(film, 0), 0, 1)
    assert session.document(film.slices[0].path) is None
    session.set_reviewed([Place(film, 2)], "reviewed", True)
    later = read_again(session, film)
    for i in (0, 1):
        later.set_proposals(film.slices[i], proposals_of())
    assert later.reviewed(film) == (2,)
    assert later.proposed(film) == (1,)


def test_accepted_and_edited_proposals_are_not_among_the_rejected() -> None:
    session = session_of((A,))
    session.set_proposals(HERE.item, proposals_of())
    session.edit(HERE, "accept", lambda s: tuple(map(AUTHOR.accepted, s)), with_proposals=True)
    document = session.document(HERE.item.path)
    assert document is not None
    assert document.rejected == {}
