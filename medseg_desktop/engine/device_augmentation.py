"""Augmentation of a whole batch with Paddle's operations, for slices that lie on a GPU.

It draws the random numbers in the order of `core.augmentation.augment_slice`, so a batch differs
from the one a processor makes by rounding only; a test compares them.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.augmentation import (
    BIAS_CELLS,
    BLUR_LEAST,
    ELASTIC_CELLS,
    SliceChanges,
    log_uniform,
)
from medseg_desktop.engine.backend import paddle

if TYPE_CHECKING:
    from paddle import Tensor

    from medseg_desktop.engine.device import Device

Floats = npt.NDArray[np.float32]

#: The changes this module makes; a recipe with others is augmented by the processor.
_KNOWN = {field.name for field in dataclasses.fields(SliceChanges)}


def is_supported(how: object) -> bool:
    """Whether every change of a recipe's augmentation is one of this module's."""
    return dataclasses.is_dataclass(how) and {f.name for f in dataclasses.fields(how)} <= _KNOWN


@dataclass(slots=True)
class Draws:
    """The random numbers of a batch of N slices of `size` x `size`.

    Attributes:
        source: float32 (N, 2, 3): (column, row) that a pixel (column, row, 1) comes from.
        bend: displacements in pixels as coarse planes (N, 2, cells, cells), columns first.
        blur: standard deviations in pixels (N,); 0 for none.
        bias: logarithms of the shading as coarse planes (N, 1, cells, cells).
        gamma, factor, offset: (N,): x -> 255 (x / 255) ** gamma, times factor, plus offset.
        noise: (N, 1, size, size), in grey levels.
    """

    source: Floats
    bend: Floats
    blur: Floats
    bias: Floats
    gamma: Floats
    factor: Floats
    offset: Floats
    noise: Floats

    @classmethod
    def nothing(cls, count: int, size: int) -> Draws:
        """What changes nothing; to be filled."""
        one = np.ones(count, np.float32)
        return cls(
            source=np.tile(np.eye(2, 3, dtype=np.float32), (count, 1, 1)),
            bend=np.zeros((count, 2, ELASTIC_CELLS, ELASTIC_CELLS), np.float32),
            blur=0 * one,
            bias=np.zeros((count, 1, BIAS_CELLS, BIAS_CELLS), np.float32),
            gamma=one,
            factor=one.copy(),
            offset=0 * one,
            noise=np.zeros((count, 1, size, size), np.float32),
        )


def draw(how: SliceChanges, count: int, size: int, rng: np.random.Generator) -> Draws:
    """Random numbers for `count` slices."""
    draws = Draws.nothing(count, size)
    for i in range(count):
        draws.source[i] = _source(how, size, rng)
        if how.elastic and rng.random() < how.elastic_share:
            cells = (ELASTIC_CELLS, ELASTIC_CELLS)
            for axis in range(2):
                coarse = rng.standard_normal(cells, dtype=np.float32)
                draws.bend[i, axis] = how.elastic * size * coarse
        if rng.random() < how.blur_share:
            width = rng.uniform(0, how.blur_sigma)
            draws.blur[i] = width if width >= BLUR_LEAST else 0.0
        if how.bias:
            coarse = rng.standard_normal((BIAS_CELLS, BIAS_CELLS), dtype=np.float32)
            draws.bias[i, 0] = how.bias * coarse
        if how.gamma != 1.0:
            draws.gamma[i] = log_uniform(how.gamma, rng)
        if how.contrast != 1.0:
            draws.factor[i] = log_uniform(how.contrast, rng)
        if how.brightness:
            draws.offset[i] = rng.uniform(-how.brightness, how.brightness)
        if rng.random() < how.noise_share:
            sigma = np.float32(rng.uniform(0, how.noise_sigma))
            draws.noise[i, 0] = sigma * rng.standard_normal((size, size), dtype=np.float32)
    return draws


def _source(how: SliceChanges, size: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(2, 3): see `Draws.source` and `core.augmentation.moved`."""
    angle = math.radians(rng.uniform(-how.rotation_deg, how.rotation_deg))
    along = log_uniform(how.scale, rng)
    across = along * log_uniform(how.stretch, rng)
    mirror_x = -1 if rng.random() < how.flip_horizontal else 1
    mirror_y = -1 if rng.random() < how.flip_vertical else 1
    centre = (size - 1) / 2
    target = centre + rng.uniform(-how.shift, how.shift, 2) * size
    cosine, sine = math.cos(angle), math.sin(angle)
    turned = np.array([[cosine, sine], [-sine, cosine]])
    matrix = turned * [[mirror_x / across], [mirror_y / along]]
    return np.column_stack([matrix, centre - matrix @ target])


