"""The Retrain page: what is new since the champion, and one button."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.retraining.cost import Cost, cost_of
from medseg_desktop.core.retraining.state import Retraining
from medseg_desktop.io.child_command import physical_cores
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.job_input import Context
from medseg_desktop.io.memory import free_memory_bytes
from medseg_desktop.io.retraining.news import OutlineReader, Reviewed
from medseg_desktop.io.retraining.plan import Situation, look
from medseg_desktop.jobs.chain import Look, is_cancelled
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.training_panel import TrainingPanel
from medseg_desktop.qt.presenters.patient_titles import names_somebody
from medseg_desktop.qt.presenters.retraining.chain_presenter import ChainPresenter
from medseg_desktop.qt.presenters.retraining.retrain_texts import (
    nothing_open,
    retrain_view,
    unreadable,
)
from medseg_desktop.qt.presenters.retraining.step_measuring import StepMeasuring
from medseg_desktop.qt.presenters.run_presenter import RunPresenter
from medseg_desktop.qt.saved_first import SavedFirst, UnsavedTexts
from medseg_desktop.qt.saving import Saving
from medseg_desktop.qt.sessions.annotations import AnnotationSession
from medseg_desktop.qt.sessions.retraining import RetrainSession
from medseg_desktop.qt.sessions.runs import RunSession

#: After a change of the annotations the page follows when nothing has changed for so long.
_LOOK_AFTER_MS = 700


def tr(text: str) -> str:
    return QCoreApplication.translate("Retraining", text)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at what is open; only the latest counts."""

    cancelled: threading.Event


