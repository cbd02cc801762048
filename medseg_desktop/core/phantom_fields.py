"""Building blocks of the phantom: random draws, smooth random fields, soft-edged bodies.

The same seed must give the same bytes on every platform and with every version of numpy.
So only operations are used that IEEE 754 rounds exactly (+ - * / sqrt, comparisons, integers)
in a fixed order: no transcendental functions, no FFT, no matrix products, no floating-point
reductions; and random numbers are made from the raw words of PCG64, the only stream that
numpy promises to keep.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]

#: Side of the square that a noise plane covers, and its cells a side.
FIELD_MM = 256.0
FIELD_CELLS = 128

#: A body this far above or below a slice leaves no trace in it.
_FAR_MM = 24.0
#: Half kernels (centre first, sum of the whole 4096) that cut k-space off at 58, 66 and 75 %.
_LOW_PASS = (
    (2414, 1262, -300, -281, 221, 58, -139, 20),
    (2634, 1096, -504, -23, 227, -145, -17, 97),
    (3100, 916, -618, 270, 0, -132, 138, -76),
)
#: Standard deviation of the sum of four numbers that are uniform in 0..65535.
_FOUR_WORDS_SIGMA = 65536 / math.sqrt(3)


class Draw:
    """Random numbers of one stream (seed, patient, purpose)."""

    def __init__(self, *key: int) -> None:
        self._source = np.random.PCG64(np.random.SeedSequence(key))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """One number in [low, high)."""
        word = int(self._source.random_raw())
        return low + (high - low) * ((word >> 11) / 9007199254740992)

    def below(self, limit: int) -> int:
        """One whole number in [0, limit)."""
        return int(self.uniform() * limit)

    def sign(self) -> int:
        """-1 or 1."""
        return 1 if self.uniform() < 0.5 else -1

    def _words(self, count: int) -> npt.NDArray[np.uint16]:
        """Four columns of 16-bit numbers, (count, 4)."""
        raw = self._source.random_raw(count).astype("<u8")
        return raw.view("<u2").reshape(count, 4)

    def white(self, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
        """Uniform whole numbers in -128..127."""
        size = int(np.prod(shape))
        words = self._words(-(-size // 4)).ravel()[:size]
        return (words >> 8).astype(np.int64).reshape(shape) - 128

    def bell(self, shape: tuple[int, ...]) -> Field:
        """Bell-shaped noise of mean 0 and standard deviation 1 (a sum of four uniforms)."""
        words = self._words(int(np.prod(shape))).astype(np.int32)
        total = words[:, 0] + words[:, 1] + words[:, 2] + words[:, 3] - 131070
        return total.reshape(shape).astype(np.float32) * np.float32(1 / _FOUR_WORDS_SIGMA)


def _box(values: npt.NDArray[np.int64], radius: int) -> npt.NDArray[np.int64]:
    """Sums over (2 radius + 1) squared cells of each plane; the planes wrap around."""
    for axis in (1, 2):
        wrapped = np.take(
            values, np.arange(-radius - 1, values.shape[axis] + radius), axis=axis, mode="wrap"
        )
        total = np.cumsum(wrapped, axis=axis)
        width = 2 * radius + 1
        upper, lower = [slice(None)] * 3, [slice(None)] * 3
        upper[axis], lower[axis] = slice(width, None), slice(None, -width)
        values = total[tuple(upper)] - total[tuple(lower)]
    return values


def noise_planes(draw: Draw, planes: int, radius: int, *, band: bool = False) -> Field:
    """Smooth random planes (planes, cells, cells), mean 0, standard deviation about 1.

    Neighbouring planes are alike.  With `band`, slow changes are taken out, which makes the
    zero line wind like the folds of a cortex.

    Args:
        radius: of the smoothing, in cells of `FIELD_MM / FIELD_CELLS` mm.
    """
    white = draw.white((planes + 2, FIELD_CELLS, FIELD_CELLS))
    white = white[:-2] + 2 * white[1:-1] + white[2:]
    smooth = _box(_box(white, radius), radius)
    if band:
        wide = 2 * radius + 1
        # Box sums grow with the area: weigh both alike before taking the difference.
        smooth = smooth * (2 * wide + 1) ** 2 - _box(smooth, wide)
    # Exact sums of squares, of every 17th cell: Python's integers do not overflow.
    cells = [int(v) for v in smooth.ravel()[::17]]
    sigma = math.sqrt(sum(v * v for v in cells) / len(cells))
    scaled: Field = smooth.astype(np.float32) * np.float32(1 / sigma)
    return scaled


def sample(plane: Field, x: Field, y: Field) -> Field:
    """Values of a noise plane at points in mm (0 in its middle), bilinear, wrapping around."""
    scale = FIELD_CELLS / FIELD_MM
    u = x * scale + FIELD_CELLS * 8.5
    v = y * scale + FIELD_CELLS * 8.5
    column, row = u.astype(np.int32), v.astype(np.int32)
    fu, fv = u - column.astype(np.float32), v - row.astype(np.float32)
    last = FIELD_CELLS - 1
    c0, c1 = column & last, (column + 1) & last
    r0, r1 = (row & last) * FIELD_CELLS, ((row + 1) & last) * FIELD_CELLS
    flat = plane.ravel()
    top = flat[r0 + c0] * (1 - fu) + flat[r0 + c1] * fu
    bottom = flat[r1 + c0] * (1 - fu) + flat[r1 + c1] * fu
    values: Field = (top * (1 - fv) + bottom * fv).astype(np.float32)
    return values


def low_pass(values: Field, strength: int) -> Field:
    """Planes (..., rows, columns) as if k-space had been cut off; strength 0 (most) to 2."""
    kernel = _LOW_PASS[strength]
    reach = len(kernel) - 1
    for axis in (-1, -2):
        pad = [(0, 0)] * values.ndim
        pad[axis] = (reach, reach)
        padded = np.moveaxis(np.pad(values, pad), axis, -1)
        size = padded.shape[-1] - 2 * reach
        out = padded[..., reach : reach + size] * np.float32(kernel[0] / 4096)
        for i in range(1, reach + 1):
            pair = padded[..., reach - i : reach - i + size] + padded[..., reach + i :][..., :size]
            out = out + pair * np.float32(kernel[i] / 4096)
        values = np.moveaxis(out, -1, axis)
    return np.ascontiguousarray(values)


@dataclass(frozen=True, slots=True)
class Plane:
    """The points of one slice in head coordinates, and how thick they are.

    Attributes:
        x, y, z: (rows, columns), mm; x to the left, y to the back, z to the top of the head.
        pixel_mm, thickness_mm: extent of a voxel in and across the slice.
    """

    x: Field
    y: Field
    z: Field
    pixel_mm: float
    thickness_mm: float


@dataclass(frozen=True, slots=True)
class Body:
    """A soft-edged body cut by a slice.

    Attributes:
        depth: distance from its surface in mm (approximate), positive inside.
        soft: width in mm over which its edge is blurred, more where the surface is oblique.
    """

    depth: Field
    soft: Field

    def covers(self, inset_mm: float | Field = 0.0) -> Field:
        """How much of each voxel the body fills, 0..1, after shrinking it by `inset_mm`."""
        amount: Field = np.clip((self.depth - inset_mm) / self.soft + np.float32(0.5), 0, 1)
        return amount

    def joined(self, other: Body) -> Body:
        """The union of two bodies."""
        nearer = other.depth > self.depth
        return Body(
            np.where(nearer, other.depth, self.depth), np.where(nearer, other.soft, self.soft)
        )


def ellipsoid(
    plane: Plane,
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
    *,
    x: Field | None = None,
    y: Field | None = None,
    z: Field | None = None,
) -> Body:
    """An ellipsoid (mm); `x`, `y`, `z` replace coordinates to mirror or bend it."""
    dx = ((plane.x if x is None else x) - centre[0]) * (1 / radii[0])
    dy = ((plane.y if y is None else y) - centre[1]) * (1 / radii[1])
    dz = ((plane.z if z is None else z) - centre[2]) * (1 / radii[2])
    if (float(np.abs(dz).min()) - 1) * radii[2] > _FAR_MM:
        # The slice passes far above or below the body: nothing to compute.
        return Body(np.full_like(dz, -_FAR_MM), np.full_like(dz, plane.pixel_mm))
    q = np.maximum(np.sqrt(dx * dx + dy * dy + dz * dz), np.float32(1e-3))
    gx, gy, gz = dx * (1 / radii[0]), dy * (1 / radii[1]), dz * (1 / radii[2])
    steepness = np.maximum(np.sqrt(gx * gx + gy * gy + gz * gz), np.float32(1e-5))
    soft = plane.pixel_mm + (0.8 * plane.thickness_mm) * np.abs(gz) / steepness
    return Body((1 - q) * q / steepness, soft)
