"""Stored values to grey values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.display import (
    PixelFormat,
    Window,
    modality_values,
    percentile_window,
    to_grey,
)


@pytest.mark.parametrize(
    ("center", "width", "value", "expected"),
    [
        # PS3.3 C.11.2.1.2.1: c 2048, w 4096 maps 0 to the lowest and 4095 to the highest grey.
        (2048, 4096, 0, 0),
        (2048, 4096, 4095, 255),
        (2048, 4096, -1, 0),
        (2048, 4096, 5000, 255),
        # ((2047 - 2047.5) / 4095 + 0.5) * 255 = 127.47
        (2048, 4096, 2047, 127),
        # c 2048, w 1: a threshold; x <= 2047.5 is black.
        (2048, 1, 2047, 0),
        (2048, 1, 2048, 255),
        # c 0, w 100: black up to -50, white above 49.
        (0, 100, -50, 0),
        (0, 100, -49, 3),  # ((-49 + 0.5) / 99 + 0.5) * 255 = 2.58
        (0, 100, 0, 129),  # ((0.5) / 99 + 0.5) * 255 = 128.79
        (0, 100, 48, 252),  # (48.5 / 99 + 0.5) * 255 = 252.42
        (0, 100, 49, 255),
        # c 0, w 2: x <= -1 black, x > 0 white, between them linear.
        (0, 2, -1, 0),
        (0, 2, 0, 255),
        # The recipe's window on the 8-bit slice: width 128, level 60.
        (60, 128, 61, 131),  # (1.5 / 127 + 0.5) * 255 = 130.51
        (60, 128, 124, 255),
    ],
)
def test_the_linear_window_follows_the_standard(
    center: float, width: float, value: int, expected: int
) -> None:
    assert to_grey(np.array([value], np.int16), Window(center, width))[0] == expected


@given(
    st.floats(-2000, 2000),
    st.floats(1.5, 5000),
    st.lists(st.integers(-4000, 4000), min_size=2, max_size=20),
)
def test_brighter_values_are_never_darker_on_the_screen(
    center: float, width: float, values: list[int]
) -> None:
    stored = np.sort(np.array(values, np.int16))
    window = Window(center, width)
    grey = to_grey(stored, window).astype(int)
    assert (np.diff(grey) >= 0).all()
    assert (grey[stored <= window.low - 1] == 0).all()
    assert (grey[stored >= window.high + 1] == 255).all()


@given(st.lists(st.integers(0, 4095), min_size=1, max_size=20))
def test_inversion_mirrors_the_greys(values: list[int]) -> None:
    stored, window = np.array(values, np.uint16), Window(600, 1200)
    inverted = to_grey(stored, window, inverted=True)
    assert inverted.dtype == np.uint8
    np.testing.assert_array_equal(inverted.astype(int), 255 - to_grey(stored, window).astype(int))


def test_not_a_number_is_black() -> None:
    values = np.array([np.nan, np.inf, -np.inf, 5], np.float32)
    np.testing.assert_array_equal(to_grey(values, Window(0.5, 2)), [0, 255, 0, 255])
    assert np.isnan(values[0])


def test_the_ends_of_a_window_are_those_of_the_standard() -> None:
    assert (Window(2048, 4096).low, Window(2048, 4096).high) == (0, 4095)
    assert (Window(10, 1).low, Window(10, 1).high) == (9.5, 9.5)


def test_values_without_rescale_are_passed_through() -> None:
    stored = np.arange(6, dtype=np.uint16)
    assert modality_values(stored, PixelFormat()) is stored


def test_rescale_multiplies_before_it_adds() -> None:
    stored = np.array([0, 1, 4095], np.uint16)
    values = modality_values(stored, PixelFormat(slope=0.5, intercept=-1024))
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, [-1024, -1023.5, 1023.5])


@given(st.floats(1e-4, 1e4), st.floats(-1e3, 1e3))
def test_the_percentiles_become_black_and_white_at_any_scale(scale: float, start: float) -> None:
    values = start + scale * np.linspace(0, 1, 101)
    window = percentile_window(values, 10, 90)
    grey = to_grey(values - start, Window(window.center - start, window.width))
    assert grey[:10].max() == 0
    assert grey[91:].min() == 255
    assert 120 <= grey[50] <= 135


def test_a_window_of_a_flat_slice_is_not_empty() -> None:
    window = percentile_window(np.full((4, 4), 7, np.uint16), 1, 99)
    assert window.width == 1
    assert set(to_grey(np.full((2, 2), 7), window).ravel()) == {0}


def test_a_window_of_mostly_air_falls_back_to_the_whole_range() -> None:
    values = np.zeros(1000)
    values[0] = 50
    window = percentile_window(values, 1, 99)
    assert (window.low, window.high) == (0, 50)


def test_percentiles_leave_out_values_that_are_no_numbers() -> None:
    values = np.array([np.nan, 0, 10, np.inf])
    window = percentile_window(values, 0, 100)
    assert (window.low, window.high) == (0, 10)
    assert percentile_window(np.array([np.nan]), 0, 100).width > 0
