"""All measures of one patient from the label maps of its reviewed slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from medseg_desktop.core.evaluation.lesion_matching import annotated_lesions, false_lesions
from medseg_desktop.core.evaluation.result import CaseResult, LesionResult
from medseg_desktop.core.evaluation.reviewed_stack import ReviewedStack
from medseg_desktop.core.evaluation.surface_distance import hd95_mm
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.metrics import CaseCounts, Overlap

#: Volumes and distances are told to so many digits.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class CaseIdentity:
    """Who a patient is; see `CaseResult` for the attributes."""

    path: str
    patient_hash: str
    set: str = "unknown"
    seen: bool | None = None


def measure_case(
    stacks: Sequence[ReviewedStack],
    who: CaseIdentity,
    table: LabelTable,
    model: int = 0,
    most_false: int | None = None,
) -> CaseResult:
    """One model on one patient.

    Args:
        stacks: all reviewed series of the patient.
        table: of the label maps.
        model: which of the predictions.
        most_false: so many false lesions are listed, the largest; None lists all.
    """
    counts = [_counts(stack, len(table), model) for stack in stacks]
    pooled = CaseCounts(len(table))
    for part in counts:
        pooled.include(part)
    foreground = pooled.foreground

    def ml(pixels: Callable[[Overlap], int]) -> float | None:
        return _volume_ml(stacks, [pixels(part.foreground) for part in counts])

    truth_ml, predicted_ml = ml(lambda c: c.truth), ml(lambda c: c.predicted)
    difference = None
    if truth_ml is not None and predicted_ml is not None:
        difference = round(predicted_ml - truth_ml, _DIGITS)
    distance = hd95_mm(stacks, model)
    wrong = _by_size(lesion for s in stacks for lesion in false_lesions(s, table, model))
    return CaseResult(
        path=who.path,
        patient_hash=who.patient_hash,
        set=who.set,
        seen=who.seen,
        n_slices=pooled.n_slices,
        dice={x.name: pooled.labels[x.index].dice for x in table.foreground},
        foreground_dice=foreground.dice,
        hd95_mm=None if distance is None else round(distance, _DIGITS),
        truth_ml=truth_ml,
        predicted_ml=predicted_ml,
        volume_difference_ml=difference,
        truth_pixels=foreground.truth,
        predicted_pixels=foreground.predicted,
        false_positive_pixels=foreground.predicted - foreground.both,
        false_positive_ml=ml(lambda c: c.predicted - c.both),
        lesions=_by_size(lesion for s in stacks for lesion in annotated_lesions(s, table, model)),
        false_lesions=wrong[:most_false],
        n_false_lesions=len(wrong),
    )


def _counts(stack: ReviewedStack, n_labels: int, model: int) -> CaseCounts:
    counts = CaseCounts(n_labels)
    for index, truth in stack.truth.items():
        counts.add(truth, stack.predicted[model][index])
    return counts


def _volume_ml(stacks: Sequence[ReviewedStack], pixels: Sequence[int]) -> float | None:
    """Pixels of each series as one volume; None where a series with any has no known voxel."""
    total = 0.0
    for stack, n in zip(stacks, pixels, strict=True):
        if n and stack.series.voxel_ml is None:
            return None
        total += n * (stack.series.voxel_ml or 0.0)
    return round(total, _DIGITS)


def _by_size(lesions: Iterable[LesionResult]) -> tuple[LesionResult, ...]:
    return tuple(sorted(lesions, key=lambda lesion: lesion.size_order, reverse=True))
