from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from medseg_desktop.core.augmentation import SliceChanges, augment_slice
from medseg_desktop.core.errors import DatasetError
from medseg_desktop.core.preprocessing import Preprocessing, network_input
from medseg_desktop.engine.data import (
    Batch,
    BatchSource,
    Prefetcher,
    Sample,
    load_samples,
)
from medseg_desktop.engine.recipe import REFERENCE
from medseg_desktop.io.dataset import DatasetFile, read_dataset
from medseg_desktop.io.png import write_png
from tests.builders import write_dataset

NOTHING = SliceChanges(flip_horizontal=0, rotation_deg=0, scale=1, shift=0, gamma=1, noise_share=0)


def sample(value: int = 0, shape: tuple[int, int] = (20, 30)) -> Sample:
    file = DatasetFile(
        name=f"{value}.png",
        set="train",
        patient_hash="a" * 16,
        series_uid="1",
        sop_uid="1",
        frame=0,
        pixels_per_label={},
    )
    return Sample(file, np.full(shape, value, np.uint8), np.full(shape, value % 2, np.uint8))


def source(samples: list[Sample], batch_size: int, how: SliceChanges = NOTHING) -> BatchSource:
    return BatchSource(
        samples,
        augmentation=how,
        preprocessing=Preprocessing(),
        batch_size=batch_size,
        size=32,
        seed=3,
    )


def test_flips_and_noise_come_as_often_as_the_recipe_says() -> None:
    rows, columns = np.mgrid[:16, :16]
    grey = (rows * 10 + columns).astype(np.uint8)
    rng = np.random.default_rng(0)
    n = 2000
    horizontal = vertical = noisy = 0
    for _ in range(n):
        changed, flipped = augment_slice(grey, grey, REFERENCE.augmentation, rng)
        horizontal += bool(flipped[0, 0] > flipped[0, -1])
        vertical += bool(flipped[0, 0] > flipped[-1, 0])
        noisy += bool((changed != np.rint(changed)).any())
    # Four standard errors of a share among 2000.
    assert horizontal / n == pytest.approx(0.5, abs=0.045)
    assert vertical / n == pytest.approx(0.1, abs=0.027)
    assert noisy / n == pytest.approx(0.5, abs=0.045)


def test_the_label_map_follows_the_slice_through_every_flip() -> None:
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (12, 17), dtype=np.uint8)
    label_map = (grey > 128).astype(np.uint8)
    how = dataclasses.replace(NOTHING, flip_horizontal=0.5, flip_vertical=0.5)
    seen = set()
    for _ in range(40):
        flipped, flipped_map = augment_slice(grey, label_map, how, rng)
        np.testing.assert_array_equal(flipped_map, flipped > 128)
        seen.add(flipped.tobytes())
    assert len(seen) == 4


def test_noise_is_normal_within_the_grey_range_and_spares_the_label_map() -> None:
    grey = np.full((200, 200), 128, np.uint8)
    label_map = np.ones_like(grey)
    how = dataclasses.replace(NOTHING, noise_share=1)
    sigmas = []
    for seed in range(200):
        noisy, same = augment_slice(grey, label_map, how, np.random.default_rng(seed))
        np.testing.assert_array_equal(same, label_map)
        assert abs(float(noisy.mean()) - 128) < 0.3
        sigmas.append(float(noisy.std()))
    assert max(sigmas) < 10.1
    assert float(np.mean(sigmas)) == pytest.approx(5, abs=0.9)
    dark, _ = augment_slice(np.zeros_like(grey), label_map, how, np.random.default_rng(0))
    assert float(dark.min()) == 0.0


def test_an_unchanged_slice_becomes_what_prediction_makes_of_it() -> None:
    rng = np.random.default_rng(0)
    one = dataclasses.replace(sample(), grey=rng.integers(0, 256, (20, 30), dtype=np.uint8))
    images, labels = source([one], 2).batch(1)
    expected = network_input(one.grey, 32, 32, Preprocessing())
    # Prediction resizes whole grey levels with integers, training does not round on the way.
    np.testing.assert_allclose(images[0, 0], expected, rtol=0, atol=1 / 255 / 0.5)
    assert (images.dtype, images.shape) == (np.float32, (2, 1, 32, 32))
    assert (labels.dtype, labels.shape) == (np.int64, (2, 1, 32, 32))