class RetrainPresenter(QObject):
    """Between the Retrain page, the opened folder and RetrainSession.

    Signals:
        open_requested(): the user wants to open a folder.
        failed(str): a sentence for the window.
    """

    open_requested = Signal()
    failed = Signal(str)

    def __init__(
        self,
        panel: TrainingPanel,
        runs: RunSession,
        annotations: AnnotationSession,
        saving: Saving,
        shown: RunPresenter,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._page, self._runs = panel, panel.retrain, runs
        self._annotations, self._saving = annotations, saving
        self._saved_first = SavedFirst(saving, _unsaved_texts(), self)
        self.session = RetrainSession(runs, self)
        self.chain = ChainPresenter(panel, runs, self.session, shown, self)
        self.measuring = StepMeasuring(panel, runs, self)
        self._background = Background(1, "retrain", self)
        self._outlines = OutlineReader()
        self._found: ScanResult | None = None
        self._situation: Situation | None = None
        self._now: _Look | None = None
        self._is_stale = True
        self._identity = True
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_LOOK_AFTER_MS)
        self._soon.timeout.connect(self._look)
        self._connect()
        self._page.show_view(nothing_open())

    def _connect(self) -> None:
        panel, page, session = self._panel, self._page, self.session
        panel.shown.connect(self._look_if_stale)
        panel.options.changed.connect(self._on_options)
        page.open_requested.connect(self.open_requested)
        page.retrain_requested.connect(self.start)
        page.measure_requested.connect(self._measure)
        page.cancel_requested.connect(self._cancel_work)
        session.retraining_changed.connect(self._on_retraining)
        session.failed.connect(lambda error: self.failed.emit(sentence(error)))
        self.chain.failed.connect(self.failed)
        self.measuring.changed.connect(self._show)
        self._annotations.documents_changed.connect(self._set_stale)
        self._annotations.labels_changed.connect(lambda _: self._set_stale())
        self._runs.models_changed.connect(lambda _: self._set_stale())
        self._runs.datasets_changed.connect(lambda _: self._set_stale())

    # -- what is new

    def set_folder(self, found: ScanResult) -> None:
        """Another folder is open, and the session has its documents."""
        self._found, self._situation = found, None
        self.chain.set_hides(self._hides)
        self._saved_first.cancel()
        self._page.set_waiting(False)
        self._set_stale()
        self._soon.start(0)

    def set_identity(self, visible: bool) -> None:
        """Show or hide who the patients are; files are often called like them."""
        self._identity = visible
        self.chain.set_hides(self._hides)
        self._set_stale()

    def _hides(self, text: str) -> bool:
        """The sentence names a patient that is hidden, or nobody can tell whether it does."""
        found = self._found
        return not self._identity and (found is None or names_somebody(found, text))

    @property
    def situation(self) -> Situation | None:
        """What the page shows; None before it is known."""
        return self._situation

    def _set_stale(self) -> None:
        self._is_stale = True
        if self._panel.isVisible():
            self._soon.start(_LOOK_AFTER_MS)

    def _look_if_stale(self) -> None:
        if self._is_stale:
            self._soon.start(0)

    def _look(self) -> None:
        """Compare what is open with the champion's dataset, where somebody sees it."""
        found = self._found
        if not self._panel.isVisible() or self.session.is_under_way:
            return
        if self._now is not None:
            self._now.cancelled.set()
        self._is_stale = False
        if found is None:
            self._page.show_view(nothing_open())
            return
        now = self._now = _Look(threading.Event())
        reviewed = self._reviewed(found)
        options = self._panel.options.options()
        if self._situation is None:
            self._page.set_work(tr("Looking what is new"))
        self._background.submit(
            lambda: look(
                self._runs.workspace,
                reviewed,
                options,
                outlines=self._outlines,
                is_cancelled=now.cancelled.is_set,
            ),
            partial(self._on_situation, now),
            partial(self._on_unreadable, now),
        )

    def _reviewed(self, found: ScanResult) -> Reviewed:
        """What is drawn now, saved or not; the documents themselves never change."""
        documents: dict[str, Annotation] = {}
        for path in {item.path for series in found.series for item in series.slices}:
            document = self._annotations.document(path)
            if document is not None:
                documents[path] = document
        broken = tuple(row.sentence for row in found.broken_annotations)
        if not self._identity:
            broken = (tr("An annotation file, hidden with the patient, has problems"),) * len(
                broken
            )
        return Reviewed(
            source=found.source.named,
            title=tr("The opened folder"),
            series=found.series,
            documents=documents,
            table=self._annotations.labels,
            broken=broken,
        )

    def _on_situation(self, now: _Look, situation: Situation) -> None:
        if now is not self._now:
            return
        self._now, self._situation = None, situation
        self._page.set_work("")
        self._panel.options.set_automatic(situation.automatic, situation.automatic_iterations)
        self.measuring.set_training(situation.train if not situation.problems else None)
        self.chain.set_champion(situation.plan.champion)
        self._show()

    def _on_unreadable(self, now: _Look, error: MedSegError) -> None:
        if now is self._now:
            self._now = None
            self._page.set_work("")
            self._page.show_view(unreadable(error.message, error.hint))

    @property
    def cost(self) -> Cost | None:
        """What a retraining would cost; None before that is known."""
        if self._situation is None:
            return None
        cores = self._runs.settings.threads or physical_cores()
        return cost_of(self._situation.workload, cores, self.measuring.cost)

    def _show(self) -> None:
        situation, cost = self._situation, self.cost
        if situation is None or cost is None:
            return
        self._page.show_view(
            retrain_view(
                situation,
                cost,
                free_memory_bytes(),
                can_measure=self.measuring.can_measure,
                unmeasured=self.measuring.problem,
            )
        )

    def _on_options(self) -> None:
        self._is_stale = True
        self._soon.start(0)

    def _measure(self) -> None:
        self.measuring.measure()

    def _cancel_work(self) -> None:
        self.measuring.cancel()
        if self._now is not None:
            self._now.cancelled.set()
            self._now, self._is_stale = None, True
            self._page.set_work("")

    # -- the button

    def start(self) -> None:
        """Save what is drawn, then begin."""
        situation, found = self._situation, self._found
        if situation is None or found is None or situation.problems:
            return
        if self.session.is_under_way or self._saved_first.is_waiting:
            return
        if self._runs.is_converting:
            self.failed.emit(tr("A conversion is running; retrain when it has ended."))
            return
        self._cancel_work()
        self._saved_first.begin(partial(self._begin, found), self._refuse, names=self._identity)
        self._page.set_waiting(self._saved_first.is_waiting)

    def _refuse(self, text: str) -> None:
        self._page.set_waiting(False)
        self.failed.emit(text)

    def _begin(self, found: ScanResult) -> None:
        self._page.set_waiting(False)
        try:
            # What the folder brought to the table gets its index here, not in the child.
            self._saving.labels.keep_now(self._annotations.fix_labels())
        except MedSegError as error:
            self.failed.emit(sentence(error))
            return
        asked = Retraining(
            source=tuple(str(path) for path in found.source.named),
            options=self._panel.options.options(),
            by=self._annotations.author.annotator,
        )
        self.chain.set_cost(self.cost)
        self.session.begin(asked, self._look_again(self._reviewed(found)))

    def _look_again(self, reviewed: Reviewed) -> Look:
        """The check of the chain looks at what is open, which need not be read again."""
        workspace = self._runs.workspace

        def check(retraining: Retraining, context: Context) -> Situation:
            return look(
                workspace,
                reviewed,
                retraining.options,
                is_cancelled=lambda: is_cancelled(context),
            )

        return check

    def _on_retraining(self, retraining: Retraining) -> None:
        if not self.session.is_under_way:
            self._set_stale()
        else:
            self._cancel_work()

    # -- the end

    @property
    def _parts(self) -> tuple[Callable[[], None], ...]:
        return (self.session.close, self.chain.close, self.measuring.close, self._background.close)

    def quit(self) -> None:
        """Begin no more work; does not wait."""
        self._soon.stop()
        if self._now is not None:
            self._now.cancelled.set()
        self._background.quit()
        self.measuring.quit()
        self.chain.quit()
        self.session.quit()

    def close(self) -> None:
        """End the threads."""
        self.quit()
        for close in self._parts:
            close()


def _unsaved_texts() -> UnsavedTexts:
    return UnsavedTexts(
        nothing=tr("Nothing was retrained."),
        changed=tr(
            "Changed by another program: {changed}; choose which to keep, then retrain again."
        ),
        again=tr("Retrain again when it can be saved."),
    )
