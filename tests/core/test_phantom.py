"""The phantom head: deterministic, plausible, and not a threshold exercise."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import pytest

from medseg_desktop.core.phantom import PhantomVolume, phantom_volume
from medseg_desktop.core.phantom_fields import (
    FIELD_CELLS,
    FIELD_MM,
    Draw,
    Plane,
    ellipsoid,
    low_pass,
    noise_planes,
    sample,
)

#: SHA-256 of stored values and label map; changes only when the phantom is meant to change.
GOLDEN = "e50a682fb198830cdf246119ea92ce29b1aa6609983655d3b636deab1afb2dd6"


@cache
def patient(number: int, seed: int = 0) -> PhantomVolume:
    return phantom_volume(seed, number)


def test_a_volume_has_the_shape_and_values_of_a_twelve_bit_series() -> None:
    volume = patient(0)
    assert volume.stored.shape == volume.label_map.shape == (20, 256, 256)
    assert volume.stored.dtype == np.uint16
    assert volume.label_map.dtype == np.uint8
    assert 0 < volume.stored.max() <= 4095
    assert set(np.unique(volume.label_map)) == {0, 1}


def test_the_requested_size_is_kept_and_the_field_of_view_with_it() -> None:
    volume = phantom_volume(3, 1, slices=5, rows=96, columns=128)
    assert volume.stored.shape == (5, 96, 128)
    assert volume.spacing_mm == (240 / 96, 240 / 128)
    assert volume.slice_thickness_mm == pytest.approx(118 / 5)
    assert volume.origin_mm[:2] == (240 / 256 - 120, 240 / 192 - 120)


def test_the_same_seed_gives_the_same_bytes_everywhere() -> None:
    volume = phantom_volume(7, 2, slices=6, rows=64, columns=80)
    digest = hashlib.sha256(volume.stored.astype("<u2").tobytes() + volume.label_map.tobytes())
    assert digest.hexdigest() == GOLDEN


def test_other_seeds_and_patients_give_other_heads() -> None:
    heads = [phantom_volume(s, p, slices=2, rows=64, columns=64) for s in (0, 1) for p in (0, 1)]
    assert len({h.stored.tobytes() for h in heads}) == 4


def test_patients_have_up_to_four_lesions_and_every_sixth_has_none() -> None:
    volumes = {p: phantom_volume(5, p, rows=96, columns=96) for p in range(12)}
    without = {p for p, v in volumes.items() if v.lesion_count == 0}
    assert without == {3, 9}
    assert all(v.lesion_count <= 4 for v in volumes.values())
    assert all(v.label_map.any() == (p not in without) for p, v in volumes.items())


@pytest.mark.parametrize("number", [0, 4, 7])
def test_lesions_are_brighter_than_the_brain_around_but_no_threshold_finds_them(
    number: int,
) -> None:
    volume = patient(number)
    lesion = volume.label_map > 0
    half = volume.window_width / 2
    brain = (volume.stored > half * 0.7) & (volume.stored < half * 1.5) & ~lesion
    # Measured in the middle of the head, where nearly all bright tissue is brain.
    brain[:, :60], brain[:, 180:], brain[:, :, :80], brain[:, :, 176:] = False, False, False, False
    slices = lesion.any(axis=(1, 2))
    contrast = np.median(volume.stored[lesion]) / np.median(volume.stored[slices][brain[slices]])
    assert 1.1 < contrast < 2.2
    best = max(
        2 * (lesion & found).sum() / (lesion.sum() + found.sum())
        for level in np.quantile(volume.stored, np.linspace(0.5, 0.999, 40))
        if (found := volume.stored >= level).any()
    )
    assert best < 0.6


def test_air_is_dark_noise_and_the_scalp_is_a_bright_rim() -> None:
    volume = patient(0)
    middle = volume.stored[10].astype(float)
    air = middle[:12, :12]
    assert 0 < air.mean() < 0.25 * volume.window_center
    row = middle[128]
    assert row[20:80].max() > 1.2 * np.median(row[90:166])


def test_the_head_gets_smaller_towards_the_top() -> None:
    volume = patient(1)
    area = (volume.stored > 0.4 * volume.window_center).sum(axis=(1, 2))
    assert area[6] > area[15] > area[19]


def test_the_bell_shaped_noise_has_mean_zero_and_unit_deviation() -> None:
    values = Draw(1, 2).bell((200, 500))
    assert values.dtype == np.float32
    assert abs(float(values.mean())) < 0.01
    assert abs(float(values.std()) - 1) < 0.01


def test_uniform_draws_stay_in_their_range() -> None:
    draw = Draw(9)
    values = [draw.uniform(-2, 3) for _ in range(500)]
    assert -2 <= min(values) < -1.8
    assert 2.8 < max(values) < 3
    assert {draw.below(3) for _ in range(60)} == {0, 1, 2}
    assert {draw.sign() for _ in range(30)} == {-1, 1}


@pytest.mark.parametrize("band", [False, True])
def test_noise_planes_are_smooth_and_of_unit_deviation(band: bool) -> None:
    planes = noise_planes(Draw(4), 3, 3, band=band)
    assert planes.shape == (3, FIELD_CELLS, FIELD_CELLS)
    assert 0.8 < float(planes.std()) < 1.2
    assert float(np.abs(np.diff(planes, axis=2)).mean()) < 0.4


def test_sampling_at_the_cells_gives_the_cells_and_wraps_around() -> None:
    plane = noise_planes(Draw(5), 1, 2)[0]
    step = FIELD_MM / FIELD_CELLS
    index = np.arange(FIELD_CELLS, dtype=np.float32)
    x = np.broadcast_to((index - FIELD_CELLS / 2) * step, (2, FIELD_CELLS)).astype(np.float32)
    y = np.zeros_like(x)
    np.testing.assert_allclose(sample(plane, x, y)[0], plane[FIELD_CELLS // 2])
    np.testing.assert_allclose(sample(plane, x + FIELD_MM, y), sample(plane, x, y))


@pytest.mark.parametrize("strength", [0, 1, 2])
def test_the_low_pass_keeps_the_mean_and_takes_out_the_finest_detail(strength: int) -> None:
    flat = np.full((1, 40, 40), 3, np.float32)
    np.testing.assert_allclose(low_pass(flat, strength)[0, 10:30, 10:30], 3, rtol=1e-5)
    stripes = np.tile(np.array([1, -1], np.float32), (1, 40, 20))
    assert np.abs(low_pass(stripes, strength)[0, 10:30, 10:30]).max() < 0.1


def test_the_depth_in_a_sphere_is_the_distance_from_its_surface() -> None:
    y, x = np.mgrid[-30:30, -30:30].astype(np.float32)
    plane = Plane(x, y, np.full_like(x, 6), 1, 5)
    depth = ellipsoid(plane, (3, -2, 1), (15, 15, 15)).depth
    expected = 15 - np.sqrt((x - 3) ** 2 + (y + 2) ** 2 + 25)
    np.testing.assert_allclose(depth, expected, atol=0.01)


def test_a_slice_far_above_a_body_does_not_meet_it() -> None:
    y, x = np.mgrid[-30:30, -30:30].astype(np.float32)
    plane = Plane(x, y, np.full_like(x, 60), 1, 5)
    assert not ellipsoid(plane, (0, 0, 0), (15, 15, 15)).covers(-4).any()
