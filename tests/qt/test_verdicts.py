"""Whatever two models are compared by, everything that tells of it says the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.cli.evaluate import evaluation_text
from medseg_desktop.cli.retrain import outcome_text
from medseg_desktop.core.evaluation.measures import DICE, JUDGED, MEASURES, Verdict, verdict
from medseg_desktop.core.evaluation.result import Estimate, EvaluationRecord
from medseg_desktop.core.evaluation.text import verdict_text
from medseg_desktop.core.retraining.outcome import outcome_of
from medseg_desktop.io.evaluation.report import report_html
from medseg_desktop.qt.panels.evaluation import texts as evaluation_texts
from medseg_desktop.qt.panels.evaluation.measures import MeasureTable
from medseg_desktop.qt.presenters.models.champion_texts import comparison_figures
from medseg_desktop.qt.presenters.retraining.chain_texts import outcome_view
from tests import evaluation_records

#: How sentences about the Dice begin or go on.
_SENTENCES: dict[Verdict, Callable[[str], bool]] = {
    Verdict.BETTER: lambda text: "better" in text and "whether" not in text,
    Verdict.WORSE: lambda text: "worse" in text,
    Verdict.NO_DIFFERENCE: lambda text: "o clear difference" in text,
    Verdict.TOO_FEW: lambda text: "too few" in text or "no Dice to compare" in text,
    Verdict.NOT_COMPARED: lambda text: "annot be compared" in text,
}


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    if draw(st.booleans()):
        return Estimate(mean=draw(st.none() | st.floats(-1, 1)), n=draw(st.integers(0, 2)))
    low, mean, high = sorted(draw(st.floats(-1, 1)) for _ in range(3))
    return Estimate(mean=mean, low=low, high=high, n=draw(st.integers(3, 9)))


@st.composite
def records(draw: st.DrawFn) -> EvaluationRecord:
    compared = msgspec.structs.replace(
        evaluation_records.comparison("new-v2", "old-v1"),
        differences={measure.key: draw(estimates()) for measure in MEASURES},
        reasons=draw(st.sampled_from([(), ("One was trained on a patient.",)])),
    )
    return EvaluationRecord(
        subset="test",
        candidate=evaluation_records.result("new-v2"),
        champion=evaluation_records.result("old-v1"),
        comparison=compared,
    )


def told_by(sentence: str) -> Verdict:
    (found,) = [each for each, is_told in _SENTENCES.items() if is_told(sentence)]
    return found


def told_by_window(table: MeasureTable, record: EvaluationRecord) -> list[str]:
    """The last cell of each row."""
    assert record.champion is not None
    assert record.comparison is not None
    table.set_comparison(record.candidate, record.champion, record.comparison)
    cells = []
    for line in range(1, len(JUDGED) + 1):
        item = table._grid.itemAtPosition(line, 6)
        widget: QWidget | None = item.widget() if item else None
        assert widget is not None
        cells.append(" ".join(x.text() for x in widget.findChildren(QLabel) if x.text()))
    return cells


@pytest.fixture
def table(qtbot: QtBot) -> MeasureTable:
    table = MeasureTable()
    qtbot.addWidget(table)
    return table


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(record=records())
def test_console_report_retraining_dialog_and_window_agree(
    table: MeasureTable, record: EvaluationRecord
) -> None:
    compared = record.comparison
    assert compared is not None
    words = [evaluation_texts.verdict_text(verdict(compared, m)) for m in JUDGED]
    assert told_by_window(table, record) == words
    asked = [texts[-1] for _, texts in comparison_figures(record, compared).rows]
    assert asked == (words if compared.is_comparable else [""] * len(words))  # its head says why
    assert words[0] == evaluation_texts.verdict_text(verdict(compared, DICE))

    found = verdict(compared)
    sentence = verdict_text(compared)
    assert told_by(sentence) is found
    assert sentence in evaluation_text(_as_json(record))
    assert sentence in report_html(record)

    outcome = outcome_of(record)
    assert outcome.verdict is found
    assert told_by(outcome_view(outcome).text) is found
    if found is not Verdict.NOT_COMPARED:  # the console gives the reasons instead
        assert told_by(outcome_text(outcome).splitlines()[0]) is found


def _as_json(record: EvaluationRecord) -> dict[str, Any]:
    """What the job returns."""
    found: dict[str, Any] = msgspec.to_builtins(record.candidate)
    found["against"] = msgspec.to_builtins(record.champion)
    found["comparison"] = msgspec.to_builtins(record.comparison)
    return found


@pytest.mark.parametrize("measure", JUDGED, ids=lambda measure: measure.key)
def test_measures_are_called_the_same_everywhere(qtbot: QtBot, measure: Any) -> None:
    assert evaluation_texts.measure_name(measure.key) == measure.title
    assert evaluation_texts.measure_tip(measure.key)
