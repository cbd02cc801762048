"""A phantom low-field brain study: FLAIR slices with lesions whose outlines are known.

Deterministic: a seed and a patient number give the same bytes on every platform (see
`phantom_fields` for how).  Nothing in it comes from a person.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.phantom_fields import (
    Body,
    Draw,
    Field,
    Plane,
    ellipsoid,
    low_pass,
    noise_planes,
    sample,
)
from medseg_desktop.core.phantom_head import (
    Textures,
    Tissue,
    draw_anatomy,
    paint_head,
)

#: Field of view of a slice and extent of a stack, mm.
FIELD_OF_VIEW_MM = 240.0
STACK_MM = 118.0
#: z of the lowest slice in head coordinates, mm.
_LOWEST_MM = -42.0
#: Every sixth patient (number modulo 6) has no lesion.
_LESION_FREE = 3
#: Smaller parts of a lesion in a slice are neither shown nor outlined, mm2.
_SMALLEST_AREA_MM2 = 9.0
_MAXIMUM = 4095


@dataclass(frozen=True, slots=True)
class PhantomVolume:
    """One patient's series.

    Attributes:
        stored: values (slice, row, column), uint16, 12 bits used; slices from feet to head.
        label_map: (slice, row, column), uint8; 1 in a lesion, else 0.
        spacing_mm: (between rows, between columns).
        slice_thickness_mm: thickness and distance of slices (there is no gap).
        origin_mm: patient position (left, posterior, head) of the first pixel's centre in
            slice 0; the
            rows run to the left, the columns to the back, the slices to the head.
        window_center, window_width: a window that shows the brain, in stored values.
        lesion_count: lesions of the patient (0..4).
    """

    stored: npt.NDArray[np.uint16]
    label_map: npt.NDArray[np.uint8]
    spacing_mm: tuple[float, float]
    slice_thickness_mm: float
    origin_mm: tuple[float, float, float]
    window_center: int
    window_width: int
    lesion_count: int


@dataclass(frozen=True, slots=True)
class _Lesion:
    """One lesion in head coordinates.

    Attributes:
        centre, radii: mm.
        ragged: how strongly noise moves its surface, as a part of its smallest radius.
        gain: brightness added, relative to white matter.
        core: part of the radius that is a dark core, 0 for none.
    """

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    ragged: float
    gain: float
    core: float = 0.0


@dataclass(frozen=True, slots=True)
class _Pose:
    """How the head lies: shift (mm), size, and rotations as tangents of half angles."""

    shift_mm: tuple[float, float, float]
    size: float
    turn: float
    nod: float
    roll: float


def phantom_volume(
    seed: int, patient: int, *, slices: int = 20, rows: int = 256, columns: int = 256
) -> PhantomVolume:
    """The series of one patient.

    Args:
        seed: of the study, 0 or more.
        patient: number of the patient in the study, 0 or more.
    """
    draw = Draw(seed, patient, 0)
    pose, anatomy = _draw_pose(draw), draw_anatomy(draw)
    lesions = _draw_lesions(Draw(seed, patient, 1), patient)
    spacing_mm = (FIELD_OF_VIEW_MM / rows, FIELD_OF_VIEW_MM / columns)
    thickness_mm = STACK_MM / slices
    fields = Draw(seed, patient, 2)
    wide = noise_planes(fields, slices, 7)
    fold = noise_planes(fields, slices, 2, band=True)
    fine = noise_planes(fields, slices, 1)
    value = np.zeros((slices, rows, columns), np.float32)
    label_map = np.zeros((slices, rows, columns), np.uint8)
    for k in range(slices):
        textures = Textures(wide[k], fold[k], fine[k])
        height_mm = _LOWEST_MM + k * thickness_mm
        plane = _plane(pose, textures, height_mm, (rows, columns), spacing_mm, thickness_mm)
        tissue = paint_head(plane, anatomy, textures)
        value[k], label_map[k] = _add_lesions(plane, tissue, lesions, textures)
    stored, gain = _acquire(value, Draw(seed, patient, 3))
    return PhantomVolume(
        stored=stored,
        label_map=label_map,
        spacing_mm=spacing_mm,
        slice_thickness_mm=thickness_mm,
        origin_mm=(
            (spacing_mm[1] - FIELD_OF_VIEW_MM) / 2,
            (spacing_mm[0] - FIELD_OF_VIEW_MM) / 2,
            _LOWEST_MM,
        ),
        window_center=int(gain * 0.95),
        window_width=int(gain * 1.9),
        lesion_count=len(lesions),
    )


def _draw_pose(draw: Draw) -> _Pose:
    return _Pose(
        shift_mm=(draw.uniform(-5, 5), draw.uniform(-7, 5), draw.uniform(-4, 4)),
        size=draw.uniform(0.95, 1.09),
        turn=draw.uniform(-0.06, 0.06),
        nod=draw.uniform(-0.05, 0.05),
        roll=draw.uniform(-0.025, 0.025),
    )


def _rotate(a: Field, b: Field, half_tangent: float) -> tuple[Field, Field]:
    """Rotate (a, b); sine and cosine from the half angle's tangent need no libm."""
    unit = 1 + half_tangent * half_tangent
    cosine, sine = (1 - half_tangent * half_tangent) / unit, 2 * half_tangent / unit
    return cosine * a - sine * b, sine * a + cosine * b


