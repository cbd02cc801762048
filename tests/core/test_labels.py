"""The label table."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.errors import LabelError
from medseg_desktop.core.labels import (
    BACKGROUND,
    RECIPE_LABELS,
    Label,
    LabelTable,
    default_color,
)
from medseg_desktop.core.raster import draw_label_map

T3 = LabelTable.from_names(["H", "edema", "core"])


def _can_be_written(name: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in name)


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


def test_labels_get_the_colours_of_the_colour_map() -> None:
    assert RECIPE_LABELS.labels[1].color == (128, 0, 0)
    table = RECIPE_LABELS.add("edema").extended(["core"])
    assert [x.color for x in table.foreground] == [default_color(i) for i in (1, 2, 3)]


# -- what a file may hold


def test_a_file_of_an_older_version_still_loads() -> None:
    background = '{"index":0,"name":"_background_","color":[0,0,0]}'
    old = f'[{background},{{"index":1,"name":"H","color":[1,2,3]}}]'.encode()
    labels = msgspec.json.decode(old, type=tuple[Label, ...])
    assert labels[1] == Label(1, "H", (1, 2, 3), shortcut=None, visible=True, locked=False)
    assert msgspec.json.encode(labels) == old


def test_datasets_and_models_get_only_index_name_and_colour() -> None:
    table = T3.with_shortcut(2, 7).with_visible(1, False).with_locked(3, True)
    assert table.bare() == T3
    for label in msgspec.to_builtins(table.bare().labels):
        assert set(label) == {"index", "name", "color"}


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ((), "does not begin"),
        ((Label(0, "H", (0, 0, 0)),), "does not begin"),
        ((*RECIPE_LABELS.labels, Label(3, "E", (1, 1, 1))), "gaps"),
        ((*RECIPE_LABELS.labels, Label(1, "E", (1, 1, 1))), "gaps"),
        ((*RECIPE_LABELS.labels, Label(2, "H", (1, 1, 1))), "'H' more than once"),
        ((*RECIPE_LABELS.labels, Label(2, "E", (1, 256, 1))), "colour"),
        ((*RECIPE_LABELS.labels, Label(2, "E", (1, -1, 1))), "colour"),
        ((*RECIPE_LABELS.labels, Label(2, "E\ud800", (1, 1, 1))), "half a character"),
        ((*RECIPE_LABELS.labels, Label(2, "E", (1, 1, 1), shortcut=10)), "digit"),
        (
            (*RECIPE_LABELS.labels[:1], *(Label(i, f"{i}", (1, 1, 1), 3) for i in (1, 2))),
            "same digit",
        ),
        ((Label(0, BACKGROUND, (0, 0, 0), visible=False),), "background"),
        (LabelTable.from_names(str(i) for i in range(255)).labels, "256 labels"),
    ],
)
def test_what_is_no_label_table_says_why(labels: tuple[Label, ...], problem: str) -> None:
    assert problem in LabelTable(labels).problem


def test_names_of_annotation_files_need_only_differ() -> None:
    assert not RECIPE_LABELS.extended(["h", "", "x" * 300]).problem


# -- edits


def test_an_added_label_comes_last_with_the_next_colour() -> None:
    table = RECIPE_LABELS.add(" edema ").add("core", (1, 2, 3))
    assert table.names == (BACKGROUND, "H", "edema", "core")
    assert [x.color for x in table.foreground] == [(128, 0, 0), (0, 128, 0), (1, 2, 3)]


def test_a_table_has_at_most_255_labels() -> None:
    table = LabelTable.from_names(f"label {i}" for i in range(253)).add("the last one")
    assert len(table) == 255
    assert not table.problem
    with pytest.raises(LabelError, match="full"):
        table.add("one more")


def test_a_renamed_label_keeps_its_index_colour_and_digit() -> None:
    table = T3.with_shortcut(2, 8).renamed(2, "水肿")
    assert table.labels[2] == Label(2, "水肿", (0, 128, 0), shortcut=8, former=("edema",))
    assert T3.renamed(2, "Edema").names[2] == "Edema"  # other letters of its own name
    assert T3.renamed(2, "edema") is T3


def test_a_label_is_found_by_a_name_it_had_unless_another_has_that_now() -> None:
    table = T3.renamed(1, "haematoma")
    assert table.index_of("H") == 1
    assert table.extended(["H"]) == table  # no new class for files of before
    assert table.outdated(["H", "edema", "new"]) == {"H": "haematoma"}
    again = LabelTable((*table.labels, Label(4, "H", (1, 2, 3))))  # as an older program made it
    assert again.index_of("H") == 4
    assert again.outdated(["H", "haematoma"]) == {}
    back = table.renamed(1, "H")
    assert (back.names, back.labels[1].former) == (T3.names, ("haematoma",))


@pytest.mark.parametrize("name", ["H", "h", " H "])
def test_a_former_name_of_another_label_is_not_given_out_again(name: str) -> None:
    table = T3.renamed(1, "haematoma")
    told = "choose another name, or rename haematoma back"
    with pytest.raises(LabelError, match=told):
        table.add(name)
    with pytest.raises(LabelError, match=told):
        table.renamed(2, name)
    assert table.renamed(1, "rim").renamed(1, name).names == (
        BACKGROUND,
        name.strip(),
        *T3.names[2:],
    )


def exchanged(table: LabelTable) -> LabelTable:
    """The first two labels with each other's names, which they had before."""
    background, first, second, *others = table.labels
    return LabelTable(
        (
            background,
            msgspec.structs.replace(first, name=second.name, former=(first.name, "x")),
            msgspec.structs.replace(second, name=first.name, former=(second.name,)),
            *others,
        )
    )


