"""A synthetic head in one slice: where its tissues lie and how bright they are.

Anatomy is only as good as it needs to be: a head has a scalp, a skull, fluid, a folded brain
with ventricles, or further down eyes, bones and a face; all of them vary far more than people
do, so that nothing can be learnt by heart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medseg_desktop.core.synthetic_fields import (
    Field,
    Grid,
    Rng,
    between,
    chance,
    mix,
    rough,
    smooth,
)


@dataclass(frozen=True, slots=True)
class Tissues:
    """Brightness of each tissue, relative to white matter (1)."""

    grey: float
    fluid: float
    bone: float
    fat: float
    muscle: float
    deep: float
    plexus: float


@dataclass(frozen=True, slots=True)
class Head:
    """A slice before lesions.

    Attributes:
        value: brightness relative to white matter.
        brain: how much of each pixel is brain tissue, without fluid, 0..1.
        grey: how much is grey matter, 0..1.
        depth: below the surface of the brain, in half head lengths (negative outside).
        outline: how much is head, 0..1.
    """

    value: Field
    brain: Field
    grey: Field
    depth: Field
    outline: Field


def draw_tissues(rng: Rng) -> Tissues:
    """Mostly as in FLAIR (dark fluid, grey matter brighter than white), else any contrast."""
    if chance(rng, 0.8):
        return Tissues(
            grey=between(rng, 0.98, 1.32),
            fluid=between(rng, 0.1, 0.5),
            bone=between(rng, 0.04, 0.35),
            fat=between(rng, 1.0, 3.2),
            muscle=between(rng, 0.4, 1.0),
            deep=between(rng, 0.92, 1.25),
            plexus=between(rng, 0.8, 1.7),
        )
    return Tissues(
        grey=between(rng, 0.6, 1.5),
        fluid=between(rng, 0.05, 0.9),
        bone=between(rng, 0.02, 0.6),
        fat=between(rng, 0.2, 3.5),
        muscle=between(rng, 0.2, 1.5),
        deep=between(rng, 0.7, 1.35),
        plexus=between(rng, 0.5, 1.6),
    )


def draw_head(grid: Grid, rng: Rng) -> Head:
    """A head cut at a random height."""
    tissues = draw_tissues(rng)
    shape = grid.x.shape
    wide, fine = smooth(rng, shape, 6), rough(rng, shape, 24, 2)
    width = between(rng, 0.7, 0.88)
    q = np.sqrt((grid.x * np.float32(1 / width)) ** 2 + grid.y**2)
    q = q * (1 + np.float32(between(rng, 0, 0.025)) * smooth(rng, shape, 4))
    depth = (1 - q) * np.float32(width)
    height = rng.random()
    scalp = between(rng, 0.015, 0.075) * (1 + 0.35 * wide) + 0.03 * np.clip(grid.y, 0, 1) * between(
        rng, 0, 2.5
    )
    skull = between(rng, 0.02, 0.07) * (1 + 0.25 * smooth(rng, shape, 5))
    gap = between(rng, 0.0, 0.03)
    outline = grid.cover(depth)
    fat = tissues.fat * (1 + 0.12 * fine)
    skin = tissues.muscle * between(rng, 0.5, 1.2)
    value = mix(np.zeros(shape, np.float32), skin, outline)
    value = mix(value, fat, grid.cover(depth - 0.012))
    bone = tissues.bone * (1 + 0.2 * wide)
    value = mix(value, bone, grid.cover(depth - scalp))
    if chance(rng, 0.4):  # marrow: a bright line within the skull
        line = np.abs(depth - scalp - skull * 0.5)
        marrow = grid.cover(skull * 0.22 - line) * np.float32(between(rng, 0.1, 0.6))
        value = mix(value, fat * 0.7, marrow)
    value = mix(value, tissues.fluid, grid.cover(depth - scalp - skull))
    inside = (depth - scalp - skull - gap).astype(np.float32, copy=False)
    if height < 0.36:
        inside = _low_brain(grid, inside, rng)
        value = _face(grid, value, inside, depth - scalp * 0.7, tissues, rng)
    value, brain, grey = _brain(grid, value, inside, tissues, rng, height)
    return Head(value.astype(np.float32, copy=False), brain, grey, inside, outline)


def _brain(
    grid: Grid, value: Field, depth: Field, tissues: Tissues, rng: Rng, height: float
) -> tuple[Field, Field, Field]:
    """Brain over `value`; returns the picture, the share of tissue and that of grey matter."""
    shape = value.shape
    fine, wide = rough(rng, shape, 28, 2), smooth(rng, shape, 5)
    cells = int(rng.integers(11, 22))
    fold = smooth(rng, shape, cells) - 0.7 * smooth(rng, shape, cells // 2)
    reach = np.float32(between(rng, 0.12, 0.34)) * (1 + 0.25 * wide)
    shallow = np.clip(1 - depth / np.maximum(reach, 0.05), 0, 1)
    beside = np.abs(fold) * np.float32(0.55 / cells)
    sulcus = grid.cover(
        np.float32(between(rng, 0.0, 0.02)) * np.sqrt(shallow) * np.clip(0.7 + 0.5 * wide, 0, 2)
        - beside * 0.5
        - 0.004,
    ) * np.clip(shallow * 3, 0, 1)
    ribbon = grid.cover(np.float32(between(rng, 0.012, 0.03)) - beside, 1.5) * np.clip(
        shallow * 3, 0, 1
    )
    surface = grid.cover(np.float32(between(rng, 0.02, 0.045)) * (1 + 0.3 * fine) - depth, 1.5)
    grey = np.maximum(ribbon, surface)
    tissue = 1 + np.float32(between(rng, 0, 0.04)) * wide + np.float32(0.025) * fine
    tissue = tissue + (tissues.grey - 1) * grey
    fluid = sulcus
    if 0.3 < height < 0.78:
        tissue, grey = _deep_nuclei(grid, tissue, grey, tissues, rng)
        fluid, tissue = _ventricles(grid, fluid, tissue, tissues, rng, fine)
    elif height <= 0.3 and chance(rng, 0.6):
        fourth = (0.0, between(rng, 0.15, 0.4))
        radii = (between(rng, 0.03, 0.09), between(rng, 0.03, 0.07))
        fluid = np.maximum(fluid, grid.cover(grid.ellipse(fourth, radii)))
    slit = np.float32(between(rng, 0.0, 0.02)) * (1 + 0.5 * wide)
    spared = np.abs(grid.y) < between(rng, 0.2, 0.55) if height < 0.75 else grid.y > 9
    midline = grid.cover(slit - np.abs(grid.x) - 0.004) * np.where(spared, np.float32(0.1), 1)
    fluid = np.maximum(fluid, midline * np.float32(between(rng, 0.3, 1)))
    inside = grid.cover(depth)
    tissue = mix(tissue, tissues.fluid * (1 + 0.15 * fine), fluid)
    value = mix(value, tissue, inside)
    if chance(rng, 0.25):  # a bright rim: vessels, meninges, an artefact of the skull's edge
        rim = grid.cover(np.float32(between(rng, 0.005, 0.02)) - np.abs(depth))
        value = value + np.float32(between(rng, 0.1, 0.8)) * rim * np.clip(0.4 + 0.7 * wide, 0, 1)
    return value, (inside * (1 - fluid)).astype(np.float32), grey.astype(np.float32)


def _deep_nuclei(
    grid: Grid, tissue: Field, grey: Field, tissues: Tissues, rng: Rng
) -> tuple[Field, Field]:
    """Caudate, putamen and thalamus: alike on both sides."""
    shift = between(rng, -0.12, 0.12)
    for centre, radii, turn in (
        ((0.13, -0.2), (0.05, 0.11), 0.2),
        ((0.28, -0.05), (0.06, 0.19), -0.2),
        ((0.11, 0.12), (0.09, 0.14), 0.3),
    ):
        if chance(rng, 0.8):
            size = between(rng, 0.8, 1.2)
            ellipse = grid.pair(
                (centre[0], centre[1] + shift), (radii[0] * size, radii[1] * size), turn
            )
            amount = grid.cover(ellipse, 2.5) * np.float32(between(rng, 0.4, 1))
            tissue = mix(tissue, tissues.deep, amount)
            grey = np.maximum(grey, amount)
    return tissue, grey


def _ventricles(
    grid: Grid, fluid: Field, tissue: Field, tissues: Tissues, rng: Rng, fine: Field
) -> tuple[Field, Field]:
    """Ventricles and fissures, with their normal bright caps and choroid plexus."""
    size = between(rng, 0.5, 1.7)
    bend = between(rng, 0.15, 0.45)
    skew = np.float32(between(rng, -0.02, 0.02))  # one side is a little larger
    sideways = np.abs(grid.x + skew)
    bent = Grid(sideways - np.float32(0.05 + 0.03 * size) - bend * grid.y**2, grid.y, grid.pixel)
    front, back = between(rng, -0.42, -0.25), between(rng, 0.1, 0.42)
    lateral = bent.ellipse(
        (0, (front + back) / 2), (0.05 * size, (back - front) / 2), between(rng, -0.1, 0.1)
    )
    lateral = lateral + 0.006 * fine
    cap = grid.cover(lateral + 0.035, 2) * (1 - grid.cover(lateral))
    poles = np.clip(np.abs(grid.y - (front + back) / 2) * 5 - 0.6, 0, 1)
    tissue = tissue + np.float32(max(0.0, between(rng, -0.15, 0.3))) * cap * poles
    fluid = np.maximum(fluid, grid.cover(lateral))
    third = grid.ellipse((0, between(rng, -0.05, 0.1)), (0.022 * size, between(rng, 0.08, 0.16)))
    fluid = np.maximum(fluid, grid.cover(third))
    if chance(rng, 0.6):
        centre = (between(rng, 0.42, 0.55), between(rng, -0.2, 0.05))
        slit = grid.pair(centre, (between(rng, 0.15, 0.25), between(rng, 0.015, 0.05)), -0.4)
        fluid = np.maximum(fluid, grid.cover(slit + 0.012 * fine))
    if chance(rng, 0.5):
        plexus = grid.pair((between(rng, 0.15, 0.25), back - 0.05), (0.03, 0.07), 0.3)
        amount = grid.cover(plexus + 0.02 * fine) * np.float32(between(rng, 0.3, 1))
        tissue, fluid = mix(tissue, tissues.plexus, amount), fluid * (1 - amount)
    return fluid, tissue


def _low_brain(grid: Grid, inside: Field, rng: Rng) -> Field:
    """Depth below the brain's surface near the skull base: cerebellum and temporal lobes."""
    parts = [
        grid.ellipse(
            (0, between(rng, 0.36, 0.55)), (between(rng, 0.4, 0.6), between(rng, 0.26, 0.42))
        )
    ]
    if chance(rng, 0.75):
        parts.append(
            grid.pair(
                (between(rng, 0.34, 0.46), between(rng, -0.25, 0.0)),
                (between(rng, 0.15, 0.27), between(rng, 0.2, 0.36)),
                between(rng, -0.4, 0.1),
            )
        )
    if chance(rng, 0.6):
        parts.append(grid.ellipse((0, 0.1), (between(rng, 0.1, 0.25), between(rng, 0.15, 0.3))))
    if chance(rng, 0.35):
        radii = (between(rng, 0.25, 0.5), between(rng, 0.15, 0.35))
        parts.append(grid.ellipse((0, between(rng, -0.6, -0.4)), radii))
    union = np.maximum.reduce(parts) + 0.02 * rough(rng, inside.shape, 8)
    return np.asarray(np.minimum(union, inside), np.float32)


