"""Preprocessing against independent few-line computations."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medseg_desktop.core.display import PixelFormat
from medseg_desktop.core.phantom import phantom_volume
from medseg_desktop.core.preprocessing import (
    PRESETS,
    Preprocessing,
    network_input,
    normalise,
    preprocess,
    resize_label_map,
    scale_maximum,
    to_eight_bit,
)

REFERENCE, DEFAULT = PRESETS["reference"], PRESETS["default"]
#: Presets that look at what a slice shows, at its own extremes.
BY_CONTENT = [Preprocessing(scaling=s, low=0, high=100) for s in ("percentile", "tissue")]
stored_slices = arrays(np.uint16, (9, 7), elements=st.integers(0, 4095))


def recipe(stored: np.ndarray) -> np.ndarray:
    """The recipe's own lines."""
    if not stored.any():
        return np.zeros(stored.shape, np.uint8)
    img = (stored * (255 / stored.max())).clip(0, 255).astype(np.uint8)
    return cv2.bilateralFilter(img, 11, 64, 128)


@pytest.mark.parametrize("k", [0, 9, 15, 19])
def test_the_reference_preset_equals_the_recipe_on_a_whole_slice(k: int) -> None:
    stored = phantom_volume(1, 0, rows=96, columns=96).stored[k]
    np.testing.assert_array_equal(preprocess(stored, PixelFormat(), REFERENCE), recipe(stored))


@given(stored_slices)
def test_the_reference_preset_equals_the_recipe_on_any_values(stored: np.ndarray) -> None:
    np.testing.assert_array_equal(preprocess(stored, PixelFormat(), REFERENCE), recipe(stored))


@given(stored_slices)
def test_the_reference_preset_ignores_rescale_and_inversion(stored: np.ndarray) -> None:
    fmt = PixelFormat(slope=2.5, intercept=-100, inverted=True)
    np.testing.assert_array_equal(
        preprocess(stored, fmt, REFERENCE), preprocess(stored, PixelFormat(), REFERENCE)
    )


@given(arrays(np.int16, (4, 4), elements=st.integers(-2000, 2000)))
def test_scaling_by_the_maximum_truncates_and_clips(stored: np.ndarray) -> None:
    top = int(stored.max())
    expected = [
        0 if top == 0 else int(min(max(float(v) * (255 / top), 0.0), 255.0)) for v in stored.ravel()
    ]
    np.testing.assert_array_equal(scale_maximum(stored).ravel(), expected)


@pytest.mark.parametrize("preset", [REFERENCE, DEFAULT])
def test_an_all_zero_slice_stays_zero(preset: Preprocessing) -> None:
    grey = preprocess(np.zeros((8, 8), np.uint16), PixelFormat(), preset)
    assert grey.dtype == np.uint8
    assert not grey.any()


@given(stored_slices)
def test_scaling_by_percentiles_maps_them_to_black_and_white(stored: np.ndarray) -> None:
    grey = to_eight_bit(stored, PixelFormat(), Preprocessing(scaling="percentile", low=5, high=95))
    low, high = np.percentile(stored, [5, 95])
    if low < high:
        expected = np.clip((stored.astype(float) - low) * (255 / (high - low)), 0, 255)
        np.testing.assert_array_equal(grey, expected.astype(np.uint8))


@pytest.mark.parametrize("how", BY_CONTENT)
@given(
    stored=stored_slices,
    slope=st.sampled_from([0.5, 2.0, 4.0]),
    intercept=st.sampled_from([-1024, 0, 64]),
)
def test_scaling_by_content_does_not_depend_on_the_units(
    how: Preprocessing, stored: np.ndarray, slope: float, intercept: float
) -> None:
    plain = to_eight_bit(stored, PixelFormat(), how).astype(int)
    rescaled = to_eight_bit(stored, PixelFormat(slope, intercept), how).astype(int)
    assert np.abs(plain - rescaled).max() <= 1


@pytest.mark.parametrize("how", BY_CONTENT)
@given(stored=stored_slices)
def test_an_inverted_slice_is_turned_round_in_the_default_preset(
    how: Preprocessing, stored: np.ndarray
) -> None:
    mirrored = (4095 - stored).astype(np.uint16)
    inverted = to_eight_bit(mirrored, PixelFormat(inverted=True), how).astype(int)
    plain = to_eight_bit(stored, PixelFormat(), how).astype(int)
    assert np.abs(plain - inverted).max() <= 1


def test_values_that_are_no_numbers_do_not_spoil_a_slice() -> None:
    stored = np.array([[np.nan, 0.0], [1.0, 2.0]], np.float32)
    how = Preprocessing(scaling="percentile", low=0, high=100, denoise=None)
    grey = to_eight_bit(stored, PixelFormat(), how)
    np.testing.assert_array_equal(grey, [[0, 0], [127, 255]])


def test_a_slice_is_the_same_alone_and_after_others() -> None:
    stored = phantom_volume(1, 0, rows=64, columns=64).stored[9]
    first = preprocess(stored, PixelFormat(), DEFAULT)
    preprocess(stored * 3, PixelFormat(), DEFAULT)
    np.testing.assert_array_equal(preprocess(stored, PixelFormat(), DEFAULT), first)


def test_without_denoising_the_eight_bit_slice_is_kept() -> None:
    stored = np.random.default_rng(0).integers(0, 4096, (16, 16)).astype(np.uint16)
    how = Preprocessing(denoise=None)
    np.testing.assert_array_equal(
        preprocess(stored, PixelFormat(), how), to_eight_bit(stored, PixelFormat(), how)
    )


def test_preprocessing_does_not_touch_its_input() -> None:
    stored = np.arange(64, dtype=np.uint16).reshape(8, 8)
    kept = stored.copy()
    for preset in PRESETS.values():
        preprocess(stored, PixelFormat(slope=2, inverted=True), preset)
    np.testing.assert_array_equal(stored, kept)


def test_the_networks_input_runs_from_minus_one_to_one() -> None:
    np.testing.assert_array_equal(normalise(np.array([0, 255], np.uint8), REFERENCE), [-1, 1])
    values = normalise(np.arange(256, dtype=np.uint8), REFERENCE)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, (np.arange(256) / 255 - 0.5) / 0.5, atol=1e-6)


def test_the_networks_input_has_height_before_width() -> None:
    grey = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (30, 1))
    values = network_input(grey, 64, 128, REFERENCE)
    assert values.shape == (64, 128)
    assert values.dtype == np.float32
    assert (np.diff(values, axis=1) >= 0).all()
    np.testing.assert_allclose(values[0], values[-1])


def test_an_input_of_the_right_size_is_only_normalised() -> None:
    grey = np.random.default_rng(1).integers(0, 256, (20, 30)).astype(np.uint8)
    np.testing.assert_array_equal(
        network_input(grey, 20, 30, REFERENCE), normalise(grey, REFERENCE)
    )


@given(arrays(np.uint8, (6, 9), elements=st.integers(0, 3)), st.integers(1, 4))
def test_a_label_map_survives_being_enlarged_and_shrunk(label_map: np.ndarray, factor: int) -> None:
    large = resize_label_map(label_map, 6 * factor, 9 * factor)
    assert large.shape == (6 * factor, 9 * factor)
    np.testing.assert_array_equal(large, label_map.repeat(factor, 0).repeat(factor, 1))
    np.testing.assert_array_equal(resize_label_map(large, 6, 9), label_map)


def test_a_preprocessing_survives_json() -> None:
    for preset in PRESETS.values():
        assert msgspec.json.decode(msgspec.json.encode(preset), type=Preprocessing) == preset
