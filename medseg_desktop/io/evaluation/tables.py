"""The tables of an evaluation as CSV files: one row a patient, one row a lesion.

They open in spreadsheets as they are (UTF-8 with a byte order mark), name patients by their
hashes alone, and hold neither paths nor UIDs.  Column names are stable; units are in them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from medseg_desktop.core.evaluation.result import (
    CHANGES,
    CaseResult,
    EvaluationRecord,
    EvaluationResult,
    Fate,
    LesionResult,
)

_Cell = str | int | float | bool | None
_CANDIDATE, _CHAMPION = "candidate", "champion"
#: What makes a spreadsheet take a text for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cases_csv(record: EvaluationRecord) -> bytes:
    """A row for each patient and model."""
    labels = list(record.candidate.mean.get("dice", {}))
    head = [
        "role", "model", "patient", "set", "seen_in_training", "slices", "dice",
        *(f"dice_{label}" for label in labels),
        "hd95_mm", "annotated_ml", "predicted_ml", "volume_difference_ml", "false_positive_ml",
        "annotated_pixels", "predicted_pixels", "false_positive_pixels",
        "lesions", "lesions_found", "false_lesions",
    ]  # fmt: skip
    rows = (
        [role, result.model, *_case(case, labels)]
        for role, result in _results(record)
        for case in result.cases
    )
    return _csv(head, rows)


def _case(case: CaseResult, labels: Sequence[str]) -> list[_Cell]:
    return [
        case.patient_hash,
        case.set,
        case.seen,
        case.n_slices,
        case.foreground_dice,
        *(case.dice.get(label) for label in labels),
        case.hd95_mm,
        case.truth_ml,
        case.predicted_ml,
        case.volume_difference_ml,
        case.false_positive_ml,
        case.truth_pixels,
        case.predicted_pixels,
        case.false_positive_pixels,
        len(case.lesions),
        case.n_found,
        case.n_false_lesions,
    ]


def lesions_csv(record: EvaluationRecord) -> bytes:
    """A row for each lesion of the annotation and model, and for each false lesion.

    `series` counts the series of the patient that have lesions, `lesion` is the lesion's number
    in its series (of the annotation, or of all that the model sees), slices count from 1.
    """
    head = [
        "role", "model", "patient", "series", "kind", "lesion", "label", "volume_ml", "pixels",
        "slices", "first_slice", "last_slice", "largest_slice", "overlap", "found", "change",
        "picture",
    ]  # fmt: skip
    changes = _changes(record)
    series = _series_numbers(record)
    rows = (
        [
            role,
            result.model,
            case.patient_hash,
            series[case.patient_hash, lesion.series_uid, lesion.stack],
            kind,
            *_lesion(lesion),
            *changes.get((role, _key(case.patient_hash, kind, lesion)), ("", lesion.picture)),
        ]
        for role, result in _results(record)
        for case in result.cases
        for kind, lesions in (("annotated", case.lesions), ("false", case.false_lesions))
        for lesion in lesions
    )
    return _csv(head, rows)


def _lesion(lesion: LesionResult) -> list[_Cell]:
    return [
        lesion.number,
        lesion.label,
        lesion.volume_ml,
        lesion.pixels,
        len(lesion.slices),
        lesion.slices[0] + 1,
        lesion.slices[-1] + 1,
        lesion.largest_slice + 1,
        round(lesion.overlap, 6),
        lesion.found,
    ]


_Key = tuple[str, str, str, int, int]


def _key(patient_hash: str, kind: str, lesion: LesionResult) -> _Key:
    return (patient_hash, kind, lesion.series_uid, lesion.stack, lesion.number)


def _changes(record: EvaluationRecord) -> Mapping[tuple[str, _Key], tuple[str, str]]:
    """(role, lesion) -> what became of it between two models, and its picture."""
    found: dict[tuple[str, _Key], tuple[str, str]] = {}
    if record.comparison is None:
        return found
    for name in CHANGES:
        kind = "false" if name.endswith("false") else "annotated"
        for change in getattr(record.comparison, name):
            key = _key(change.patient_hash, kind, change.lesion)
            told = (name.replace("_", " "), change.picture)
            # Lost and gained lesions are rows of both models, false ones only of the one.
            roles = {Fate.NEW_FALSE: [_CANDIDATE], Fate.GONE_FALSE: [_CHAMPION]}
            found.update({(role, key): told for role in roles.get(name, [_CANDIDATE, _CHAMPION])})
    return found


def _series_numbers(record: EvaluationRecord) -> Mapping[tuple[str, str, int], int]:
    """1, 2, ... for the series of each patient: their UIDs do not leave the workstation."""
    numbers: dict[tuple[str, str, int], int] = {}
    counts: dict[str, int] = {}
    for _, result in _results(record):
        for case in result.cases:
            for lesion in (*case.lesions, *case.false_lesions):
                key = (case.patient_hash, lesion.series_uid, lesion.stack)
                if key not in numbers:
                    counts[case.patient_hash] = counts.get(case.patient_hash, 0) + 1
                    numbers[key] = counts[case.patient_hash]
    return numbers


def _results(record: EvaluationRecord) -> Iterator[tuple[str, EvaluationResult]]:
    """The models with their roles, which tell two of one name apart."""
    if record.champion is None:
        yield "model", record.candidate
        return
    yield _CANDIDATE, record.candidate
    yield _CHAMPION, record.champion


def _csv(head: Sequence[str], rows: Iterable[Sequence[_Cell]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([_text(name) for name in head])
    writer.writerows([_text(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _text(cell: _Cell) -> _Cell:
    """A cell as it is written: "" for None, yes and no, and no text that a spreadsheet runs."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return "" if cell is None else cell