def _face(
    grid: Grid, value: Field, brain: Field, depth: Field, tissues: Tissues, rng: Rng
) -> Field:
    """Bones, muscles, air and fat around a low brain, roughly alike on both sides; and eyes."""
    shape = value.shape
    pattern = rough(rng, shape, int(rng.integers(7, 16)))
    pattern = pattern + pattern[:, ::-1] + 0.6 * rough(rng, shape, 12)
    classes = np.array(
        [0.03, tissues.bone, tissues.muscle, tissues.fat, tissues.muscle, tissues.fat * 0.6, 0.1],
        np.float32,
    ) * rng.uniform(0.7, 1.3, 7).astype(np.float32)
    rng.shuffle(classes)
    edges = np.array([-1.7, -0.9, -0.3, 0.3, 0.9, 1.7], np.float32)
    tissue = classes[np.digitize(pattern, edges)]
    around = grid.cover(depth) * (1 - grid.cover(brain + np.float32(between(rng, 0.015, 0.06))))
    value = mix(value, tissue, around)
    if chance(rng, 0.45):
        centre = (between(rng, 0.3, 0.4), between(rng, -0.8, -0.6))
        radius = between(rng, 0.11, 0.16)
        eye = grid.pair(centre, (radius, radius))
        value = mix(value, tissues.fat, grid.cover(eye + 0.05) * around)
        value = mix(value, tissues.fluid * between(rng, 0.8, 2.5), grid.cover(eye) * around)
    return value
