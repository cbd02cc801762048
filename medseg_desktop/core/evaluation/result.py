"""What an evaluation found: patient by patient, lesion by lesion, and in the mean."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A mean over `n` patients; `low` and `high` bound its 95 % bootstrap confidence interval,
    None where there are too few patients for one."""

    mean: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0


class LesionResult(msgspec.Struct, frozen=True, kw_only=True):
    """A lesion of the annotation, or one that only the model sees.

    Attributes:
        series: path of its series relative to the source; series_uid, stack: which one that is.
        number: 1 for the largest of the series (see `core.lesions.find_lesions`).
        volume_ml: None where the volume of a voxel is unknown.
        slices: indices of its slices in the series; largest_slice: that with most of it;
            overlap_slice: that with most of the overlap, None where there is none.
        overlap: share of its pixels that the other side has with the same label, 0..1.
        found: the other side has it too: they share at least one pixel of the label.
        other_overlap: of a false lesion, where two models are compared: share of its pixels that
            the other model has with the same label, too.
        picture: its `shown_slice` with the outlines, as a path relative to the folder of the
            evaluation with "/"; "" for none.
    """

    series: str
    series_uid: str
    stack: int
    number: int
    label: str
    pixels: int
    volume_ml: float | None
    slices: tuple[int, ...]
    largest_slice: int
    overlap_slice: int | None = None
    overlap: float
    found: bool
    other_overlap: float | None = None
    picture: str = ""

    @property
    def size_order(self) -> tuple[float, int]:
        """What lesions are sorted by; those of unknown volume count as the smallest."""
        return (-1.0 if self.volume_ml is None else self.volume_ml, self.pixels)

    @property
    def shown_slice(self) -> int:
        """Index of the slice to look at: where it is found, else the largest one."""
        return self.largest_slice if self.overlap_slice is None else self.overlap_slice


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """One patient, pooled over the reviewed slices at native size.

    Attributes:
        path: of what holds the patient's slices, relative to the source, with "/".
        set: in the split that the evaluation went by; "unknown" for none.
        seen: the model, or one it was trained from, was trained or validated on this patient;
            None where that cannot be told.
        dice: label name -> Dice, None where the annotation has none of it.
        foreground_dice: of all labels together; None where the annotation has no lesion.
        hd95_mm: 95th percentile of the distance between the two surfaces; None where one side
            is empty or the geometry is unknown.
        truth_ml, predicted_ml, volume_difference_ml: difference = predicted - annotated; None
            where the volume of a voxel is unknown.
        false_positive_ml: predicted outside of every lesion.
        lesions: of the annotation; false_lesions: of the model that touch none of its label, the
            largest first and no more than are listed; n_false_lesions: all of them.
    """

    path: str
    patient_hash: str
    set: str = "unknown"
    seen: bool | None = None
    n_slices: int
    dice: dict[str, float | None]
    foreground_dice: float | None
    hd95_mm: float | None = None
    truth_ml: float | None = None
    predicted_ml: float | None = None
    volume_difference_ml: float | None = None
    truth_pixels: int
    predicted_pixels: int
    false_positive_pixels: int
    false_positive_ml: float | None
    lesions: tuple[LesionResult, ...] = ()
    false_lesions: tuple[LesionResult, ...] = ()
    n_false_lesions: int = 0

    @property
    def n_found(self) -> int:
        """Lesions of the annotation that the model finds."""
        return sum(lesion.found for lesion in self.lesions)


class SizeBin(msgspec.Struct, frozen=True, kw_only=True):
    """Lesions of one size: low_ml <= volume < high_ml (None: no upper bound)."""

    low_ml: float
    high_ml: float | None
    found: int
    total: int


class EvaluationResult(msgspec.Struct, frozen=True, kw_only=True):
    """A model on the patients of a source.

    Attributes:
        model: its title; network: SHA-256 of its model.onnx.
        dataset_hash, split_hash: what it was trained on.
        mean: {"foreground_dice", "n", "dice": {label: mean}}.
        summary: measure -> estimate over the patients: foreground_dice, hd95_mm,
            volume_difference_ml, absolute_volume_difference_ml, sensitivity,
            false_lesions, false_positive_ml (the last over patients without lesion).
        sensitivity_by_size: all lesions of all patients whose volume is known, smallest bin
            first.
    """

    model: str
    network: str = ""
    dataset_hash: str = ""
    split_hash: str = ""
    cases: tuple[CaseResult, ...]
    mean: dict[str, Any]
    summary: dict[str, Estimate] = {}
    sensitivity_by_size: tuple[SizeBin, ...] = ()
    warnings: tuple[str, ...] = ()


class Fate(StrEnum):
    """What became of a lesion; the first four compare two models, the last two tell of one."""

    LOST = "lost"
    GAINED = "gained"
    NEW_FALSE = "new_false"
    GONE_FALSE = "gone_false"
    MISSED = "missed"
    FALSE = "false"


#: The lists of a `ModelComparison`, which are called so.
CHANGES: Final = (Fate.LOST, Fate.GAINED, Fate.NEW_FALSE, Fate.GONE_FALSE)


class ChangeCounts(NamedTuple):
    """How many lesions only one of two models has."""

    lost: int = 0
    gained: int = 0
    new_false: int = 0
    gone_false: int = 0


NO_CHANGES: Final = ChangeCounts()


class LesionChange(msgspec.Struct, frozen=True, kw_only=True):
    """A lesion that one of two models finds and the other does not.

    Attributes:
        case: path of the patient; patient_hash: who that is.
        lesion: as the model that finds, or invents, it has it.
        candidate, champion: overlap with each model, 0..1.
        picture: its `shown_slice` with both predictions, as a path relative to the folder of
            the evaluation with "/"; "" for none.
    """

    case: str
    patient_hash: str
    lesion: LesionResult
    candidate: float
    champion: float
    picture: str = ""


class ModelComparison(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate beside the champion on the same patients.

    Attributes:
        candidate, champion: titles of the models.
        reasons: why the two cannot be compared fairly, as sentences; empty where they can.
        differences: measure -> paired difference candidate - champion over the patients that
            have it in both.
        lost, gained: lesions of the annotation, the largest first.
        new_false, gone_false: false lesions that only the candidate, or only the champion has.
    """

    candidate: str
    champion: str
    reasons: tuple[str, ...] = ()
    differences: dict[str, Estimate] = {}
    lost: tuple[LesionChange, ...] = ()
    gained: tuple[LesionChange, ...] = ()
    new_false: tuple[LesionChange, ...] = ()
    gone_false: tuple[LesionChange, ...] = ()

    @property
    def is_comparable(self) -> bool:
        return not self.reasons

    @property
    def counts(self) -> ChangeCounts:
        return ChangeCounts(
            len(self.lost), len(self.gained), len(self.new_false), len(self.gone_false)
        )


class EvaluationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`evaluation.json` of an evaluation's folder.

    Attributes:
        subset: train, val, test or all; split_hash: of the split that it went by.
        source: what was evaluated, shown to people of this workstation only.
        notes: those of the warnings that name no file, for the report.
        created: UTC, ISO 8601.
    """

    schema: int = 1
    subset: str
    split_hash: str = ""
    source: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    created: str = ""
    candidate: EvaluationResult
    champion: EvaluationResult | None = None
    comparison: ModelComparison | None = None

    @property
    def results(self) -> tuple[EvaluationResult, ...]:
        """Of the one model, or of candidate and champion."""
        return (self.candidate,) if self.champion is None else (self.candidate, self.champion)
