"""The plots in the report of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator

from medseg_desktop.core import html_parts as html
from medseg_desktop.core.evaluation import svg as svg
from medseg_desktop.core.evaluation.result import EvaluationRecord, EvaluationResult


def plots(record: EvaluationRecord) -> Iterator[str]:
    """The figures, empty ones left out by whoever sets them."""
    results = record.results
    yield from _paired(record) if record.champion is not None else _single(record.candidate)
    colors = zip([result.model for result in results], svg.MODEL_COLORS, strict=False)
    legend = html.legend(colors) if len(results) > 1 else ""
    title = "Predicted over annotated volume"
    volumes = svg.volumes(title, [_volumes(result) for result in results])
    yield html.figure(
        title, volumes, below=legend, caption="In ml; one dot a patient. Dashed: as annotated."
    )
    title = "Lesions found by size"
    bars = svg.found_by_size(title, [result.sensitivity_by_size for result in results])
    yield html.figure(title, bars, below=legend, caption="Above each bar: found of all.")


def _single(result: EvaluationResult) -> Iterator[str]:
    dots = [
        svg.Dot(case.patient_hash, case.foreground_dice)
        for case in result.cases
        if case.foreground_dice is not None
    ]
    title = "Dice of each patient"
    chart = svg.ranked(title, dots, result.summary["foreground_dice"])
    yield html.figure(title, chart, caption="Dashed: the mean, with its 95 % interval as a band.")


def _paired(record: EvaluationRecord) -> Iterator[str]:
    assert record.champion is not None
    assert record.comparison is not None
    before = {case.patient_hash: case.foreground_dice for case in record.champion.cases}
    pairs = [
        svg.Dot(case.patient_hash, then, case.foreground_dice)
        for case in record.candidate.cases
        if (then := before.get(case.patient_hash)) is not None and case.foreground_dice is not None
    ]
    names = (record.champion.model, record.candidate.model)
    legend = html.legend([("higher Dice", svg.BETTER), ("lower Dice", svg.WORSE)])
    title = "Dice of each patient with both models"
    yield html.figure(title, svg.slopes(title, names, pairs), below=legend)
    title = "Difference in Dice"
    dots = [svg.Dot(pair.name, pair.y - pair.x) for pair in pairs]
    chart = svg.differences(title, dots, record.comparison.differences["foreground_dice"])
    caption = "Candidate minus champion. Dashed: the mean, with its 95 % interval as a band."
    yield html.figure(title, chart, below=legend, caption=caption)


def _volumes(result: EvaluationResult) -> list[svg.Dot]:
    return [
        svg.Dot(case.patient_hash, case.truth_ml, case.predicted_ml)
        for case in result.cases
        if case.truth_ml is not None and case.predicted_ml is not None
    ]
