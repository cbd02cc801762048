"""The measures of a patient against SimpleITK on random label maps, and counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from medseg_desktop.core.evaluation.case_measures import CaseIdentity, measure_case
from medseg_desktop.core.evaluation.result import CaseResult
from medseg_desktop.core.evaluation.reviewed_stack import ReviewedStack
from medseg_desktop.core.labels import LabelTable
from tests.reviewed_stacks import Volume, blank, reviewed, series

TABLE = LabelTable.from_names(["H", "I"])
WHO = CaseIdentity("a", "0" * 16, "test", False)


def measured(*stacks: ReviewedStack, model: int = 0, most_false: int | None = None) -> CaseResult:
    return measure_case(stacks, WHO, TABLE, model, most_false)


def image(volume: Volume, spacing: tuple[float, float, float]) -> sitk.Image:
    found = sitk.GetImageFromArray(volume.astype(np.uint8))
    found.SetSpacing(spacing)
    return found


def components(volume: Volume, label: int) -> tuple[np.ndarray, int]:
    """The regions of a label with full connectivity, numbered."""
    found = sitk.ConnectedComponent(
        sitk.GetImageFromArray((volume == label).astype(np.uint8)), True
    )
    numbers = sitk.GetArrayFromImage(found)
    return numbers, int(numbers.max())


def touching(volume: Volume, other: Volume) -> tuple[int, int]:
    """Lesions of the first, and those of them that share a pixel of their label with the other."""
    total = found = 0
    for label in (1, 2):
        numbers, count = components(volume, label)
        total += count
        found += sum(bool((other[numbers == k] == label).any()) for k in range(1, count + 1))
    return total, found


@pytest.mark.parametrize("seed", range(50))
def test_the_measures_are_those_that_simpleitk_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers((1, 4, 4), (6, 14, 14)))
    spacing = tuple(float(v) for v in rng.uniform(0.4, 6.0, 3))  # columns, rows, slices
    share = rng.uniform(0.02, 0.4)
    truth, predicted = (
        rng.choice([0, 1, 2], shape, p=[1 - share, share * 0.7, share * 0.3]).astype(np.uint8)
        for _ in range(2)
    )
    truth[0, 0, 0] = predicted[-1, -1, -1] = 1  # neither is empty
    stack = reviewed(truth, predicted, step_mm=spacing[2], spacing_mm=(spacing[1], spacing[0]))
    if shape[0] == 1:  # the distance between slices is their thickness then, which is not told
        stack = reviewed(truth, predicted, spacing_mm=None)
    case = measured(stack)

    overlap = sitk.LabelOverlapMeasuresImageFilter()
    for name, label in (("H", 1), ("I", 2)):
        overlap.Execute(image(truth == label, spacing), image(predicted == label, spacing))
        expected = overlap.GetDiceCoefficient() if (truth == label).any() else None
        assert case.dice[name] == pytest.approx(expected)
    overlap.Execute(image(truth > 0, spacing), image(predicted > 0, spacing))
    assert case.foreground_dice == pytest.approx(overlap.GetDiceCoefficient())

    lesions, found = touching(truth, predicted)
    assert (len(case.lesions), case.n_found) == (lesions, found)
    ours, shared = touching(predicted, truth)
    assert case.n_false_lesions == len(case.false_lesions) == ours - shared

    if shape[0] == 1:
        assert (case.truth_ml, case.predicted_ml, case.volume_difference_ml) == (None, None, None)
        return
    sizes = sitk.LabelShapeStatisticsImageFilter()
    sizes.Execute(image(truth > 0, spacing))
    truth_ml = sizes.GetPhysicalSize(1) / 1000
    sizes.Execute(image(predicted > 0, spacing))
    predicted_ml = sizes.GetPhysicalSize(1) / 1000
    assert case.truth_ml == pytest.approx(truth_ml, abs=1e-6)
    assert case.predicted_ml == pytest.approx(predicted_ml, abs=1e-6)
    assert case.volume_difference_ml == pytest.approx(predicted_ml - truth_ml, abs=1e-5)
    assert sum(x.volume_ml or 0 for x in case.lesions) == pytest.approx(truth_ml, abs=1e-4)


def test_a_lesion_is_found_where_one_pixel_of_its_label_is_predicted() -> None:
    truth, predicted = blank(3), blank(3)
    truth[0:2, 0:2, 0:2] = 1  # 8 pixels; 2 of them are predicted
    truth[0, 5:7, 5] = 2  # predicted, but as the other label
    truth[2, 7, 0] = 1  # missed
    predicted[1, 0, 0:2], predicted[0, 5:7, 5] = 1, 1
    case = measured(reviewed(truth, predicted, step_mm=5))
    assert [(x.label, x.pixels, x.overlap, x.found) for x in case.lesions] == [
        ("H", 8, 0.25, True),
        ("I", 2, 0.0, False),
        ("H", 1, 0.0, False),
    ]
    assert [(x.number, x.slices, x.largest_slice) for x in case.lesions] == [
        (1, (0, 1), 0),
        (2, (0,), 0),
        (3, (2,), 2),
    ]
    # One looks at it where it is found, else where it is largest.
    assert [x.shown_slice for x in case.lesions] == [1, 0, 2]
    # What has the wrong label is a false lesion of that label.
    (wrong,) = case.false_lesions
    assert (wrong.label, wrong.pixels, wrong.found, wrong.overlap) == ("H", 2, False, 0.0)
    assert case.lesions[0].volume_ml == pytest.approx(8 * 5 / 1000)


def test_one_region_may_find_two_lesions_and_is_not_false() -> None:
    truth, predicted = blank(), blank()
    truth[0, 2, 1], truth[0, 2, 6], predicted[0, 2, 1:7] = 1, 1, 1
    case = measured(reviewed(truth, predicted))
    assert (len(case.lesions), case.n_found, case.n_false_lesions) == (2, 2, 0)


def test_of_two_models_a_false_lesion_knows_whether_the_other_one_has_it_too() -> None:
    truth, ours, theirs = blank(), blank(), blank()
    ours[0, 0, 0:4], ours[0, 6, 6] = 1, 1
    theirs[0, 0, 3:8] = 1
    stack = reviewed(truth, ours, theirs)
    first, second = measured(stack), measured(stack, model=1)
    assert [x.other_overlap for x in first.false_lesions] == [0.25, 0.0]
    assert [x.other_overlap for x in second.false_lesions] == [0.2]
    (alone,) = measured(reviewed(truth, theirs)).false_lesions
    assert alone.other_overlap is None


def test_only_the_largest_false_lesions_are_listed_and_all_are_counted() -> None:
    predicted = blank()
    predicted[0, 0, 0], predicted[0, 2, 0:3], predicted[0, 4, 0:2] = 1, 1, 1
    case = measured(reviewed(blank(), predicted), most_false=2)
    assert [x.pixels for x in case.false_lesions] == [3, 2]
    assert case.n_false_lesions == 3


def test_volumes_are_those_of_each_series() -> None:
    one = reviewed(np.ones((2, 2, 2), np.uint8), np.zeros((2, 2, 2), np.uint8), step_mm=5)
    fine = series([0.0, 1.0], size=(2, 2), spacing_mm=(0.5, 0.5), uid="1.2.4")
    other = reviewed(np.zeros((2, 2, 2), np.uint8), np.ones((2, 2, 2), np.uint8), of=fine)
    case = measured(one, other)
    assert (case.truth_ml, case.predicted_ml) == (pytest.approx(0.040), pytest.approx(0.002))
    assert case.volume_difference_ml == pytest.approx(-0.038)
    assert case.false_positive_ml == pytest.approx(0.002)
    assert (case.n_slices, case.truth_pixels, case.predicted_pixels) == (4, 8, 8)


def test_nothing_is_no_volume_whatever_the_size_of_a_pixel() -> None:
    unknown = reviewed(blank(), blank(), spacing_mm=None)
    case = measured(unknown)
    assert (case.truth_ml, case.predicted_ml, case.false_positive_ml) == (0, 0, 0)
    lesion = blank()
    lesion[0, 1, 1] = 1
    case = measured(reviewed(lesion, lesion, spacing_mm=None))
    assert (case.truth_ml, case.volume_difference_ml, case.false_positive_ml) == (None, None, 0)
    assert case.lesions[0].volume_ml is None
