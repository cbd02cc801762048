"""Which patient stands in which set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.split import (
    Split,
    SplitEntry,
    SplitRequest,
    draw_split,
    every_ninth,
    resolve_split,
)

patient_keys = st.sets(st.text(min_size=1, max_size=8), max_size=40).map(
    lambda keys: {k: f"hash of {k}" for k in keys}
)


def counts(sets: dict[str, str]) -> tuple[int, int, int]:
    values = list(sets.values())
    return values.count("train"), values.count("val"), values.count("test")


@given(patient_keys, st.integers(0, 2**32))
def test_every_patient_is_in_exactly_one_set(keys: dict[str, str], seed: int) -> None:
    sets = draw_split(keys, seed)
    assert set(sets) == set(keys.values())
    assert set(sets.values()) <= {"train", "val", "test"}


@given(patient_keys, st.integers(0, 2**32))
def test_the_shares_are_those_of_the_design(keys: dict[str, str], seed: int) -> None:
    n = len(keys)
    train, val, test = counts(draw_split(keys, seed))
    assert train + val + test == n
    if n < 5:
        assert test == 0
    else:
        assert abs(test - 0.2 * n) <= 0.5
    if n > 1:
        assert val >= 1
        assert train >= 1
        assert abs(val - 0.15 * n) <= 1
    else:
        assert val == 0


@given(patient_keys, st.integers(0, 2**32), st.randoms())
def test_the_order_in_which_patients_are_found_does_not_matter(
    keys: dict[str, str], seed: int, shuffler: object
) -> None:
    items = list(keys.items())
    shuffler.shuffle(items)  # type: ignore[attr-defined]
    assert draw_split(dict(items), seed) == draw_split(keys, seed)


def test_a_seed_gives_the_same_split_in_every_version() -> None:
    keys = {f"P{i}": f"h{i}" for i in range(10)}
    sets = draw_split(keys, 0)
    assert {h for h, s in sets.items() if s == "test"} == {"h7", "h8"}
    assert {h for h, s in sets.items() if s == "val"} == {"h1", "h5"}


def test_another_seed_gives_another_split() -> None:
    keys = {f"P{i}": f"h{i}" for i in range(26)}
    assert len({tuple(sorted(draw_split(keys, seed).items())) for seed in range(5)}) == 5


@given(patient_keys)
def test_every_ninth_of_the_sorted_patients_validates_in_the_recipe(keys: dict[str, str]) -> None:
    sets = every_ninth(keys)
    ordered = [sets[keys[k]] for k in sorted(keys)]
    assert set(sets) == set(keys.values())
    if len(ordered) >= 9:
        assert all((s == "val") == (i % 9 == 8) for i, s in enumerate(ordered))
    elif len(ordered) > 1:
        assert ordered == ["train"] * (len(ordered) - 1) + ["val"]
    else:
        assert ordered == ["train"] * len(ordered)


def test_frozen_assignments_are_never_drawn_again() -> None:
    keys = {f"P{i}": f"h{i}" for i in range(12)}
    frozen = {"h0": "test", "h1": "val", "h2": "train"}
    sets = resolve_split(keys, {}, SplitRequest(frozen=frozen, seed=3))
    assert {h: sets[h] for h in frozen} == frozen
    assert set(sets) == set(keys.values())


def test_a_split_file_comes_before_a_frozen_assignment() -> None:
    keys = {"k": "h"}
    request = SplitRequest(frozen={"h": "train"}, by_patient_id={"ID": "test"})
    assert resolve_split(keys, {"h": "ID"}, request) == {"h": "test"}


def test_patients_that_a_split_file_does_not_list_join_the_training_set() -> None:
    keys = {"a": "ha", "b": "hb", "c": "hc"}
    request = SplitRequest(by_patient_id={"A": "val"}, draw="train")
    sets = resolve_split(keys, {"ha": "A", "hb": "B", "hc": ""}, request)
    assert sets == {"ha": "val", "hb": "train", "hc": "train"}


@pytest.mark.parametrize("draw", ["random", "train", "every_ninth"])
def test_a_conversion_without_patients_has_an_empty_split(draw: str) -> None:
    assert resolve_split({}, {}, SplitRequest(draw=draw)) == {}  # type: ignore[arg-type]


def test_a_split_knows_its_members_and_their_sets() -> None:
    split = Split({"b": SplitEntry("val"), "a": SplitEntry("val"), "c": SplitEntry("incoming")})
    assert split.members("val") == ("a", "b")
    assert split.members("test") == ()
    assert split.set_of("c") == "incoming"
    assert split.set_of("nobody") is None
