"""Evaluations made by hand: records as the job writes them, with their pictures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from medseg_desktop.core.evaluation.result import (
    CaseResult,
    Estimate,
    EvaluationRecord,
    EvaluationResult,
    LesionChange,
    LesionResult,
    ModelComparison,
    SizeBin,
)
from medseg_desktop.io.evaluation.folder import REPORT, write_record
from medseg_desktop.io.model_package import read_info
from medseg_desktop.io.png import write_png

CREATED = "2026-03-01T09:30:00+00:00"


def lesion(
    number: int = 1,
    volume_ml: float | None = 1.5,
    *,
    series_uid: str = "1.2.3",
    stack: int = 0,
    slices: Sequence[int] = (1, 2),
    overlap: float = 0.0,
    label: str = "H",
) -> LesionResult:
    """A lesion, largest on the first of its slices."""
    return LesionResult(
        series="A",
        series_uid=series_uid,
        stack=stack,
        number=number,
        label=label,
        pixels=120,
        volume_ml=volume_ml,
        slices=tuple(slices),
        largest_slice=slices[0],
        overlap=overlap,
        found=overlap > 0,
    )


def case(
    patient: str,
    dice: float | None = 0.8,
    *,
    lesions: Sequence[LesionResult] = (),
    false_lesions: Sequence[LesionResult] = (),
    seen: bool | None = False,
) -> CaseResult:
    """A patient; without a Dice one without lesion."""
    healthy = dice is None
    return CaseResult(
        path=patient,
        patient_hash=patient,
        set="test",
        seen=seen,
        n_slices=12,
        dice={"H": dice},
        foreground_dice=dice,
        hd95_mm=None if healthy else 4.0,
        truth_ml=0.0 if healthy else 6.0,
        predicted_ml=0.5 if healthy else 5.5,
        volume_difference_ml=0.5 if healthy else -0.5,
        truth_pixels=0 if healthy else 500,
        predicted_pixels=450,
        false_positive_pixels=40,
        false_positive_ml=0.5,
        lesions=tuple(lesions),
        false_lesions=tuple(false_lesions),
        n_false_lesions=len(false_lesions),
    )


def result(
    model: str,
    network: str = "",
    dices: Sequence[float | None] = (0.8, 0.7, 0.6, None),
    *,
    patients: Sequence[str] = (),
    cases: Sequence[CaseResult] = (),
) -> EvaluationResult:
    """An evaluation of one model, of as many patients as there are Dices."""
    names = patients or [f"patient{i}" for i in range(len(dices))]
    cases = cases or [
        case(
            name,
            dice,
            lesions=[] if dice is None else [lesion(1, 2.0, overlap=dice), lesion(2, 0.2)],
            false_lesions=[lesion(1, 0.4)] if dice is None else [],
        )
        for name, dice in zip(names, dices, strict=True)
    ]
    known = [c.foreground_dice for c in cases if c.foreground_dice is not None]
    mean = sum(known) / len(known) if known else None
    n = len(known)
    return EvaluationResult(
        model=model,
        network=network,
        cases=tuple(cases),
        mean={"foreground_dice": mean, "n": n, "dice": {"H": mean}},
        summary={
            "foreground_dice": estimate(mean, 0.05, n),
            "hd95_mm": estimate(4.25, 1.0, n),
            "volume_difference_ml": estimate(-0.4, 0.3, n),
            "absolute_volume_difference_ml": estimate(0.9, 0.3, n),
            "sensitivity": estimate(0.75, 0.2, n),
            "false_lesions": estimate(0.5, 0.4, len(cases)),
            "false_positive_ml": Estimate(mean=0.5, n=len(cases) - n),
        },
        sensitivity_by_size=(
            SizeBin(low_ml=0.0, high_ml=0.1, found=1, total=4),
            SizeBin(low_ml=0.1, high_ml=1.0, found=3, total=4),
            SizeBin(low_ml=1.0, high_ml=None, found=5, total=5),
        ),
    )


def estimate(mean: float | None, half: float, n: int) -> Estimate:
    """With an interval of twice `half` around the mean."""
    if mean is None:
        return Estimate(mean=None, n=n)
    return Estimate(mean=mean, low=mean - half, high=mean + half, n=n)


def change(
    of: LesionResult,
    *,
    patient: str = "patient0",
    candidate: float = 0.0,
    champion: float = 0.0,
    picture: str = "",
) -> LesionChange:
    """A lesion that one of the models finds."""
    return LesionChange(
        case=patient,
        patient_hash=patient,
        lesion=of,
        candidate=candidate,
        champion=champion,
        picture=picture,
    )


def comparison(
    candidate: str,
    champion: str,
    *,
    reasons: Sequence[str] = (),
    patients: Sequence[str] = ("patient0", "patient1"),
    series_uids: Sequence[str] = ("1.2.3", "1.2.4"),
) -> ModelComparison:
    """Two lesions lost, one gained, one false one new, none gone."""
    return ModelComparison(
        candidate=candidate,
        champion=champion,
        reasons=tuple(reasons),
        differences={
            "foreground_dice": Estimate(mean=0.04, low=0.01, high=0.07, n=3),
            "hd95_mm": Estimate(mean=1.5, low=0.5, high=2.0, n=3),
            "absolute_volume_difference_ml": Estimate(mean=-0.2, low=-0.6, high=0.1, n=3),
            "sensitivity": Estimate(mean=-0.1, n=3),
            "false_lesions": Estimate(mean=0.25, low=-0.5, high=1.0, n=4),
        },
        lost=(
            change(
                lesion(1, 2.4, series_uid=series_uids[0], slices=(1, 0)),
                patient=patients[0],
                champion=0.62,
                picture="pictures/lost-1.png",
            ),
            change(
                lesion(3, 0.4, series_uid=series_uids[1], slices=(0, 1)),
                patient=patients[1],
                champion=0.2,
                picture="pictures/lost-2.png",
            ),
        ),
        gained=(
            change(
                lesion(2, 1.1, series_uid=series_uids[0], slices=(1,)),
                patient=patients[0],
                candidate=0.8,
                picture="pictures/gained-1.png",
            ),
        ),
        new_false=(
            change(
                lesion(1, 0.3, series_uid=series_uids[1], slices=(1,)),
                patient=patients[1],
                candidate=1.0,
                picture="pictures/new-1.png",
            ),
        ),
    )


def write_evaluation(
    folder: Path,
    candidate: Path,
    champion: Path | None = None,
    *,
    subset: str = "test",
    created: str = CREATED,
    dices: Sequence[float | None] = (0.8, 0.7, 0.6, None),
    champion_dices: Sequence[float | None] = (0.7, 0.65, 0.62, None),
    reasons: Sequence[str] = (),
    patients: Sequence[str] = (),
    series_uids: Sequence[str] = ("1.2.3", "1.2.4"),
    seen_by_champion: int = 0,
) -> EvaluationRecord:
    """An evaluation of a package, maybe beside a second one; the folder that the job makes.

    Args:
        seen_by_champion: so many of the patients, from the first one on.
    """
    names = list(patients) or [f"patient{i}" for i in range(len(dices))]
    one = read_info(candidate)
    of_candidate = result(one.title, one.network_digest, dices, patients=names)
    of_champion, compared = None, None
    if champion is not None:
        other = read_info(champion)
        of_champion = result(other.title, other.network_digest, champion_dices, patients=names)
        cases = tuple(
            msgspec.structs.replace(c, seen=i < seen_by_champion)
            for i, c in enumerate(of_champion.cases)
        )
        of_champion = msgspec.structs.replace(of_champion, cases=cases)
        compared = comparison(
            one.title, other.title, reasons=reasons, patients=names, series_uids=series_uids
        )
    record = EvaluationRecord(
        subset=subset,
        split_hash="ab" * 32,
        source=("/somewhere",),
        created=created,
        candidate=of_candidate,
        champion=of_champion,
        comparison=compared,
    )
    write_evaluation_folder(folder, record)
    return record


def write_evaluation_folder(folder: Path, record: EvaluationRecord) -> Path:
    """The record with its report, its table and all pictures that it names."""
    (folder / "pictures").mkdir(parents=True)
    write_record(folder, record)
    (folder / REPORT).write_text("<!doctype html><title>Report</title>", encoding="utf-8")
    (folder / "cases.csv").write_text("patient,dice\npatient0,0.8\n", encoding="utf-8")
    compared = record.comparison
    for each in (*compared.lost, *compared.gained, *compared.new_false) if compared else ():
        grey = np.random.default_rng(len(each.picture)).integers(0, 90, (96, 128)).astype(np.uint8)
        grey[30:60, 40:80] = 220
        write_png(folder / each.picture, grey)
    return folder
