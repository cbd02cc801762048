from __future__ import annotations

import numpy as np
import pytest

from medseg_desktop.core.evaluation.lesion_picture import (
    GAP,
    MINE,
    MODEL,
    ONLY_MINE,
    ONLY_MODEL,
    PANEL,
    lesion_picture,
)

SIZE = (64, 80)


def rectangle(top: int, left: int, height: int, width: int, label: int = 1) -> np.ndarray:
    label_map = np.zeros(SIZE, np.uint8)
    label_map[top : top + height, left : left + width] = label
    return label_map


def panels(picture: np.ndarray) -> list[np.ndarray]:
    step = PANEL + GAP
    count = (picture.shape[1] + GAP) // step
    return [picture[:, i * step : i * step + PANEL] for i in range(count)]


def has(panel: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool((panel == color).all(axis=2).any())


def tinted(color: tuple[int, int, int], grey: int) -> tuple[int, ...]:
    return tuple(int(np.float32(grey * 0.65 + c * np.float32(0.35))) for c in color)


def test_there_is_a_panel_for_the_slice_and_one_for_each_model() -> None:
    grey, truth = np.full(SIZE, 100, np.uint8), rectangle(20, 20, 12, 12)
    only_truth = np.zeros(SIZE, np.uint8)
    picture = lesion_picture(grey, truth, [rectangle(20, 26, 12, 12), only_truth], truth > 0)
    assert picture.dtype == np.uint8
    assert picture.shape == (PANEL, 3 * PANEL + 2 * GAP, 3)
    plain, ours, theirs = panels(picture)
    assert not has(plain, MINE)
    assert not has(plain, MODEL)
    for color in (MINE, MODEL):
        assert has(ours, color)
    assert has(theirs, MINE)
    assert not has(theirs, MODEL)


def test_what_only_one_side_has_is_tinted() -> None:
    grey, truth = np.full(SIZE, 100, np.uint8), rectangle(20, 20, 12, 12)
    _, panel = panels(lesion_picture(grey, truth, [rectangle(20, 26, 12, 12)], truth > 0))
    flat = {tuple(int(v) for v in pixel) for pixel in panel.reshape(-1, 3)}
    assert tinted(ONLY_MINE, 100) in flat
    assert tinted(ONLY_MODEL, 100) in flat
    assert (100, 100, 100) in flat  # where both agree, and beside them
    _, same = panels(lesion_picture(grey, truth, [truth], truth > 0))
    flat = {tuple(int(v) for v in pixel) for pixel in same.reshape(-1, 3)}
    assert tinted(ONLY_MINE, 100) not in flat


def test_another_label_is_no_agreement() -> None:
    grey, truth = np.full(SIZE, 100, np.uint8), rectangle(20, 20, 12, 12)
    _, panel = panels(lesion_picture(grey, truth, [rectangle(20, 20, 12, 12, 2)], truth > 0))
    flat = {tuple(int(v) for v in pixel) for pixel in panel.reshape(-1, 3)}
    assert (100, 100, 100) in flat
    inside = panel[PANEL // 2, PANEL // 2]
    assert tuple(int(v) for v in inside) != (100, 100, 100)


@pytest.mark.parametrize("place", [(0, 0), (0, 77), (61, 0), (61, 77), (30, 40)])
def test_a_small_lesion_is_seen_large_wherever_it_lies(place: tuple[int, int]) -> None:
    truth = rectangle(*place, 3, 3)
    grey = np.where(truth > 0, 255, 40).astype(np.uint8)
    plain, _ = panels(lesion_picture(grey, truth, [truth * 0], truth > 0))
    shown = int((plain[..., 0] > 200).sum())
    scale = PANEL / (0.4 * max(SIZE))
    assert shown == pytest.approx((3 * scale) ** 2, rel=0.35)


@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.0])
def test_a_large_lesion_is_seen_whole_with_its_proportions(aspect: float) -> None:
    """One that is square in mm is square on the picture."""
    height = round(24 / aspect)
    truth = rectangle(4, 20, height, 24)
    grey = np.where(truth > 0, 255, 40).astype(np.uint8)
    plain, _ = panels(lesion_picture(grey, truth, [truth], truth > 0, aspect))
    rows, columns = np.nonzero(plain[..., 0] > 245)
    across, down = np.ptp(columns) + 1, np.ptp(rows) + 1
    assert across / down == pytest.approx(1, rel=0.12)
    assert across > 60


def test_a_slice_of_one_pixel_has_a_picture() -> None:
    one = np.ones((1, 1), np.uint8)
    assert lesion_picture(one, one, [one], one > 0).shape == (PANEL, 2 * PANEL + GAP, 3)
