"""A slice around a lesion, with what the annotation and the models say of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.label_colors import Color
from medseg_desktop.core.raster import LabelMap

Grey = npt.NDArray[np.uint8]

#: Side of one panel in pixels, and what lies between two.
PANEL = 240
GAP = 4
#: Outlines of the annotation and of a model; areas that only one of them has.
MINE: Final[Color] = (126, 224, 129)
MODEL: Final[Color] = (76, 181, 245)
ONLY_MINE: Final[Color] = (242, 163, 60)
ONLY_MODEL: Final[Color] = (197, 138, 249)
_OPACITY = 0.35
#: The part of the slice that is shown has at least this share of its longer side, so that one
#: sees where it lies, and so many times the lesion's own size.
_SMALLEST_SHARE = 0.4
_AROUND = 2.5
#: Corners around the lesion: their distance from it, their length, and how bright they are.
_MARGIN, _CORNER = 5, 8
_MARK: Final[Color] = (235, 235, 235)


def lesion_picture(
    grey: Grey,
    truth: LabelMap,
    predicted: Sequence[LabelMap],
    region: npt.NDArray[np.bool_],
    pixel_aspect: float = 1.0,
) -> Grey:
    """Panels beside each other: the slice alone, then with each model's outlines.

    Four corners show the lesion in question.  On a panel the annotation is outlined in green and
    the model in blue; what only the annotation has is tinted orange, and what only the model has
    purple.  Labels that differ count as both.

    Args:
        grey: the slice (rows, columns), uint8.
        truth, predicted: label maps of the same size.
        region: the pixels of the lesion on it, which the picture is about.
        pixel_aspect: `Series.pixel_aspect`.

    Returns:
        RGB (rows, columns, 3), uint8.
    """
    window = _window(region, pixel_aspect)
    base = _scaled(_cut(grey, window), cv2.INTER_CUBIC)
    tile = np.repeat(base[..., None], 3, axis=2)
    place = cv2.boundingRect(_scaled(_cut(region.astype(np.uint8), window), cv2.INTER_NEAREST))
    truth = _scaled(_cut(truth, window), cv2.INTER_NEAREST)
    gap = np.zeros((PANEL, GAP, 3), np.uint8)
    row = [_marked(tile, place)]
    for label_map in predicted:
        model = _scaled(_cut(label_map, window), cv2.INTER_NEAREST)
        row += [gap, _marked(_panel(tile, truth, model), place)]
    return np.concatenate(row, axis=1)


def _window(
    region: npt.NDArray[np.bool_], pixel_aspect: float
) -> tuple[float, float, float, float]:
    """(left, top, width, height) in pixels of what is shown: a square on the screen around the
    lesion, which may reach beyond the slice."""
    rows, columns = region.shape
    x, y, width, height = cv2.boundingRect(region.astype(np.uint8))
    # Heights count as many columns as they are seen to be wide.
    longest = max(columns, rows * pixel_aspect)
    side = max(_AROUND * max(width, height * pixel_aspect), _SMALLEST_SHARE * longest)
    side = min(side, longest)
    across, down = side, side / pixel_aspect
    left = _placed(x + width / 2, across, columns)
    top = _placed(y + height / 2, down, rows)
    return left, top, across, down


def _placed(middle: float, length: float, limit: int) -> float:
    """Where a stretch of this length begins: around its middle, but on the slice if it can be."""
    if length >= limit:
        return (limit - length) / 2
    return min(max(middle - length / 2, 0.0), limit - length)


def _cut(pixels: Grey, window: tuple[float, float, float, float]) -> Grey:
    """The window of a slice; what lies beyond it is black."""
    left, top, width, height = (round(v) for v in window)
    cut = np.zeros((max(1, height), max(1, width)), np.uint8)
    rows, columns = pixels.shape
    first_row, first_column = max(0, top), max(0, left)
    part = pixels[first_row : min(rows, top + height), first_column : min(columns, left + width)]
    cut[first_row - top :, first_column - left :][: part.shape[0], : part.shape[1]] = part
    return cut


def _scaled(pixels: Grey, how: int) -> Grey:
    if how != cv2.INTER_NEAREST and max(pixels.shape) > PANEL:
        how = cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, (PANEL, PANEL), interpolation=how), np.uint8)


def _panel(tile: Grey, truth: LabelMap, model: LabelMap) -> Grey:
    picture = tile.copy()
    differs = truth != model
    _tint(picture, differs & (truth > 0), ONLY_MINE)
    _tint(picture, differs & (model > 0), ONLY_MODEL)
    for label_map, color in ((truth, MINE), (model, MODEL)):
        for label in np.unique(label_map[label_map > 0]):
            mask = (label_map == label).astype(np.uint8)
            contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(picture, contours, -1, color, 1)
    return picture


def _marked(picture: Grey, place: Sequence[int]) -> Grey:
    """With corners around (left, top, width, height)."""
    left, top, width, height = place
    marked = picture.copy()
    # On black first, so that they are seen on bright tissue, too.
    for color, thickness in (((0, 0, 0), 3), (_MARK, 1)):
        for x, inward in ((left - _MARGIN, 1), (left + width - 1 + _MARGIN, -1)):
            for y, down in ((top - _MARGIN, 1), (top + height - 1 + _MARGIN, -1)):
                cv2.line(marked, (x, y), (x + inward * _CORNER, y), color, thickness)
                cv2.line(marked, (x, y), (x, y + down * _CORNER), color, thickness)
    return marked


def _tint(picture: Grey, where: npt.NDArray[np.bool_], color: Color) -> None:
    mixed = picture[where] * (1 - _OPACITY) + np.array(color, np.float32) * _OPACITY
    picture[where] = mixed.astype(np.uint8)
