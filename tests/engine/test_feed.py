"""Batches made on the device beside those the processor makes; the device is the processor."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from medseg_desktop.core.augmentation import SliceChanges
from medseg_desktop.core.events import Step
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.engine import device as device_module
from medseg_desktop.engine.backend import quiet
from medseg_desktop.engine.data import BatchSource, Sample
from medseg_desktop.engine.device import Device, gpu, processor
from medseg_desktop.engine.device_augmentation import is_supported
from medseg_desktop.engine.feed import DeviceFeed, HostFeed, open_feed
from medseg_desktop.engine.gpu_facts import GpuFacts
from medseg_desktop.engine.recipe import RECIPES
from medseg_desktop.engine.training import run_training
from medseg_desktop.io.dataset import DatasetFile

FACTS = GpuFacts(
    is_compiled=True, count=1, place="cpu", name="RTX", memory_bytes=8 * 2**30,
    capability=(8, 9), has_hardware=True,
)  # fmt: skip
NOTHING = SliceChanges(flip_horizontal=0, rotation_deg=0, scale=1, shift=0, gamma=1, noise_share=0)
SIZE = 96


def fake_gpu(**changes: Any) -> Device:
    with quiet():
        return gpu(dataclasses.replace(FACTS, **changes))


def sample(number: int, shape: tuple[int, int] = (SIZE, SIZE)) -> Sample:
    """A smooth slice with a bright disc that is its lesion."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    disc = (y - 40 - number) ** 2 + (x - 55) ** 2 < 18**2
    grey = np.clip(40 + 0.5 * x + 0.4 * y + 90 * disc, 0, 255).astype(np.uint8)
    file = DatasetFile(
        name=f"{number}.png", set="train", patient_hash="a" * 16, series_uid="1", sop_uid="1",
        frame=0, pixels_per_label={},
    )  # fmt: skip
    return Sample(file, grey, disc.astype(np.uint8))


def source(
    how: SliceChanges, samples: list[Sample] | None = None, resize_first: bool = True
) -> BatchSource:
    return BatchSource(
        samples or [sample(i) for i in range(6)],
        augmentation=how,
        preprocessing=Preprocessing(mean=0.4, std=0.3),
        batch_size=4,
        size=SIZE,
        seed=5,
        resize_first=resize_first,
    )


def grey_levels(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return (images * np.float32(0.3) + np.float32(0.4)) * 255


@pytest.mark.parametrize(
    "how",
    [
        NOTHING,
        RECIPES["reference"].augmentation,
        SliceChanges(elastic=0.02, stretch=1.2, contrast=1.3, brightness=9, bias=0.2, blur_share=1),
        RECIPES["default"].augmentation,
    ],
)
def test_a_batch_of_the_device_is_that_of_the_processor(how: SliceChanges) -> None:
    batches = source(how)
    with DeviceFeed(batches, processor(), 1, 6) as feed:
        for iteration in range(1, 7):
            images, labels = (x.numpy() for x in feed.take())
            wanted, wanted_labels = batches.batch(iteration)
            assert (images.dtype, labels.dtype) == (np.float32, np.int64)
            off = np.abs(grey_levels(images) - grey_levels(wanted))
            # OpenCV places pixels to 1/32, which shows at the edges of discs and slices.
            assert off.mean() < 0.5
            assert np.quantile(off, 0.98) < 3
            assert (labels != wanted_labels).mean() < 0.005
        with pytest.raises(IndexError):
            feed.take()
    assert feed.waited_s > 0


def test_where_nothing_changes_both_are_equal() -> None:
    batches = source(NOTHING)
    with DeviceFeed(batches, processor(), 3, 3) as feed:
        images, labels = feed.take()
    wanted, wanted_labels = batches.batch(3)
    np.testing.assert_allclose(images.numpy(), wanted, atol=2e-4)
    np.testing.assert_array_equal(labels.numpy(), wanted_labels)


@dataclasses.dataclass(frozen=True)
class Later(SliceChanges):
    """An augmentation with a change that is not known to the device."""

    ghosting: float = 0.1


def test_slices_lie_on_a_gpu_where_they_fit_and_all_changes_are_known() -> None:
    device, how = fake_gpu(), RECIPES["default"].augmentation

    def kind(device: Device, batches: BatchSource) -> type:
        return type(open_feed(batches, device, 1, 1))

    assert kind(device, source(how)) is DeviceFeed
    assert kind(processor(), source(how)) is HostFeed
    assert kind(fake_gpu(memory_bytes=1000), source(how)) is HostFeed
    assert kind(device, source(Later())) is HostFeed
    wide = [sample(0, (SIZE, SIZE + 8))]
    assert kind(device, source(how, wide)) is HostFeed
    large = [sample(0, (2 * SIZE, 2 * SIZE))]
    assert kind(device, source(how, large)) is DeviceFeed
    # The reference adds noise before it resizes, so its slices stay as large as they are.
    assert kind(device, source(how, large, resize_first=False)) is HostFeed


def test_every_preset_can_be_augmented_on_a_gpu() -> None:
    for recipe in RECIPES.values():
        assert is_supported(recipe.augmentation)


def test_square_slices_are_resized_once_and_others_each_time() -> None:
    large, wide = sample(0, (2 * SIZE, 2 * SIZE)), sample(1, (SIZE, 2 * SIZE))
    batches = source(NOTHING, [large, wide])
    assert [s.grey.shape for s in batches.samples] == [(SIZE, SIZE), (SIZE, 2 * SIZE)]
    each_time = source(NOTHING, [large, wide], resize_first=False)
    assert each_time.samples[0] is large
    for first, second in zip(batches.batch(1), each_time.batch(1), strict=True):
        # Grey levels are whole where the slice is resized before anything else.
        np.testing.assert_allclose(first, second, rtol=0, atol=1 / 255 / 0.3)


@pytest.mark.parametrize("capability", [(8, 9), (7, 5)])
def test_a_training_on_a_gpu_goes_the_same_way(
    capability: tuple[int, int],
    make_spec: Callable[..., TrainSpec],
    make_context: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Paddle leaves mixed precision out on a processor, so only the batches' rounding differs."""
    curves = []
    for device in ("cpu", "gpu"):
        facts = dataclasses.replace(FACTS, capability=capability)
        monkeypatch.setattr(device_module, "query_gpu", lambda facts=facts: facts)
        context = make_context()
        spec = make_spec(
            preset="default", device=device, iterations=4, log_every=2, run=str(tmp_path / device)
        )
        result = run_training(spec, context)
        assert result["device"] == context.details["device"] == device
        curves.append([(step.iteration, step.loss) for step in context.of(Step)])
    assert context.details["precision"] == ("bfloat16" if capability[0] == 8 else "float16")
    (cpu, on_gpu) = curves
    assert [i for i, _ in on_gpu] == [1, 2, 4]
    for (_, one), (_, other) in zip(cpu, on_gpu, strict=True):
        assert other == pytest.approx(one, rel=0.02)
