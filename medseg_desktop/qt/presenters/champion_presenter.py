"""Promotion and rollback: asked for with name, reason and figures, made in the background."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.evaluation_measures import MEASURES, direction
from medseg_desktop.core.evaluation_result import (
    EvaluationRecord,
    EvaluationResult,
    ModelComparison,
)
from medseg_desktop.io.champions import Champion, Champions
from medseg_desktop.io.evaluation_folder import read_record
from medseg_desktop.io.evaluations import EvaluationEntry, last_comparison
from medseg_desktop.io.model_list import ListedModel, ModelList
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.dialogs.champion_dialog import ChampionDialog, Figures, Question
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.evaluation_texts import (
    change_counts,
    direction_text,
    measure_name,
    patients_text,
    subset_text,
)
from medseg_desktop.qt.panels.when_text import minute_text
from medseg_desktop.qt.sessions import RunSession


class ChampionPresenter(QObject):
    """Owns the dialog that asks for a change of the champion.

    Args:
        annotator: gives the name that is filled in.

    Signals:
        failed(str): a sentence for the window.
        changed(Champion): it is the champion from now on.
    """

    failed = Signal(str)
    changed = Signal(object)

    def __init__(
        self,
        runs: RunSession,
        background: Background,
        annotator: Callable[[], str],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._runs, self._background, self._window = runs, background, parent
        self._annotator = annotator
        self._champions = Champions(runs.workspace)
        self.dialog: ChampionDialog | None = None

    def ask_to_promote(self, model: ListedModel) -> None:
        """Show what is known of a model beside the champion, and ask."""
        found = self._runs.model_list
        champion = found.champion_model
        if champion is not None and champion.path == model.path:
            champion = None  # its files have changed, and somebody wants it all the same
        evaluation = decisive_evaluation(found, model)
        self._with_record(evaluation, partial(self._ask_to_promote, model, champion, evaluation))

    def ask_to_roll_back(self) -> None:
        """Show what is known of the champion beside the one before, and ask."""
        found = self._runs.model_list
        champion = found.champion_model
        back = next((m for m in found.models if m.path.name == found.previous), None)
        evaluation = None
        if champion and champion.info and back and back.info:
            networks = champion.info.network_digest, back.info.network_digest
            evaluation = last_comparison(found.evaluations, *networks)
        self._with_record(evaluation, partial(self._ask_to_roll_back, found, evaluation))

    def _with_record(
        self, evaluation: EvaluationEntry | None, then: Callable[[EvaluationRecord | None], None]
    ) -> None:
        """Read an evaluation in the background; one that cannot be read is none."""
        if evaluation is None:
            then(None)
        else:
            path = evaluation.path
            self._background.submit(lambda: read_record(path), then, lambda _: then(None))

    def _ask_to_promote(
        self,
        model: ListedModel,
        champion: ListedModel | None,
        evaluation: EvaluationEntry | None,
        record: EvaluationRecord | None,
    ) -> None:
        text = self.tr("{name} becomes the champion: the model that is used from now on.")
        if champion is not None:
            text = self.tr(
                "{name} becomes the champion in place of {old}: the model that is used from now "
                "on. A rollback leads back to {old}."
            )
        old = champion.title if champion else ""
        name = evaluation.path.name if evaluation and record else ""
        question = Question(
            self.tr("Promote {name}").format(name=model.title),
            text.format(name=model.title, old=old),
            self.tr("Promote"),
            "champion",
            self.tr("For example: finds two more lesions and loses none"),
            self._figures(model, champion, record),
        )
        self._show(
            question,
            lambda by, reason: self._champions.promote(model.path.name, by, reason, name),
        )

    def _ask_to_roll_back(
        self, found: ModelList, evaluation: EvaluationEntry | None, record: EvaluationRecord | None
    ) -> None:
        champion = found.champion
        if champion is None or not found.previous:
            return
        text = self.tr(
            "{back} becomes the champion again, in place of {name}. {name} stays as it is and can "
            "be promoted again."
        )
        names = {"back": found.previous, "name": champion.model}
        head = self.tr("The two were not compared on test patients.")
        compared = record.comparison if record else None
        figures = self._comparison(record, compared) if record and compared else Figures(head)
        question = Question(
            self.tr("Roll back to {back}").format(**names),
            text.format(**names),
            self.tr("Roll back"),
            "undo",
            self.tr("For example: misses small lesions near the ventricles"),
            figures,
        )
        self._show(question, self._champions.rollback)

    def _show(self, question: Question, change: Callable[[str, str], Champion]) -> None:
        if self.dialog is not None:
            self.dialog.reject()
        dialog = ChampionDialog(question, self._annotator(), self._window)
        dialog.confirmed.connect(partial(self._change, dialog, change))
        dialog.destroyed.connect(partial(self._on_gone, dialog))
        self.dialog = dialog
        dialog.open()

    def _on_gone(self, dialog: ChampionDialog) -> None:
        if self.dialog is dialog:
            self.dialog = None

    def _change(
        self,
        dialog: ChampionDialog,
        change: Callable[[str, str], Champion],
        by: str,
        reason: str,
    ) -> None:
        def done(champion: Champion) -> None:
            if self.dialog is dialog:
                dialog.accept()
            self.changed.emit(champion)

        def failed(error: MedSegError) -> None:
            if self.dialog is dialog:
                dialog.set_error(sentence(error))
            else:
                self.failed.emit(sentence(error))

        self._background.submit(lambda: change(by, reason), done, failed)

    # -- figures

    def _figures(
        self, model: ListedModel, champion: ListedModel | None, record: EvaluationRecord | None
    ) -> Figures:
        if record is not None and champion is not None and record.comparison is not None:
            return self._comparison(record, record.comparison)
        if record is not None:
            return self._single_figures(record, _result_of(record, model))
        if champion is None:
            return Figures(
                self.tr("It was not evaluated on test patients."),
                cautions=(self.tr("How good it is on patients it has not seen is not known."),),
            )
        text = self.tr("{name} was not compared with {old} on test patients.")
        return Figures(
            text.format(name=model.title, old=champion.title),
            cautions=(self.tr("Whether it is better is not known. Compare the two first."),),
        )

    def _single_figures(self, record: EvaluationRecord, result: EvaluationResult) -> Figures:
        known = [(m, e) for m in MEASURES if (e := result.summary.get(m.key)) is not None]
        columns: tuple[str, ...] = (self.tr("Mean"), self.tr("95 % interval"))
        if not any(m.interval_text(e) for m, e in known):
            columns = columns[:1]  # there are too few patients for one
        rows = tuple(
            (measure_name(m.key), (m.value_text(e.mean), m.interval_text(e))[: len(columns)])
            for m, e in known
        )
        return Figures(_head(record), columns, rows, "", record.notes)

    def _comparison(self, record: EvaluationRecord, compared: ModelComparison) -> Figures:
        other = record.champion.summary if record.champion else {}
        rows = []
        for measure in MEASURES:
            mine, old = record.candidate.summary.get(measure.key), other.get(measure.key)
            difference = compared.differences.get(measure.key)
            verdict = direction_text(direction(measure, difference))
            texts = (
                measure.value_text(mine.mean if mine else None),
                measure.value_text(old.mean if old else None),
                measure.value_text(difference.mean if difference else None, signed=True),
                verdict if compared.is_comparable else "",
            )
            rows.append((measure_name(measure.key), texts))
        counts = (
            len(compared.lost),
            len(compared.gained),
            len(compared.new_false),
            len(compared.gone_false),
        )
        reasons = list(compared.reasons)
        if reasons:
            unfair = self.tr("These two cannot be compared fairly.")
            reasons[0] = f"{unfair} {reasons[0]}"
        columns = (compared.candidate, compared.champion, self.tr("Difference"), "")
        return Figures(_head(record), columns, tuple(rows), change_counts(counts), tuple(reasons))


def decisive_evaluation(found: ModelList, model: ListedModel) -> EvaluationEntry | None:
    """The newest comparison with the champion; before there is one, the model's own test."""
    champion = found.champion_model
    if model.info is None or champion is None or champion.info is None:
        return model.tested
    return last_comparison(
        found.evaluations, model.info.network_digest, champion.info.network_digest
    )


def _result_of(record: EvaluationRecord, model: ListedModel) -> EvaluationResult:
    """What an evaluation says of a model, which may be the one that another was compared with."""
    digest = model.info.network_digest if model.info else ""
    other = record.champion
    return other if other is not None and other.network == digest else record.candidate


def _head(record: EvaluationRecord) -> str:
    n = patients_text(len(record.candidate.cases))
    parts = (subset_text(record.subset), n, minute_text(record.created))
    return " · ".join(part for part in parts if part)
