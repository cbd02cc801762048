from __future__ import annotations

import msgspec
import pytest

from medseg_desktop.core.estimate import duration_text, training_seconds
from medseg_desktop.core.specs import TrainSpec


def spec(iterations: int, size: int) -> TrainSpec:
    return TrainSpec(dataset="d", run="r", model_name="m", iterations=iterations, size=size)


@pytest.mark.parametrize(("iterations", "size", "took_s"), [(60, 128, 92), (9, 256, 80)])
def test_the_estimate_is_near_what_trainings_on_two_cores_took(
    iterations: int, size: int, took_s: float
) -> None:
    assert training_seconds(spec(iterations, size), 2, 73) == pytest.approx(took_s, rel=0.25)


def test_more_cores_shorten_and_more_steps_lengthen_the_estimate() -> None:
    usual = training_seconds(spec(400, 256), 2, 73)
    assert training_seconds(spec(400, 256), 8, 73) < usual / 3
    assert training_seconds(spec(800, 256), 2, 73) > 1.8 * usual


def test_a_larger_network_takes_longer() -> None:
    usual = spec(400, 256)
    unet = msgspec.structs.replace(usual, architecture="unet")
    assert training_seconds(unet, 2, 73) > 5 * training_seconds(usual, 2, 73)


@pytest.mark.parametrize(
    ("seconds", "text"), [(44.6, "45 s"), (170, "3 min"), (7800, "2 h 10 min")]
)
def test_a_duration_is_told_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
