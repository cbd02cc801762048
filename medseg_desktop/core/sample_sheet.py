"""A sheet of slices as the network sees them, with their label maps on top, to look at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.label_colors import outline_color
from medseg_desktop.core.labels import LabelTable

Grey = npt.NDArray[np.uint8]

#: Tiles in a row, pixels of a tile's side, and between two of them.
COLUMNS = 4
TILE = 256
GAP = 4
_OPACITY = 0.3


def sample_sheet(samples: Sequence[tuple[Grey, Grey]], table: LabelTable) -> Grey:
    """Slices and label maps (rows, columns), uint8, as one RGB picture on black.

    Labels are filled lightly and outlined, so that the slice is seen below them.

    Returns:
        (rows, columns, 3), uint8; four tiles a row, at least one row.
    """
    lines = max(1, -(-len(samples) // COLUMNS))
    across = min(COLUMNS, max(1, len(samples)))
    step = TILE + GAP
    sheet = np.zeros((lines * step - GAP, across * step - GAP, 3), np.uint8)
    for place, (grey, label_map) in enumerate(samples):
        row, column = divmod(place, COLUMNS)
        top, left = row * step, column * step
        sheet[top : top + TILE, left : left + TILE] = _tile(grey, label_map, table)
    return sheet


def _tile(grey: Grey, label_map: Grey, table: LabelTable) -> Grey:
    """One slice, scaled to TILE with its proportions, in the middle of a black square."""
    rows, columns = grey.shape
    scale = TILE / max(rows, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    shrinks = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(grey, size, interpolation=shrinks), np.uint8)
    labels = np.asarray(cv2.resize(label_map, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    picture = np.repeat(small[..., None], 3, axis=2)
    for label in table.foreground:
        mask = (labels == label.index).astype(np.uint8)
        if not mask.any():
            continue
        color = outline_color(label.color)
        inside = picture[mask > 0] * (1 - _OPACITY) + np.array(color, np.float32) * _OPACITY
        picture[mask > 0] = inside.astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, contours, -1, color, 1)
    tile = np.zeros((TILE, TILE, 3), np.uint8)
    top, left = (TILE - size[1]) // 2, (TILE - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = picture
    return tile