def _plane(
    pose: _Pose,
    textures: Textures,
    height_mm: float,
    shape: tuple[int, int],
    spacing_mm: tuple[float, float],
    thickness_mm: float,
) -> Plane:
    """Head coordinates of the pixels of a slice, bent a little so that no head is an egg."""
    half = FIELD_OF_VIEW_MM / 2
    row = ((np.arange(shape[0]) + 0.5) * spacing_mm[0] - half).astype(np.float32)
    column = ((np.arange(shape[1]) + 0.5) * spacing_mm[1] - half).astype(np.float32)
    y, x = (np.ascontiguousarray(a) for a in np.meshgrid(row, column, indexing="ij"))
    x, y = x - pose.shift_mm[0], y - pose.shift_mm[1]
    z = np.full(shape, height_mm - pose.shift_mm[2], np.float32)
    x, y = _rotate(x, y, pose.turn)
    y, z = _rotate(y, z, pose.nod)
    x, z = _rotate(x, z, pose.roll)
    x, y, z = (a * np.float32(1 / pose.size) for a in (x, y, z))
    bend = sample(textures.wide, x * 0.55 + 31, y * 0.55 + 17)
    bend_y = sample(textures.wide, x * 0.55 - 53, y * 0.55 - 41)
    return Plane(x + 1.3 * bend, y + 1.3 * bend_y, z, spacing_mm[1], thickness_mm)


def _draw_lesions(draw: Draw, patient: int) -> list[_Lesion]:
    """0 to 4 lesions: at most one tumour, the rest near the ventricles or in the cortex."""
    if patient % 6 == _LESION_FREE:
        return []
    lesions = []
    count = 1 + draw.below(4)
    if draw.uniform() < 0.85 or count < 3:
        lesions.append(_tumour(draw))
    while len(lesions) < count:
        lesions.append(_periventricular(draw) if draw.uniform() < 0.6 else _cortical(draw))
    return lesions


def _tumour(draw: Draw) -> _Lesion:
    radius = draw.uniform(14, 20)
    side = draw.sign()
    return _Lesion(
        centre=(side * draw.uniform(24, 40), draw.uniform(-42, 42), draw.uniform(4, 38)),
        radii=(radius, radius * draw.uniform(0.8, 1.25), radius * draw.uniform(0.8, 1.2)),
        ragged=draw.uniform(0.22, 0.36),
        gain=draw.uniform(0.55, 0.85),
        core=draw.uniform(0.35, 0.5) if draw.uniform() < 0.5 else 0.0,
    )


def _periventricular(draw: Draw) -> _Lesion:
    radius = draw.uniform(4, 8)
    return _Lesion(
        centre=(draw.sign() * draw.uniform(17, 27), draw.uniform(-32, 36), draw.uniform(12, 30)),
        radii=(radius, radius * draw.uniform(1.0, 1.8), radius * draw.uniform(1.0, 1.5)),
        ragged=draw.uniform(0.2, 0.4),
        gain=draw.uniform(0.50, 0.80),
    )


