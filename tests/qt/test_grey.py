from __future__ import annotations

import numpy as np
import pytest

from medseg_desktop.core.display import (
    PixelFormat,
    VoiFunction,
    Window,
    modality_values,
    to_grey,
    window_between,
)
from medseg_desktop.core.lut import Lut
from medseg_desktop.qt.canvas.grey import GreyMapper, Rendering

KINDS = ["uint8", "int8", "uint16", "int16", ">u2", ">i2", "int32", "uint32", "float32", "float64"]
VOIS = [
    Window(55.3, 61.0),
    Window(55.3, 61.0, VoiFunction.SIGMOID),
    Window(55.3, 0.5, VoiFunction.LINEAR_EXACT),
    Lut.of(20, 12, np.linspace(4095, 0, 64)),
]


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("voi", VOIS)
@pytest.mark.parametrize("slope", [1.0, 0.5])
def test_grey_equals_the_pipeline_of_the_core_for_every_dtype(
    dtype: str, inverted: bool, voi: Window | Lut, slope: float
) -> None:
    stored = np.random.default_rng(1).integers(0, 120, (40, 50)).astype(dtype)
    fmt = PixelFormat(slope=slope, intercept=-3.0 if slope != 1 else 0.0)
    grey = GreyMapper().grey(stored, Rendering(fmt, voi, inverted))
    np.testing.assert_array_equal(grey, to_grey(modality_values(stored, fmt), voi, inverted))


def test_every_colour_sample_takes_the_same_way() -> None:
    stored = np.random.default_rng(1).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    rendering = Rendering(PixelFormat(), window_between(0, 255))
    np.testing.assert_array_equal(GreyMapper().grey(stored, rendering), stored)


def shown(stored: np.ndarray, low: float, high: float) -> list[int]:
    rendering = Rendering(PixelFormat(), window_between(low, high))
    return [int(v) for v in GreyMapper().grey(stored, rendering)[0]]


def test_negative_stored_values_are_darker_than_positive_ones() -> None:
    grey = shown(np.array([[-1000, -1, 0, 1, 1000]], np.int16), -1000, 1000)
    assert grey[0] == 0
    assert grey[1] <= grey[2] <= grey[3]
    assert grey[4] == 255


def test_a_changed_rendering_is_not_answered_from_the_old_table() -> None:
    mapper = GreyMapper()
    stored = np.array([[0, 500, 1000]], np.uint16)
    narrow = Rendering(PixelFormat(), window_between(0, 500))
    assert mapper.grey(stored, Rendering(PixelFormat(), window_between(0, 1000)))[0, 1] == 128
    assert mapper.grey(stored, narrow)[0, 1] == 255
    rescaled = Rendering(PixelFormat(slope=0.5), narrow.voi)
    assert mapper.grey(stored, rescaled)[0, 1] == 128


def test_values_that_are_not_numbers_are_shown_as_black() -> None:
    assert shown(np.array([[np.nan, 50.0, np.inf, -np.inf]], np.float32), 0, 100) == [
        0,
        128,
        255,
        0,
    ]
