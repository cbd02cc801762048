from __future__ import annotations

import numpy as np
import pytest

from medseg_desktop.core.display import Window, to_grey
from medseg_desktop.qt.canvas.grey import GreyMapper, window_of


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", ">u2", ">i2", "int32", "float32", "float64"]
)
@pytest.mark.parametrize("inverted", [False, True])
def test_grey_equals_the_core_window_for_every_dtype(dtype: str, inverted: bool) -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 120, (40, 50)).astype(dtype)
    window = Window(55.3, 61.0)
    grey = GreyMapper().grey(values, window.low, window.high, inverted)
    np.testing.assert_array_equal(grey, to_grey(values, window, inverted))


def test_negative_stored_values_are_darker_than_positive_ones() -> None:
    values = np.array([[-1000, -1, 0, 1, 1000]], np.int16)
    grey = GreyMapper().grey(values, -1000, 1000, False)
    assert list(np.sign(np.diff(grey[0].astype(int)))) == [1, 0, 0, 1]


def test_a_changed_window_is_not_answered_from_the_old_table() -> None:
    mapper = GreyMapper()
    values = np.array([[0, 500, 1000]], np.uint16)
    first = mapper.grey(values, 0, 1000, False)
    second = mapper.grey(values, 0, 500, False)
    assert first[0, 1] == 127
    assert second[0, 1] == 255


def test_values_that_are_not_numbers_are_shown_as_black() -> None:
    values = np.array([[np.nan, 50.0, np.inf, -np.inf]], np.float32)
    assert GreyMapper().grey(values, 0.0, 100.0, False).tolist() == [[0, 127, 255, 0]]


def test_window_of_keeps_its_black_and_white_values() -> None:
    window = window_of(100.0, 900.0)
    assert (window.low, window.high) == (100.0, 900.0)
