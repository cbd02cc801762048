"""The estimated signal-to-noise ratio."""

from __future__ import annotations

import numpy as np
import pytest

from medseg_desktop.core.noise import estimate_snr


def head(snr: float, gain: float = 1.0) -> np.ndarray:
    """A shaded disc with a lesion and Rician noise whose tissue has this ratio."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:256, :256]
    clean = np.where((x - 128) ** 2 + (y - 128) ** 2 < 90**2, 1000.0, 0.0)
    clean *= 1 + 0.3 * np.sin(x / 40)
    clean[100:130, 100:130] *= 1.6
    sigma = float(np.median(clean[clean > 0])) / snr
    noisy = np.hypot(clean + rng.normal(0, sigma, clean.shape), rng.normal(0, sigma, clean.shape))
    return noisy * gain


@pytest.mark.parametrize("snr", [8, 15, 30, 60])
def test_the_estimate_is_near_the_true_ratio(snr: float) -> None:
    estimate = estimate_snr(head(snr).astype(np.uint16))
    assert estimate == pytest.approx(snr, rel=0.2)


def test_the_estimate_does_not_depend_on_the_scale_of_the_values() -> None:
    one, other = estimate_snr(head(20)), estimate_snr(head(20, gain=1e-3))
    assert one == pytest.approx(other, rel=0.02)


@pytest.mark.parametrize("values", [np.zeros((64, 64)), np.full((64, 64), np.nan), np.eye(8)])
def test_there_is_no_estimate_without_tissue(values: np.ndarray) -> None:
    assert estimate_snr(values) is None


def test_there_is_no_estimate_without_noise() -> None:
    y, x = np.mgrid[:128, :128]
    assert estimate_snr(np.where((x - 64) ** 2 + (y - 64) ** 2 < 1600, 500, 0)) is None
