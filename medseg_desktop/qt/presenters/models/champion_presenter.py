"""Promotion and rollback: asked for with name, reason and figures, made in the background."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.evaluation.result import EvaluationRecord
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.evaluation.entries import EvaluationEntry, last_comparison
from medseg_desktop.io.evaluation.folder import read_record
from medseg_desktop.io.models.champions import Champion, Champions
from medseg_desktop.io.models.listing import ListedModel, ModelList
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.dialogs.champion_dialog import ChampionDialog, Figures, Question
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.presenters.models.champion_texts import comparison_figures, promotion_figures
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
            promotion_figures(model, champion, record),
        )
        self._show(
            question,
            partial(self._promote, model, name),
        )

    def _promote(self, model: ListedModel, evaluation: str, by: str, reason: str) -> Champion:
        Predictor.require_runnable(model.path)
        return self._champions.promote(model.path.name, by, reason, evaluation)

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
        figures = comparison_figures(record, compared) if record and compared else Figures(head)
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


def decisive_evaluation(found: ModelList, model: ListedModel) -> EvaluationEntry | None:
    """The newest comparison with the champion; before there is one, the model's own test."""
    champion = found.champion_model
    if model.info is None or champion is None or champion.info is None:
        return model.tested
    return last_comparison(
        found.evaluations, model.info.network_digest, champion.info.network_digest
    )
