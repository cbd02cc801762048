"""The Models tab: the champion, the list, what may be done with the selected model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from medseg_desktop.core.errors import ModelError, describe_os_error
from medseg_desktop.io.audit import AuditReport
from medseg_desktop.io.model_package import CARD
from medseg_desktop.io.models.champions import Champion, Champions
from medseg_desktop.io.models.listing import ListedModel, ModelStatus
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.dialogs.audit_dialog import AuditDialog
from medseg_desktop.qt.dialogs.card_dialog import show_card
from medseg_desktop.qt.messages import Level, Message, sentence
from medseg_desktop.qt.model_exporting import ModelExporting
from medseg_desktop.qt.panels.message_bar import MessageBar
from medseg_desktop.qt.panels.models.detail import ModelDetail
from medseg_desktop.qt.panels.models.panel import ModelsPanel
from medseg_desktop.qt.presenters.model_texts import status_text
from medseg_desktop.qt.presenters.models.champion_presenter import (
    ChampionPresenter,
    decisive_evaluation,
)
from medseg_desktop.qt.presenters.models.evaluation_presenter import EvaluationPresenter
from medseg_desktop.qt.presenters.models.model_rows import (
    champion_facts,
    evaluation_rows,
    model_lines,
    model_row,
)
from medseg_desktop.qt.presenters.models.results_presenter import ResultsPresenter
from medseg_desktop.qt.saving import Saving
from medseg_desktop.qt.sessions import AnnotationSession, RunSession, StudySession

_LARGEST_CARD = 1 << 20
_SOON_MS = 300


class ModelsPresenter(QObject):
    """Between the Models tab and the sessions.

    Args:
        annotator: gives the name that promotions are proposed under.
        window: parent of the dialogs.

    Attributes:
        champions, evaluations, results, exporting: what asks, what evaluates, what shows the
            outcome, what hands a model on.

    Signals:
        import_requested(): the user wants to bring a model along.
    """

    import_requested = Signal()

    def __init__(
        self,
        panel: ModelsPanel,
        messages: MessageBar,
        runs: RunSession,
        study: StudySession,
        annotations: AnnotationSession,
        saving: Saving,
        annotator: Callable[[], str],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._panel, self._messages = panel, messages
        self._runs, self._window = runs, window
        self._background = Background(1, "champion", self)
        self.champions = ChampionPresenter(runs, self._background, annotator, window)
        self.evaluations = EvaluationPresenter(panel, runs, study, annotations, saving, window)
        self.results = ResultsPresenter(runs, study, window)
        self.exporting = ModelExporting(runs.workspace.root, window)
        self.audit_dialog: AuditDialog | None = None
        # What is reviewed decides what can be evaluated; it may change with every stroke.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(self._show_detail)
        self._connect(annotations)
        self._show()

    def _connect(self, annotations: AnnotationSession) -> None:
        panel, runs = self._panel, self._runs
        panel.champion.rollback_requested.connect(self.champions.ask_to_roll_back)
        panel.models.selected.connect(lambda _: self._show_detail())
        panel.models.import_requested.connect(self.import_requested)
        panel.details.requested.connect(self._act)
        panel.details.evaluation_requested.connect(self.results.show)
        panel.audit_requested.connect(self.show_audit)
        panel.opened.connect(runs.refresh)
        runs.models_changed.connect(lambda _: self._show())
        runs.champion_changed.connect(lambda _: self._show())
        runs.model_chosen.connect(lambda _: self._show_detail())
        runs.evaluations.evaluated.connect(self._on_evaluated)
        annotations.documents_changed.connect(self._show_soon)
        self.evaluations.busy_changed.connect(self._show_detail)
        self.evaluations.said.connect(lambda text: self._messages.show_message(text, Level.INFO))
        self.results.promote_requested.connect(self.champions.ask_to_promote)
        self.champions.changed.connect(self._on_champion)
        self.exporting.exported.connect(self._on_exported)
        for part in (self.evaluations, self.results, self.champions, self.exporting):
            part.failed.connect(self._fail)

    # -- what others ask for

    def set_folder(self) -> None:
        """Another folder is open, and its annotations are known."""
        self._show_detail()

    def compare(self, path: Path) -> None:
        """Show how a model compares with the champion, which is evaluated where it is not known."""
        found = self._runs.model_list
        model = found.of_path(path)
        if model is None:
            return
        self._panel.models.select(path)
        known = decisive_evaluation(found, model) if found.champion else None
        if known is not None:
            self.results.show(known.path)
        else:
            self.evaluations.compare(model)

    def promote(self, path: Path) -> None:
        """Ask whether a model shall be the champion."""
        model = self._runs.model_list.of_path(path)
        if model is not None and model.info is not None:
            self.champions.ask_to_promote(model)

    # -- what the sessions tell

    def _on_evaluated(self, folder: Path) -> None:
        self._runs.refresh()
        self.results.show(folder)

    def _on_champion(self, champion: Champion) -> None:
        """It is used from now on."""
        self._runs.refresh()
        self._runs.choose_model(self._runs.workspace.models / champion.model)
        text = self.tr("{name} is the champion now, and in use.").format(name=champion.model)
        self._messages.show_message(text, Level.SUCCESS)

    def _on_exported(self, folder: Path) -> None:
        text = self.tr("The model was exported into {folder}.").format(folder=folder)
        self._messages.show_message(text, Level.SUCCESS)

    def _fail(self, text: str) -> None:
        self._messages.show_message(text, Level.ERROR)

    # -- the list

    def _show(self) -> None:
        found = self._runs.model_list
        self._panel.models.set_rows([model_row(model) for model in found.models])
        self._panel.champion.set_champion(champion_facts(found))
        problem = found.problem
        if not found.is_intact:
            problem = self.tr("{problem} It is not used by itself; promote a model, or roll back.")
            problem = problem.format(problem=found.problem)
        self._panel.champion.set_problem(problem)
        standing = Message(problem, Level.WARNING, subject=problem)
        self._messages.set_standing("champion", standing if problem else None)
        self._show_detail()

    # -- the selected one

    def _show_soon(self) -> None:
        if self._panel.isVisible() and not self._soon.isActive():
            self._soon.start()

    @property
    def selected(self) -> ListedModel | None:
        """The model that is selected in the list."""
        return self._runs.model_list.of_path(self._panel.models.current)

    def _show_detail(self) -> None:
        model = self.selected
        self._panel.details.set_detail(self._detail(model) if model else None)

    def _detail(self, model: ListedModel) -> ModelDetail:
        if model.info is None:
            reason = model.entry.problem
            blocked = dict.fromkeys(("use", "compare", "evaluate", "promote", "card", "export"), "")
            return ModelDetail(model.title, self.tr("cannot be used"), (reason,), blocked)
        blocked = self._blocked(model)
        reasons = [blocked.get("compare"), blocked.get("evaluate")]
        if self._runs.model_list.champion is None:
            reasons.insert(0, self.evaluations.why_not_compare(model))
        hint = next((r for r in reasons if r), "")
        return ModelDetail(
            title=model.title,
            status=status_text(model.status),
            lines=tuple(model_lines(model, is_used=self._runs.chosen_path == model.path)),
            blocked=blocked,
            hint="" if self.evaluations.is_busy else hint,
            evaluations=tuple(evaluation_rows(self._runs.model_list, model)),
        )

    def _blocked(self, model: ListedModel) -> dict[str, str]:
        blocked = {}
        if self._runs.model_list.champion is None:
            blocked["compare"] = ""  # there is nothing to compare it with
        elif model.status is ModelStatus.CHAMPION:
            blocked["compare"] = ""
            is_settled = self._runs.model_list.is_intact
            blocked |= {"promote": self.tr("It is the champion.")} if is_settled else {}
        elif reason := self.evaluations.why_not_compare(model):
            blocked["compare"] = reason
        if reason := self.evaluations.why_not(model):
            blocked["evaluate"] = reason
        if self._runs.chosen_path == model.path:
            blocked["use"] = self.tr("It is in use.")
        return blocked

    def _act(self, key: str) -> None:
        model = self.selected
        if model is None:
            return
        acts: dict[str, Callable[[ListedModel], None]] = {
            "compare": self.evaluations.compare,
            "evaluate": self.evaluations.ask,
            "promote": self.champions.ask_to_promote,
            "use": lambda m: self._runs.choose_model(m.path),
            "card": self._show_card,
            "export": lambda m: self.exporting.ask(m.path),
        }
        acts[key](model)

    def _show_card(self, model: ListedModel) -> None:
        title = self.tr("Card of {name}").format(name=model.title)
        self._background.submit(
            lambda: _card(model.path),
            partial(self._open_card, title),
            lambda error: self._fail(sentence(error)),
        )

    def _open_card(self, title: str, text: str) -> None:
        show_card(self._window, title, text)

    # -- the audit trail

    def show_audit(self) -> None:
        """Show the trail; it is read and verified in the background."""
        dialog = AuditDialog(self._window)
        self.audit_dialog = dialog
        dialog.destroyed.connect(lambda: self._on_audit_gone(dialog))
        champions = Champions(self._runs.workspace)

        def show(report: AuditReport) -> None:
            if self.audit_dialog is dialog:
                dialog.set_report(report)

        def fail(text: str) -> None:
            if self.audit_dialog is dialog:
                dialog.set_problem(text)

        self._background.submit(champions.verify, show, lambda error: fail(sentence(error)))
        dialog.open()

    def _on_audit_gone(self, dialog: AuditDialog) -> None:
        if self.audit_dialog is dialog:  # and not a later one
            self.audit_dialog = None

    def quit(self) -> None:
        """Begin no more work; does not wait."""
        for part in (self._background, self.results, self.exporting):
            part.quit()

    def close(self) -> None:
        """Close the windows and end the threads."""
        for part in (self.results, self.exporting, self._background):
            part.close()


def _card(folder: Path) -> str:
    """In a worker thread.

    Raises:
        ModelError: it cannot be read.
    """
    path = folder / CARD
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_CARD).decode("utf-8", "replace")
    except OSError as error:
        raise ModelError(describe_os_error(error, path, "read")) from error
