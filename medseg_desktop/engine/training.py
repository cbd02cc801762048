"""The job `train`: from a dataset to a model package in the run folder.

Importing this module does not import Paddle: a dataset that cannot be trained on is refused
before the seconds that takes.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from medseg_desktop.core.errors import (
    Cancelled,
    MedSegError,
    WorkspaceError,
)
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.core.split import SetName
from medseg_desktop.engine.history import earlier_curve
from medseg_desktop.engine.recipe import Recipe, recipe_of
from medseg_desktop.engine.reporting import Reporter
from medseg_desktop.io import atomic
from medseg_desktop.io.dataset import Dataset, read_dataset
from medseg_desktop.io.preflight import Preflight, check_training
from medseg_desktop.io.run_folder import CHECKPOINTS, MODEL_FOLDER
from medseg_desktop.jobs.rank_process import check_batch_size, place_among_processes

if TYPE_CHECKING:
    from paddle.nn import Layer

    from medseg_desktop.engine.averaging import WeightAverage
    from medseg_desktop.engine.beginning import Ancestry
    from medseg_desktop.engine.checkpoints import CheckpointInfo, Checkpoints, Latest
    from medseg_desktop.engine.data import Sample
    from medseg_desktop.engine.device import Device
    from medseg_desktop.engine.parallel.world import World
    from medseg_desktop.engine.trainer import Best, Trainer
    from medseg_desktop.jobs.worker import JobContext


def run_training(spec: TrainSpec, context: JobContext) -> dict[str, Any]:
    """Train as the spec says; the best model ends in RUN/model.

    Where the environment names several processes, this is one of them: the first does all that
    is told here, the others only take part in the steps.

    Returns:
        run, model (paths), iterations (done), best {iteration, mean_dice}, elapsed_s, device,
        patients and slices by set.

    Raises:
        Cancelled: stopped by the user; its result is the same dict, and the best model, if
            one was evaluated, is in RUN/model.
        DataError, JobError, WorkspaceError: what went wrong; no model was written.
    """
    run = Path(spec.run)
    rank, processes = place_among_processes()
    check_batch_size(spec.batch_size, processes)
    dataset = read_dataset(Path(spec.dataset))
    preflight = check_training(dataset, spec)
    preflight.require()
    if rank == 0 and not spec.resume and not atomic.is_free(run / MODEL_FOLDER):
        raise WorkspaceError(
            f"The run folder {run} holds a model already.",
            "Continue that training, or choose another folder for the run.",
        )
    from medseg_desktop.engine.backend import quiet
    from medseg_desktop.engine.checkpoints import Checkpoints

    if rank > 0:  # reads at most: the first process writes
        checkpoints = Checkpoints(run / CHECKPOINTS)
    else:
        checkpoints = Checkpoints.reopen(run) if spec.resume else Checkpoints.create(run)
    reporter = Reporter(spec, context, dataset)
    job = _Job(spec, context, dataset, preflight, checkpoints, reporter)
    with quiet():
        return reporter.run(job.run) if rank == 0 else job.run()


@dataclass(slots=True)
class _Job:
    """One training, with what all its stages need."""

    spec: TrainSpec
    context: JobContext
    dataset: Dataset
    preflight: Preflight
    checkpoints: Checkpoints
    reporter: Reporter
    device: Device = field(init=False)
    ancestry: Ancestry = field(init=False)
    begun_s: float = 0.0
    resumed: Latest | None = None

    def run(self) -> dict[str, Any]:
        from medseg_desktop.engine.backend import paddle
        from medseg_desktop.engine.data import load_samples
        from medseg_desktop.engine.device import choose_device
        from medseg_desktop.engine.parallel.world import World, common_facts

        self.begun_s = time.monotonic()
        if self.spec.resume:
            self.resumed = self._checkpoint()
        self.device = choose_device(self.spec.device)
        paddle.seed(self.spec.seed)
        self.context.started(self._details())
        for finding in self.preflight.warnings:
            self.context.log(f"{finding.message} {finding.cure}", "warning")
        world = World.join(self.device.kind)
        done = self.resumed.info.iteration if self.resumed else 0
        world.check_same(common_facts(self.spec, self.dataset.digest, self.device.kind, done))
        samples = load_samples(
            self.dataset, ("train", "val") if world.is_first else ("train",), self._on_slice
        )
        network = self._network()
        trainer = self._trainer(network, samples, world)
        shown = samples.get("val") or samples["train"]
        try:
            with world:
                trainer.run()
        except MedSegError:
            if world.is_first:
                self._rescue(network, trainer, shown)
            raise
        if not world.is_first:
            return {"iterations": trainer.iteration}
        if trainer.best is not None:
            self._pack(network, trainer.best, trainer.iteration, shown)
        result = self._result(trainer)
        if trainer.iteration < self.spec.iterations and not trainer.ended_early:
            raise Cancelled("the training was stopped", result)
        return result

    def _rescue(self, network: Layer, trainer: Trainer, shown: list[Sample]) -> None:
        """Pack the best model of a training that fails; why it fails is what will be told."""
        if trainer.best is None:
            return
        try:
            self._pack(network, trainer.best, trainer.iteration, shown)
            self.context.log(
                f"The best model so far, of step {trainer.best.iteration}, is in "
                f"{Path(self.spec.run) / MODEL_FOLDER}."
            )
        except MedSegError as error:
            self.context.log(
                f"The best model so far could not be packed: {error.message} It is in the "
                "checkpoints of the run.",
                "warning",
            )

    def _checkpoint(self) -> Latest:
        """The checkpoint to go on from.

        Raises:
            WorkspaceError: it belongs to another training than the spec's.
        """
        latest = self.checkpoints.read_latest()
        info, run = latest.info, self.spec.run
        wanted = self._about(info.ancestry)
        for what, kept, now in (
            ("network", info.architecture, wanted.architecture),
            ("preset", info.preset, wanted.preset),
            ("labels", ", ".join(info.labels), ", ".join(wanted.labels)),
            ("seed", str(info.seed), str(wanted.seed)),
        ):
            if kept != now:
                raise WorkspaceError(
                    f"The training in {run} has another {what} ({kept}) than asked for ({now}).",
                    "Continue it as it was begun, or start a new training from its model.",
                )
        if info.dataset != wanted.dataset:
            raise WorkspaceError(
                f"The dataset {self.dataset.folder.name} has changed since the training in {run} "
                "was begun.",
                "Start a new training from the run's model.",
            )
        return latest

    def _about(self, ancestry: Ancestry) -> CheckpointInfo:
        """What every checkpoint says of this training."""
        from medseg_desktop.engine.checkpoints import CheckpointInfo

        return CheckpointInfo(
            iteration=0,
            preset=self.spec.preset,
            architecture=self.spec.architecture,
            seed=self.spec.seed,
            labels=self.dataset.manifest.table.names,
            dataset=self.dataset.digest,
            **msgspec.structs.asdict(ancestry),
        )

    def _details(self) -> dict[str, Any]:
        """What the run shows about itself from the start."""
        spec = self.spec
        return {
            "device": self.device.kind,
            "device_name": self.device.name,
            "precision": self.device.precision,
            "processes": place_among_processes()[1],
            "iterations": spec.iterations,
            "batch_size": spec.batch_size,
            "size": spec.size,
            "preset": spec.preset,
            "architecture": spec.architecture,
            "seed": spec.seed,
            "patience": spec.patience,
            "threads": int(os.environ.get("OMP_NUM_THREADS") or 0),
            "resumed_from": self.resumed.info.iteration if self.resumed else None,
            "labels": list(self.dataset.manifest.table.names),
            "patients": self._numbers("patients"),
            "slices": self._numbers("slices"),
        }

    def _numbers(self, what: str) -> dict[str, int]:
        return {name: getattr(n, what) for name, n in self.preflight.sets.items()}

    def _on_slice(self, done: int, total: int) -> None:
        # Several processes stop together, before the first step.
        if self.context.stop_requested and place_among_processes()[1] == 1:
            raise Cancelled("the training was stopped", {"run": self.spec.run, "model": None})
        self.context.progress("prepare", done, total)

    def _network(self) -> Layer:
        """Fresh, or with the weights of the model the spec names."""
        from medseg_desktop.engine.beginning import begin, fresh_network

        manifest = self.dataset.manifest
        network = fresh_network(self.spec, manifest)
        if self.resumed:
            self.ancestry = self.resumed.info.ancestry
        else:
            self.ancestry = begin(network, self.spec, manifest, self.context.log)
        return network

    def _trainer(
        self, network: Layer, samples: dict[SetName, list[Sample]], world: World
    ) -> Trainer:
        from medseg_desktop.engine.data import batch_source
        from medseg_desktop.engine.previews import PreviewWriter
        from medseg_desktop.engine.trainer import Parts, Trainer
        from medseg_desktop.engine.validation import Validator

        spec, manifest = self.spec, self.dataset.manifest
        recipe = recipe_of(spec)
        source = batch_source(self.dataset, spec, samples["train"])
        validator = Validator(
            samples.get("val", []),
            manifest.table,
            manifest.preprocessing,
            size=spec.size,
            batch_size=spec.batch_size,
        )
        self.reporter.source = source
        parts = Parts(
            self.device,
            network,
            average=self._average(network, recipe) if world.is_first else None,
            source=source,
            validator=validator,
            checkpoints=self.checkpoints,
            previews=PreviewWriter(Path(spec.run)),
            world=world,
        )
        trainer = Trainer(spec, recipe, self.context, parts, self._about(self.ancestry))
        if self.resumed is not None:
            trainer.restore(self.resumed, self.checkpoints.read_best())
            self._tell_again(self.resumed.info.iteration)
        return trainer

    def _average(self, network: Layer, recipe: Recipe) -> WeightAverage | None:
        from medseg_desktop.engine.averaging import WeightAverage
        from medseg_desktop.engine.networks.network import build_network

        if recipe.average_decay is None:
            return None
        copy = build_network(self.spec.architecture, len(self.dataset.manifest.table))
        return WeightAverage(network, copy, recipe.average_decay)

    def _tell_again(self, iteration: int) -> None:
        """Tell the curve up to the checkpoint, so that one record holds the whole training."""
        for event in earlier_curve(Path(self.spec.run), iteration):
            self.context.emit(event)
        self.context.log(f"The training goes on after step {iteration}.")

    def _pack(self, network: Layer, best: Best, done: int, shown: list[Sample]) -> None:
        """Make RUN/model of the best weights."""
        from medseg_desktop.engine.packing import pack

        told = {
            "device": self.device.kind,
            "precision": self.device.precision,
            "processes": place_among_processes()[1],
            "device_name": self.device.name,
            "elapsed_s": self._elapsed_s(),
            "patients": self._numbers("patients"),
            "slices": self._numbers("slices"),
        }
        pack(
            network,
            best,
            shown,
            spec=self.spec,
            dataset=self.dataset,
            context=self.context,
            ancestry=self.ancestry,
            iterations=done,
            told=told,
            history=self.reporter.history(),
        )

    def _elapsed_s(self) -> float:
        return round(time.monotonic() - self.begun_s, 1)

    def _result(self, trainer: Trainer) -> dict[str, Any]:
        best = trainer.best
        model = Path(self.spec.run) / MODEL_FOLDER
        return {
            "run": self.spec.run,
            "model": None if best is None else str(model),
            "iterations": trainer.iteration,
            "best": None
            if best is None
            else {
                "iteration": best.iteration,
                "mean_dice": best.validation.evaluation.mean_dice,
            },
            "elapsed_s": self._elapsed_s(),
            "ended_early": trainer.ended_early,
            "device": self.device.kind,
            "patients": self._numbers("patients"),
            "slices": self._numbers("slices"),
        }
