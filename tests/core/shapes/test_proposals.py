"""What a model proposes, and what of it is still to be decided."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape
from medseg_desktop.core.errors import Cancelled
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.core.shapes.edit import cut, erased, merged, painted
from medseg_desktop.core.shapes.proposals import Proposals
from medseg_desktop.core.shapes.provenance import Author, own_keys, with_own_keys

TABLE = LabelTable.from_names(["H"])
AUTHOR = Author("Li", now=lambda: "2026-01-02T03:04:05+00:00")


def label_map(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    result = np.zeros((32, 40), np.uint8)
    for top, bottom, left, right in boxes:
        result[top:bottom, left:right] = 1
    return result


TWO = Proposals.of("m-v1", label_map((8, 16, 10, 20), (22, 28, 26, 36)), TABLE)


def as_read_again(shape: Shape) -> Shape:
    """What a JSON file gives back."""
    extra = json.loads(json.dumps(shape.extra))
    points = json.loads(json.dumps(shape.points))
    return Shape(shape.label, tuple(map(tuple, points)), shape.shape_type, extra)


def test_each_lesion_is_one_proposal_with_the_models_name_and_the_files_keys() -> None:
    found = Proposals.of("m-v1", label_map((8, 16, 10, 20)), TABLE, {"frame": 3})
    (shape,) = found.shapes
    assert shape.extra == {"frame": 3, "medseg": {"provenance": "model m-v1"}}
    assert len(TWO.shapes) == 2
    assert TWO.open(()) == TWO.shapes


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 38), st.integers(1, 9), st.integers(1, 9)),
        max_size=8,
    )
)
def test_proposals_fill_exactly_the_predicted_pixels(boxes: list[tuple[int, ...]]) -> None:
    predicted = label_map(*((r, r + h, c, c + w) for r, c, h, w in boxes))
    found = Proposals.of("m-v1", predicted, TABLE)
    assert np.array_equal(draw_label_map(found.shapes, TABLE, 32, 40), predicted)


def test_what_was_accepted_is_not_open_in_another_session() -> None:
    accepted = as_read_again(AUTHOR.accepted(TWO.shapes[0]))
    assert TWO.open([accepted]) == TWO.shapes[1:]


def test_what_was_edited_cut_or_merged_is_not_open_in_another_session() -> None:
    def anything(_shape: Shape) -> bool:
        return True

    stroke = label_map((10, 14, 18, 24)).view(np.bool_)
    line = np.array([(14.5, 4.0), (14.5, 20.0)])
    outcomes = (
        painted(TWO.shapes, stroke, "H", AUTHOR, {}, anything),
        erased(TWO.shapes, stroke, AUTHOR, anything),
        cut(TWO.shapes, line, 32, 40, AUTHOR, anything),
    )
    for shapes in outcomes:
        changed = [as_read_again(s) for s in shapes if s not in TWO.shapes]
        assert changed
        assert TWO.open(changed) == TWO.shapes[1:]
    both = [as_read_again(s) for s in merged(TWO.shapes, (0, 1), 32, 40, AUTHOR)]
    assert TWO.open(both) == ()


def test_a_persons_own_outline_takes_no_proposal_away() -> None:
    drawn = AUTHOR.drawn(Shape("H", TWO.shapes[0].points))
    assert TWO.open([drawn]) == TWO.shapes


def test_decided_proposals_are_told_by_identity() -> None:
    twin = with_own_keys(TWO.shapes[0])
    assert twin == TWO.shapes[0]
    assert TWO.without([twin]) == TWO
    assert TWO.without([TWO.shapes[0]]).open(()) == TWO.shapes[1:]
    assert TWO.without(TWO.shapes).open(()) == ()


def test_a_models_file_gives_its_proposals_frame_by_frame() -> None:
    frames = (FrameAnnotation(2, (Shape("H", TWO.shapes[0].points),)),)
    document = Annotation("f.dcm", 4, frames, extra={"medseg": {"prediction": "far-v2"}})
    found = Proposals.of_file(document, 2)
    assert found.model == "far-v2"
    assert [own_keys(s) for s in found.shapes] == [{"provenance": "model far-v2"}]
    assert Proposals.of_file(document, 0).shapes == ()


def test_outlining_noise_ends_at_the_next_region_when_nobody_waits_for_it() -> None:
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 3

    specks = label_map(*((r, r + 1, c, c + 1) for r in range(0, 32, 2) for c in range(0, 40, 2)))
    with pytest.raises(Cancelled):
        Proposals.of("m-v1", specks, TABLE, stop=stop)
    assert len(asked) == 4
    found = Proposals.of("m-v1", specks, TABLE, stop=lambda: False)
    assert found == Proposals.of("m-v1", specks, TABLE)
