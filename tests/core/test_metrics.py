"""Overlap of label maps against a naive computation with sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medseg_desktop.core.metrics import (
    CaseCounts,
    class_overlap,
    foreground_overlap,
    mean_or_none,
)

label_maps = arrays(np.uint8, (5, 6), elements=st.integers(0, 3))
pairs = st.lists(st.tuples(label_maps, label_maps), min_size=1, max_size=4)


def pixels(label_map: np.ndarray, index: int | None) -> set[tuple[int, ...]]:
    chosen = label_map > 0 if index is None else label_map == index
    return set(map(tuple, np.argwhere(chosen)))


def naive(truth: set, predicted: set) -> tuple[float | None, float | None]:
    if not truth:
        return None, None
    both = len(truth & predicted)
    return 2 * both / (len(truth) + len(predicted)), both / len(truth | predicted)


@given(label_maps, label_maps, st.integers(1, 3))
def test_dice_and_iou_of_a_class_equal_the_set_formula(
    truth: np.ndarray, predicted: np.ndarray, index: int
) -> None:
    found = class_overlap(truth, predicted, index)
    expected = naive(pixels(truth, index), pixels(predicted, index))
    assert (found.dice, found.iou) == pytest.approx(expected)


@given(label_maps, label_maps)
def test_the_foreground_ignores_which_class_it_is(truth: np.ndarray, predicted: np.ndarray) -> None:
    found = foreground_overlap(truth, predicted)
    assert (found.dice, found.iou) == pytest.approx(
        naive(pixels(truth, None), pixels(predicted, None))
    )


@given(label_maps, label_maps)
def test_dice_and_iou_are_tied_together(truth: np.ndarray, predicted: np.ndarray) -> None:
    found = foreground_overlap(truth, predicted)
    if found.dice is not None and found.iou is not None:
        assert found.dice == pytest.approx(2 * found.iou / (1 + found.iou))
        assert 0 <= found.iou <= found.dice <= 1


def test_a_perfect_prediction_has_dice_one() -> None:
    truth = np.array([[0, 1], [1, 0]], np.uint8)
    assert foreground_overlap(truth, truth).dice == 1
    assert foreground_overlap(truth, 1 - truth).dice == 0


def test_without_a_lesion_there_is_no_dice_whatever_is_predicted() -> None:
    empty, full = np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8)
    assert foreground_overlap(empty, full).dice is None
    assert foreground_overlap(empty, empty).dice is None
    assert foreground_overlap(full, empty).dice == 0


@given(pairs)
def test_a_case_pools_its_slices_before_dividing(
    slices: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    case = CaseCounts(n_labels=4)
    for truth, predicted in slices:
        case.add(truth, predicted)
    truth, predicted = (np.concatenate([s[i] for s in slices]) for i in (0, 1))
    assert case.n_slices == len(slices)
    assert case.foreground == foreground_overlap(truth, predicted)
    assert case.labels == {i: class_overlap(truth, predicted, i) for i in (1, 2, 3)}


@given(pairs, pairs)
def test_what_was_counted_apart_adds_up(
    some: list[tuple[np.ndarray, np.ndarray]], more: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    together, one, other = (CaseCounts(n_labels=4) for _ in range(3))
    for slices, part in ((some, one), (more, other)):
        for truth, predicted in slices:
            part.add(truth, predicted)
            together.add(truth, predicted)
    one.include(other)
    assert one == together


def test_two_cases_do_not_share_their_counts() -> None:
    one, other = CaseCounts(n_labels=2), CaseCounts(n_labels=2)
    one.add(np.ones((1, 1), np.uint8), np.ones((1, 1), np.uint8))
    assert other.labels == {}


def test_the_mean_leaves_out_cases_without_a_value() -> None:
    assert mean_or_none([0.5, None, 1.0]) == 0.75
    assert mean_or_none([None, None]) is None
    assert mean_or_none([]) is None
    assert mean_or_none([0.0]) == 0