def apply(grey: Tensor, maps: Tensor, draws: Draws, device: Device) -> tuple[Tensor, Tensor]:
    """Augment a batch.

    Args:
        grey: grey levels, float32 (N, 1, H, W).
        maps: class indices, float32 (N, 1, H, W).

    Returns:
        Grey levels as float32 within 0..255, and class indices as int64.
    """
    grid = _grid(draws, int(grey.shape[-1]), device)

    def sampled(x: Tensor, mode: str) -> Tensor:
        result: Tensor = paddle.nn.functional.grid_sample(
            x, grid, mode=mode, padding_mode="zeros", align_corners=True
        )
        return result

    images = sampled(grey, "bilinear")
    if draws.blur.any():
        images = _blurred(images, draws.blur, device)
    if draws.bias.any():
        images = images * _smooth(draws.bias, int(grey.shape[-1]), device).exp()
    if (draws.gamma != 1).any():
        images = 255 * paddle.pow(images.clip(0, 255) / 255, _each(draws.gamma, device))
    images = images * _each(draws.factor, device) + _each(draws.offset, device)
    images = (images + device.tensor(draws.noise)).clip(0, 255)
    return images, sampled(maps, "nearest").round().astype("int64")


def _each(values: Floats, device: Device) -> Tensor:
    """A number for each slice, (N,) -> (N, 1, 1, 1)."""
    return device.tensor(values.reshape(-1, 1, 1, 1))


def _smooth(coarse: Floats, size: int, device: Device) -> Tensor:
    """Coarse planes (N, C, cells, cells) -> (N, C, size, size), cubic as OpenCV's."""
    smooth: Tensor = paddle.nn.functional.interpolate(
        device.tensor(coarse), size=[size, size], mode="bicubic", align_corners=False
    )
    return smooth


def _grid(draws: Draws, size: int, device: Device) -> Tensor:
    """Where each pixel comes from, (N, size, size, 2), the outermost centres at -1 and 1."""
    line = paddle.arange(size, dtype="float32")
    rows, columns = paddle.meshgrid(line, line)
    place = paddle.stack([columns.flatten(), rows.flatten(), paddle.ones([size * size])])
    source = (device.tensor(draws.source) @ place).reshape([-1, 2, size, size])
    if draws.bend.any():
        source = source + _smooth(draws.bend, size, device)
    grid: Tensor = (source * (2 / (size - 1)) - 1).transpose([0, 2, 3, 1])
    return grid


def _blurred(images: Tensor, sigmas: Floats, device: Device) -> Tensor:
    """Gaussian blur of each slice with its own width, as OpenCV's."""
    kernels = [_kernel(float(sigma)) for sigma in sigmas]
    half = max(len(kernel) for kernel in kernels) // 2
    count, size = len(kernels), int(images.shape[-1])
    weights = np.zeros((count, 1, 1, 2 * half + 1), np.float32)
    for i, kernel in enumerate(kernels):
        own = len(kernel) // 2
        weights[i, 0, 0, half - own : half + own + 1] = kernel
    row = device.tensor(weights)
    pad = paddle.nn.functional.pad(images, [half] * 4, mode="reflect")
    planes = pad.reshape([1, count, size + 2 * half, size + 2 * half])
    planes = paddle.nn.functional.conv2d(planes, row, groups=count)
    planes = paddle.nn.functional.conv2d(planes, row.transpose([0, 1, 3, 2]), groups=count)
    blurred: Tensor = planes.reshape(images.shape)
    return blurred


def _kernel(sigma: float) -> Floats:
    """OpenCV's kernel of cv2.GaussianBlur(float plane, (0, 0), sigma)."""
    if not sigma:
        return np.ones(1, np.float32)
    length = round(sigma * 8 + 1) | 1
    return np.asarray(cv2.getGaussianKernel(length, sigma), np.float32).ravel()
