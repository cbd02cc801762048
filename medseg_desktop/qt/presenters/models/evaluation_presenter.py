"""Evaluations that are asked for in the window: on whom, beside what, and how far they are."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtWidgets import QWidget

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.io.models.listing import ListedModel
from medseg_desktop.qt.dialogs.evaluate_dialog import EvaluateChoice, EvaluateDialog
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.evaluation.texts import progress_text
from medseg_desktop.qt.panels.models.panel import ModelsPanel
from medseg_desktop.qt.saved_first import SavedFirst, UnsavedTexts
from medseg_desktop.qt.saving import Saving
from medseg_desktop.qt.sessions import AnnotationSession, RunSession, StudySession

Subset = Literal["train", "val", "test", "all"]


class EvaluationPresenter(QObject):
    """Between the buttons of the Models tab, the open folder, and the evaluation that runs.

    Signals:
        failed(str), said(str): a sentence for the window.
        busy_changed(): an evaluation begins, or is over.
    """

    failed = Signal(str)
    said = Signal(str)
    busy_changed = Signal()

    def __init__(
        self,
        panel: ModelsPanel,
        runs: RunSession,
        study: StudySession,
        annotations: AnnotationSession,
        saving: Saving,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._panel, self._runs, self._study = panel, runs, study
        self._annotations, self._window = annotations, parent
        self._saved_first = SavedFirst(saving, _unsaved_texts(), self)
        self._was_busy = False
        self.dialog: EvaluateDialog | None = None
        panel.work.cancel_requested.connect(self.cancel)
        runs.evaluations.changed.connect(self._on_run)

    # -- what is possible

    @property
    def is_busy(self) -> bool:
        """An evaluation runs, or waits for what is being saved."""
        return self._runs.evaluations.is_running or self._saved_first.is_waiting

    def patients(self, model: ListedModel) -> dict[str, int]:
        """How many reviewed patients of the open folder are in which set: test, val, all."""
        found = self._study.found
        hashes = {
            series.patient.hash
            for series in (found.series if found else ())
            if self._annotations.reviewed(series)
        }
        sets = Counter(self._runs.model_list.set_of(model, each) for each in hashes)
        return {"test": sets["test"], "val": sets["val"], "all": len(hashes)}

    def why_not(self, model: ListedModel) -> str:
        """Why this model cannot be evaluated now, and what to do; "" where it can."""
        if model.info is None:
            return model.entry.problem
        if self.is_busy:
            return self.tr("An evaluation is running.")
        if self._study.found is None:
            return self.tr("Open the folder with the test patients to evaluate a model.")
        if not self.patients(model)["all"]:
            return self.tr(
                "Nothing in the open folder is reviewed. Outline lesions, or mark slices as "
                "reviewed, to evaluate a model on them."
            )
        return ""

    def why_not_compare(self, model: ListedModel) -> str:
        """Why this model cannot be compared with the champion now, and what to do."""
        champion = self._runs.model_list.champion_model
        if champion is None or champion.info is None:
            return self.tr("There is no champion to compare with yet. Promote a model first.")
        if reason := self.why_not(model):
            return reason
        if not self.patients(model)["test"]:
            if not self._runs.model_list.split.members("test"):
                return self.tr(
                    "This workspace keeps no patient for testing: its split has none. Evaluate on "
                    "other patients, or draw a split with five patients or more."
                )
            return self.tr(
                "No test patient is in the open folder. Open the folder with the test patients."
            )
        return ""

    # -- what is asked for

    def compare(self, model: ListedModel) -> None:
        """Evaluate a model and the champion on the test patients of the open folder."""
        if reason := self.why_not_compare(model):
            self.failed.emit(reason)
        else:
            self._begin(model, EvaluateChoice("test", with_champion=True))

    def ask(self, model: ListedModel) -> None:
        """Ask on whom, and evaluate."""
        found, reason = self._study.found, self.why_not(model)
        if found is None or reason:
            self.failed.emit(reason)
            return
        champion = self._runs.model_list.champion_model
        beside = champion is not None and champion.info and champion.path != model.path
        title = champion.title if champion and beside else ""
        hidden = self.tr("the open folder")
        dialog = EvaluateDialog(
            model.title,
            f"“{found.source.title}”" if self._study.state.identity else hidden,
            self.patients(model),
            title,
            self._window,
        )
        dialog.chosen.connect(partial(self._begin, model))
        dialog.destroyed.connect(lambda: self._on_dialog_gone(dialog))
        self.dialog = dialog
        dialog.open()

    def cancel(self) -> None:
        """Begin it not, or stop it."""
        if self._saved_first.is_waiting:
            self._saved_first.cancel()
            self._show_idle()
        else:
            self._runs.evaluations.stop()

    def _on_dialog_gone(self, dialog: EvaluateDialog) -> None:
        if self.dialog is dialog:  # and not a later one
            self.dialog = None

    def _begin(self, model: ListedModel, choice: EvaluateChoice) -> None:
        """The evaluation reads the files, so what is drawn has to be in them."""
        if self.is_busy:
            return
        self._saved_first.begin(
            partial(self._start, model, choice),
            self._refuse,
            names=self._study.state.identity,
        )
        if self._saved_first.is_waiting:
            self._panel.set_work(self.tr("Saving annotations"), 0, 0)
            self._tell_busy()

    def _refuse(self, text: str) -> None:
        self._show_idle()
        self.failed.emit(text)

    def _start(self, model: ListedModel, choice: EvaluateChoice) -> None:
        found, workspace = self._study.found, self._runs.workspace
        if found is None:
            self._show_idle()
            return
        champion = self._runs.model_list.champion_model
        is_wanted = choice.with_champion and champion is not None and champion.path != model.path
        beside = champion if is_wanted else None
        subset: Subset = {"test": "test", "val": "val"}.get(choice.subset, "all")  # type: ignore[assignment]
        try:
            spec = EvaluateSpec(
                model=str(model.path),
                source=[str(path) for path in found.source.named],
                salt=workspace.salt().hex(),
                against=str(beside.path) if beside else "",
                out=str(workspace.new_evaluation()),
                workspace=str(workspace.root),
                subset=subset,
                skip_broken=True,  # the list of the folder's files tells them
                threads=self._runs.settings.threads,
            )
        except MedSegError as error:
            self._refuse(sentence(error))
            return
        self._runs.evaluations.start(spec)

    # -- how far it is

    def _on_run(self, run: RunState) -> None:
        spec = self._runs.evaluations.spec
        if not run.is_over:
            name = Path(spec.model).name if spec else ""
            self._panel.set_work(progress_text(run, name), run.done, run.total)
            self._tell_busy()
            return
        self._show_idle()
        if run.status is RunStatus.FAILED:
            self.failed.emit(f"{run.message} {run.hint}".strip())
        elif run.status is RunStatus.CANCELLED:
            self.said.emit(self.tr("The evaluation was stopped; nothing was kept of it."))

    def _show_idle(self) -> None:
        self._panel.set_work("", 0, 0)
        self._tell_busy()

    def _tell_busy(self) -> None:
        if self.is_busy != self._was_busy:
            self._was_busy = self.is_busy
            self.busy_changed.emit()


def _unsaved_texts() -> UnsavedTexts:
    tr = partial(QCoreApplication.translate, "Evaluation")
    return UnsavedTexts(
        nothing=tr("Nothing was evaluated."),
        changed=tr(
            "Changed by another program: {changed}; choose which to keep, then evaluate again."
        ),
        again=tr("Evaluate again when it can be saved."),
    )
