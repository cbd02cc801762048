"""RunSession: jobs in child processes, datasets, runs and models."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.errors import JobError, MedSegError
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.settings import Settings
from medseg_desktop.core.specs import ConvertSpec, TrainSpec
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.models.champions import Champion
from medseg_desktop.io.models.listing import ModelList, ModelListReader
from medseg_desktop.io.workspace import ModelEntry, Workspace
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.job_thread import JobThread
from medseg_desktop.qt.sessions.evaluations import EvaluationSession
from medseg_desktop.qt.sessions.imports import ImportSession, registered, registration
from medseg_desktop.qt.sessions.jobs import Jobs
from medseg_desktop.qt.sessions.measurements import MeasurementSession
from medseg_desktop.qt.sessions.run_queue import RunQueue


class RunSession(QObject):
    """Owns what runs and what came out of it.

    Signals:
        conversion_changed(RunState), training_changed(RunState).
        training_begun(TrainSpec): before the first state of a training.
        queue_changed(specs): which trainings wait, the next one first.
        datasets_changed(names): newest first.
        models_changed(entries): newest first; `model_list` tells more of them.
        champion_changed(Champion | None): another one, or what is wrong with it.
        model_added(ModelEntry): a training or an import has brought a new model.
        model_chosen(Predictor | None): it is loaded and used from now on.
        failed(MedSegError): something outside a job did not work.
        idle(): no job runs any more.

    Attributes:
        is_retraining: a retraining is under way, also between two of its jobs.
        jobs: everything that runs in child processes.
        evaluations, imports, measurements: sessions of their own.
    """

    conversion_changed = Signal(object)
    training_changed = Signal(object)
    training_begun = Signal(object)
    queue_changed = Signal(object)
    datasets_changed = Signal(object)
    models_changed = Signal(object)
    champion_changed = Signal(object)
    model_added = Signal(object)
    model_chosen = Signal(object)
    failed = Signal(object)
    idle = Signal()

    def __init__(
        self, workspace: Workspace, settings: Settings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.jobs = Jobs(settings, self)
        self.training: RunState | None = None
        self.training_spec: TrainSpec | None = None
        self.conversion: RunState | None = None
        self.predictor: Predictor | None = None
        self.model_list = ModelList()
        self._list_reader = ModelListReader(workspace)
        self.datasets: tuple[str, ...] = ()
        self._wanted_model: Path | None = None
        self._used_model: Path | None = None
        self.model_of_last_time: Path | None = None
        self._listed = False
        self._queue = RunQueue()
        self._is_stopping_training = False
        self.is_retraining = False
        self._conversion_job: JobThread | None = None
        self._background = Background(1, "models", self)
        self.evaluations = EvaluationSession(self.jobs, self)
        self.measurements = MeasurementSession(self.jobs, self)
        self.imports = ImportSession(workspace, self.jobs, self._background, self)
        self.imports.imported.connect(self._tell_registered)
        self.imports.failed.connect(self.failed)
        self.jobs.ended.connect(self._on_ended)
        self.jobs.idle.connect(self.idle)

    @property
    def settings(self) -> Settings:
        """What the user has chosen; jobs that begin from now on go by it."""
        return self.jobs.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.jobs.settings = settings

    # -- lists of the workspace

    def refresh(self) -> None:
        """Read the lists of datasets and models again, in the background."""
        self._background.submit(
            lambda: (self.workspace.dataset_names(), self._list_reader.read()),
            self._set_lists,
            self.failed.emit,
        )

    @property
    def models(self) -> tuple[ModelEntry, ...]:
        """The models of the workspace, newest first."""
        return tuple(model.entry for model in self.model_list.models)

    @property
    def champion(self) -> Champion | None:
        """The champion of the workspace, as far as it is known by now."""
        return self.model_list.champion

    def _set_lists(self, lists: tuple[tuple[str, ...], ModelList]) -> None:
        before = self.model_list
        self.datasets, self.model_list = lists
        self.datasets_changed.emit(self.datasets)
        self.models_changed.emit(self.models)
        if (before.champion, before.problem) != (self.champion, self.model_list.problem):
            self.champion_changed.emit(self.champion)
        if not self._listed:
            self._listed = True
            self._choose_first_model()

    def _choose_first_model(self) -> None:
        """At the start: the champion, else the model of the last time, or the only one."""
        usable = [entry.path for entry in self.models if entry.info]
        champion = self.model_list.champion_model
        if self._wanted_model is not None:
            return
        if champion is not None and self.model_list.is_intact:
            self.choose_model(champion.path)
        elif self.model_of_last_time in usable:
            self.choose_model(self.model_of_last_time)
        elif len(usable) == 1:
            self.choose_model(usable[0])

    def choose_model(self, path: Path | None) -> None:
        """Use a model for predictions; it is checked and loaded in the background."""
        self._wanted_model = path
        if path is None:
            self._set_model(None, None)
            return
        self._background.submit(
            lambda: Predictor.open(path, self.settings.threads),
            partial(self._set_model, path),
            partial(self._model_failed, path),
        )

    def _set_model(self, path: Path | None, predictor: Predictor | None) -> None:
        if path == self._wanted_model:  # else another one was chosen meanwhile
            self.predictor, self._used_model = predictor, path
            self.model_chosen.emit(predictor)

    def _model_failed(self, path: Path, error: MedSegError) -> None:
        self.failed.emit(error)
        if path == self._wanted_model:
            self._wanted_model = self._used_model  # the one before stays in use
            self.model_chosen.emit(self.predictor)

    @property
    def chosen_path(self) -> Path | None:
        """Where the model in use, or the one being loaded, lies."""
        return self._wanted_model

    # -- jobs

    @property
    def is_converting(self) -> bool:
        """One runs, of this session or of a retraining."""
        if self.conversion is not None and not self.conversion.is_over:
            return True
        return any(job is not self._conversion_job for job in self.jobs.running(ConvertSpec))

    @property
    def is_training(self) -> bool:
        return self.training is not None and not self.training.is_over

    def start_conversion(self, spec: ConvertSpec) -> None:
        """Convert in a child process; one conversion at a time."""
        if self.is_converting:
            return
        self.conversion = RunState()
        self._conversion_job = self.jobs.start(spec, self._on_conversion)

    def start_training(self, spec: TrainSpec) -> None:
        """Train in a child process; the new model is copied into the workspace's models.

        While one runs it waits for its turn.  A run folder that is in use or waits already is
        refused with `failed`.
        """
        runs = [job.work_dir for job in self.jobs.running(TrainSpec)]
        if self._queue.holds(spec.run) or Path(spec.run) in runs:
            self.failed.emit(JobError(f"The training {spec.model_name} is under way already."))
        elif runs:
            self._queue.add(spec)
            self.queue_changed.emit(self._queue.specs)
        else:
            self._begin_training(spec)

    def _begin_training(self, spec: TrainSpec) -> None:
        self.training, self.training_spec = RunState(), spec
        self._is_stopping_training = False
        self.training_begun.emit(spec)
        self.jobs.start(
            spec,
            self._on_training,
            work_dir=Path(spec.run),
            needs_paddle=True,
            finish=partial(_register, self.workspace, spec.model_name),
        )

    @property
    def queue(self) -> tuple[TrainSpec, ...]:
        """Trainings that wait, the next one first."""
        return self._queue.specs

    def remove_from_queue(self, run: str) -> None:
        """The training in this run folder shall not begin."""
        if self._queue.remove(run):
            self.queue_changed.emit(self._queue.specs)

    def move_in_queue(self, run: str, by: int) -> None:
        """Let it begin `by` places later (negative: earlier)."""
        if self._queue.move(run, by):
            self.queue_changed.emit(self._queue.specs)

    def stop_conversion(self) -> None:
        """Ask the conversion to stop."""
        self.jobs.stop(self._conversion_job)

    def stop_training(self) -> None:
        """Ask the training to finish its step, save and stop; the next one in the queue begins."""
        if self.training is not None and not self.training.is_over:
            self._is_stopping_training = True
            self._on_training(self.training)
        for job in self.jobs.running(TrainSpec):
            job.stop()

    def pause_training(self) -> None:
        """Ask the training to halt after its step; its memory stays in use."""
        for job in self.jobs.running(TrainSpec):
            job.pause()

    def resume_training(self) -> None:
        """Let a halted training go on."""
        for job in self.jobs.running(TrainSpec):
            job.resume()

    def stop_all(self) -> None:
        """Ask every job to stop, and begin none that waits; `idle` tells when they have."""
        if self._queue.clear():
            self.queue_changed.emit(())
        self.jobs.stop_all()

    @property
    def is_idle(self) -> bool:
        """No job runs."""
        return self.jobs.is_idle

    def _on_ended(self, job: JobThread) -> None:
        if not isinstance(job.spec, TrainSpec):
            return
        following = self._queue.take()
        if following is not None:
            self.queue_changed.emit(self._queue.specs)
            self._begin_training(following)

    def _on_conversion(self, run: RunState) -> None:
        self.conversion = run
        self.conversion_changed.emit(run)
        if run.is_over:
            self.refresh()

    def _on_training(self, run: RunState) -> None:
        if self._is_stopping_training and not run.is_over:
            run = replace(run, status=RunStatus.STOPPING)
        self.training = run
        self.training_changed.emit(run)
        if run.is_over:
            self._tell_registered(registered(run))

    def _tell_registered(self, path: Path | None) -> None:
        """Something has ended that may have brought a model."""
        self.refresh()
        if path is not None:  # told after the list that it is in
            self._background.submit(
                lambda: next(e for e in self.workspace.model_entries() if e.path == path),
                self.model_added.emit,
                self.failed.emit,
            )

    def quit(self) -> None:
        """Ask every job to stop and begin no more work; does not wait."""
        self.stop_all()
        self._background.quit()

    def close(self) -> None:
        """End all threads; jobs are stopped and waited for."""
        self.quit()
        self.jobs.wait()
        self._background.close()


def _register(workspace: Workspace, name: str, result: dict[str, Any]) -> dict[str, Any]:
    """Copy the run's model to models/NAME-vN."""
    return registration(workspace.register_model(Path(result["model"]), name))
