"""What is known of a model beside the champion, for the question whether to promote it."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from medseg_desktop.core.evaluation.measures import JUDGED, verdict
from medseg_desktop.core.evaluation.result import (
    EvaluationRecord,
    EvaluationResult,
    ModelComparison,
)
from medseg_desktop.io.models.listing import ListedModel
from medseg_desktop.qt.dialogs.champion_dialog import Figures
from medseg_desktop.qt.panels.evaluation.texts import (
    about_text,
    change_counts,
    measure_name,
    unfair_lines,
    verdict_text,
)


def _tr(text: str) -> str:
    return QCoreApplication.translate("ChampionDialog", text)


def promotion_figures(
    model: ListedModel, champion: ListedModel | None, record: EvaluationRecord | None
) -> Figures:
    """What a promotion is decided on: a comparison, an evaluation, or nothing."""
    if record is not None and champion is not None and record.comparison is not None:
        return comparison_figures(record, record.comparison)
    if record is not None:
        return _single_figures(record, _result_of(record, model))
    if champion is None:
        return Figures(
            _tr("It was not evaluated on test patients."),
            cautions=(_tr("How good it is on patients it has not seen is not known."),),
        )
    text = _tr("{name} was not compared with {old} on test patients.")
    return Figures(
        text.format(name=model.title, old=champion.title),
        cautions=(_tr("Whether it is better is not known. Compare the two first."),),
    )


def _result_of(record: EvaluationRecord, model: ListedModel) -> EvaluationResult:
    """What an evaluation says of a model, which may be the one that another was compared with."""
    digest = model.info.network_digest if model.info else ""
    other = record.champion
    return other if other is not None and other.network == digest else record.candidate


def _single_figures(record: EvaluationRecord, result: EvaluationResult) -> Figures:
    known = [(m, e) for m in JUDGED if (e := result.summary.get(m.key)) is not None]
    columns: tuple[str, ...] = (_tr("Mean"), _tr("95 % interval"))
    if not any(m.interval(e) for m, e in known):
        columns = columns[:1]  # there are too few patients for one
    rows = tuple(
        (measure_name(m.key), (m.value(e.mean), m.interval(e))[: len(columns)]) for m, e in known
    )
    return Figures(about_text(record), columns, rows, "", record.notes)


def comparison_figures(record: EvaluationRecord, compared: ModelComparison) -> Figures:
    """Both models by each measure, their paired difference, and what it says."""
    other = record.champion.summary if record.champion else {}
    rows = []
    for measure in JUDGED:
        mine, old = record.candidate.summary.get(measure.key), other.get(measure.key)
        difference = compared.differences.get(measure.key)
        found = verdict(compared, measure)
        texts = (
            measure.value(mine.mean if mine else None),
            measure.value(old.mean if old else None),
            measure.value(difference.mean if difference else None, signed=True),
            verdict_text(found) if compared.is_comparable else "",
        )
        rows.append((measure_name(measure.key), texts))
    columns = (compared.candidate, compared.champion, _tr("Difference"), "")
    foot = change_counts(compared.counts)
    return Figures(about_text(record), columns, tuple(rows), foot, unfair_lines(compared))
