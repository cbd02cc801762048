"""Results of evaluations made by hand, for tests of what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from medseg_desktop.core.evaluation.result import CaseResult, EvaluationResult, LesionResult
from medseg_desktop.core.evaluation.summary import evaluation_result


def lesion(
    number: int, volume_ml: float | None = 1.0, overlap: float = 0.0, **more: Any
) -> LesionResult:
    """A lesion of slice 2 to 4, found where it has an overlap."""
    plain = LesionResult(
        series="P1/T2",
        series_uid="1.2.3",
        stack=0,
        number=number,
        label="H",
        pixels=100 if volume_ml is None else round(volume_ml * 1000),
        volume_ml=volume_ml,
        slices=(1, 2, 3),
        largest_slice=2,
        overlap=overlap,
        found=overlap > 0,
    )
    return msgspec.structs.replace(plain, **more)


def case(
    patient: str,
    dice: float | None = 0.5,
    lesions: Sequence[LesionResult] = (),
    false: Sequence[LesionResult] = (),
    **more: Any,
) -> CaseResult:
    """A patient with 10 ml of lesion and 12 ml predicted, or without lesion (Dice None)."""
    truth_ml = 0.0 if dice is None else 10.0
    plain = CaseResult(
        path=f"folder of {patient}",
        patient_hash=patient * 16,
        set="test",
        seen=False,
        n_slices=20,
        dice={"H": dice},
        foreground_dice=dice,
        hd95_mm=None if dice is None else 4.0,
        truth_ml=truth_ml,
        predicted_ml=12.0,
        volume_difference_ml=12.0 - truth_ml,
        truth_pixels=round(truth_ml * 1000),
        predicted_pixels=12000,
        false_positive_pixels=3000,
        false_positive_ml=3.0,
        lesions=tuple(lesions),
        false_lesions=tuple(false),
        n_false_lesions=len(false),
    )
    return msgspec.structs.replace(plain, **more)


def result(*cases: CaseResult, model: str = "flair-v2") -> EvaluationResult:
    return evaluation_result(
        model, cases, ["H"], network="a" * 64, dataset_hash="d" * 64, split_hash="5" * 64
    )
