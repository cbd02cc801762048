"""Lesions of a series, against SimpleITK's connected components and against plain counting."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medseg_desktop.core.lesions import Lesion, find_lesions, total_ml
from medseg_desktop.core.measures import longest_diameter, measure

SPACING = (0.9, 0.7)
VOXEL_ML = 0.9 * 0.7 * 4.0 / 1000
volumes = st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda size: arrays(np.uint8, size, elements=st.sampled_from([0, 0, 0, 1, 2]))
)


def maps_of(volume: np.ndarray) -> dict[int, np.ndarray]:
    """Only slices with shapes, as the program passes them in."""
    return {i: volume[i] for i in range(len(volume)) if volume[i].any()}


def by_simpleitk(volume: np.ndarray, label: int) -> sitk.LabelShapeStatisticsImageFilter:
    """Components of one label with full connectivity, and their statistics."""
    image = sitk.GetImageFromArray((volume == label).astype(np.uint8))
    image.SetSpacing((SPACING[1], SPACING[0], 4.0))
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(sitk.ConnectedComponent(image, True))
    return statistics


def reference(volume: np.ndarray) -> list[tuple[int, int]]:
    """(label, voxels) of every lesion, sorted."""
    result = []
    for label in range(1, int(volume.max()) + 1):
        found = by_simpleitk(volume, label)
        result += [(label, found.GetNumberOfPixels(i)) for i in found.GetLabels()]
    return sorted(result)


def ours(lesions: tuple[Lesion, ...]) -> list[tuple[int, int]]:
    return sorted((lesion.label, lesion.voxels) for lesion in lesions)


@settings(max_examples=300)
@given(volumes)
def test_lesions_are_the_components_that_simpleitk_finds(volume: np.ndarray) -> None:
    lesions = find_lesions(maps_of(volume), len(volume), SPACING, VOXEL_ML)
    assert ours(lesions) == reference(volume)


@given(volumes)
def test_every_pixel_of_every_slice_belongs_to_one_lesion(volume: np.ndarray) -> None:
    lesions = find_lesions(maps_of(volume), len(volume), SPACING, VOXEL_ML)
    counted: dict[tuple[int, int], int] = {}
    for lesion in lesions:
        assert list(lesion.slices) == sorted(set(lesion.slices))
        assert lesion.volume_ml == pytest.approx(lesion.voxels * VOXEL_ML)
        assert dict(zip(lesion.slices, lesion.pixels, strict=True))[lesion.largest_slice] == max(
            lesion.pixels
        )
        for index, pixels in zip(lesion.slices, lesion.pixels, strict=True):
            key = (index, lesion.label)
            counted[key] = counted.get(key, 0) + pixels
    expected = {
        (i, k): int((m == k).sum()) for i, m in enumerate(volume) for k in np.unique(m) if k
    }
    assert counted == expected
    assert total_ml(lesions) == pytest.approx(np.count_nonzero(volume) * VOXEL_ML)


@given(volumes)
def test_the_largest_lesion_is_number_one(volume: np.ndarray) -> None:
    lesions = find_lesions(maps_of(volume), len(volume), SPACING)
    assert [lesion.number for lesion in lesions] == list(range(1, len(lesions) + 1))
    sizes = [lesion.voxels for lesion in lesions]
    assert sizes == sorted(sizes, reverse=True)
    assert all(lesion.volume_ml is None for lesion in lesions)


@given(volumes)
def test_exchanged_labels_change_nothing_but_the_label(volume: np.ndarray) -> None:
    exchanged = np.array([0, 2, 1], np.uint8)[volume]

    def numbers(lesions: tuple[Lesion, ...]) -> list[tuple[object, ...]]:
        return sorted((x.slices, x.pixels, x.longest.length_mm, x.centroid) for x in lesions)

    one = find_lesions(maps_of(volume), len(volume), SPACING, VOXEL_ML)
    other = find_lesions(maps_of(exchanged), len(volume), SPACING, VOXEL_ML)
    assert numbers(one) == numbers(other)
    assert sorted(3 - x.label for x in one) == sorted(x.label for x in other)


@given(volumes)
def test_diameters_and_centroid_are_those_of_the_widest_piece(volume: np.ndarray) -> None:
    for lesion in find_lesions(maps_of(volume), len(volume), SPACING):
        found = None
        for index in lesion.slices:
            _, regions = cv2.connectedComponents((volume[index] == lesion.label).astype(np.uint8))
            for number in range(1, regions.max() + 1):
                own = regions == number
                if not _belongs(volume, lesion, index, own):
                    continue
                length = longest_diameter(own, SPACING).length_mm or 0
                if found is None or length > found[0] + 1e-9:
                    found = (length, own)
        assert found is not None
        assert lesion.longest.length_mm == pytest.approx(found[0])
        assert lesion.diameter_slice in lesion.slices


def _belongs(volume: np.ndarray, lesion: Lesion, index: int, own: np.ndarray) -> bool:
    """Whether a piece is part of this lesion, found out with SimpleITK."""
    image = sitk.GetImageFromArray((volume == lesion.label).astype(np.uint8))
    components = sitk.GetArrayFromImage(sitk.ConnectedComponent(image, True))
    x, y = lesion.longest.start
    near = [(int(y) - k, int(x) - i) for i in (0, 1) for k in (0, 1)]
    rows, columns = own.shape
    touched = {
        components[lesion.diameter_slice, r, c]
        for r, c in near
        if 0 <= r < rows and 0 <= c < columns
    } - {0}
    return len(touched) == 1 and components[index][own].max() in touched


def balls(count: int, side: int = 512, slices: int = 40) -> np.ndarray:
    """Ellipsoids of two labels, each in a cell of its own, so that none touches another."""
    rng = np.random.default_rng(11)
    volume = np.zeros((slices, side, side), np.uint8)
    for k in range(count):
        centre = (20 + k % 15 * 34, 20 + k // 15 * 34)
        half = int(rng.integers(2, 7))
        middle = int(rng.integers(half, slices - half))
        wide, turn = int(rng.integers(4, 15)), int(rng.integers(180))
        for z in range(middle - half, middle + half + 1):
            shrunk = max(1, round(wide * np.sqrt(1 - ((z - middle) / (half + 1)) ** 2)))
            axes = (shrunk, max(1, shrunk * 2 // 3))
            cv2.ellipse(volume[z], centre, axes, turn, 0, 360, 1 + k % 2, -1)
    return volume


@pytest.fixture(scope="module")
def two_hundred() -> np.ndarray:
    return balls(200)


def test_two_hundred_lesions_agree_with_simpleitk_in_volume_and_area(
    two_hundred: np.ndarray,
) -> None:
    lesions = find_lesions(maps_of(two_hundred), len(two_hundred), SPACING, VOXEL_ML)
    assert len(lesions) == 200
    for label in (1, 2):
        statistics = by_simpleitk(two_hundred, label)
        theirs = sorted(statistics.GetPhysicalSize(i) / 1000 for i in statistics.GetLabels())
        mine = sorted(x.volume_ml or 0 for x in lesions if x.label == label)
        np.testing.assert_allclose(mine, theirs, rtol=1e-3)
    for lesion in lesions:
        slice_image = sitk.GetImageFromArray(
            (two_hundred[lesion.diameter_slice] == lesion.label).astype(np.uint8)
        )
        slice_image.SetSpacing((SPACING[1], SPACING[0]))
        flat = sitk.LabelShapeStatisticsImageFilter()
        flat.Execute(sitk.ConnectedComponent(slice_image, True))
        centroids = {i: flat.GetCentroid(i) for i in flat.GetLabels()}
        expected = (
            (lesion.centroid[0] - 0.5) * SPACING[1],
            (lesion.centroid[1] - 0.5) * SPACING[0],
        )
        nearest = min(centroids, key=lambda i: np.hypot(*np.subtract(centroids[i], expected)))
        assert centroids[nearest] == pytest.approx(expected, abs=1e-3)
        pixels = dict(zip(lesion.slices, lesion.pixels, strict=True))[lesion.diameter_slice]
        area_mm2 = pixels * SPACING[0] * SPACING[1]
        assert area_mm2 == pytest.approx(flat.GetPhysicalSize(nearest), rel=1e-3)


def bar(index: int, rows: int = 8, columns: int = 9) -> np.ndarray:
    label_map = np.zeros((rows, columns), np.uint8)
    label_map[2:4, 3:6] = index
    return label_map


def slices_of(maps: Mapping[int, np.ndarray], positions: int) -> list[tuple[int, ...]]:
    return sorted(lesion.slices for lesion in find_lesions(maps, positions))


def test_a_slice_without_shapes_parts_two_lesions() -> None:
    assert slices_of({3: bar(1), 4: bar(1), 6: bar(1)}, 10) == [(3, 4), (6,)]


def test_lesions_do_not_reach_into_the_next_time_point() -> None:
    maps = {i: bar(1) for i in range(3, 7)}
    assert slices_of(maps, 5) == [(3, 4), (5, 6)]
    assert slices_of(maps, 10) == [(3, 4, 5, 6)]


def test_labels_that_lie_over_each_other_are_two_lesions() -> None:
    lesions = find_lesions({0: bar(1), 1: bar(2), 2: bar(1)}, 3)
    assert sorted((x.label, x.slices) for x in lesions) == [(1, (0,)), (1, (2,)), (2, (1,))]


def test_a_fork_is_one_lesion_whose_diameter_does_not_bridge_its_arms() -> None:
    stem, arms = np.zeros((5, 30), np.uint8), np.zeros((5, 30), np.uint8)
    stem[2, 8:22] = 1
    arms[2, :10] = arms[2, 20:] = 1
    (lesion,) = find_lesions({0: arms, 1: stem}, 2)
    assert lesion.slices == (0, 1)
    assert lesion.pixels == (20, 14)
    assert (lesion.largest_slice, lesion.diameter_slice) == (0, 1)
    assert lesion.longest.length_px == pytest.approx(np.hypot(14, 1))
    assert lesion.centroid == (15.0, 2.5)


def test_diameters_of_an_encircled_lesion_are_its_own() -> None:
    target = np.zeros((40, 40), np.uint8)
    cv2.circle(target, (20, 20), 18, 1, 2)
    cv2.circle(target, (20, 20), 3, 1, -1)
    ring, core = find_lesions({0: target}, 1, (1.0, 1.0))
    alone = np.zeros_like(target)
    cv2.circle(alone, (20, 20), 3, 1, -1)
    expected = measure(alone, (1.0, 1.0))
    assert (core.longest, core.perpendicular) == (expected.longest, expected.perpendicular)
    assert (ring.longest.length_mm or 0) > 36
    assert (ring.perpendicular.length_mm or 0) < 20


@given(volumes, st.integers(0, 2**32 - 1))
def test_the_mean_intensity_is_that_of_all_voxels_of_the_lesion(
    volume: np.ndarray, seed: int
) -> None:
    values = np.random.default_rng(seed).normal(300, 50, volume.shape)
    lesions = find_lesions(maps_of(volume), len(volume), values=lambda index: values[index])
    total = sum((lesion.mean_intensity or 0) * lesion.voxels for lesion in lesions)
    assert total == pytest.approx(values[volume > 0].sum())
    if len(lesions) == 1:
        assert lesions[0].mean_intensity == pytest.approx(values[volume > 0].mean())


def test_a_lesion_with_an_unreadable_slice_has_no_mean_intensity() -> None:
    asked: list[int] = []

    def values(index: int) -> np.ndarray | None:
        asked.append(index)
        return None if index == 4 else np.full((8, 9), 7.0)

    lesions = find_lesions({4: bar(1), 3: bar(1), 8: bar(1)}, 10, values=values)
    assert [lesion.mean_intensity for lesion in lesions] == [None, 7.0]
    assert asked == [3, 4, 8]


def test_without_label_maps_there_is_no_lesion() -> None:
    assert find_lesions({}, 10) == ()
    assert find_lesions({2: np.zeros((4, 4), np.uint8)}, 10) == ()
    assert total_ml(()) == 0


def test_slices_of_different_sizes_are_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="Slices 1 and 2 have label maps of different sizes"):
        find_lesions({1: bar(1), 2: bar(1, rows=9)}, 5)