@pytest.mark.parametrize("batch_size", [2, 3, 7])
def test_every_epoch_shows_every_slice_once(batch_size: int) -> None:
    n = 7
    batches = source([sample(i) for i in range(n)], batch_size)
    row = [i for iteration in range(1, 3 * n + 1) for i in batches.indices(iteration)]
    epochs = [row[i : i + n] for i in range(0, len(row), n)]
    assert all(sorted(epoch) == list(range(n)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_a_batch_larger_than_the_set_is_filled_by_repeating() -> None:
    indices = source([sample(0), sample(1), sample(2)], 8).indices(1)
    assert len(indices) == 8
    assert all(indices.count(i) in (2, 3) for i in range(3))


def test_a_batch_depends_on_seed_and_iteration_alone() -> None:
    samples = [sample(i) for i in range(5)]
    first = source(samples, 2, SliceChanges()).batch(9)
    walked = source(samples, 2, SliceChanges())
    for i in range(1, 9):
        walked.batch(i)
    again = walked.batch(9)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_every_batch_has_its_share_of_slices_with_lesion() -> None:
    samples = [sample(1 if i < 3 else 0) for i in range(12)]  # three with lesion
    batches = BatchSource(
        samples,
        augmentation=NOTHING,
        preprocessing=Preprocessing(),
        batch_size=8,
        size=32,
        seed=0,
        lesion_share=0.625,
    )
    row = [batches.indices(i) for i in range(1, 10)]
    assert [sum(k < 3 for k in indices) for indices in row] == [5] * 9
    assert {k for indices in row for k in indices} == set(range(12))


@pytest.mark.parametrize("value", [0, 1])
def test_where_all_slices_are_alike_the_share_changes_nothing(value: int) -> None:
    samples = [sample(value) for _ in range(4)]
    with_share = BatchSource(
        samples,
        augmentation=NOTHING,
        preprocessing=Preprocessing(),
        batch_size=2,
        size=32,
        seed=3,
        lesion_share=0.5,
    )
    plain = source(samples, 2)
    assert [with_share.indices(i) for i in (1, 2)] == [plain.indices(i) for i in (1, 2)]


def test_the_label_map_follows_the_slice_when_it_is_turned_scaled_and_shifted() -> None:
    rows, columns = np.mgrid[:80, :100]
    disc = (rows - 30) ** 2 + (columns - 60) ** 2 < 15**2
    grey, label_map = np.where(disc, 200, 20).astype(np.uint8), disc.astype(np.uint8)
    how = SliceChanges(rotation_deg=20, scale=1.25, shift=0.06, gamma=1.4, noise_share=0)
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(50):
        moved, moved_map = augment_slice(grey, label_map, how, rng)
        assert (moved.shape, moved.dtype, moved_map.dtype) == (grey.shape, np.float32, np.uint8)
        assert set(np.unique(moved_map)) == {0, 1}
        bright = moved > 100
        assert (bright ^ moved_map.astype(bool)).sum() < 0.1 * moved_map.sum()
        areas.append(int(moved_map.sum()))
    assert min(areas) < 0.8 * disc.sum()
    assert max(areas) > 1.2 * disc.sum()


def test_batches_arrive_in_order_and_end() -> None:
    def make(i: int) -> Batch:
        return np.full((1, 1, 1, 1), i, np.float32), np.zeros((1, 1, 1, 1), np.int64)

    with Prefetcher(make, 1, 3) as batches:
        assert [float(batches.take()[0].item()) for _ in range(3)] == [1, 2, 3]
        with pytest.raises(IndexError):
            batches.take()


def test_a_failure_while_making_a_batch_reaches_the_training() -> None:
    def make(i: int) -> Batch:
        raise MemoryError(f"batch {i}")

    with Prefetcher(make, 1, 3) as batches, pytest.raises(MemoryError, match="batch 1"):
        batches.take()


def test_slices_are_decoded_by_set_with_progress(tmp_path: Path) -> None:
    dataset = read_dataset(write_dataset(tmp_path, {"train": 2, "val": 1, "test": 1}, slices=3))
    told: list[tuple[int, int]] = []
    samples = load_samples(
        dataset, ("train", "val"), lambda done, total: told.append((done, total))
    )
    assert {name: len(found) for name, found in samples.items()} == {"train": 6, "val": 3}
    assert told[-1] == (9, 9)
    np.testing.assert_array_equal(
        samples["val"][0].label_map, dataset.label_map(dataset.files("val")[0])
    )


def test_slice_and_label_map_of_different_size_are_refused_by_name(tmp_path: Path) -> None:
    dataset = read_dataset(write_dataset(tmp_path, slices=1))
    write_png(tmp_path / "masks2" / "00001.png", np.zeros((10, 10), np.uint8))
    with pytest.raises(DatasetError, match=r"images/00001.png and masks2/00001.png .* size"):
        load_samples(dataset, ("train",), lambda done, total: None)
