"""Scaling to the tissue's median: independent of unit, fat and slice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg_desktop.core.tissue_scaling import TISSUE_LEVEL, scale_tissue


def head(fat: float = 3.0, brain: float = 1.0, seed: int = 0) -> np.ndarray:
    """A noisy disc of brain in a ring of fat in air, (64, 64)."""
    y, x = np.mgrid[:64, :64]
    radius = np.hypot(y - 31.5, x - 31.5)
    values = np.where(radius < 22, brain, np.where(radius < 25, fat, 0.0))
    return values + np.random.default_rng(seed).normal(0, 0.02, values.shape)


def test_brain_gets_the_same_level_however_bright_the_fat_is() -> None:
    levels = [np.median(scale_tissue(head(fat))[20:44, 20:44]) for fat in (1.5, 2.5, 4.0)]

    assert levels == pytest.approx([TISSUE_LEVEL] * 3, abs=6)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 1000), st.floats(-500, 500))
def test_unit_and_offset_do_not_matter(factor: float, offset: float) -> None:
    plain = scale_tissue(head()).astype(int)
    other = scale_tissue(head() * factor + offset * factor).astype(int)

    assert np.abs(plain - other).max() <= 1


def test_an_even_slice_is_black() -> None:
    grey = scale_tissue(np.full((8, 8), 7.0))

    assert grey.dtype == np.uint8
    assert not grey.any()


def test_a_single_bright_pixel_does_not_divide_by_zero() -> None:
    values = np.zeros((32, 32))
    values[3, 4] = 5.0

    grey = scale_tissue(values)

    assert grey[3, 4] == TISSUE_LEVEL
    assert np.count_nonzero(grey) == 1


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_slice_can_be_scaled(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (16, 24)) ** int(rng.integers(1, 6))

    grey = scale_tissue(values)

    assert grey.shape == values.shape
    assert grey.dtype == np.uint8
