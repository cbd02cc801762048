"""Steps: what changes something, taking one back, and what an edit does to proposals."""

from __future__ import annotations

import pytest

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.shapes.edit import Shapes
from medseg_desktop.core.shapes.history import Change, Place, Step, edited_slice
from tests.annotating import series_of, square

DOCUMENT = Annotation("a.dcm", 1, (FrameAnnotation(0, (square(1, 1),)),))
TABLE = LabelTable.from_names(["H"])
DECIDED = {("m-v1", ("/a.dcm", 0)): Change(frozenset[int](), frozenset({1}))}


@pytest.mark.parametrize(
    ("step", "changes"),
    [
        (Step("nothing"), False),
        (Step("the same", {"/a.dcm": Change(DOCUMENT, DOCUMENT)}), False),
        (Step("first", {"/a.dcm": Change(None, DOCUMENT)}), True),
        (Step("equal tables", labels=Change(TABLE, LabelTable.from_names(["H"]))), False),
        (Step("colour", labels=Change(TABLE, TABLE.recolored(1, (1, 2, 3)))), True),
        (Step("reject", decided=DECIDED), True),
    ],
)
def test_a_step_counts_only_if_something_differs(step: Step, changes: bool) -> None:
    assert step.changes_something is changes


def test_a_step_taken_back_twice_is_the_step() -> None:
    place = Place(series_of("a", 2), 1)
    table = TABLE.add("edema")
    step = Step("x", {"/a.dcm": Change(None, DOCUMENT)}, Change(TABLE, table), DECIDED, place)
    back = step.reversed()
    assert back.documents["/a.dcm"] == Change(DOCUMENT, None)
    assert back.labels == Change(table, TABLE)
    assert next(iter(back.decided.values())) == Change(frozenset({1}), frozenset())
    assert (back.place, back.text) == (place, "x")
    assert back.reversed() == step


def test_a_proposal_that_an_edit_leaves_alone_is_no_shape_of_the_slice() -> None:
    mine, first, second = square(1, 1), square(6, 1), square(12, 1)

    def operation(shapes: Shapes) -> Shapes:
        return (square(1, 9), *shapes[:2])

    kept, used = edited_slice((mine,), (first, second), operation)
    assert kept == (square(1, 9), mine)
    assert len(used) == 1
    assert used[0] is second


def test_a_proposal_that_an_edit_changes_becomes_a_shape_where_it_was_put() -> None:
    mine, proposal = square(1, 1), square(6, 1)
    changed = Shape("H", square(6, 2).points)
    kept, used = edited_slice((mine,), (proposal,), lambda s: (changed, s[0]))
    assert kept == (changed, mine)
    assert used == (proposal,)
