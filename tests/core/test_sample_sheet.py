from __future__ import annotations

import numpy as np

from medseg_desktop.core.label_colors import outline_color
from medseg_desktop.core.labels import RECIPE_LABELS
from medseg_desktop.core.sample_sheet import GAP, TILE, sample_sheet

H = RECIPE_LABELS.labels[1]


def test_tiles_lie_four_in_a_row_in_their_order() -> None:
    samples = [
        (np.full((64, 64), 40 * i, np.uint8), np.zeros((64, 64), np.uint8)) for i in range(6)
    ]
    sheet = sample_sheet(samples, RECIPE_LABELS)
    step = TILE + GAP
    assert sheet.shape == (2 * step - GAP, 4 * step - GAP, 3)
    centres = [sheet[r * step + 99, c * step + 99, 0] for r in (0, 1) for c in range(4)]
    assert centres == [0, 40, 80, 120, 160, 200, 0, 0]
    assert not sheet[TILE : TILE + GAP].any()


def test_a_lesion_is_outlined_and_its_inside_stays_to_be_seen() -> None:
    grey = np.full((TILE, TILE), 100, np.uint8)
    label_map = np.zeros((TILE, TILE), np.uint8)
    label_map[50:100, 60:120] = 1
    sheet = sample_sheet([(grey, label_map)], RECIPE_LABELS)
    assert tuple(sheet[50, 80]) == outline_color(H.color)
    inside = 0.7 * 100 + 0.3 * np.array(outline_color(H.color))
    np.testing.assert_allclose(sheet[75, 90], inside, atol=1)
    assert tuple(sheet[40, 90]) == (100, 100, 100)


def test_a_slice_keeps_its_proportions() -> None:
    sheet = sample_sheet(
        [(np.full((50, 100), 9, np.uint8), np.zeros((50, 100), np.uint8))], RECIPE_LABELS
    )
    lines = sheet.any(axis=(1, 2))
    assert (int(lines.argmax()), int(lines.sum())) == (TILE // 4, TILE // 2)


def test_no_sample_gives_an_empty_sheet() -> None:
    assert sample_sheet([], RECIPE_LABELS).shape == (TILE, TILE, 3)
