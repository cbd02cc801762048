"""Who drew a shape, from which proposal, and how far it went from it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.shapes.edit import shape_pixels
from medseg_desktop.core.shapes.provenance import (
    Author,
    Provenance,
    dice_of_outlines,
    own_keys,
    proposed_by,
    with_own_keys,
)

TIME = "2026-01-02T03:04:05+00:00"
LI, SU = Author("Li", now=lambda: TIME), Author("Su", now=lambda: TIME)


def box(left: float, top: float, right: float, bottom: float) -> Shape:
    return Shape("H", ((left, top), (right, top), (right, bottom), (left, bottom)))


PROPOSAL = with_own_keys(box(10.5, 8.5, 19.5, 15.5), **proposed_by("tiny-v1"))


def test_a_drawn_shape_is_manual() -> None:
    drawn = LI.drawn(PROPOSAL)
    assert own_keys(drawn) == {"provenance": "manual", "annotator": "Li", "time": TIME}


def test_an_accepted_shape_names_the_model() -> None:
    accepted = LI.accepted(PROPOSAL)
    expected = {"provenance": "model tiny-v1", "annotator": "Li", "time": TIME}
    assert own_keys(accepted) == expected
    assert Provenance.of(accepted) == Provenance("tiny-v1", annotator="Li", time=TIME)


def test_an_edited_shape_is_compared_with_the_first_proposal_however_often_it_changes() -> None:
    once = LI.edited(replace(PROPOSAL, points=box(10.5, 8.5, 19.5, 13.5).points), [PROPOSAL])
    twice = SU.edited(replace(once, points=box(10.5, 8.5, 19.5, 11.5).points), [once])
    back = SU.edited(replace(twice, points=PROPOSAL.points), [twice])
    assert [own_keys(s)["dice"] for s in (once, twice, back)] == [
        round(2 * 60 / (80 + 60), 4),
        round(2 * 40 / (80 + 40), 4),
        1.0,
    ]
    assert Provenance.of(twice) == Provenance("tiny-v1", True, "Su", TIME, 0.6667)
    for shape in (once, twice, back):
        assert own_keys(shape)["proposal"] == [[list(p) for p in PROPOSAL.points]]
        assert own_keys(shape)["provenance"] == "model tiny-v1 edited"


def test_a_persons_shape_that_is_edited_stays_manual() -> None:
    drawn = LI.drawn(box(1, 1, 5, 5))
    assert own_keys(SU.edited(drawn, [drawn]))["provenance"] == "manual"
    foreign = box(1, 1, 5, 5)
    assert own_keys(SU.edited(foreign, [foreign]))["provenance"] == "manual"


def test_a_merged_shape_is_compared_with_all_proposals_in_it() -> None:
    other = with_own_keys(box(20.5, 8.5, 29.5, 15.5), **proposed_by("tiny-v1"))
    mine = LI.drawn(box(30.5, 8.5, 39.5, 15.5))
    whole = box(10.5, 8.5, 39.5, 15.5)
    made = LI.edited(whole, [PROPOSAL, other, mine])
    assert own_keys(made)["dice"] == round(2 * 160 / (160 + 240), 4)


def test_the_time_is_utc_to_the_second() -> None:
    time = own_keys(Author("Li").accepted(PROPOSAL))["time"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", time)


def test_an_author_without_a_name_leaves_it_out() -> None:
    assert "annotator" not in own_keys(Author("", now=lambda: TIME).drawn(box(1, 1, 5, 5)))


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        ({"provenance": 7, "dice": "x", "time": None}, Provenance()),
        ({"provenance": "model m-v3", "dice": 1.5}, Provenance("m-v3")),
        ({"provenance": "model m-v3 edited", "dice": 1}, Provenance("m-v3", True, dice=1.0)),
        ({"provenance": "manual", "annotator": "Li"}, Provenance(annotator="Li")),
        ("nothing", Provenance()),
    ],
)
def test_what_makes_no_sense_in_a_file_is_left_out(ours: Any, expected: Provenance) -> None:
    assert Provenance.of(replace(PROPOSAL, extra={"medseg": ours})) == expected


@pytest.mark.parametrize("kept", [[["a", 2]], [[[1]]], "x", [7], None])
def test_a_proposal_that_makes_no_sense_is_replaced_by_the_shape(kept: Any) -> None:
    damaged = with_own_keys(PROPOSAL, proposal=kept)
    assert own_keys(LI.edited(PROPOSAL, [damaged]))["dice"] == 1.0


boxes = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 11), st.integers(1, 11))


@given(boxes, boxes)
def test_dice_is_that_of_the_pixels(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    a, b = (box(x + 0.5, y + 0.5, x + w + 0.5, y + h + 0.5) for x, y, w, h in (first, second))
    p, q = shape_pixels(a, 40, 40), shape_pixels(b, 40, 40)
    expected = 2 * int((p & q).sum()) / int(p.sum() + q.sum())
    assert dice_of_outlines([a.points], [b.points]) == pytest.approx(expected)
    assert dice_of_outlines([b.points], [a.points]) == pytest.approx(expected)


def test_dice_of_nothing_and_of_far_points_is_a_number() -> None:
    assert dice_of_outlines([], []) == 1.0
    far = [(1e6, -1e6), (1e6, 1e6), (0.0, 0.0)]
    assert 0 <= dice_of_outlines([far], [far]) <= 1
    assert np.isfinite(dice_of_outlines([far], [box(1, 1, 3, 3).points]))
