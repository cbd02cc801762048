"""What an evaluation says over all patients: means with intervals, lesions found by size."""

from __future__ import annotations

from collections.abc import Sequence

from medseg_desktop.core.evaluation.bootstrap import mean_estimate
from medseg_desktop.core.evaluation.measures import MEASURES
from medseg_desktop.core.evaluation.result import CaseResult, EvaluationResult, SizeBin
from medseg_desktop.core.metrics import mean_or_none

#: Lower bounds of the sizes by which lesions are counted, in ml; the last bin is open.
SIZE_BOUNDS_ML = (0.0, 0.1, 1.0, 10.0)


def evaluation_result(
    model: str,
    cases: Sequence[CaseResult],
    labels: Sequence[str],
    *,
    network: str = "",
    dataset_hash: str = "",
    split_hash: str = "",
    warnings: Sequence[str] = (),
) -> EvaluationResult:
    """A model on all patients, with means and sums.

    Args:
        labels: the names of the labels without the background.
    """
    dice = [case.foreground_dice for case in cases]
    return EvaluationResult(
        model=model,
        network=network,
        dataset_hash=dataset_hash,
        split_hash=split_hash,
        cases=tuple(cases),
        mean={
            "foreground_dice": mean_or_none(dice),
            "n": sum(value is not None for value in dice),
            "dice": {name: mean_or_none([c.dice[name] for c in cases]) for name in labels},
        },
        summary={
            measure.key: mean_estimate([measure.value_of(case) for case in cases])
            for measure in MEASURES
        },
        sensitivity_by_size=sensitivity_by_size(cases),
        warnings=tuple(warnings),
    )


def sensitivity_by_size(cases: Sequence[CaseResult]) -> tuple[SizeBin, ...]:
    """How many lesions of each size are found; those of unknown volume are in no bin."""
    sizes = [
        (lesion.volume_ml, lesion.found)
        for case in cases
        for lesion in case.lesions
        if lesion.volume_ml is not None
    ]
    bins = []
    for low, high in zip(SIZE_BOUNDS_ML, (*SIZE_BOUNDS_ML[1:], None), strict=True):
        inside = [found for ml, found in sizes if low <= ml and (high is None or ml < high)]
        bins.append(SizeBin(low_ml=low, high_ml=high, found=sum(inside), total=len(inside)))
    return tuple(bins)


def unsized_lesions(cases: Sequence[CaseResult]) -> int:
    """Lesions that are in no bin, because the volume of a voxel is unknown."""
    return sum(lesion.volume_ml is None for case in cases for lesion in case.lesions)
