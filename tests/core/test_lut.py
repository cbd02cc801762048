"""Lookup tables."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.lut import Lut, Palette


@given(
    st.integers(-40000, 40000),
    st.lists(st.integers(0, 65535), min_size=1, max_size=50),
    st.lists(st.integers(-70000, 70000), min_size=1, max_size=50),
)
def test_a_table_answers_with_its_own_entry_and_at_its_ends_with_the_ends(
    first: int, entries: list[int], values: list[int]
) -> None:
    table = Lut.of(first, 16, entries)
    found = table.apply(np.array(values, np.int64))
    for value, entry in zip(values, found, strict=True):
        place = min(max(value - first, 0), len(entries) - 1)
        assert entry == entries[place]
    assert (table.first, table.last) == (first, first + len(entries) - 1)


def test_values_between_whole_numbers_are_rounded_and_nan_is_the_lowest() -> None:
    table = Lut.of(0, 8, [10, 20, 30])
    found = table.apply(np.array([0.4, 0.6, np.nan, np.inf, -np.inf], np.float32))
    assert found.tolist() == [10, 20, 10, 30, 10]


def test_equal_tables_are_equal_and_have_the_same_hash() -> None:
    assert Lut.of(0, 8, [1, 2]) == Lut.of(0, 8, [1, 2])
    assert hash(Lut.of(0, 8, [1, 2])) == hash(Lut.of(0, 8, [1, 2]))
    assert Lut.of(0, 8, [1, 2]) != Lut.of(0, 8, [2, 1])


def test_a_palette_gives_colours_and_its_ends_beyond_them() -> None:
    palette = Palette(5, bytes([255, 0, 0, 0, 255, 0, 0, 0, 255]))
    colours = palette.apply(np.array([[0, 5], [6, 200]], np.uint8))
    assert colours.shape == (2, 2, 3)
    assert colours.tolist() == [[[255, 0, 0], [255, 0, 0]], [[0, 255, 0], [0, 0, 255]]]
