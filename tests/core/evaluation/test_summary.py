from __future__ import annotations

import pytest

from medseg_desktop.core.evaluation.summary import unsized_lesions
from tests.evaluations import case, lesion, result


def test_means_are_over_the_patients_that_have_the_measure() -> None:
    found = result(
        case("a", 0.4, [lesion(1, overlap=0.5), lesion(2)], [lesion(3)], volume_difference_ml=-6.0),
        case("b", 0.8, [lesion(1, overlap=0.5)], volume_difference_ml=2.0, hd95_mm=None),
        case("c", None, false=[lesion(1), lesion(2)], false_positive_ml=7.0),
    )
    means = {name: (estimate.mean, estimate.n) for name, estimate in found.summary.items()}
    assert means == {
        "foreground_dice": (pytest.approx(0.6), 2),
        "hd95_mm": (4.0, 1),
        "volume_difference_ml": (pytest.approx((-6 + 2 + 12) / 3), 3),
        "absolute_volume_difference_ml": (pytest.approx((6 + 2 + 12) / 3), 3),
        "sensitivity": (pytest.approx(0.75), 2),  # (1/2 + 1/1) / 2
        "false_lesions": (1.0, 3),
        "false_positive_ml": (7.0, 1),  # only of the patient without lesion
    }
    assert found.mean == {
        "foreground_dice": pytest.approx(0.6), "n": 2, "dice": {"H": pytest.approx(0.6)},
    }  # fmt: skip


def test_lesions_are_counted_by_size_over_all_patients() -> None:
    sizes = [0.099, 0.1, 0.5, 1.0, 9.99, 10.0, 80.0]
    lesions = [lesion(i, ml, overlap=0.1 if ml >= 0.5 else 0) for i, ml in enumerate(sizes, 1)]
    found = result(
        case("a", lesions=lesions), case("b", lesions=[lesion(1, None), lesion(2, 0.05)])
    )
    bins = [(b.low_ml, b.high_ml, b.found, b.total) for b in found.sensitivity_by_size]
    assert bins == [(0.0, 0.1, 0, 2), (0.1, 1.0, 1, 2), (1.0, 10.0, 2, 2), (10.0, None, 2, 2)]
    assert unsized_lesions(found.cases) == 1


def test_false_lesions_count_although_they_are_not_listed() -> None:
    found = result(case("a", false=[lesion(1)], n_false_lesions=400))
    assert found.summary["false_lesions"].mean == 400


def test_an_evaluation_without_any_lesion_has_no_means_of_lesions() -> None:
    found = result(case("a", None))
    assert found.mean == {"foreground_dice": None, "n": 0, "dice": {"H": None}}
    assert found.summary["sensitivity"].mean is None
    assert found.summary["false_positive_ml"].n == 1