def _cortical(draw: Draw) -> _Lesion:
    radius = draw.uniform(5.5, 10)
    x, y, z = draw.uniform(0.35, 1), draw.uniform(-1, 1), draw.uniform(0.1, 0.8)
    length = math.sqrt(x * x + y * y + z * z)
    scale = draw.uniform(0.76, 0.86) / length
    return _Lesion(
        centre=(draw.sign() * 66 * x * scale, 83 * y * scale, 70 * z * scale),
        radii=(radius, radius * draw.uniform(0.9, 1.4), radius),
        ragged=draw.uniform(0.25, 0.4),
        gain=draw.uniform(0.48, 0.75),
    )


def _add_lesions(
    plane: Plane, tissue: Tissue, lesions: list[_Lesion], textures: Textures
) -> tuple[Field, npt.NDArray[np.uint8]]:
    """The slice with its lesions (rows, columns), and where they are (0 or 1, uint8)."""
    value, label_map = tissue.value, np.zeros(plane.x.shape, np.uint8)
    if not lesions:
        return value, label_map
    wide = sample(textures.wide, plane.x * 2.1 + 40, plane.y * 2.1)
    fine = sample(textures.fine, plane.x * 0.8, plane.y * 0.8)
    for lesion in lesions:
        body = ellipsoid(plane, lesion.centre, lesion.radii)
        if float(body.depth.max()) < -lesion.radii[0]:
            continue
        ragged = lesion.ragged * min(lesion.radii)
        depth = body.depth + ragged * (wide + 0.45 * fine)
        body = Body(depth.astype(np.float32, copy=False), body.soft + 1.6)
        amount = body.covers() * tissue.brain
        inside = _smooth(amount >= 0.5)
        if inside.sum() * plane.pixel_mm * plane.pixel_mm < _SMALLEST_AREA_MM2:
            continue
        shine = lesion.gain * (1 + 0.10 * wide + 0.12 * fine)
        value = value + shine * amount
        if lesion.core:
            core = Body(body.depth - (1 - lesion.core) * min(lesion.radii), body.soft)
            value = value + (0.5 - value) * core.covers() * tissue.brain
        label_map[inside] = 1
    return value, label_map


def _smooth(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Majority of 3 x 3 neighbours: no frayed edges that nobody would outline."""
    padded = np.pad(mask, 1).astype(np.uint8)
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    neighbours = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return np.asarray(neighbours >= 5)


def _acquire(value: Field, draw: Draw) -> tuple[npt.NDArray[np.uint16], float]:
    """Brightness (slice, row, column) -> stored values as a low-field scanner gives them.

    Bias field, ghost along the phase direction, cut-off k-space, Rician noise, gain.
    Returns the stored values and the one that white matter has about.
    """
    slices, rows, columns = value.shape
    z = np.linspace(-1, 1, slices, dtype=np.float32)[:, None, None]
    y = np.linspace(-1, 1, rows, dtype=np.float32)[None, :, None]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, None, :]
    slope = [draw.uniform(-0.16, 0.16) for _ in range(3)]
    bowl = draw.uniform(-0.05, 0.30)
    bias = 1 + slope[0] * x + slope[1] * y + 0.6 * slope[2] * z + bowl * (x * x + y * y - 0.3)
    value = value * bias
    ghost = draw.uniform(0, 0.03)
    value = value + ghost * np.roll(value, rows // 3, axis=1)
    strength, sigma = draw.below(3), draw.uniform(0.07, 0.15)
    real = low_pass(value + sigma * draw.bell(value.shape), strength)
    imaginary = low_pass(sigma * draw.bell(value.shape), strength)
    gain = draw.uniform(260, 900)
    magnitude = np.sqrt(real * real + imaginary * imaginary) * np.float32(gain)
    return np.clip(np.rint(magnitude), 0, _MAXIMUM).astype(np.uint16), gain
