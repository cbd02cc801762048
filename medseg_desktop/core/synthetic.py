"""Synthetic slices of heads with lesions, to pre-train a network on; nothing is from a person.

The idea is that of SynthSeg: a network that has only ever seen pictures with random contrasts,
shadings, noise and resolutions does not care about them any more (B. Billot et al., SynthSeg:
Segmentation of brain MRI scans of any contrast and resolution without retraining, Medical
Image Analysis 86, 2023, doi 10.1016/j.media.2023.102789).  Here the anatomy is random as well,
contrasts like those of FLAIR are over-represented, and what is to be found is a region of the
brain that is brighter than it should be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.preprocessing import Denoise
from medseg_desktop.core.synthetic_fields import (
    Field,
    Grid,
    Rng,
    between,
    chance,
    rough,
    smooth,
)
from medseg_desktop.core.synthetic_head import Head, draw_head
from medseg_desktop.core.tissue_scaling import scale_tissue

#: Raised when the same seed gives other slices than before.
GENERATOR_VERSION = 2

#: Share of slices without lesion.
_CLEAR_SHARE = 0.25
#: Smaller lesions are not drawn, as a share of the picture.
_SMALLEST = 2e-4


@dataclass(frozen=True, slots=True)
class _Lesion:
    """Where one lesion is and by how much it is brighter than white matter (may be negative)."""

    amount: Field
    shine: Field


def synthetic_slice(
    rng: np.random.Generator, size: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """One slice as the conversion preset `default` would give it, and its label map.

    Args:
        rng: the same state gives the same slice.
        size: rows and columns in pixels.

    Returns:
        Grey values, uint8 (size, size), and 1 in lesions, else 0, uint8 (size, size).
    """
    grid = _draw_grid(rng, size)
    head = draw_head(grid, rng)
    value, label_map = head.value, np.zeros((size, size), np.uint8)
    if not chance(rng, _CLEAR_SHARE):
        count = 1 if chance(rng, 0.75) else int(rng.integers(2, 5))
        for _ in range(count):
            lesion = _draw_lesion(grid, head, rng, is_one_of_many=count > 1)
            inside = _smoothed(lesion.amount >= 0.5)
            if inside.mean() < _SMALLEST:
                continue
            value = value + lesion.shine * lesion.amount
            label_map[inside] = 1
    value = _distract(grid, value, head, rng)
    return _acquire(np.maximum(value, 0), rng), label_map


def _draw_grid(rng: Rng, size: int) -> Grid:
    """A head of random size and pose, bent a little; rarely larger than the picture."""
    fill = between(rng, 0.66, 1.0) if chance(rng, 0.85) else between(rng, 0.5, 1.4)
    pixel = 2 / (size * fill)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    x = (x - (size - 1) / 2) * np.float32(pixel) - np.float32(between(rng, -0.15, 0.15))
    y = (y - (size - 1) / 2) * np.float32(pixel) - np.float32(between(rng, -0.2, 0.2))
    turn = rng.normal(0, 0.12)
    c, s = np.float32(math.cos(turn)), np.float32(math.sin(turn))
    bend = np.float32(between(rng, 0, 0.025))
    bent_x = c * x + s * y + bend * smooth(rng, x.shape, 5)
    bent_y = c * y - s * x + bend * smooth(rng, x.shape, 5)
    return Grid(bent_x, bent_y, pixel)


def _draw_lesion(grid: Grid, head: Head, rng: Rng, *, is_one_of_many: bool) -> _Lesion:
    """A ragged blob in the brain, tiny to a third of it, sparing fluid and often the cortex."""
    shape = grid.x.shape
    inside = np.flatnonzero(head.brain.ravel() > 0.6)
    if not len(inside):
        nothing = np.zeros(shape, np.float32)
        return _Lesion(nothing, nothing)
    place = int(inside[int(rng.integers(len(inside)))])
    centre = float(grid.x.flat[place]), float(grid.y.flat[place])
    largest = 0.22 if is_one_of_many else 0.55
    radius = math.exp(between(rng, math.log(0.04), math.log(largest)))
    if not is_one_of_many and chance(rng, 0.6):
        radius = between(rng, 0.18, 0.55)
    narrow = between(rng, 0.5, 1.0)
    blob = grid.ellipse(centre, (radius, radius * narrow), between(rng, 0, math.pi))
    blob = blob / np.float32(radius * narrow)
    cells = int(np.clip(1.6 / radius, 4, 24))
    blob = blob + np.float32(between(rng, 0.1, 0.45)) * rough(rng, shape, cells, 4)
    blob = blob - np.float32(max(0.0, between(rng, -0.3, 0.6))) * head.grey
    if chance(rng, 0.6):  # most do not cross the midline
        side = 1 if centre[0] > 0 else -1
        blob = np.minimum(blob, (side * grid.x + 0.02) / np.float32(radius * narrow))
    softness = between(rng, 0.8, 3.5)
    amount = grid.cover(blob * np.float32(radius * narrow), softness) * head.brain
    return _Lesion(amount.astype(np.float32, copy=False), _shine(grid, blob, rng))


def _shine(grid: Grid, blob: Field, rng: Rng) -> Field:
    """How much brighter a lesion is at each pixel: even, patchy, hollow or with a bright core."""
    shape = blob.shape
    level = between(rng, 0.18, 0.7) if chance(rng, 0.75) else between(rng, 0.5, 1.6)
    if chance(rng, 0.03):
        level = -between(rng, 0.2, 0.5)
    texture = np.float32(between(rng, 0.0, 0.35)) * rough(rng, shape, int(rng.integers(6, 20)))
    shine = level * np.clip(1 + texture, 0.35, 2)
    kind = rng.random()
    if kind < 0.25:  # a dark core: necrosis, cyst, resection cavity
        core = grid.cover((blob - np.float32(between(rng, 0.3, 0.7))) * np.float32(0.1), 1.5)
        shine = shine * (1 - core) - np.float32(between(rng, 0.1, 0.85)) * core
    elif kind < 0.45:  # a brighter core
        core = grid.cover((blob - np.float32(between(rng, 0.2, 0.6))) * np.float32(0.1), 2)
        shine = shine * (1 + np.float32(between(rng, 0.3, 1.5)) * core)
    elif kind < 0.6:  # fading outwards
        shine = shine * np.clip(np.float32(0.55) + blob * np.float32(0.6), 0.45, 1.3)
    return np.asarray(shine, np.float32)


def _smoothed(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Majority of 3 x 3 neighbours: nobody outlines a frayed edge."""
    return np.asarray(cv2.blur(mask.astype(np.float32), (3, 3)) > 0.5)


