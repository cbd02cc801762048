"""The report of an evaluation: one HTML file that needs nothing else.

It is meant to be shown around: patients appear by their hashes only, and no path, file name or
UID is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from medseg_desktop import __version__
from medseg_desktop.core import html_parts as html
from medseg_desktop.core.evaluation.measures import BY_KEY, DICE, MEASURES, NOTHING, Measure
from medseg_desktop.core.evaluation.result import Estimate, EvaluationRecord, EvaluationResult
from medseg_desktop.core.evaluation.text import bin_title, verdict_text
from medseg_desktop.core.finding import counted
from medseg_desktop.core.notice import RESEARCH_NOTICE
from medseg_desktop.io.evaluation.report_lists import finding_sections
from medseg_desktop.io.evaluation.report_patients import patient_table
from medseg_desktop.io.evaluation.report_plots import plots

_SUBSETS = {
    "test": "kept for testing",
    "val": "of the validation set",
    "train": "of the training set",
    "all": "of all sets",
}


#: What the words mean; docs/evaluation.md has the whole of it.
_MEASURED = (
    (
        "Dice",
        "2 x common pixels / (annotated + predicted pixels), over all reviewed slices of a patient "
        "at their own size, whatever the label. There is none for a patient without lesion.",
    ),
    (
        "HD95",
        "95th percentile of the distance between the surfaces of annotation and prediction in 3-D, "
        "the larger one of both directions. There is none where one side is empty.",
    ),
    (
        "Lesion",
        "Region of one label, connected over neighbouring slices. It is found where the model "
        "shares at least one of its pixels; a lesion of the model is false where it shares none "
        "with the annotation.",
    ),
    ("Volume difference", "Predicted minus annotated volume."),
    (
        "False-positive volume",
        "What the model predicts outside of every lesion; its mean is over patients without "
        "lesion.",
    ),
    (
        "95 % interval",
        "Bootstrap (BCa) over patients. With few patients it is too narrow rather than too wide; "
        "under three patients there is none.",
    ),
)
_COMPARED = (
    (
        "Difference",
        "Candidate minus champion of the same patient, so n counts the patients that have the "
        "measure with both models.",
    ),
)


def report_html(
    record: EvaluationRecord, pictures: Mapping[str, npt.NDArray[np.uint8]] | None = None
) -> str:
    """The whole document.

    Args:
        pictures: path as the record names it -> RGB (rows, columns, 3), to be put into it.
    """
    title = _title(record)
    parts = [
        f"<header><h1>{html.escape(title)}</h1>",
        html.paragraph(_about(record), "quiet"),
        html.paragraph(RESEARCH_NOTICE, "notice"),
        *_verdict(record),
        html.key_figures(_key_figures(record)),
        "</header>",
        html.section("Notes", *[html.paragraph(note) for note in record.notes]),
        html.section("Overall", *_overall(record)),
        html.section("Plots", html.grid("curves", plots(record))),
        html.section("Patients", *patient_table(record)),
        *finding_sections(record, pictures or {}),
        html.section("What was evaluated", _facts(record)),
        html.section("How to read it", _definitions(is_comparison=record.comparison is not None)),
        f'<footer class="quiet">Made by MedSeg Desktop {html.escape(__version__)}. Patients are '
        "named by hashes that only their own workspace can make.</footer>",
    ]
    return html.page(title, "\n".join(part for part in parts if part))


def _title(record: EvaluationRecord) -> str:
    names = [result.model for result in record.results]
    return f"Evaluation: {names[0]}" if len(names) == 1 else f"Comparison: {' and '.join(names)}"


def _about(record: EvaluationRecord) -> str:
    patients = counted(len(record.candidate.cases), "patient")
    slices = sum(case.n_slices for case in record.candidate.cases)
    reviewed = counted(slices, "reviewed slice")
    return ", ".join(
        part for part in (f"{patients} {_SUBSETS[record.subset]}", reviewed, _date(record)) if part
    )


def _date(record: EvaluationRecord) -> str:
    return record.created.replace("T", " ").replace("+00:00", " UTC")


def _verdict(record: EvaluationRecord) -> Iterator[str]:
    if record.comparison is None:
        return
    text = " ".join([verdict_text(record.comparison), *record.comparison.reasons])
    yield html.paragraph(text, "" if record.comparison.is_comparable else "notice")


def _key_figures(record: EvaluationRecord) -> Iterator[tuple[str, str]]:
    summary = record.candidate.summary
    if record.comparison is None:
        for name in ("foreground_dice", "sensitivity", "false_lesions", "hd95_mm"):
            measure = BY_KEY[name]
            yield _key_figure(measure.title, measure, summary[name])
        return
    for result in record.results:
        yield _key_figure(f"Dice of {result.model}", DICE, result.summary[DICE.key])
    counts = record.comparison.counts
    yield "lesions lost", str(counts.lost)
    yield "lesions gained", str(counts.gained)
    yield "new false lesions", str(counts.new_false)
    yield "false lesions gone", str(counts.gone_false)


def _key_figure(what: str, measure: Measure, found: Estimate) -> tuple[str, str]:
    """A mean below which stand its interval and n."""
    interval = f" ({measure.interval(found)})" if found.low is not None else ""
    return f"{what}{interval}, n = {found.n}", measure.value(found.mean)


def _overall(record: EvaluationRecord) -> Iterator[str]:
    results = record.results
    head = ["Measure"]
    for result in results:
        head += [result.model, "n"]
    comparison = record.comparison
    if comparison is not None:
        head += ["Difference", "n"]
    rows = []
    for measure in MEASURES:
        row = [measure.heading]
        for result in results:
            found = result.summary[measure.key]
            row += [measure.estimate(found), str(found.n)]
        if comparison is not None:
            found = comparison.differences[measure.key]
            row += [measure.estimate(found, signed=True), str(found.n)]
        rows.append(row)
    yield html.table(head, rows, "Means over n patients, with 95 % intervals")
    yield html.table(
        ["Size of the lesion", *(result.model for result in results)],
        [
            [bin_title(size), *(_found(result, place) for result in results)]
            for place, size in enumerate(results[0].sensitivity_by_size)
        ],
        "Lesions found, all patients together",
    )


def _found(result: EvaluationResult, place: int) -> str:
    size = result.sensitivity_by_size[place]
    return f"{size.found} of {size.total}" if size.total else NOTHING


def _facts(record: EvaluationRecord) -> str:
    parts = [html.facts(_role(record, i), _model(r)) for i, r in enumerate(record.results)]
    rows = [
        ("Patients", _SUBSETS[record.subset]),
        ("Labels", ", ".join(record.candidate.mean.get("dice", {}))),
        ("Split", record.split_hash or "none"),
        ("Date", _date(record)),
    ]
    parts.append(html.facts("Evaluation", rows))
    return f'<div class="columns">{"".join(parts)}</div>'


def _role(record: EvaluationRecord, place: int) -> str:
    return "Model" if record.champion is None else ("Candidate", "Champion")[place]


def _model(result: EvaluationResult) -> Sequence[tuple[str, str]]:
    return [
        ("Name", result.model),
        ("Network (SHA-256)", result.network or "unknown"),
        ("Trained on dataset", result.dataset_hash or "unknown"),
        ("Trained with split", result.split_hash or "unknown"),
    ]


def _definitions(*, is_comparison: bool) -> str:
    return html.facts("Measures", [*_MEASURED, *(_COMPARED if is_comparison else ())])
