"""The colours of labels."""

from __future__ import annotations

from itertools import pairwise

import imgviz
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.label_colors import (
    LOWEST_LUMINANCE,
    default_color,
    outline_color,
    relative_luminance,
)

channels = st.integers(0, 255)
colors = st.tuples(channels, channels, channels)


def test_the_colours_are_those_of_imgviz() -> None:
    theirs = [tuple(color) for color in imgviz.label_colormap().tolist()]
    assert [default_color(index) for index in range(256)] == theirs


def test_the_first_colours_are_those_of_pascal_voc() -> None:
    assert [default_color(index) for index in (0, 1, 2, 3, 4, 15, 255)] == [
        (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (192, 128, 128),
        (224, 224, 192),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("color", "luminance"),
    [
        ((0, 0, 0), 0.0),
        ((255, 255, 255), 1.0),
        ((255, 0, 0), 0.2126),
        ((119, 119, 119), 0.1845),  # #777777: 4.48 : 1 on white, the known near miss of WCAG
        ((10, 10, 10), 10 / 255 / 12.92),
    ],
)
def test_luminance_is_that_of_wcag(color: tuple[int, int, int], luminance: float) -> None:
    assert relative_luminance(color) == pytest.approx(luminance, abs=2e-4)


@given(colors)
def test_every_outline_is_bright_enough_for_the_black_canvas(color: tuple[int, int, int]) -> None:
    outline = outline_color(color)
    assert all(0 <= part <= 255 for part in outline)
    assert relative_luminance(outline) >= LOWEST_LUMINANCE
    assert relative_luminance(outline) >= relative_luminance(color)


@given(colors)
def test_an_outline_has_the_hue_of_its_label(color: tuple[int, int, int]) -> None:
    outline = outline_color(color)
    order = sorted(range(3), key=lambda channel: color[channel])
    low, middle, high = (outline[channel] for channel in order)
    assert low <= middle <= high
    # Hue is the sector, which is the order of the channels, and the place in it.
    chroma = max(color) - min(color)
    place = (color[order[1]] - min(color)) / chroma if chroma else 0.0
    assert middle - low == pytest.approx(
        place * (high - low), abs=1.001
    )  # rounded to whole numbers


@given(st.floats(0.4, 1.0).map(lambda share: round(255 * share ** (1 / 2.4))), channels, channels)
def test_a_bright_colour_stays_as_it_is(green: int, red: int, blue: int) -> None:
    color = (red, green, blue)
    if relative_luminance(color) >= 0.4:
        assert outline_color(color) == color


def test_no_two_labels_have_the_same_outline() -> None:
    assert len({outline_color(default_color(index)) for index in range(1, 256)}) == 255


def test_of_two_dark_colours_the_brighter_one_stays_the_brighter_one() -> None:
    reds = [outline_color((red, 0, 0)) for red in range(64, 256, 16)]
    assert all(relative_luminance(a) < relative_luminance(b) for a, b in pairwise(reds))


def test_a_black_label_gets_a_grey_outline() -> None:
    red, green, blue = outline_color((0, 0, 0))
    assert red == green == blue
