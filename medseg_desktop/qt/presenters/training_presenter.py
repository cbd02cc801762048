"""The training panel: check a dataset, start, watch and stop a training."""

from __future__ import annotations

import re

from PySide6.QtCore import QCoreApplication, QObject, Signal

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.io.workspace import ModelEntry
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.training_form import StartModel, TrainForm
from medseg_desktop.qt.panels.training_panel import TrainingPanel
from medseg_desktop.qt.presenters.run_presenter import RunPresenter
from medseg_desktop.qt.presenters.training_check_presenter import TrainingCheckPresenter
from medseg_desktop.qt.sessions.runs import RunSession

#: What a first training from the window uses; ends within an hour on two cores.
FIRST_FORM = TrainForm(iterations=400, batch_size=8, size=256)


def tr(text: str) -> str:
    return QCoreApplication.translate("Training", text)


class TrainingPresenter(QObject):
    """Between the training panel and RunSession, as far as it is about what comes before a run.

    Signals:
        convert_requested(): the user wants to make a dataset.
        failed(str): a sentence for the window.
        log_requested(Path): show the log of a run.
    """

    convert_requested = Signal()
    failed = Signal(str)
    log_requested = Signal(object)

    def __init__(
        self, panel: TrainingPanel, runs: RunSession, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._panel, self._runs = panel, runs
        self.checks = TrainingCheckPresenter(panel, runs, self._spec, self)
        self.runs = RunPresenter(panel, runs, self)
        self._wanted = ""
        panel.set_form(FIRST_FORM)
        panel.convert_requested.connect(self.convert_requested)
        panel.start_requested.connect(self._start)
        panel.new_training_requested.connect(self._show_steps)
        self.runs.log_requested.connect(self.log_requested)
        self.runs.failed.connect(self.failed)
        runs.datasets_changed.connect(self._set_datasets)
        runs.models_changed.connect(self._set_models)

    def choose_dataset(self, name: str) -> None:
        """Select this dataset as soon as it is listed."""
        self._wanted = name
        self._set_datasets(self._runs.datasets)

    def _set_datasets(self, names: tuple[str, ...]) -> None:
        current = self._wanted or self._panel.current_form().dataset
        chosen = current if current in names else (names[0] if names else None)
        if self._wanted in names:
            self._wanted = ""
        self._panel.set_datasets(names, chosen)

    def _set_models(self, entries: tuple[ModelEntry, ...]) -> None:
        """Any model that can be read may be started from."""
        self._panel.form.set_models(
            [StartModel(str(e.path), e.title, e.info.architecture) for e in entries if e.info]
        )

    def _show_steps(self) -> None:
        self.runs.leave()
        self._panel.set_idle()

    def _spec(self, form: TrainForm) -> TrainSpec:
        name = re.sub(r"[^\w-]+", "-", form.model_name).strip("-") or "model"
        return TrainSpec(
            dataset=str(self._runs.workspace.datasets / form.dataset),
            run=str(self._runs.workspace.new_run()),
            model_name=name,
            preset=form.preset,
            iterations=form.iterations,
            batch_size=form.batch_size,
            size=form.size,
            device=form.device,
            architecture=form.architecture,
            init=form.init,
            patience=form.patience,
            learning_rate=form.learning_rate,
        )

    def _start(self, form: TrainForm) -> None:
        spec = self._spec(form)
        self._set_waiting(True)

        def start() -> None:
            self._set_waiting(False)
            self.runs.follow()
            self._runs.start_training(spec)

        def refuse(error: MedSegError) -> None:
            self._set_waiting(False)
            self.failed.emit(sentence(error))

        self.checks.require(spec, start, refuse)

    def _set_waiting(self, waiting: bool) -> None:
        for page in (self._panel.steps, self._panel.checked):
            page.set_waiting(waiting)

    def quit(self) -> None:
        """Begin no more work; does not wait for the thread."""
        self.checks.quit()
        self.runs.quit()

    def close(self) -> None:
        """End the threads."""
        self.checks.close()
        self.runs.close()