def _distract(grid: Grid, value: Field, head: Head, rng: Rng) -> Field:
    """Bright things that are no lesion: spots outside the brain, vessels, streaks."""
    shape = value.shape
    for _ in range(int(rng.integers(0, 4))):
        centre = between(rng, -0.8, 0.8), between(rng, -1, 1)
        radii = between(rng, 0.01, 0.12), between(rng, 0.01, 0.12)
        spot = grid.cover(grid.ellipse(centre, radii, between(rng, 0, 3)))
        outside = head.outline * (1 - np.clip(head.brain * 2, 0, 1)) * (head.depth < -0.01)
        value = value + np.float32(between(rng, 0.2, 2.0)) * spot * outside
    if chance(rng, 0.2):  # pinpoint vessels
        points = (rng.random(shape, dtype=np.float32) > 0.9995).astype(np.float32)
        points = np.asarray(cv2.GaussianBlur(points, (0, 0), 0.7), np.float32)
        value = value + np.float32(between(rng, 0.5, 2.5)) * points * head.brain
    if chance(rng, 0.2):  # a ghost along one direction
        axis, part = int(rng.integers(2)), int(rng.integers(2, 5))
        ghost = np.roll(value, shape[axis] // part, axis=axis)
        value = value + np.float32(between(rng, 0.01, 0.06)) * ghost
    return value


def _acquire(value: Field, rng: Rng) -> npt.NDArray[np.uint8]:
    """Brightness -> 8 bits: shading, cut-off k-space, Rician noise, scaling, denoising."""
    shape = value.shape
    bias = np.float32(between(rng, 0, 0.3)) * smooth(rng, shape, int(rng.integers(2, 5)))
    value = value * np.exp(bias) + np.float32(between(rng, 0, 0.03))
    if chance(rng, 0.3):
        value = np.asarray(cv2.GaussianBlur(value, (0, 0), between(rng, 0.3, 1.2)), np.float32)
    value = _cut_off(value, between(rng, 0.5, 1.0) if chance(rng, 0.8) else 1.0)
    sigma = np.float32(between(rng, 0, 0.09))
    real = value + sigma * rng.standard_normal(shape, dtype=np.float32)
    imaginary = sigma * rng.standard_normal(shape, dtype=np.float32)
    magnitude = np.sqrt(real * real + imaginary * imaginary)
    grey = scale_tissue(magnitude)
    if chance(rng, 0.85):
        denoise = Denoise()
        # The filter's reach is given for slices of about 256 pixels a side.
        reach = max(3, round(denoise.diameter * shape[0] / 256) | 1)
        colour, space = denoise.sigma_color, denoise.sigma_space
        grey = np.asarray(cv2.bilateralFilter(grey, reach, colour, space), np.uint8)
    return grey


def _cut_off(value: Field, share: float) -> Field:
    """Only the middle `share` of k-space in both directions, as a quick scan measures it."""
    if share >= 1:
        return value
    spectrum = np.fft.rfft2(value)
    rows = np.abs(np.fft.fftfreq(value.shape[0])) <= share / 2
    columns = np.fft.rfftfreq(value.shape[1]) <= share / 2
    spectrum *= rows[:, None] & columns[None, :]
    return np.abs(np.fft.irfft2(spectrum, value.shape)).astype(np.float32)
