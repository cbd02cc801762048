"""Building blocks of synthetic slices: a plane's coordinates, random fields, soft edges.

Lengths are in units of half the length of the head (front to back), about 95 mm.  x grows to
the right of the picture, y downwards (to the back of the head).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Grid:
    """Head coordinates of every pixel.

    Attributes:
        x, y: float32 (rows, columns).
        pixel: side of a pixel.
    """

    x: Field
    y: Field
    pixel: float

    def cover(self, depth: Field, softness: float = 1.0) -> Field:
        """How much of each pixel is inside, 0..1, from its depth below a surface."""
        scaled = depth * np.float32(0.7 / (self.pixel * softness)) + np.float32(0.5)
        return np.asarray(np.clip(scaled, 0, 1), np.float32)

    def ellipse(
        self, centre: tuple[float, float], radii: tuple[float, float], turn: float = 0.0
    ) -> Field:
        """Depth below the rim of an ellipse (negative outside), turned by `turn` radians."""
        x, y = self.x - np.float32(centre[0]), self.y - np.float32(centre[1])
        if turn:
            c, s = np.float32(math.cos(turn)), np.float32(math.sin(turn))
            x, y = c * x + s * y, c * y - s * x
        q = np.sqrt((x * np.float32(1 / radii[0])) ** 2 + (y * np.float32(1 / radii[1])) ** 2)
        return (1 - q) * np.float32(min(radii))

    def pair(
        self, centre: tuple[float, float], radii: tuple[float, float], turn: float = 0.0
    ) -> Field:
        """As `ellipse`, once on either side of the midline."""
        return Grid(np.abs(self.x), self.y, self.pixel).ellipse(centre, radii, turn)


def smooth(rng: Rng, shape: tuple[int, ...], cells: int) -> Field:
    """A smooth random plane, mean about 0 and standard deviation about 1, `cells` a side."""
    coarse = rng.standard_normal((cells, cells), dtype=np.float32)
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.float32) * 1.25


def rough(rng: Rng, shape: tuple[int, ...], cells: int, octaves: int = 3) -> Field:
    """As `smooth`, with finer and weaker planes added: ragged at every scale."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        total += smooth(rng, shape, cells * 2**octave) * np.float32(0.55**octave)
    return total * np.float32(0.85)


def mix(value: Field, other: Field | float, amount: Field) -> Field:
    """`other` laid over `value` with an opacity of 0..1."""
    return value + (other - value) * amount


def between(rng: Rng, low: float, high: float) -> float:
    """One uniform number."""
    return float(rng.uniform(low, high))


def chance(rng: Rng, probability: float) -> bool:
    """True with this probability."""
    return bool(rng.random() < probability)
