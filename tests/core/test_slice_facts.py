from __future__ import annotations

import numpy as np
import pytest

from medseg_desktop.core.slice_facts import (
    LesionSize,
    facts_of,
    lesion_numbers,
    lesion_sizes,
    share_text,
    size_text,
)


def blob(shape: tuple[int, int] = (20, 20), rows: slice = slice(2, 6)) -> np.ndarray:
    label_map = np.zeros(shape, np.uint8)
    label_map[rows, 3:8] = 1
    return label_map


def test_a_slice_tells_its_labels_and_how_much_of_it_is_foreground() -> None:
    grey = np.full((20, 20), 7, np.uint8)
    grey[:5] = 90
    facts = facts_of(grey, blob())
    assert facts.pixels == {0: 380, 1: 20}
    assert facts.foreground == 0.25
    assert facts.size == facts.label_size == (20, 20)


def test_equal_pixels_in_another_shape_are_another_picture() -> None:
    pixels = np.arange(200, dtype=np.uint8)
    one, other = (facts_of(pixels.reshape(s), np.zeros(s, np.uint8)) for s in ((10, 20), (20, 10)))
    assert one.picture != other.picture
    again = facts_of(pixels.reshape(10, 20), np.ones((10, 20), np.uint8))
    assert one.picture == again.picture


def test_lesions_go_on_over_neighbouring_slices_only() -> None:
    sizes = lesion_sizes({3: blob(), 4: blob(), 9: blob()}, 20, 0.5)
    assert sorted((s.pixels, s.volume_ml) for s in sizes) == [(20, 10.0), (40, 20.0)]


def test_slices_of_different_sizes_stand_alone() -> None:
    sizes = lesion_sizes({0: blob(), 1: blob((40, 30))}, 2, None)
    assert [(s.pixels, s.volume_ml) for s in sizes] == [(20, None), (20, None)]


def test_the_numbers_of_no_lesion_are_nothing() -> None:
    numbers = lesion_numbers([], "ml")
    assert (numbers.number, numbers.median) == (0, 0.0)
    found = lesion_numbers([LesionSize(4, 2.0), LesionSize(2, 1.0), LesionSize(8, 4.0)], "ml")
    assert (found.smallest, found.median, found.largest) == (1.0, 2.0, 4.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (size_text(0.123, "ml"), "0.12 ml"),
        (size_text(32.54, "ml"), "32.5 ml"),
        (size_text(1372, "pixels"), "1,372 px"),
        (share_text(0.574), "57 %"),
        (share_text(0.0176), "1.8 %"),
        (share_text(0.000004), "0.01 %"),
        (share_text(0.0), "0 %"),
    ],
)
def test_sizes_and_shares_are_rounded_for_reading(text: str, expected: str) -> None:
    assert text == expected
