"""Which slice is predicted next, by which model, and for whom."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.volume import Series
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.qt.prediction_wishes import PredictionWishes, Purpose, Wish

PROPOSALS, COMPARISON = Purpose.PROPOSALS, Purpose.COMPARISON


class Named:
    """Stands for a series or a predictor, of which only the identity matters here."""

    def __init__(self, name: str) -> None:
        self.key = (name, 0)


SERIES = {name: cast(Series, Named(name)) for name in "ab"}
PREDICTOR = cast(Predictor, object())


def add(wishes: PredictionWishes, purpose: Purpose, model: str, series: str, *indices: int) -> bool:
    return wishes.add(purpose, (model, (series, 0)), PREDICTOR, SERIES[series], indices)


def taken(wishes: PredictionWishes) -> list[tuple[str, str, int]]:
    """All that is left, in the order in which it is predicted."""
    order = []
    while (wish := wishes.take()) is not None:
        order.append((wish.key[0], wish.key[1][0], wish.index))
        wishes.finish(wish)
    return order


def take(wishes: PredictionWishes) -> Wish:
    wish = wishes.take()
    assert wish is not None
    return wish


def test_models_take_turns_from_the_slice_on_screen_outwards() -> None:
    wishes = PredictionWishes()
    add(wishes, PROPOSALS, "one", "a", 0, 1, 2, 3)
    add(wishes, COMPARISON, "two", "a", 0, 1, 2, 3)
    add(wishes, COMPARISON, "two", "b", 0, 1)
    wishes.look_at(("a", 0), 2)
    order = taken(wishes)
    assert order[:2] == [("one", "a", 2), ("two", "a", 2)]
    assert {i for _, _, i in order[2:6]} == {1, 3}
    assert order[-2:] == [("two", "b", 0), ("two", "b", 1)]


def test_what_two_want_is_done_once_and_for_the_one_who_still_wants_it() -> None:
    wishes = PredictionWishes()
    add(wishes, PROPOSALS, "one", "a", 0, 1)
    add(wishes, COMPARISON, "one", "a", 0, 1)
    assert wishes.remaining == 2
    wish = take(wishes)
    wishes.drop(COMPARISON)
    assert wishes.is_wanted(wish)
    assert wishes.remaining == 2
    wishes.drop(PROPOSALS)
    assert not wishes.is_wanted(wish)
    assert wishes.remaining == 0
    assert not wishes.finish(wish)


def test_what_is_wanted_again_while_it_is_given_up_is_begun_again() -> None:
    wishes = PredictionWishes()
    add(wishes, PROPOSALS, "one", "a", 0)
    given_up = take(wishes)
    wishes.drop(PROPOSALS)
    assert add(wishes, PROPOSALS, "one", "a", 0)
    again = take(wishes)
    assert not wishes.finish(given_up)
    assert wishes.finish(again)


def test_a_broken_model_leaves_the_other_alone() -> None:
    wishes = PredictionWishes()
    add(wishes, PROPOSALS, "one", "a", 0, 1, 2)
    add(wishes, PROPOSALS, "one", "b", 0)
    add(wishes, COMPARISON, "two", "a", 0)
    wish = take(wishes)
    assert wishes.drop_key(wish.key, but=wish) == 2
    wishes.drop_model("one", but=wish)
    assert wishes.finish(wish)
    assert taken(wishes) == [("two", "a", 0)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Purpose)),
            st.sampled_from(["one", "two"]),
            st.sampled_from("ab"),
            st.sets(st.integers(0, 6), max_size=4),
        ),
        max_size=6,
    ),
    st.tuples(st.sampled_from("ab"), st.integers(0, 6)),
    st.sampled_from([None, *Purpose]),
)
def test_exactly_what_is_wanted_is_predicted_once(
    asked: list[tuple[Purpose, str, str, set[int]]],
    at: tuple[str, int],
    dropped: Purpose | None,
) -> None:
    wishes = PredictionWishes()
    wishes.look_at((at[0], 0), at[1])
    wanted = set()
    for purpose, model, series, indices in asked:
        add(wishes, purpose, model, series, *indices)
        if dropped is not None and purpose is not dropped:
            wanted |= {(model, series, i) for i in indices}
    assert wishes.drop(dropped) == any(dropped in (None, purpose) for purpose, *_ in asked)
    assert wishes.remaining == len(wanted)
    order = taken(wishes)
    assert len(order) == len(set(order))
    assert set(order) == wanted
    on_screen = [series == at[0] for _, series, _ in order]
    assert on_screen == sorted(on_screen, reverse=True)
