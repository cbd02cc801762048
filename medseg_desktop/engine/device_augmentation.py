"""Augmentation of a whole batch with Paddle's operations, for slices that lie on a GPU.

It draws the random numbers in the order of `data.augment`, so a batch differs from the one a
processor makes by rounding only; a test compares them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.data import log_uniform
from medseg_desktop.engine.recipe import Augmentation

if TYPE_CHECKING:
    from paddle import Tensor

    from medseg_desktop.engine.device import Device

#: The changes this module makes; a recipe with others is augmented by the processor.
_KNOWN = {
    "flip_horizontal", "flip_vertical", "noise", "noise_sigma", "rotation_deg", "scale", "shift",
    "gamma",
}  # fmt: skip


def is_supported(how: object) -> bool:
    """Whether every change of a recipe's augmentation is one of this module's."""
    return dataclasses.is_dataclass(how) and {f.name for f in dataclasses.fields(how)} <= _KNOWN


@dataclass(frozen=True, slots=True)
class Draws:
    """The random numbers of a batch of N slices of `size` x `size`.

    Attributes:
        theta: float32 (N, 2, 3): where each pixel comes from, in Paddle's coordinates, in which
            the centres of the first and last pixel are -1 and 1.
        gamma: float32 (N,): exponents of the brightness.
        noise: float32 (N, 1, size, size), in grey levels; None where no slice has any.
    """

    theta: npt.NDArray[np.float32]
    gamma: npt.NDArray[np.float32]
    noise: npt.NDArray[np.float32] | None


def draw(how: Augmentation, count: int, size: int, rng: np.random.Generator) -> Draws:
    """Random numbers for `count` slices."""
    theta = np.empty((count, 2, 3), np.float32)
    gamma = np.ones(count, np.float32)
    noise = np.zeros((count, 1, size, size), np.float32)
    for i in range(count):
        mirror = np.array(
            [
                -1.0 if rng.random() < how.flip_horizontal else 1.0,
                -1.0 if rng.random() < how.flip_vertical else 1.0,
            ]
        )
        matrix = np.eye(2, 3)
        if how.rotation_deg or how.shift or how.scale != 1.0:
            matrix = _inverse_move(how, size, rng)
        # Mirrored first, so the place in the mirrored slice is mirrored once more.
        theta[i] = _normalised(matrix, size) * mirror[:, None]
        if how.gamma != 1.0:
            gamma[i] = log_uniform(how.gamma, rng)
        if rng.random() < how.noise:
            sigma = np.float32(rng.uniform(0, how.noise_sigma))
            noise[i, 0] = sigma * rng.standard_normal((size, size), dtype=np.float32)
    return Draws(theta, gamma, noise if noise.any() else None)


def _inverse_move(
    how: Augmentation, size: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """(2, 3): from a pixel (column, row) of the result to where it was."""
    angle = rng.uniform(-how.rotation_deg, how.rotation_deg)
    centre = ((size - 1) / 2, (size - 1) / 2)
    matrix = np.asarray(
        cv2.getRotationMatrix2D(centre, angle, log_uniform(how.scale, rng)), np.float64
    )
    matrix[:, 2] += rng.uniform(-how.shift, how.shift, 2) * size
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def _normalised(matrix: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    """The same map between coordinates in which the outermost centres are -1 and 1."""
    half = (size - 1) / 2
    result = matrix.copy()
    result[:, 2] = (matrix[:, :2].sum(axis=1) * half + matrix[:, 2] - half) / half
    return result


def apply(grey: Tensor, maps: Tensor, draws: Draws, device: Device) -> tuple[Tensor, Tensor]:
    """Augment a batch.

    Args:
        grey: grey levels, float32 (N, 1, H, W).
        maps: class indices, float32 (N, 1, H, W).

    Returns:
        Grey levels as float32 within 0..255, and class indices as int64.
    """
    grid = paddle.nn.functional.affine_grid(
        device.tensor(draws.theta), list(grey.shape), align_corners=True
    )

    def sampled(x: Tensor, mode: str) -> Tensor:
        result: Tensor = paddle.nn.functional.grid_sample(
            x, grid, mode=mode, padding_mode="zeros", align_corners=True
        )
        return result

    images = sampled(grey, "bilinear").clip(0, 255)
    gamma = device.tensor(draws.gamma).reshape([-1, 1, 1, 1])
    images = 255 * paddle.pow(images / 255, gamma)
    if draws.noise is not None:
        images = (images + device.tensor(draws.noise)).clip(0, 255)
    return images, sampled(maps, "nearest").round().astype("int64")
