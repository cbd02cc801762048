"""Random changes of one training slice, which leave what it shows intact.

Every function takes the slice as float32 (rows, columns) in grey levels 0..255, and a random
generator; what moves pixels takes the label map, uint8 (rows, columns), along.  The results
of the grey value changes are not clipped: `augment_slice` does that once at the end.

Geometry is one single resampling, whatever it is composed of, so a slice is not blurred twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

#: Points a side of the coarse random planes behind displacements and shading.
ELASTIC_CELLS, BIAS_CELLS = 5, 4
#: A narrower blur, in pixels, changes nothing.
BLUR_LEAST = 0.2

Grey = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SliceChanges:
    """How strongly slices are changed; each `..._share` is the probability of a change.

    Attributes:
        flip_horizontal, flip_vertical: probability of mirroring columns, rows.
        rotation_deg: the angle is drawn uniformly from minus to plus this, in degrees.
        scale: size is multiplied by a factor between 1 / this and this (log-uniform).
        stretch: the columns alone are stretched by up to this factor or its inverse.
        shift: moved by up to this share of the side, in both directions.
        elastic: standard deviation of smooth random displacements, as a share of the side.
        gamma: brightness x -> x ** g with g between 1 / this and this (log-uniform).
        contrast: values are multiplied by a factor between 1 / this and this (log-uniform).
        brightness: up to this many grey levels are added or taken away.
        bias: standard deviation of the logarithm of a smooth factor (a coil's shading).
        noise_share, noise_sigma: normal noise with a standard deviation of 0..noise_sigma.
        blur_share, blur_sigma: Gaussian blur with a standard deviation of 0..blur_sigma pixels.
    """

    flip_horizontal: float = 0.5
    flip_vertical: float = 0.0
    rotation_deg: float = 20.0
    scale: float = 1.25
    stretch: float = 1.0
    shift: float = 0.06
    elastic: float = 0.0
    elastic_share: float = 0.5
    gamma: float = 1.4
    contrast: float = 1.0
    brightness: float = 0.0
    bias: float = 0.0
    noise_share: float = 0.3
    noise_sigma: float = 10.0
    blur_share: float = 0.0
    blur_sigma: float = 1.5


def augment_slice(
    grey: Grey, label_map: Grey, how: SliceChanges, rng: np.random.Generator
) -> tuple[Plane, Grey]:
    """A slice and its label map, both (rows, columns), after all changes of `how`.

    Returns:
        The slice as float32 within 0..255, and the label map, uint8.
    """
    plane, labels = moved(grey.astype(np.float32), label_map, how, rng)
    if rng.random() < how.blur_share:
        plane = blurred(plane, how.blur_sigma, rng)
    if how.bias:
        plane = plane * shading(plane.shape, how.bias, rng)
    if how.gamma != 1.0:
        exponent = log_uniform(how.gamma, rng)
        plane = 255 * np.power(np.clip(plane, 0, 255) * np.float32(1 / 255), np.float32(exponent))
    if how.contrast != 1.0:
        plane = plane * np.float32(log_uniform(how.contrast, rng))
    if how.brightness:
        plane = plane + np.float32(rng.uniform(-how.brightness, how.brightness))
    if rng.random() < how.noise_share:
        sigma = np.float32(rng.uniform(0, how.noise_sigma))
        plane = plane + sigma * rng.standard_normal(plane.shape, dtype=np.float32)
    return np.clip(plane, 0, 255), labels


def log_uniform(limit: float, rng: np.random.Generator) -> float:
    """A factor between 1 / limit and limit, uniform in its logarithm."""
    return math.exp(rng.uniform(-1, 1) * math.log(limit))


def moved(
    plane: Plane, label_map: Grey, how: SliceChanges, rng: np.random.Generator
) -> tuple[Plane, Grey]:
    """Slice and label map mirrored, rotated, scaled, shifted and bent alike."""
    rows, columns = plane.shape
    angle = math.radians(rng.uniform(-how.rotation_deg, how.rotation_deg))
    size = log_uniform(how.scale, rng)
    across = size * log_uniform(how.stretch, rng)
    mirror_x = -1 if rng.random() < how.flip_horizontal else 1
    mirror_y = -1 if rng.random() < how.flip_vertical else 1
    shift = rng.uniform(-how.shift, how.shift, 2) * (columns, rows)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    x -= np.float32((columns - 1) / 2 + shift[0])
    y -= np.float32((rows - 1) / 2 + shift[1])
    cosine, sine = math.cos(angle), math.sin(angle)
    from_x = (cosine * x + sine * y) * np.float32(mirror_x / across) + np.float32((columns - 1) / 2)
    from_y = (cosine * y - sine * x) * np.float32(mirror_y / size) + np.float32((rows - 1) / 2)
    if how.elastic and rng.random() < how.elastic_share:
        from_x += how.elastic * columns * smooth_field(plane.shape, ELASTIC_CELLS, rng)
        from_y += how.elastic * rows * smooth_field(plane.shape, ELASTIC_CELLS, rng)
    bent = cv2.remap(plane, from_x, from_y, cv2.INTER_LINEAR)
    labels = cv2.remap(label_map, from_x, from_y, cv2.INTER_NEAREST)
    return np.asarray(bent, np.float32), np.asarray(labels, np.uint8)


def smooth_field(shape: tuple[int, ...], cells: int, rng: np.random.Generator) -> Plane:
    """A smooth random plane of mean 0 and standard deviation about 1, with `cells` a side."""
    coarse = rng.standard_normal((cells, cells), dtype=np.float32)
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.float32)


def shading(shape: tuple[int, ...], strength: float, rng: np.random.Generator) -> Plane:
    """A smooth factor around 1: the exponential of `strength` times a smooth random plane."""
    factor = np.exp(np.float32(strength) * smooth_field(shape, BIAS_CELLS, rng))
    return np.asarray(factor, np.float32)


def blurred(plane: Plane, sigma: float, rng: np.random.Generator) -> Plane:
    """Gaussian blur with a standard deviation drawn from 0 to `sigma` pixels."""
    width = rng.uniform(0, sigma)
    if width < BLUR_LEAST:
        return plane
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), width), np.float32)
