"""Stored values to grey values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.display import (
    PixelFormat,
    VoiFunction,
    Window,
    as_window,
    full_window,
    meant_values,
    modality_range,
    modality_values,
    moved_window,
    percentile_window,
    range_of_values,
    to_grey,
    voi_output,
    window_between,
)
from medseg_desktop.core.lut import Lut

EXACT, SIGMOID = VoiFunction.LINEAR_EXACT, VoiFunction.SIGMOID


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


@pytest.mark.parametrize(
    ("window", "value", "expected"),
    [
        # PS3.3 C.11.2.1.3.2: x <= c - w / 2 black, x > c + w / 2 white, else (x - c) / w + 0.5.
        (Window(2048, 4096, EXACT), 0, 0.0),
        (Window(2048, 4096, EXACT), 4096, 1.0),
        (Window(2048, 4096, EXACT), 4095, 4095 / 4096),
        (Window(2048, 4096, EXACT), 1024, 0.25),
        (Window(0, 100, EXACT), -50, 0.0),
        (Window(0, 100, EXACT), -25, 0.25),
        (Window(0, 100, EXACT), 51, 1.0),
        (Window(0, 0.5, EXACT), 0, 0.5),
        # PS3.3 C.11.2.1.3.1: 1 / (1 + exp(-4 (x - c) / w)).
        (Window(40, 400, SIGMOID), 40, 0.5),
        (Window(40, 400, SIGMOID), 140, 0.7310585786300049),  # 1 / (1 + exp(-1))
        (Window(40, 400, SIGMOID), -160, 0.11920292202211755),  # 1 / (1 + exp(2))
        (Window(40, 400, SIGMOID), 240, 0.8807970779778823),
    ],
)
def test_the_other_window_functions_follow_the_standard(
    window: Window, value: int, expected: float
) -> None:
    output = voi_output(np.array([value], np.int32), window)
    assert output[0] == pytest.approx(expected, abs=1e-12)


def test_a_voi_table_maps_values_to_its_entries() -> None:
    table = Lut.of(-1, 10, [0, 1023, 512])
    output = voi_output(np.array([-5, -1, 0, 1, 9], np.int16), table)
    np.testing.assert_allclose(output, [0, 0, 1, 512 / 1023, 512 / 1023])


def test_a_modality_table_stands_in_place_of_the_rescale() -> None:
    fmt = PixelFormat(slope=3.0, modality_lut=Lut.of(10, 16, [7, 900, 65535]))
    values = modality_values(np.array([0, 10, 11, 12, 4000], np.uint16), fmt)
    assert values.tolist() == [7, 7, 900, 65535, 65535]
    assert modality_range(10, 11, fmt) == (7, 900)


def test_a_negative_slope_turns_the_range_round() -> None:
    assert modality_range(0, 10, PixelFormat(slope=-2.0, intercept=5.0)) == (-15.0, 5.0)


def test_rescaled_32_bit_values_keep_their_units_digit() -> None:
    stored = np.array([2**31 - 1, 2**31 - 2], np.int32)
    values = modality_values(stored, PixelFormat(intercept=1.0))
    assert values.tolist() == [2.0**31, 2.0**31 - 1]


@given(st.floats(-1e5, 1e5), st.floats(0.01, 1e5), st.sampled_from(list(VoiFunction)))
def test_every_window_function_rises_from_black_to_white(
    center: float, width: float, function: VoiFunction
) -> None:
    width = max(width, 1.5) if function is VoiFunction.LINEAR else width
    window = Window(center, width, function)
    values = np.linspace(center - 3 * width, center + 3 * width, 301)
    output = voi_output(values, window)
    assert (np.diff(output) >= 0).all()
    assert output.min() >= 0
    assert output.max() <= 1
    assert output[0] < 0.01
    assert output[-1] > 0.99
    if function is not VoiFunction.SIGMOID:
        assert voi_output(np.array([window.low]), window)[0] == pytest.approx(0, abs=1e-6)


def test_a_table_can_be_moved_as_a_window_over_its_values() -> None:
    window = as_window(Lut.of(100, 12, np.arange(401)))
    assert (window.low, window.high) == (100, 500)
    assert as_window(Window(1, 2, SIGMOID)) == Window(1, 2, SIGMOID)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_colour_samples_begin_as_they_are_stored(bits: int) -> None:
    top = 2**bits - 1
    samples = np.array([0, top // 2 + 1, top], np.uint16)
    grey = to_grey(samples, full_window(PixelFormat(bits=bits)))
    assert grey.tolist() == [0, 128, 255]


def test_padding_and_what_is_no_number_do_not_count() -> None:
    fmt = PixelFormat(slope=2.0, padding=(-2000, -1999))
    stored = np.array([[-2000, -1999, 5], [7, -3, 0]], np.int16)
    assert sorted(meant_values(stored, fmt).tolist()) == [-6, 0, 10, 14]
    floats = np.array([np.nan, np.inf, 2.0], np.float32)
    assert meant_values(floats, PixelFormat()).tolist() == [2.0]


def test_window_between_keeps_its_black_and_white_values() -> None:
    window = window_between(100.0, 900.0)
    assert (window.low, window.high) == (100.0, 900.0)


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
    grey = to_grey(values - start, replace(window, center=window.center - start))
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


def test_a_computed_window_is_as_narrow_as_its_values() -> None:
    window = window_between(0.0, 0.003)
    assert (window.width, window.center) == (pytest.approx(0.003), pytest.approx(0.0015))
    assert (window.low, window.high) == (0.0, pytest.approx(0.003))


def test_a_linear_window_narrower_than_a_step_becomes_an_exact_one() -> None:
    assert moved_window(Window(40, 80), 30, 1) == Window(30, 1)
    assert moved_window(Window(40, 80), 30, 0.5) == Window(30, 0.5, EXACT)
    assert moved_window(Window(40, 80, SIGMOID), 30, 0.5) == Window(30, 0.5, SIGMOID)


def test_the_range_of_a_table_costs_no_more_than_the_table() -> None:
    fmt = PixelFormat(modality_lut=Lut.of(10, 16, [7, 900, 65535]))
    assert modality_range(-(2.0**62), 2.0**62, fmt) == (7, 65535)
    assert modality_range(2.0**40, 2.0**41, fmt) == (65535, 65535)


@given(st.floats(-1e300, 1e300))
def test_a_range_for_scales_is_never_empty(value: float) -> None:
    low, high = range_of_values(value, value)
    assert low == value
    assert low < high < float("inf")
    assert range_of_values(1, 5) == (1, 5)


def test_only_grey_values_have_a_modality() -> None:
    fmt = PixelFormat(slope=2.0, intercept=-1024, bits=12, units="HU", padding=(0, 0))
    assert fmt.of_colour(8) == PixelFormat(bits=8)
