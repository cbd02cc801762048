"""The training panel: check a dataset, start, watch and stop a training."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, Signal

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.run_state import RunState
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.training_form import TrainForm
from medseg_desktop.qt.panels.training_panel import TrainingPanel
from medseg_desktop.qt.presenters.training_check_presenter import TrainingCheckPresenter
from medseg_desktop.qt.sessions.runs import RunSession

#: What a first training from the window uses; ends within an hour on two cores.
FIRST_FORM = TrainForm(iterations=400, batch_size=8, size=256)


def tr(text: str) -> str:
    return QCoreApplication.translate("Training", text)


class TrainingPresenter(QObject):
    """Between the training panel and RunSession.

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
        self._wanted = ""
        panel.set_form(FIRST_FORM)
        panel.convert_requested.connect(self.convert_requested)
        panel.start_requested.connect(self._start)
        panel.stop_requested.connect(runs.stop_training)
        panel.new_training_requested.connect(lambda: panel.set_idle())
        panel.show_log_requested.connect(self._show_log)
        runs.datasets_changed.connect(self._set_datasets)
        runs.training_changed.connect(self._on_run)

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
        )

    def _start(self, form: TrainForm) -> None:
        if self._runs.is_training:
            self.failed.emit(tr("A training is running already."))
            return
        spec = self._spec(form)
        self._set_waiting(True)

        def start() -> None:
            self._set_waiting(False)
            self._runs.start_training(spec)

        def refuse(error: MedSegError) -> None:
            self._set_waiting(False)
            self.failed.emit(sentence(error))

        self.checks.require(spec, start, refuse)

    def _set_waiting(self, waiting: bool) -> None:
        for page in (self._panel.steps, self._panel.checked):
            page.set_waiting(waiting)

    def _on_run(self, run: RunState) -> None:
        spec = self._runs.training_spec
        self._panel.show_run(run, spec.iterations if spec else 0)

    def _show_log(self) -> None:
        spec = self._runs.training_spec
        if spec is not None:
            self.log_requested.emit(Path(spec.run) / "worker.log")

    def quit(self) -> None:
        """Begin no more work; does not wait for the thread."""
        self.checks.quit()

    def close(self) -> None:
        """End the thread."""
        self.checks.close()
