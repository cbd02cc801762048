from __future__ import annotations

import msgspec
import pytest

from medseg_desktop.core.estimate import disk_bytes, duration_text, memory_bytes, training_seconds
from medseg_desktop.core.specs import TrainSpec


def spec(iterations: int, size: int) -> TrainSpec:
    return TrainSpec(dataset="d", run="r", model_name="m", iterations=iterations, size=size)


@pytest.mark.parametrize(("size", "step_s"), [(128, 0.29), (256, 1.1)])
def test_the_estimate_is_near_what_steps_on_two_cores_took(size: int, step_s: float) -> None:
    many, few = training_seconds(spec(1000, size), 2, 0), training_seconds(spec(0, size), 2, 0)
    assert (many - few) / 1000 == pytest.approx(step_s, rel=0.15)


def test_more_validation_slices_lengthen_the_estimate() -> None:
    assert training_seconds(spec(400, 256), 2, 730) > training_seconds(spec(400, 256), 2, 73) + 60


def test_memory_and_disk_grow_with_the_size() -> None:
    assert memory_bytes(spec(400, 512)) > memory_bytes(spec(400, 256)) + 1_000_000_000
    assert disk_bytes(spec(4000, 512)) > disk_bytes(spec(400, 256)) > 90_000_000


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