def test_labels_of_an_older_model_are_told_by_index_and_former_name() -> None:
    swapped = exchanged(T3)
    assert swapped.names[1:] == ("edema", "H", "core")
    assert [swapped.counterpart(x) for x in T3.labels] == [0, 1, 2, 3]
    assert [T3.counterpart(x) for x in swapped.labels] == [0, 1, 2, 3]
    present = swapped.present(T3)
    assert present.names == swapped.names
    assert [x.color for x in present.labels] == [x.color for x in T3.labels]


def test_labels_of_another_workspaces_model_are_told_by_name() -> None:
    other = LabelTable.from_names(["core", "cyst", "H"])
    assert [T3.counterpart(x) for x in other.labels] == [0, 3, None, 1]
    assert T3.present(other).names == other.names
    # Both would have one name here.
    both = LabelTable.from_names(["H", "haematoma"])
    assert T3.renamed(1, "haematoma").present(both) == both


def test_datasets_and_models_carry_former_names() -> None:
    table = T3.renamed(1, "haematoma").with_locked(1, True)
    assert msgspec.to_builtins(table.bare().labels[1]) == {
        "index": 1,
        "name": "haematoma",
        "color": (128, 0, 0),
        "former": ("H",),
    }


@pytest.mark.parametrize("name", ["", "h", "CORE", "_background_", "a\tb", "x" * 65])
def test_a_name_that_cannot_be_used_changes_nothing(name: str) -> None:
    with pytest.raises(LabelError):
        T3.renamed(2, name)
    with pytest.raises(LabelError):
        T3.add(name)


@pytest.mark.parametrize("color", [(0, 0), (0, 0, 256), (0, -1, 0), (0.5, 0, 0), [0, 0, 0], "red"])
def test_a_colour_that_is_none_is_refused(color: Any) -> None:
    with pytest.raises(LabelError, match="colour"):
        T3.recolored(1, color)
    with pytest.raises(LabelError, match="colour"):
        T3.add("rim", color)


def test_the_first_ten_labels_have_the_keys_1_to_9_and_0() -> None:
    table = LabelTable.from_names(f"label {i}" for i in range(1, 13))
    assert table.digits == (None, *range(1, 10), 0, None, None)
    assert [table.index_of_digit(d) for d in (1, 9, 0)] == [1, 9, 10]


def test_a_digit_moves_away_from_the_label_that_had_it() -> None:
    moved = T3.with_shortcut(3, 1)
    assert moved.digits == (None, None, 2, 1)
    assert moved.with_shortcut(2, 1).digits == (None, None, 1, 3)
    assert moved.with_shortcut(3, None) == T3
    assert moved.with_shortcut(1, 1) == T3
    assert moved.index_of_digit(3) is None


@pytest.mark.parametrize("digit", [-1, 10, 11])
def test_a_number_that_is_no_digit_is_refused(digit: int) -> None:
    with pytest.raises(LabelError, match="no digit"):
        T3.with_shortcut(1, digit)


def test_labels_are_hidden_and_locked_one_by_one() -> None:
    table = T3.with_visible(2, False).with_locked(3, True)
    assert [x.visible for x in table.labels] == [True, True, False, True]
    assert [x.locked for x in table.labels] == [False, False, False, True]
    assert table.with_visible(2, True).with_locked(3, False) == T3


def test_only_the_last_label_can_be_removed_and_only_if_nothing_uses_it() -> None:
    assert T3.removed(3, unused=True) == LabelTable.from_names(["H", "edema"])
    with pytest.raises(LabelError, match="Only the last"):
        T3.removed(2, unused=True)
    with pytest.raises(LabelError, match="in use"):
        T3.removed(3, unused=False)


