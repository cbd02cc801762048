"""The label table."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.labels import BACKGROUND, RECIPE_LABELS, LabelTable, default_color

names = st.lists(st.text(max_size=6), max_size=8)


def test_the_recipes_table_is_background_and_h() -> None:
    assert RECIPE_LABELS.names == (BACKGROUND, "H")
    assert RECIPE_LABELS.index_of("H") == 1
    assert RECIPE_LABELS.index_of("h") is None


@given(names)
def test_indices_follow_the_order_of_first_appearance(given_names: list[str]) -> None:
    table = LabelTable.from_names(given_names)
    expected = list(dict.fromkeys([BACKGROUND, *given_names]))
    assert list(table.names) == expected
    assert [label.index for label in table.labels] == list(range(len(expected)))
    assert [table.index_of(n) for n in expected] == list(range(len(table)))
    assert table.foreground == table.labels[1:]


@given(names, names)
def test_extending_never_moves_a_known_label(first: list[str], second: list[str]) -> None:
    table = LabelTable.from_names(first)
    longer = table.extended(second)
    assert longer.labels[: len(table)] == table.labels
    assert longer == LabelTable.from_names([*first, *second])
    assert longer.extended(second) == longer


@given(names)
def test_a_table_survives_json(given_names: list[str]) -> None:
    table = LabelTable.from_names(given_names)
    assert msgspec.json.decode(msgspec.json.encode(table), type=LabelTable) == table


@given(st.integers(1, 500))
def test_every_label_has_a_visible_colour(index: int) -> None:
    color = default_color(index)
    assert all(0 <= part <= 255 for part in color)
    assert max(color) > 100


def test_the_background_is_black_and_the_first_labels_differ() -> None:
    assert default_color(0) == (0, 0, 0)
    assert len({default_color(i) for i in range(1, 9)}) == 8
