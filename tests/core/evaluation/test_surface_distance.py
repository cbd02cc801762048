"""HD95 against SimpleITK's distance maps, and on shapes whose distances are known."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg_desktop.core.evaluation.surface_distance import hd95_mm
from medseg_desktop.core.volume import Acquisition
from tests.reviewed_stacks import Volume, blank, reviewed, series

SPACING = (0.7, 1.9)
STEP_MM = 4.5


def blobs(rng: np.random.Generator) -> Volume:
    """Boxes of two labels at random places, which may touch every border."""
    shape = tuple(int(n) for n in rng.integers((1, 5, 5), (7, 20, 20)))
    volume = np.zeros(shape, np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        first = [int(rng.integers(n)) for n in shape]
        last = [
            k + int(rng.integers(1, max(2, n // 2 + 1))) for k, n in zip(first, shape, strict=True)
        ]
        volume[tuple(slice(a, b) for a, b in zip(first, last, strict=True))] = rng.integers(1, 3)
    return volume


def by_simpleitk(truth: Volume, predicted: Volume) -> float:
    """The same from eroded volumes and Maurer's distance maps; percentiles by sorting."""

    def surface(volume: Volume) -> sitk.Image:
        image = sitk.GetImageFromArray(np.pad(volume > 0, 1).astype(np.uint8))
        image.SetSpacing((SPACING[1], SPACING[0], STEP_MM))
        return image - sitk.BinaryErode(image, (1, 1, 1), sitk.sitkCross, 0, 1, False)

    def directed(start: sitk.Image, end: sitk.Image) -> float:
        away = sitk.Abs(sitk.SignedMaurerDistanceMap(end, False, False, True))
        distances = sorted(sitk.GetArrayFromImage(away)[sitk.GetArrayFromImage(start) > 0])
        rank = 0.95 * (len(distances) - 1)
        low, share = int(rank), rank - int(rank)
        high = min(low + 1, len(distances) - 1)
        return float(distances[low] * (1 - share) + distances[high] * share)

    one, other = surface(truth), surface(predicted)
    return max(directed(one, other), directed(other, one))


@pytest.mark.parametrize("seed", range(50))
def test_the_distance_is_the_one_that_simpleitk_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = blobs(rng)
    predicted = (
        np.roll(truth, tuple(rng.integers(-2, 3, 3)), (0, 1, 2)) if seed % 2 else truth.copy()
    )
    predicted[:, :2] = np.where(rng.random(predicted[:, :2].shape) < 0.1, 1, predicted[:, :2])
    stack = reviewed(truth, predicted, step_mm=STEP_MM, spacing_mm=SPACING)
    assert hd95_mm([stack]) == pytest.approx(by_simpleitk(truth, predicted), abs=1e-5)


