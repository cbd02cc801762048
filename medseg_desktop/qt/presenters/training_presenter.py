"""The training panel: check a dataset, start, watch and stop a training."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, Signal

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.estimate import duration_text, training_seconds
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.core.split import SET_NAMES
from medseg_desktop.io.child_command import physical_cores
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.preflight import Preflight, check_training
from medseg_desktop.io.workspace import ModelEntry
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.training_form import StartModel, TrainForm
from medseg_desktop.qt.panels.training_panel import TrainingPanel
from medseg_desktop.qt.panels.training_steps import CheckReport, Problem
from medseg_desktop.qt.presenters.run_presenter import RunPresenter
from medseg_desktop.qt.presenters.training_samples import sample_pictures
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
        self._background = Background(1, "preflight", self)
        self.runs = RunPresenter(panel, runs, self)
        self._wanted = ""
        panel.set_form(FIRST_FORM)
        panel.convert_requested.connect(self.convert_requested)
        panel.check_requested.connect(self._check)
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

    def _check(self, form: TrainForm) -> None:
        spec = self._spec(form)

        def work() -> CheckReport:
            dataset = read_dataset(Path(spec.dataset))
            report = check_report(check_training(dataset, spec), spec)
            return replace(report, samples=tuple(sample_pictures(dataset)))

        self._background.submit(work, self._show_check, self._no_check)

    def _show_check(self, report: CheckReport) -> None:
        if not self._panel.shows_run:
            self._panel.set_checked(report)

    def _no_check(self, error: MedSegError) -> None:
        problem = Problem(error.message, error.hint, blocks=True)
        self._show_check(
            CheckReport(
                split_line=tr("The dataset cannot be used."), split_ok=False, problems=(problem,)
            )
        )

    def _start(self, form: TrainForm) -> None:
        spec = self._spec(form)

        def work() -> None:
            check_training(read_dataset(Path(spec.dataset)), spec).require()

        def start(_result: None) -> None:
            self.runs.follow()
            self._runs.start_training(spec)

        self._background.submit(work, start, lambda error: self.failed.emit(sentence(error)))

    def quit(self) -> None:
        """Begin no more work; does not wait for the thread."""
        self._background.quit()
        self.runs.quit()

    def close(self) -> None:
        """End the threads."""
        self._background.close()
        self.runs.close()


def check_report(found: Preflight, spec: TrainSpec) -> CheckReport:
    """What the check found, as the panel shows it."""
    sets = [found.sets[name] for name in SET_NAMES]
    rows = (
        (tr("Patients"), tuple(str(s.patients) for s in sets)),
        (tr("Slices"), tuple(f"{s.slices:,}" for s in sets)),
        (tr("With lesion"), tuple(f"{s.slices_with_lesion:,}" for s in sets)),
    )
    seconds = training_seconds(spec, physical_cores(), found.sets["val"].slices)
    estimate = tr("About {time} on this processor, {memory} MB of memory").format(
        time=duration_text(seconds), memory=f"{found.memory_mb:,}"
    )
    problems = [Problem(p.message, p.cure, blocks=True) for p in found.problems]
    problems += [Problem(w.message, w.cure) for w in found.warnings]
    test, val = found.sets["test"].patients, found.sets["val"].patients
    in_val, in_test = found.trained_on["val"], found.trained_on["test"]
    line = tr(
        "{in_val} of {val} validation and {in_test} of {test} test patients are in the training set"
    )
    return CheckReport(
        columns=(tr("Train"), tr("Validation"), tr("Test")),
        rows=rows,
        split_line=line.format(in_val=in_val, val=val, in_test=in_test, test=test),
        split_ok=not in_val and not in_test,
        estimate=estimate,
        problems=tuple(problems),
    )
