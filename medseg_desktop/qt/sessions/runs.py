"""RunSession: jobs in child processes, datasets, runs and models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.errors import JobError, MedSegError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.settings import Settings
from medseg_desktop.core.specs import ConvertSpec, ImportSpec, MeasureSpec, Spec, TrainSpec
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.champions import Champion
from medseg_desktop.io.model_import import PDPARAMS, import_package, package_of
from medseg_desktop.io.model_list import ModelList, ModelListReader
from medseg_desktop.io.settings_file import user_name
from medseg_desktop.io.workspace import ModelEntry, Workspace
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.job_thread import JobThread
from medseg_desktop.qt.sessions.evaluations import EvaluationSession
from medseg_desktop.qt.sessions.run_queue import RunQueue


class RunSession(QObject):
    """Owns what runs and what came out of it.

    Signals:
        conversion_changed(RunState), training_changed(RunState).
        measurement_changed(MeasureSpec, RunState).
        import_changed(RunState): of weights that are made a model.
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
    """

    conversion_changed = Signal(object)
    training_changed = Signal(object)
    measurement_changed = Signal(object, object)
    import_changed = Signal(object)
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
        self.settings = settings
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
        self._is_ending = False
        self.is_retraining = False
        self._jobs: list[JobThread] = []
        self._others: list[JobThread] = []  # those of `start_job`
        self._background = Background(1, "models", self)
        self.evaluations = EvaluationSession(self._start, self)

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

    def import_model(self, file: Path, name: str = "", labels: LabelTable | None = None) -> None:
        """Check a model and copy it into the workspace, in the background.

        Args:
            file: a package (folder or .zip), or PaddleSeg's weights, which a child process reads.
            name: of the model; "" for a package's own.
            labels: of the weights' classes; None for the recipe's.
        """
        actor = self.settings.annotator or user_name()
        if file.suffix.lower() == PDPARAMS:
            job = JobThread(
                ImportSpec(file=str(file), name=name, labels=labels),
                interpreter=self.settings.training_interpreter or None,
                threads=self.settings.threads,
                finish=partial(_take_over, self.workspace, name, actor),
                parent=self,
            )
            self._start(job, self._on_import)
            return

        def done(entry: ModelEntry) -> None:
            self.refresh()
            self.model_added.emit(entry)

        def take_over() -> ModelEntry:
            Predictor.require_runnable(package_of(file))
            return import_package(self.workspace, file, name, actor)

        self._background.submit(take_over, done, self.failed.emit)

    def stop_import(self) -> None:
        """Ask the import to stop; there will be no model."""
        self._stop(ImportSpec)

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
        own = self.conversion is not None and not self.conversion.is_over
        return own or any(isinstance(job.spec, ConvertSpec) for job in self._others)

    @property
    def is_training(self) -> bool:
        return self.training is not None and not self.training.is_over

    @property
    def is_evaluating(self) -> bool:
        return self.evaluations.is_running

    def start_conversion(self, spec: ConvertSpec) -> None:
        """Convert in a child process; one conversion at a time."""
        if self.is_converting:
            return
        self.conversion = RunState()
        self._start(JobThread(spec, parent=self), self._on_conversion)

    def start_training(self, spec: TrainSpec) -> None:
        """Train in a child process; the new model is copied into the workspace's models.

        While one runs it waits for its turn.  A run folder that is in use or waits already is
        refused with `failed`.
        """
        runs = [job.work_dir for job in self._of(TrainSpec)]
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
        job = JobThread(
            spec,
            work_dir=Path(spec.run),
            interpreter=self.settings.training_interpreter or None,
            threads=self.settings.threads,
            finish=partial(_register, self.workspace, spec.model_name),
            parent=self,
        )
        self._start(job, self._on_training)

    def start_job(self, spec: Spec, on_change: Callable[[RunState], None]) -> JobThread:
        """Run a job whose states only the caller wants; it is stopped with all others."""
        job = JobThread(spec, parent=self)
        self._others.append(job)
        self._start(job, on_change)
        return job

    def stop_job(self, job: JobThread) -> None:
        """Ask a job of `start_job` to stop; one that has ended is fine too."""
        if job in self._jobs:
            job.stop()

    def start_measurement(self, spec: MeasureSpec) -> None:
        """Measure a few steps of a training in a child process; an earlier one is stopped."""
        self.stop_measurement()
        job = JobThread(
            spec,
            interpreter=self.settings.training_interpreter or None,
            threads=self.settings.threads,
            parent=self,
        )
        self._start(job, partial(self.measurement_changed.emit, spec))

    def stop_measurement(self) -> None:
        """Nobody waits for it any more."""
        self._stop(MeasureSpec)

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
        self._stop(ConvertSpec)

    def stop_training(self) -> None:
        """Ask the training to finish its step, save and stop; the next one in the queue begins."""
        if self.training is not None and not self.training.is_over:
            self._is_stopping_training = True
            self._on_training(self.training)
        self._stop(TrainSpec)

    def pause_training(self) -> None:
        """Ask the training to halt after its step; its memory stays in use."""
        for job in self._of(TrainSpec):
            job.pause()

    def resume_training(self) -> None:
        """Let a halted training go on."""
        for job in self._of(TrainSpec):
            job.resume()

    def stop_all(self) -> None:
        """Ask every job to stop, and begin none that waits; `idle` tells when they have."""
        if self._queue.clear():
            self.queue_changed.emit(())
        self._is_ending = bool(self._jobs)
        for job in self._jobs:
            job.stop()

    @property
    def is_idle(self) -> bool:
        """No job runs."""
        return not self._jobs

    def _stop(self, kind: type) -> None:
        for job in self._of(kind):
            if job not in self._others:
                job.stop()

    def _of(self, kind: type) -> list[JobThread]:
        return [job for job in self._jobs if isinstance(job.spec, kind)]

    def _start(self, job: JobThread, on_change: Any) -> None:
        self._jobs.append(job)
        job.changed.connect(on_change)
        job.finished.connect(partial(self._ended, job))
        on_change(RunState())
        job.start()
        if self._is_ending:  # it was prepared while the others were told to stop
            job.stop()

    def _ended(self, job: JobThread) -> None:
        self._jobs.remove(job)
        if job in self._others:
            self._others.remove(job)
        job.deleteLater()
        following = self._queue.take() if isinstance(job.spec, TrainSpec) else None
        if following is not None:
            self.queue_changed.emit(self._queue.specs)
            self._begin_training(following)
        if not self._jobs:
            self._is_ending = False
            self.idle.emit()

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
            self._tell_registered(run)

    def _on_import(self, run: RunState) -> None:
        self.import_changed.emit(run)
        if run.status is RunStatus.FAILED:
            self.failed.emit(JobError(run.message, run.hint))
        elif run.is_over:
            self._tell_registered(run)

    def _tell_registered(self, run: RunState) -> None:
        """A job has ended that may have brought a model."""
        path = run.result.get("registered")
        self.refresh()
        if path:  # told after the list that it is in
            self._background.submit(
                lambda: next(e for e in self.workspace.model_entries() if str(e.path) == path),
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
        for job in list(self._jobs):
            job.wait()
        self._background.close()


def _register(workspace: Workspace, name: str, result: dict[str, Any]) -> dict[str, Any]:
    """Copy the run's model to models/NAME-vN."""
    entry = workspace.register_model(Path(result["model"]), name)
    return {"registered": str(entry.path), "title": entry.title}


def _take_over(
    workspace: Workspace, name: str, actor: str, result: dict[str, Any]
) -> dict[str, Any]:
    """Copy the package that an import has made to models/NAME-vN."""
    entry = import_package(workspace, Path(result["model"]), name, actor, result["sha256"])
    return {"registered": str(entry.path), "title": entry.title}
