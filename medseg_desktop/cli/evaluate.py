"""`evaluate`: one or two models against the annotations of a folder, patient by patient."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from medseg_desktop.cli.console import count
from medseg_desktop.cli.context import named_model, sources, workspace_of
from medseg_desktop.cli.output import JobPrinter, print_json, result_of, table, warn
from medseg_desktop.core.evaluation.measures import BY_KEY, MEASURES, NOTHING
from medseg_desktop.core.evaluation.result import (
    CaseResult,
    EvaluationResult,
    LesionChange,
    ModelComparison,
)
from medseg_desktop.core.evaluation.text import bin_title, found_text, size_text, verdict_text
from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.io.settings_file import load_settings
from medseg_desktop.jobs.run import run_job

#: So many lesions of each list are named; all are in the folder of `--out` and in the JSON.
_NAMED = 5


def run(arguments: argparse.Namespace) -> int:
    workspace = workspace_of(arguments)
    named = sources(arguments.source)
    against = named_model(workspace, arguments.against) if arguments.against else ""
    spec = EvaluateSpec(
        model=str(named_model(workspace, arguments.model)),
        against=str(against),
        source=[str(path) for path in named],
        out=str(arguments.out.absolute()) if arguments.out else "",
        salt=workspace.salt().hex(),
        workspace=str(workspace.root),
        subset=arguments.split,
        patient_key=arguments.patient_key,
        skip_broken=arguments.skip_broken,
        threads=load_settings().threads,
    )
    result = result_of(run_job(spec, on_event=JobPrinter().on_event))
    warn(list(dict.fromkeys([*result["warnings"], *result.get("against", {}).get("warnings", [])])))
    if arguments.json:
        print_json(result)
    else:
        print(evaluation_text(result))
        if spec.out:
            print(f"\nReport, tables and pictures: {spec.out}")
    return 0


def evaluation_text(result: dict[str, Any]) -> str:
    """What `run_evaluation` returns as tables and sentences."""
    evaluation = msgspec.convert(result, EvaluationResult)
    if "comparison" not in result:
        return "\n".join(_single(evaluation))
    other = msgspec.convert(result["against"], EvaluationResult)
    return "\n".join(
        _compared(evaluation, other, msgspec.convert(result["comparison"], ModelComparison))
    )


def _single(result: EvaluationResult) -> Iterator[str]:
    rows = [
        (
            case.path,
            _set(case, case.seen),
            str(case.n_slices),
            _number("foreground_dice", case.foreground_dice),
            _number("hd95_mm", case.hd95_mm),
            _number("volume_difference_ml", case.truth_ml),
            _number("volume_difference_ml", case.volume_difference_ml, signed=True),
            found_text(case),
            str(case.n_false_lesions),
            _number("false_positive_ml", case.false_positive_ml),
        )
        for case in result.cases
    ]
    head = (
        "Patient", "Set", "Slices", "Dice", "HD95 mm", "Lesions ml", "Difference ml",
        "Lesions found", "False lesions", "False positive ml",
    )  # fmt: skip
    yield table(rows, head)
    yield from _seen_note(result.cases)
    yield ""
    mean = result.mean
    if mean["n"]:
        patients = count(mean["n"], "patient")
        yield f"Mean Dice {mean['foreground_dice']:.3f} over {patients} with lesion"
    else:
        yield "No patient with lesion, so there is no Dice"
    yield ""
    means = [
        (m.heading, m.number(found.mean), m.interval(found) or NOTHING, str(found.n))
        for m in MEASURES
        if (found := result.summary[m.key]).n
    ]
    yield table(means, ("Mean over patients", "", "95 % interval", "n"))
    yield from _by_size([result])


def _compared(
    ours: EvaluationResult, theirs: EvaluationResult, comparison: ModelComparison
) -> Iterator[str]:
    others = {case.patient_hash: case for case in theirs.cases}
    yield f"Candidate {ours.model}, champion {theirs.model}; each figure: candidate, champion"
    yield ""
    rows = [
        (
            case.path,
            _set(case, case.seen or other.seen),
            str(case.n_slices),
            *_pair("foreground_dice", case.foreground_dice, other.foreground_dice),
            *_pair("hd95_mm", case.hd95_mm, other.hd95_mm),
            *(found_text(x) for x in (case, other)),
            *(str(x.n_false_lesions) for x in (case, other)),
        )
        for case in ours.cases
        if (other := others[case.patient_hash])
    ]
    head = (
        "Patient", "Set", "Slices", "Dice", "Dice", "HD95 mm", "HD95 mm", "Found", "Found",
        "False", "False",
    )  # fmt: skip
    yield table(rows, head)
    yield from _seen_note((*ours.cases, *theirs.cases))
    yield ""
    means = [
        (
            m.heading,
            *_pair(m.key, ours.summary[m.key].mean, theirs.summary[m.key].mean),
            m.number(difference.mean, signed=True),
            m.interval(difference, signed=True) or NOTHING,
            str(difference.n),
        )
        for m in MEASURES
        if (difference := comparison.differences[m.key])
        and (ours.summary[m.key].n or theirs.summary[m.key].n)
    ]
    columns = ("Mean over patients", "Candidate", "Champion", "Difference", "95 % interval", "n")
    yield table(means, columns)
    yield from _by_size([ours, theirs])
    yield from _changes("Lost lesions", comparison.lost)
    yield from _changes("Gained lesions", comparison.gained)
    yield from _changes("New false lesions", comparison.new_false)
    yield from _changes("False lesions gone", comparison.gone_false)
    yield ""
    yield verdict_text(comparison)
    yield from (f"Not comparable: {reason}" for reason in comparison.reasons)


def _by_size(results: Sequence[EvaluationResult]) -> Iterator[str]:
    if not any(size.total for size in results[0].sensitivity_by_size):
        return
    rows = [
        (
            bin_title(results[0].sensitivity_by_size[place]),
            *(
                f"{size.found} of {size.total}" if size.total else NOTHING
                for size in (result.sensitivity_by_size[place] for result in results)
            ),
        )
        for place in range(len(results[0].sensitivity_by_size))
    ]
    head = ("Found",) if len(results) == 1 else ("Candidate", "Champion")
    yield ""
    yield table(rows, ("Size of the lesion", *head))


def _changes(title: str, changes: Sequence[LesionChange]) -> Iterator[str]:
    yield ""
    yield f"{title}: {len(changes) or 'none'}"
    for change in changes[:_NAMED]:
        lesion = change.lesion
        size = size_text(lesion.volume_ml, lesion.pixels)
        yield f"  {change.case}: {lesion.label}, {size}, slice {lesion.shown_slice + 1}"
    if len(changes) > _NAMED:
        yield f"  and {len(changes) - _NAMED} smaller ones"


def _set(case: CaseResult, seen: bool | None) -> str:
    return f"{case.set}*" if seen else case.set


def _seen_note(cases: Sequence[CaseResult]) -> Iterator[str]:
    if any(case.seen for case in cases):
        yield "* used to train a model"


def _pair(measure: str, ours: float | None, theirs: float | None) -> tuple[str, str]:
    return _number(measure, ours), _number(measure, theirs)


def _number(measure: str, value: float | None, *, signed: bool = False) -> str:
    return BY_KEY[measure].number(value, signed=signed)
