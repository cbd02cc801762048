"""Synthetic slices: deterministic, with lesions inside heads, and with usable contrast."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg_desktop.core.synthetic import synthetic_slice

SEEDS = st.integers(0, 2**32 - 1)


def made(seed: int, size: int = 96) -> tuple[np.ndarray, np.ndarray]:
    return synthetic_slice(np.random.default_rng(seed), size)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from([64, 96, 128]))
def test_a_slice_has_the_promised_form(seed: int, size: int) -> None:
    grey, label_map = made(seed, size)

    assert grey.dtype == label_map.dtype == np.uint8
    assert grey.shape == label_map.shape == (size, size)
    assert set(np.unique(label_map)) <= {0, 1}


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_a_slice_fills_the_range_of_grey_values(seed: int) -> None:
    grey, _ = made(seed)

    assert int(grey.max()) >= 120  # the tissue's median is at 102
    assert int(grey.min()) <= 30
    assert grey.std() > 10


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_the_same_seed_gives_the_same_slice(seed: int) -> None:
    first, second = made(seed, 64), made(seed, 64)

    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_lesions_lie_within_the_head(seed: int) -> None:
    """Nine of ten of their pixels are enclosed by tissue in all four directions."""
    grey, label_map = made(seed)
    if not label_map.any():
        return
    tissue = grey > np.percentile(grey, 5) + 12
    enclosed = np.ones_like(tissue)
    for axis in (0, 1):
        enclosed &= np.maximum.accumulate(tissue, axis=axis)
        enclosed &= np.flip(np.maximum.accumulate(np.flip(tissue, axis), axis=axis), axis)
    assert enclosed[label_map > 0].mean() > 0.9


@pytest.fixture(scope="module")
def many() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(2)
    return [synthetic_slice(rng, 96) for _ in range(150)]


def test_most_slices_have_lesions_but_not_all(many: list[tuple[np.ndarray, np.ndarray]]) -> None:
    share = np.mean([label_map.any() for _, label_map in many])

    assert 0.5 < share < 0.9


def test_lesions_vary_in_size(many: list[tuple[np.ndarray, np.ndarray]]) -> None:
    sizes = np.array([label_map.mean() for _, label_map in many if label_map.any()])

    assert np.percentile(sizes, 10) < 0.006
    assert np.percentile(sizes, 90) > 0.03
    assert sizes.max() < 0.4


def test_most_lesions_are_brighter_than_the_rest_of_the_head(
    many: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    brighter = [
        np.median(grey[label_map > 0]) > np.median(grey[(label_map == 0) & (grey > 30)])
        for grey, label_map in many
        if label_map.any()
    ]

    assert np.mean(brighter) > 0.75


def test_a_threshold_does_not_find_the_lesions(
    many: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    """Fat and other bright things make the task worth learning."""
    with_lesion = [(grey, label_map > 0) for grey, label_map in many if label_map.any()]
    best = []
    for grey, truth in with_lesion:
        scores = []
        for limit in range(20, 255, 5):
            found = grey > limit
            scores.append(2 * (found & truth).sum() / (found.sum() + truth.sum()))
        best.append(max(scores))

    assert np.mean(best) < 0.55
