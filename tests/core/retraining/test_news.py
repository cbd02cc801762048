from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.retraining.news import (
    UNDRAWN,
    Basis,
    OutlinedSlice,
    SetNews,
    SetSize,
    SliceId,
    training_news,
)
from medseg_desktop.core.split import SetName

SETS: dict[str, SetName] = {"a": "train", "b": "train", "c": "val", "d": "test", "e": "incoming"}

patients = st.sampled_from(["a", "b", "c", "d", "e", "f"])
outlines = st.lists(st.sampled_from("uvwxyz"), max_size=4).map(lambda x: tuple(sorted(x)))


@st.composite
def slices(draw: st.DrawFn) -> dict[SliceId, OutlinedSlice]:
    """Slices of some patients; each SOP Instance UID belongs to one of them."""
    keys = draw(st.lists(st.integers(0, 12), unique=True, max_size=10))
    found = {}
    for key in keys:
        told = draw(outlines)
        found[(f"1.{key}", 0)] = OutlinedSlice("abcdef"[key % 6], told, None, len(told))
    return found


def outlined(patient: str, *told: str, pixels: int | None = None) -> OutlinedSlice:
    counted = None if pixels is None else ({1: pixels} if pixels else {})
    return OutlinedSlice(patient, tuple(sorted(told)), counted, len(told))


def test_without_a_model_everything_is_new_and_no_set_is_known() -> None:
    now = {("1", 0): outlined("p", "x"), ("1", 1): outlined("p"), ("2", 0): outlined("q", "y", "z")}
    news = training_news(now, None, {})
    assert news.basis is Basis.NOTHING
    assert news.sets == {UNDRAWN: SetNews(patients=2, slices=3, shapes=3)}
    assert news.sizes == {UNDRAWN: SetSize(patients=2, slices=3, slices_with_lesion=2)}


@given(now=slices())
def test_what_was_trained_on_is_not_new(now: dict[SliceId, OutlinedSlice]) -> None:
    news = training_news(now, now, SETS, unlisted="train")
    assert not news.total
    assert news.absent_patients == 0
    assert news.size.slices == len(now)


@given(now=slices(), before=slices())
def test_every_shape_of_the_difference_is_counted_once(
    now: dict[SliceId, OutlinedSlice], before: dict[SliceId, OutlinedSlice]
) -> None:
    total = training_news(now, before, SETS, unlisted="train").total
    here = {item.patient for item in now.values()}
    kept = {key for key, item in before.items() if key in now}
    assert total.slices == len(now.keys() - before.keys())
    assert total.gone_slices == sum(
        key not in now and item.patient in here for key, item in before.items()
    )
    assert total.corrected_slices == sum(now[k].outlines != before[k].outlines for k in kept)
    # What was there, less what went, and what came, is what is there now.
    shapes_before = sum(before[k].shapes or 0 for k in kept)
    shapes_now = sum(item.shapes or 0 for item in now.values())
    assert shapes_before - total.removed_shapes + total.shapes == shapes_now


@given(now=slices(), before=slices())
def test_a_correction_backwards_is_as_large(
    now: dict[SliceId, OutlinedSlice], before: dict[SliceId, OutlinedSlice]
) -> None:
    both = now.keys() & before.keys()
    one = training_news({k: now[k] for k in both}, {k: before[k] for k in both}, SETS).total
    back = training_news({k: before[k] for k in both}, {k: now[k] for k in both}, SETS).total
    assert one.corrected_slices == back.corrected_slices
    assert one.corrected_shapes == back.corrected_shapes
    assert (one.shapes, one.removed_shapes) == (back.removed_shapes, back.shapes)


def test_a_moved_outline_is_a_corrected_shape_in_the_set_of_its_patient() -> None:
    before = {("1", 0): outlined("d", "x", "y"), ("2", 0): outlined("a", "x")}
    now = {("1", 0): outlined("d", "x", "z"), ("2", 0): outlined("a", "x", "new")}
    news = training_news(now, before, SETS)
    assert news.of("test") == SetNews(corrected_slices=1, corrected_shapes=1)
    assert news.of("train") == SetNews(corrected_slices=1, shapes=1)


def test_two_equal_outlines_on_a_slice_are_two() -> None:
    news = training_news({("1", 0): outlined("a", "x")}, {("1", 0): outlined("a", "x", "x")}, SETS)
    assert news.total == SetNews(corrected_slices=1, removed_shapes=1)


def test_where_a_dataset_tells_no_outlines_the_pixels_decide() -> None:
    old = OutlinedSlice("a", None, {1: 40}, 1)
    same = training_news({("1", 0): outlined("a", "x", pixels=40)}, {("1", 0): old}, SETS)
    assert not same.total
    moved = training_news({("1", 0): outlined("a", "x", pixels=41)}, {("1", 0): old}, SETS)
    assert moved.total == SetNews(corrected_slices=1, corrected_shapes=1)
    more = training_news({("1", 0): outlined("a", "x", "y", pixels=80)}, {("1", 0): old}, SETS)
    assert more.total == SetNews(corrected_slices=1, shapes=1)


def test_patients_that_are_not_there_are_absent_and_their_slices_not_gone() -> None:
    before = {("1", 0): outlined("a", "x"), ("2", 0): outlined("b", "x"), ("2", 1): outlined("b")}
    news = training_news({("2", 0): outlined("b", "x")}, before, SETS)
    assert news.absent_patients == 1
    assert news.total == SetNews(gone_slices=1)


def test_where_the_dataset_is_gone_only_new_patients_are_known() -> None:
    now = {("1", 0): outlined("a", "x"), ("9", 0): outlined("f", "y", "z")}
    news = training_news(now, None, SETS, known={"a", "b"}, unlisted="train")
    assert news.basis is Basis.PATIENTS
    assert news.sets == {"train": SetNews(patients=1, slices=1, shapes=2)}
    assert news.absent_patients == 1


@given(st.lists(outlines, min_size=2, max_size=4))
def test_two_files_with_the_same_slice_count_as_one(several: list[tuple[str, ...]]) -> None:
    parts = [OutlinedSlice("a", told, {1: len(told)}, len(told)) for told in several]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.joined(part)
    every = sorted(x for told in several for x in told)
    assert joined.outlines == tuple(every)
    assert joined.shapes == len(every)