EDITS: dict[str, Callable[[LabelTable, int], LabelTable]] = {
    "renamed": lambda table, index: table.renamed(index, "new"),
    "recolored": lambda table, index: table.recolored(index, (1, 2, 3)),
    "with_shortcut": lambda table, index: table.with_shortcut(index, 5),
    "with_visible": lambda table, index: table.with_visible(index, False),
    "with_locked": lambda table, index: table.with_locked(index, True),
    "removed": lambda table, index: table.removed(index, unused=True),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
@pytest.mark.parametrize("index", [0, -1, 4])
def test_the_background_and_labels_that_do_not_exist_cannot_be_edited(
    edit: Callable[[LabelTable, int], LabelTable], index: int
) -> None:
    with pytest.raises(LabelError, match="background" if index == 0 else "no label"):
        edit(T3, index)


indices = st.integers(-1, 12)
typed = st.one_of(st.sampled_from(["H", "h", "edema", " Core", "水肿", "_background_"]), st.text())
edits = st.one_of(
    st.tuples(st.just("add"), typed),
    st.tuples(st.just("renamed"), indices, typed),
    st.tuples(st.just("recolored"), indices, st.tuples(*[st.integers(-1, 256)] * 3)),
    st.tuples(st.just("with_shortcut"), indices, st.one_of(st.none(), st.integers(-1, 10))),
    st.tuples(st.just("with_visible"), indices, st.booleans()),
    st.tuples(st.just("with_locked"), indices, st.booleans()),
    st.tuples(st.just("extended"), st.lists(typed.filter(_can_be_written), max_size=4)),
)


@given(st.lists(edits, max_size=30))
def test_after_any_edits_the_table_is_one_and_no_label_has_moved(
    sequence: list[tuple[Any, ...]],
) -> None:
    table, refusals = T3, []
    for name, *arguments in sequence:
        before = table
        try:
            table = getattr(table, name)(*arguments)
        except LabelError as error:
            refusals.append(error.message)
            continue
        assert table.problem == ""
        assert [label.index for label in table.labels] == list(range(len(table)))
        assert len(set(table.names)) == len(table)
        digits = [digit for digit in table.digits if digit is not None]
        assert len(set(digits)) == len(digits)
        assert table.labels[0] == T3.labels[0]
        assert len(table) >= len(before)
        changed = [i for i, x in enumerate(before.labels) if table.labels[i] != x]
        allowed = 2 if name == "with_shortcut" else 1  # the one that had the digit too
        assert len(changed) <= allowed
        assert msgspec.json.decode(msgspec.json.encode(table), type=LabelTable) == table
    assert all(sentence.endswith(".") for sentence in refusals)


@pytest.mark.parametrize("seed", range(20))
def test_a_pixel_value_means_the_same_class_whatever_happens_to_the_labels(seed: int) -> None:
    """C3: labels added, renamed and removed, and files read in any order, between the steps."""
    rng = random.Random(seed)
    classes = ["H", "edema", "core", "rim", "cyst"]
    rng.shuffle(classes)  # the order in which the files name them
    table = LabelTable.from_names(["H"]).extended(classes)
    name_of = {c: c for c in classes}
    trained, at_training = table.bare(), {c: table.index_of(c) for c in classes}
    converted = draw_label_map(_squares(classes, name_of), trained, 8, 80)
    for step in range(12):
        index = rng.randrange(1, len(table))
        shuffled = rng.sample(list(name_of.values()), len(name_of))
        steps: list[tuple[str, Any, dict[str, Any]]] = [
            ("renamed", (index, f"class {step}"), {}),
            ("recolored", (index, (rng.randrange(256), 0, 0)), {}),
            ("with_shortcut", (index, rng.randrange(10)), {}),
            ("add", (f"added {step}",), {}),
            ("extended", (shuffled,), {}),
            ("removed", (len(table) - 1,), {"unused": len(table) > len(trained)}),
        ]
        name, arguments, keywords = rng.choice(steps)
        with contextlib.suppress(LabelError):
            table = getattr(table, name)(*arguments, **keywords)
        # Renaming a label renames its shapes.
        name_of = {c: table.names[at_training[c] or 0] for c in classes}
        again = draw_label_map(_squares(classes, name_of), table, 8, 80)
        assert np.array_equal(again, converted)
        assert [x.index for x in table.labels] == list(range(len(table)))
        assert len(table) >= len(trained)


def _squares(classes: list[str], name_of: dict[str, str]) -> list[Shape]:
    """One square for each class, side by side, under the name that the class has now."""
    left = {c: 8.0 * i + 1 for i, c in enumerate(sorted(classes))}
    return [
        Shape(name_of[c], ((x, 1.0), (x + 5, 6.0)), ShapeType.RECTANGLE) for c, x in left.items()
    ]