@settings(max_examples=50)
@given(st.integers(0, 10_000))
def test_it_is_symmetric_and_zero_for_equal_sides(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = blobs(rng)
    predicted = np.zeros_like(truth)
    predicted[-1, -1, -1] = 1
    there = hd95_mm([reviewed(truth, predicted)])
    assert there == hd95_mm([reviewed(predicted, truth)])
    assert hd95_mm([reviewed(truth, truth)]) == 0
    assert hd95_mm([reviewed(truth, (truth > 0).astype(np.uint8))]) == 0  # whatever the label


def pixels(*places: tuple[int, int, int], slices: int = 1) -> Volume:
    volume = blank(slices)
    for place in places:
        volume[place] = 1
    return volume


def test_distances_are_in_mm_in_every_direction() -> None:
    stack = reviewed(pixels((0, 1, 1), slices=3), pixels((0, 3, 1), slices=3), spacing_mm=(0.5, 4))
    assert hd95_mm([stack]) == pytest.approx(2 * 0.5)
    stack = reviewed(pixels((0, 1, 1), slices=3), pixels((0, 1, 3), slices=3), spacing_mm=(0.5, 4))
    assert hd95_mm([stack]) == pytest.approx(2 * 4)
    stack = reviewed(pixels((0, 1, 1), slices=3), pixels((2, 1, 1), slices=3), step_mm=5)
    assert hd95_mm([stack]) == pytest.approx(10)


def test_slices_lie_where_their_headers_say() -> None:
    uneven = series([0.0, 3.0, 20.0])
    stack = reviewed(pixels((1, 1, 1), slices=3), pixels((2, 1, 1), slices=3), of=uneven)
    assert hd95_mm([stack]) == pytest.approx(17)


def test_a_gap_of_slices_that_were_not_reviewed_is_as_wide_as_it_is() -> None:
    whole = series([0.0, 5.0, 10.0, 15.0])
    truth, predicted = pixels((0, 1, 1))[0], pixels((0, 1, 1))[0]
    empty = blank()[0]
    stack = reviewed({0: truth, 3: empty}, {0: empty, 3: predicted}, of=whole)
    assert hd95_mm([stack]) == pytest.approx(15)


def test_the_inside_of_a_lesion_is_no_surface_although_slices_between_were_not_reviewed() -> None:
    """Else the inside, which agrees, would hide how far the borders are apart."""
    truth, predicted = blank(5, (16, 16)), blank(5, (16, 16))
    truth[:, 3:13, 3:13], predicted[:, 3:13, 3:16] = 1, 1
    whole = series([4.0 * i for i in range(9)], size=(16, 16))
    every_other = [{2 * i: m for i, m in enumerate(v)} for v in (truth, predicted)]
    assert hd95_mm([reviewed(every_other[0], every_other[1], of=whole)]) == pytest.approx(3)
    assert hd95_mm([reviewed(truth, predicted, step_mm=8)]) == pytest.approx(3)


def test_a_tilted_stack_is_measured_as_it_lies() -> None:
    """Each slice is shifted by 3 mm along the columns, so the same pixel is 5 mm away."""
    tilted = series(
        [0.0, 4.0],
        positions_mm=[(0.0, 0.0, 0.0), (3.0, 0.0, 4.0)],
        orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    )
    stack = reviewed(pixels((0, 1, 1), slices=2), pixels((1, 1, 1), slices=2), of=tilted)
    assert hd95_mm([stack]) == pytest.approx(5)


def test_time_points_are_measured_each_by_itself() -> None:
    film = series([0.0, 5.0, 0.0, 5.0], time_points=2)
    truth, predicted = (
        pixels((0, 1, 1), (2, 1, 1), slices=4),
        pixels((0, 1, 3), (2, 1, 1), slices=4),
    )
    assert hd95_mm([reviewed(truth, predicted, of=film)]) == pytest.approx(0.95 * 2)
    apart = reviewed(pixels((1, 1, 1), slices=4), pixels((2, 1, 1), slices=4), of=film)
    assert hd95_mm([apart]) is None


def test_the_series_of_a_patient_are_pooled_and_one_sided_ones_left_out() -> None:
    near = reviewed(pixels((0, 1, 1)), pixels((0, 1, 2)))
    far = reviewed(pixels((0, 1, 1)), pixels((0, 1, 7)))
    missed = reviewed(pixels((0, 1, 1)), blank())
    assert hd95_mm([near, far]) == pytest.approx(np.percentile([1, 6], 95))
    assert hd95_mm([near, missed]) == pytest.approx(1)


def test_an_empty_side_has_no_distance() -> None:
    assert hd95_mm([reviewed(pixels((0, 1, 1)), blank())]) is None
    assert hd95_mm([reviewed(blank(), pixels((0, 1, 1)))]) is None
    assert hd95_mm([reviewed(blank(), blank())]) is None
    assert hd95_mm([]) is None


def test_an_unknown_geometry_gives_no_distance() -> None:
    two = pixels((0, 1, 1), (1, 1, 1), slices=2)
    assert hd95_mm([reviewed(two, two, spacing_mm=None)]) is None
    assert hd95_mm([reviewed(two, two, of=series([None, None]))]) is None
    assert hd95_mm([reviewed(two, two, of=series([0.0, None]))]) is None
    one = pixels((0, 1, 1))
    assert hd95_mm([reviewed(one, one, of=series([None]))]) == 0  # one slice needs no place


def test_slices_without_position_lie_one_thickness_apart() -> None:
    stack = series([None] * 3, acquisition=Acquisition(slice_thickness_mm=4.0))
    truth, predicted = pixels((0, 1, 1), slices=3), pixels((2, 1, 1), slices=3)
    assert hd95_mm([reviewed(truth, predicted, of=stack)]) == pytest.approx(8)


def test_the_chosen_model_is_measured() -> None:
    stack = reviewed(pixels((0, 1, 1)), pixels((0, 1, 1)), pixels((0, 1, 4)))
    assert (hd95_mm([stack], 0), hd95_mm([stack], 1)) == (0, 3)
