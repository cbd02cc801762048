"""Augmentation: slice and label map move together, grey values stay within 0..255."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg_desktop.core.augmentation import (
    SliceChanges,
    augment_slice,
    blurred,
    log_uniform,
    moved,
    shading,
    smooth_field,
)

STILL = SliceChanges(flip_horizontal=0, rotation_deg=0, scale=1, shift=0, gamma=1, noise_share=0)
EVERYTHING = SliceChanges(
    flip_vertical=0.5,
    stretch=1.1,
    elastic=0.02,
    contrast=1.3,
    brightness=20,
    bias=0.3,
    noise_share=1,
    blur_share=1,
)


def disc(rows: int = 96, columns: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """A slice with a bright, off-centre disc, and the label map that outlines it."""
    y, x = np.mgrid[:rows, :columns]
    label_map = ((y - 40) ** 2 + (x - 50) ** 2 < 15**2).astype(np.uint8)
    return (60 + 120 * label_map).astype(np.uint8), label_map


def test_without_changes_a_slice_stays_as_it_is() -> None:
    grey, label_map = disc()

    changed, labels = augment_slice(grey, label_map, STILL, np.random.default_rng(0))

    assert np.allclose(changed, grey, atol=0.01)
    assert np.array_equal(labels, label_map)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_all_changes_keep_the_form_and_the_range(seed: int) -> None:
    grey, label_map = disc()

    changed, labels = augment_slice(grey, label_map, EVERYTHING, np.random.default_rng(seed))

    assert changed.dtype == np.float32
    assert labels.dtype == np.uint8
    assert changed.shape == labels.shape == grey.shape
    assert 0 <= changed.min() <= changed.max() <= 255
    assert set(np.unique(labels)) <= {0, 1}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_same_seed_gives_the_same_slice(seed: int) -> None:
    first, second = (
        augment_slice(*disc(), EVERYTHING, np.random.default_rng(seed)) for _ in range(2)
    )

    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_slice_and_label_map_move_alike(seed: int) -> None:
    grey, label_map = disc()
    how = SliceChanges(flip_vertical=0.5, stretch=1.1, elastic=0.02, elastic_share=1)

    plane, labels = moved(grey.astype(np.float32), label_map, how, np.random.default_rng(seed))

    bright = plane > 120
    # They may differ by half a pixel along the rim, which is about 95 pixels long.
    assert np.count_nonzero(bright != (labels > 0)) < 60


def test_mirroring_is_exact() -> None:
    grey, label_map = disc()
    how = SliceChanges(flip_horizontal=1, rotation_deg=0, scale=1, shift=0)

    plane, labels = moved(grey.astype(np.float32), label_map, how, np.random.default_rng(0))

    assert np.allclose(plane, grey[:, ::-1], atol=0.01)
    assert np.array_equal(labels, label_map[:, ::-1])


def test_factors_lie_within_their_limits_and_are_balanced() -> None:
    rng = np.random.default_rng(0)
    factors = np.array([log_uniform(1.5, rng) for _ in range(2000)])

    assert factors.min() >= 1 / 1.5
    assert factors.max() <= 1.5
    assert np.log(factors).mean() == pytest.approx(0, abs=0.02)


def test_shading_is_positive_smooth_and_around_one() -> None:
    factor = shading((64, 48), 0.3, np.random.default_rng(1))

    assert factor.shape == (64, 48)
    assert factor.min() > 0
    assert np.abs(np.diff(factor, axis=0)).max() < 0.15
    assert np.median(factor) == pytest.approx(1, abs=0.5)


def test_fields_have_about_unit_spread() -> None:
    rng = np.random.default_rng(2)
    fields = np.stack([smooth_field((32, 32), 5, rng) for _ in range(200)])

    assert fields.mean() == pytest.approx(0, abs=0.1)
    assert fields.std() == pytest.approx(0.85, abs=0.25)


def test_blur_keeps_the_mean_and_lowers_the_spread() -> None:
    rng = np.random.default_rng(3)
    plane = rng.normal(100, 30, (64, 64)).astype(np.float32)

    soft = blurred(plane, 3.0, np.random.default_rng(5))

    assert soft.mean() == pytest.approx(plane.mean(), abs=1)
    assert soft.std() < plane.std()
