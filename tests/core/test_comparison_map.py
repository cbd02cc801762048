"""Who marks which pixel, and what counts as a disagreement."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from medseg_desktop.core.comparison_map import (
    OTHER_LABEL,
    Side,
    category_map,
    compare,
    count_pixels,
    disagreeing_pixels,
)

LabelMap = npt.NDArray[np.uint8]
MINE, MODEL, OTHER = Side.MINE, Side.MODEL, Side.OTHER
_SIZE = (14, 17)


def maps_of(labels: int = 2) -> st.SearchStrategy[LabelMap]:
    """Label maps of some blobs, and of noise."""
    blocks = st.lists(
        st.tuples(
            st.integers(0, _SIZE[0] - 1), st.integers(0, _SIZE[1] - 1),
            st.integers(1, 6), st.integers(1, 6), st.integers(0, labels),
        ),
        max_size=5,
    )  # fmt: skip

    def draw(parts: list[tuple[int, int, int, int, int]]) -> LabelMap:
        label_map = np.zeros(_SIZE, np.uint8)
        for row, column, rows, columns, label in parts:
            label_map[row : row + rows, column : column + columns] = label
        return label_map

    noise = hnp.arrays(np.uint8, _SIZE, elements=st.integers(0, labels))
    return blocks.map(draw) | noise


sides = st.sampled_from([(MINE, MODEL), (MODEL, OTHER), (MINE, MODEL, OTHER)])


@st.composite
def compared(draw: st.DrawFn, labels: int = 2) -> dict[Side, LabelMap]:
    return {side: draw(maps_of(labels)) for side in draw(sides)}


def square(top: int, left: int, side: int, label: int = 1) -> LabelMap:
    label_map = np.zeros(_SIZE, np.uint8)
    label_map[top : top + side, left : left + side] = label
    return label_map


@given(compared())
def test_a_category_names_those_who_mark_the_pixel(maps: dict[Side, LabelMap]) -> None:
    categories = category_map(maps)
    for at in np.ndindex(_SIZE):
        marking = {side: int(m[at]) for side, m in maps.items() if m[at]}
        expected = OTHER_LABEL if len(set(marking.values())) > 1 else sum(marking)
        assert categories[at] == expected


@given(compared())
def test_counts_are_those_of_the_categories(maps: dict[Side, LabelMap]) -> None:
    found = compare(maps)
    counts = count_pixels(category_map(maps))
    assert found.pixels == counts
    anybody = np.any([m > 0 for m in maps.values()], axis=0)
    assert sum(counts.values()) == int(anybody.sum())


@given(compared())
def test_disagreements_lie_where_the_sides_differ_and_are_parted(
    maps: dict[Side, LabelMap],
) -> None:
    categories = category_map(maps)
    found = compare(maps, categories)
    pixels = disagreeing_pixels(maps)
    agreed = categories == int(found.sides)
    assert not pixels[agreed | (categories == 0)].any()
    count, numbers = cv2.connectedComponents(pixels, connectivity=8)
    assert len(found.disagreements) == count - 1
    assert found.amount == int(pixels.sum())
    for region in found.disagreements:
        left, top, right, bottom = region.box
        inside = numbers[top:bottom, left:right]
        (own,) = (
            n
            for n in np.unique(inside)
            if n
            and (inside == n).sum() == region.pixels
            and (numbers == n).sum() == region.pixels
            and _touches_all(inside == n)
        )
        assert (categories[numbers == own] == region.category).any()


def _touches_all(part: npt.NDArray[np.bool_]) -> bool:
    return bool(part[0].any() and part[-1].any() and part[:, 0].any() and part[:, -1].any())


@given(maps_of())
def test_who_draws_the_same_agrees(label_map: LabelMap) -> None:
    maps = {MINE: label_map, MODEL: label_map.copy(), OTHER: label_map.copy()}
    found = compare(maps)
    assert found.disagreements == ()
    assert set(found.pixels) <= {int(found.sides)}


@given(maps_of(1))
def test_growing_by_two_pixels_is_no_disagreement(label_map: LabelMap) -> None:
    grown = cv2.dilate(label_map, np.ones((5, 5), np.uint8)).astype(np.uint8)
    assert compare({MINE: label_map, MODEL: grown}).disagreements == ()
    assert compare({MINE: grown, MODEL: label_map}).disagreements == ()


@given(maps_of(1), st.integers(0, _SIZE[0] - 5), st.integers(0, _SIZE[1] - 5))
def test_a_block_of_five_pixels_is_one(label_map: LabelMap, row: int, column: int) -> None:
    block = np.s_[row : row + 5, column : column + 5]
    more, less = label_map.copy(), label_map.copy()
    more[block], less[block] = 1, 0
    pixels = disagreeing_pixels({MINE: more, MODEL: less})
    assert pixels[block].all()


@given(maps_of(2), maps_of(2))
def test_a_whole_lesion_is_one_however_small(one: LabelMap, other: LabelMap) -> None:
    pixels = disagreeing_pixels({MINE: one, MODEL: other})
    for label in (1, 2):
        count, numbers = cv2.connectedComponents((one == label).view(np.uint8), connectivity=8)
        for number in range(1, count):
            lesion = numbers == number
            if not (other[lesion] == label).any():
                assert pixels[lesion].all()


@given(maps_of(2), maps_of(2), maps_of(2))
def test_three_disagree_where_any_two_do(a: LabelMap, b: LabelMap, c: LabelMap) -> None:
    three = {MINE: a, MODEL: b, OTHER: c}
    pairs = [disagreeing_pixels({s: three[s] for s in pair}) for pair in combinations(three, 2)]
    np.testing.assert_array_equal(disagreeing_pixels(three), np.maximum.reduce(pairs))


@given(maps_of(2), maps_of(2))
def test_it_does_not_matter_who_is_who(one: LabelMap, other: LabelMap) -> None:
    there = compare({MINE: one, MODEL: other})
    back = compare({MINE: other, MODEL: one})
    assert [r.box for r in there.disagreements] == [r.box for r in back.disagreements]
    assert there.amount == back.amount


@pytest.mark.parametrize(("shift", "places"), [(0, 0), (2, 0), (4, 0), (5, 2), (7, 2)])
def test_a_shifted_outline_disagrees_once_it_is_more_than_a_rim(shift: int, places: int) -> None:
    found = compare({MINE: square(3, 2, 6), MODEL: square(3, 2 + shift, 6)})
    assert [r.category for r in found.disagreements] == [int(MINE), int(MODEL)][:places]


def test_a_bulge_is_the_place_and_not_the_rim_that_leads_to_it() -> None:
    mine = square(3, 3, 6)
    model = cv2.dilate(mine, np.ones((3, 3), np.uint8)).astype(np.uint8)
    model[3:9, 10:14] = 1
    (bulge,) = compare({MINE: mine, MODEL: model}).disagreements
    assert (bulge.category, bulge.box) == (int(MODEL), (9, 3, 14, 9))
    assert bulge.centre == (11.5, 6.0)


def test_one_pixel_of_another_label_within_a_lesion_is_a_lesion_of_its_own() -> None:
    mine, model = square(3, 3, 6), square(3, 3, 6)
    model[5, 5] = 2
    found = compare({MINE: mine, MODEL: model})
    assert found.pixels == {int(MINE | MODEL): 35, OTHER_LABEL: 1}
    (place,) = found.disagreements
    assert (place.category, place.pixels, place.box) == (OTHER_LABEL, 1, (5, 5, 6, 6))


def test_one_side_alone_has_nothing_to_disagree_with() -> None:
    found = compare({MODEL: square(3, 3, 6)})
    assert (found.sides, found.pixels, found.disagreements) == (MODEL, {int(MODEL): 36}, ())


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        category_map({})
    with pytest.raises(ValueError, match="size"):
        compare({MINE: square(0, 0, 2), MODEL: np.zeros((3, 3), np.uint8)})
