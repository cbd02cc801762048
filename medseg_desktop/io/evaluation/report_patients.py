"""The table of patients in the report of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator

from medseg_desktop.core import html_parts as html
from medseg_desktop.core.evaluation.measures import BY_KEY
from medseg_desktop.core.evaluation.result import EvaluationRecord
from medseg_desktop.core.evaluation.rows import case_pairs
from medseg_desktop.core.evaluation.text import found_text


def patient_table(record: EvaluationRecord) -> Iterator[str]:
    """The patients, the worst (of a comparison: the one that loses most) first."""
    if record.champion is None:
        yield _of_one(record)
        first = "Worst patient first."
    else:
        yield _of_two(record)
        first = "Largest loss of Dice first; candidate / champion."
    seen = " Seen: a model was trained or validated on this patient." if _any_seen(record) else ""
    yield html.paragraph(
        f"{first}{seen} A dash where there is no such figure. All figures are in cases.csv.",
        "quiet",
    )


def _any_seen(record: EvaluationRecord) -> bool:
    return any(case.seen for result in record.results for case in result.cases)


def _sets(record: EvaluationRecord) -> list[str]:
    """The column of sets, where they tell anything."""
    differ = len({case.set for case in record.candidate.cases}) > 1
    return ["Set"] if differ or _any_seen(record) else []


def _of_one(record: EvaluationRecord) -> str:
    cases, sets = [pair.candidate for pair in case_pairs(record)], _sets(record)
    labels = list(cases[0].dice) if cases and len(cases[0].dice) > 1 else []
    rows = [
        [
            case.patient_hash,
            *(_set(case.set, case.seen) for _ in sets),
            str(case.n_slices),
            _figure("foreground_dice", case.foreground_dice),
            *(_figure("foreground_dice", case.dice[label]) for label in labels),
            _figure("hd95_mm", case.hd95_mm),
            _figure("volume_difference_ml", case.truth_ml),
            _figure("volume_difference_ml", case.volume_difference_ml, signed=True),
            found_text(case),
            str(case.n_false_lesions),
            _figure("false_positive_ml", case.false_positive_ml),
        ]
        for case in cases
    ]
    head = [
        "Patient", *sets, "Slices", "Dice", *labels, "HD95 mm", "Annotated ml", "Difference ml",
        "Lesions found", "False lesions", "False positive ml",
    ]  # fmt: skip
    return html.table(head, rows, is_code=True)


def _of_two(record: EvaluationRecord) -> str:
    sets = _sets(record)
    rows = [
        [
            ours.patient_hash,
            *(_set(ours.set, ours.seen or theirs.seen) for _ in sets),
            str(ours.n_slices),
            _pair("foreground_dice", ours.foreground_dice, theirs.foreground_dice),
            _figure("foreground_dice", pair.dice_difference, signed=True),
            _pair("hd95_mm", ours.hd95_mm, theirs.hd95_mm),
            _pair("volume_difference_ml", ours.volume_difference_ml, theirs.volume_difference_ml),
            f"{found_text(ours)} / {found_text(theirs)}",
            f"{ours.n_false_lesions} / {theirs.n_false_lesions}",
        ]
        for pair in case_pairs(record)
        if (ours := pair.candidate) and (theirs := pair.champion)
    ]
    head = [
        "Patient", *sets, "Slices", "Dice", "Difference", "HD95 mm", "Volume diff. ml",
        "Found", "False",
    ]  # fmt: skip
    return html.table(head, rows, is_code=True)


def _set(name: str, seen: bool | None) -> str:
    return f"{name}, seen" if seen else name


def _figure(measure: str, value: float | None, *, signed: bool = False) -> str:
    return BY_KEY[measure].number(value, signed=signed)


def _pair(measure: str, ours: float | None, theirs: float | None) -> str:
    return f"{_figure(measure, ours)} / {_figure(measure, theirs)}"
