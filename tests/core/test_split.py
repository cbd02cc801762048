"""Which patient stands in which set."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.split import (
    LesionAmount,
    SetName,
    Split,
    SplitEntry,
    SplitRequest,
    count_sets,
    draw_split,
    every_ninth,
    resolve_split,
)

patient_keys = st.sets(st.text(min_size=1, max_size=8), max_size=40).map(
    lambda keys: {k: f"hash of {k}" for k in keys}
)
sets_of_all = st.sampled_from(["train", "val", "test", "incoming"])


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[dict[str, str], dict[str, LesionAmount]]:
    """Patients, many of them without lesion or with equal volumes, some of unknown volume."""
    keys = draw(patient_keys)
    volume = st.one_of(st.just(0.0), st.floats(0, 200), st.sampled_from([1.5, 3.0]))
    unknown = draw(st.booleans())
    amounts = {}
    for h in keys.values():
        ml = draw(volume)
        known = not (unknown and draw(st.booleans()))
        amounts[h] = LesionAmount(round(ml * 400), ml if known or ml == 0 else None)
    return keys, amounts


def counts(sets: Mapping[str, str]) -> tuple[int, int, int]:
    values = list(sets.values())
    return values.count("train"), values.count("val"), values.count("test")


Cohort = tuple[dict[str, str], dict[str, LesionAmount]]


@given(cohorts(), st.integers(0, 2**32))
def test_every_patient_is_in_exactly_one_set(cohort: Cohort, seed: int) -> None:
    keys, amounts = cohort
    sets = draw_split(keys, seed, amounts)
    assert set(sets) == set(keys.values())
    assert set(sets.values()) <= {"train", "val", "test"}


@given(cohorts(), st.integers(0, 2**32))
def test_the_shares_are_those_of_the_design(cohort: Cohort, seed: int) -> None:
    keys, amounts = cohort
    n = len(keys)
    train, val, test = counts(draw_split(keys, seed, amounts))
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


@given(cohorts(), st.integers(0, 2**32), st.randoms())
def test_the_order_in_which_patients_are_found_does_not_matter(
    cohort: Cohort, seed: int, shuffler: random.Random
) -> None:
    keys, amounts = cohort
    items, others = list(keys.items()), list(amounts.items())
    shuffler.shuffle(items)
    shuffler.shuffle(others)
    assert draw_split(dict(items), seed, dict(others)) == draw_split(keys, seed, amounts)


@given(cohorts(), st.integers(0, 2**32))
def test_each_set_has_small_and_large_lesions(cohort: Cohort, seed: int) -> None:
    """Of the patients in the order of their volumes, every part gives the test set just one."""
    keys, amounts = cohort
    sets = draw_split(keys, seed, amounts)
    unit = "pixels" if any(a.volume_ml is None for a in amounts.values()) else "volume_ml"
    ordered = sorted(sorted(keys), key=lambda k: getattr(amounts[keys[k]], unit))
    for name in ("test", "val"):
        number = list(sets.values()).count(name)
        if not number:
            continue
        places = [i for i, k in enumerate(ordered) if sets[keys[k]] == name]
        cuts = [i * len(ordered) // number for i in range(number + 1)]
        found = [sum(a <= i < b for i in places) for a, b in pairwise(cuts)]
        assert found == [1] * number
        ordered = [k for k in ordered if sets[keys[k]] != name]


def test_a_fifth_of_patients_without_lesion_is_enough_for_one_in_the_test_set() -> None:
    keys = {f"P{i:02d}": f"h{i:02d}" for i in range(25)}
    amounts = {f"h{i:02d}": LesionAmount(100 * i, float(i)) for i in range(5, 25)}
    for seed in range(50):
        sets = draw_split(keys, seed, amounts)
        free = [h for h, name in sets.items() if name == "test" and h not in amounts]
        large = [h for h, name in sets.items() if name == "test" and h >= "h20"]
        assert (len(free), len(large)) == (1, 1)


def test_where_one_volume_is_unknown_pixels_decide_for_everybody() -> None:
    keys = {f"P{i}": f"h{i}" for i in range(10)}
    by_pixels = {f"h{i}": LesionAmount(i, 100.0 - i) for i in range(10)}
    mixed = by_pixels | {"h0": LesionAmount(0, None)}
    in_pixels = {h: LesionAmount(a.pixels, None) for h, a in by_pixels.items()}
    for seed in range(10):
        assert draw_split(keys, seed, mixed) == draw_split(keys, seed, in_pixels)


def test_amounts_add_up_and_one_unknown_volume_makes_the_sum_unknown() -> None:
    one, other = LesionAmount(3, 0.5), LesionAmount(2, 0.25)
    assert one + other == LesionAmount(5, 0.75)
    assert (one + LesionAmount(1, None)).volume_ml is None
    assert LesionAmount() + one == one


def test_a_seed_gives_the_same_split_in_every_version() -> None:
    keys = {f"P{i}": f"h{i}" for i in range(10)}
    sets = draw_split(keys, 0)
    assert {h for h, s in sets.items() if s == "test"} == {"h4", "h8"}
    assert {h for h, s in sets.items() if s == "val"} == {"h1", "h6"}


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
    frozen: dict[str, SetName] = {"h0": "test", "h1": "val", "h2": "train"}
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


@given(
    cohorts(),
    st.dictionaries(st.text(max_size=3).map(lambda k: f"hash of {k}"), sets_of_all, max_size=20),
    st.sampled_from(["random", "train", "incoming", "every_ninth"]),
    st.integers(0, 2**32),
)
def test_later_conversions_never_change_a_frozen_set(
    cohort: Cohort, frozen: dict[str, SetName], draw: str, seed: int
) -> None:
    keys, amounts = cohort
    request = SplitRequest(frozen=frozen, draw=draw, seed=seed)  # type: ignore[arg-type]
    sets = resolve_split(keys, {}, request, amounts)
    assert {h: sets[h] for h in sets if h in frozen} == {
        h: name for h, name in frozen.items() if h in keys.values()
    }
    new = {sets[h] for h in sets if h not in frozen}
    if draw in ("train", "incoming"):
        assert new <= {draw}
    assert set(sets) == set(keys.values())


def test_who_waits_goes_on_waiting_until_a_file_or_the_split_says_where_to() -> None:
    keys = {"a": "ha", "b": "hb", "c": "hc"}
    ids = {"ha": "A", "hb": "B", "hc": "C"}
    for draw in ("random", "train", "every_ninth"):
        request = SplitRequest(draw=draw, waiting=("ha", "hb"))
        sets = resolve_split(keys, ids, request)
        assert (sets["ha"], sets["hb"]) == ("incoming", "incoming")
        assert sets["hc"] == "train"
    request = SplitRequest(by_patient_id={"A": "test"}, draw="train", waiting=("ha", "hb"))
    assert resolve_split(keys, ids, request) == {"ha": "test", "hb": "incoming", "hc": "train"}


def test_sets_are_counted_with_those_that_wait() -> None:
    assert count_sets(["train", "val", "train", "incoming"]) == {
        "train": 2, "val": 1, "test": 0, "incoming": 1,
    }  # fmt: skip


@pytest.mark.parametrize("draw", ["random", "train", "incoming", "every_ninth"])
def test_a_conversion_without_patients_has_an_empty_split(draw: str) -> None:
    assert resolve_split({}, {}, SplitRequest(draw=draw)) == {}  # type: ignore[arg-type]


def test_a_split_knows_its_members_and_their_sets() -> None:
    split = Split({"b": SplitEntry("val"), "a": SplitEntry("val"), "c": SplitEntry("incoming")})
    assert split.members("val") == ("a", "b")
    assert split.members("test") == ()
    assert split.set_of("c") == "incoming"
    assert split.set_of("nobody") is None
