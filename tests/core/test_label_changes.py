from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.errors import LabelError
from medseg_desktop.core.label_changes import with_changes
from medseg_desktop.core.labels import MAXIMUM_LABELS, LabelTable

START = LabelTable.from_names(["H", "edema"])
NAMES = ("H", "edema", "core", "Kern", "水肿")

edits = st.lists(
    st.tuples(
        st.sampled_from(["add", "rename", "color", "digit", "hide", "lock", "remove"]),
        st.integers(1, 4),
        st.sampled_from(NAMES),
        st.integers(0, 9),
    ),
    max_size=6,
)


def edited(table: LabelTable, steps: list[tuple[str, int, str, int]]) -> LabelTable:
    """What a person makes of a table; what is not possible is left out."""
    for what, index, name, number in steps:
        with contextlib.suppress(LabelError):
            if what == "add":
                table = table.add(name)
            elif what == "rename":
                table = table.renamed(index, name)
            elif what == "color":
                table = table.recolored(index, (number, number, number))
            elif what == "digit":
                table = table.with_shortcut(index, number)
            elif what == "hide":
                table = table.with_visible(index, False)
            elif what == "lock":
                table = table.with_locked(index, True)
            else:
                table = table.removed(index, unused=True)
    return table


def test_what_two_windows_added_is_both_there() -> None:
    one, other = START.add("core"), START.add("necrosis")
    assert with_changes(one, START, other).names == (*one.names, "necrosis")
    assert with_changes(one, START, one) == one


def test_a_later_change_finds_the_label_although_its_index_differs() -> None:
    stored, mine = START.add("core").add("mine"), START.add("mine")
    changed = with_changes(stored, mine, mine.recolored(3, (1, 2, 3)).renamed(3, "ours"))
    assert changed.labels[3] == stored.labels[3]
    assert (changed.labels[4].name, changed.labels[4].color) == ("ours", (1, 2, 3))
    assert changed.index_of("mine") == 4


def test_different_changes_of_one_label_are_both_kept() -> None:
    stored = START.recolored(1, (9, 9, 9)).renamed(1, "lesion")
    changed = with_changes(stored, START, START.with_locked(1, True).with_shortcut(1, 7))
    label = changed.labels[1]
    assert (label.name, label.color, label.locked) == ("lesion", (9, 9, 9), True)
    assert label.shortcut == 7


def test_a_label_is_removed_only_at_the_end_of_what_is_stored() -> None:
    mine = START.add("core")
    assert with_changes(mine.recolored(1, (1, 1, 1)), mine, START).names == START.names
    assert with_changes(mine.add("theirs"), mine, START).names == (*mine.names, "theirs")


def test_what_cannot_be_put_together_is_told() -> None:
    with pytest.raises(LabelError, match="core"):
        with_changes(START.add("core"), START, START.renamed(1, "core"))
    full = START.extended(f"n{i}" for i in range(MAXIMUM_LABELS - 3))
    with pytest.raises(LabelError, match="full"):
        with_changes(full, START, START.add("core"))


@given(edits, edits)
def test_the_result_is_a_table_and_no_stored_label_moves(
    theirs: list[tuple[str, int, str, int]], ours: list[tuple[str, int, str, int]]
) -> None:
    stored, table = edited(START, theirs), edited(START, ours)
    assert with_changes(START, START, table) == table
    assert with_changes(stored, START, START) == stored
    with contextlib.suppress(LabelError):
        result = with_changes(stored, START, table)
        assert result.problem == ""
        for label in stored.labels[: len(result)]:
            # The place of an unused label that this window has removed may go to a new one.
            known = START.counterpart(label)
            removed = known is not None and table.counterpart(START.labels[known]) is None
            found = result.labels[label.index]
            assert removed or label.name in (found.name, *found.former)
        if not any(what == "remove" for what, *_ in ours):
            assert len(result) >= len(stored)
            added = [x for x in table.labels if START.counterpart(x) is None]
            assert all(result.index_of(label.name) is not None for label in added)
