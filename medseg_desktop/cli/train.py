"""`train`: a model from a dataset, in a child process."""

from __future__ import annotations

import argparse
from pathlib import Path

from medseg_desktop.cli.context import existing, workspace_of
from medseg_desktop.cli.later import not_yet
from medseg_desktop.cli.output import JobPrinter, print_json, result_of, warn
from medseg_desktop.core.errors import UsageError, WorkspaceError
from medseg_desktop.core.estimate import duration_text
from medseg_desktop.core.run_state import RunStatus
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.io.atomic import is_free
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.preflight import Preflight, check_training
from medseg_desktop.io.settings_file import load_settings
from medseg_desktop.jobs.run import run_job


def run(arguments: argparse.Namespace) -> int:
    if arguments.resume:
        raise not_yet("train --resume")
    spec = _spec(arguments)
    preflight = check_training(read_dataset(Path(spec.dataset)), spec)
    if arguments.check:
        return _report(preflight, arguments.json)
    preflight.require()
    if not is_free(Path(spec.run)):
        raise WorkspaceError(
            f"{spec.run} exists already and is not empty.", "Choose another run folder."
        )
    warn([f"{w.message} {w.cure}".strip() for w in preflight.warnings])
    settings = load_settings()
    state = run_job(
        spec,
        work_dir=Path(spec.run),
        interpreter=arguments.interpreter or settings.training_interpreter or None,
        threads=settings.threads,
        on_event=JobPrinter().on_event,
    )
    if state.status is RunStatus.CANCELLED and state.result.get("model"):
        warn([f"The best model so far is in {state.result['model']}."])
    result = result_of(state)
    if arguments.json:
        print_json(result)
        return 0
    best = result["best"]
    dice = best.get("mean_dice")
    quality = f", validation Dice {dice:.3f} after step {best['iteration']}" if dice else ""
    elapsed = duration_text(result["elapsed_s"])
    print(f"{result['model']}: {result['iterations']} steps in {elapsed}{quality}")
    return 0


def _spec(arguments: argparse.Namespace) -> TrainSpec:
    dataset = existing(arguments.dataset)
    run_folder = arguments.run_folder.absolute()
    return TrainSpec(
        dataset=str(dataset),
        run=str(run_folder),
        model_name=run_folder.name,
        preset=arguments.preset,
        architecture=arguments.model,
        iterations=arguments.iters,
        batch_size=arguments.batch_size,
        size=arguments.size,
        device=arguments.device,
        init=_init(arguments),
        seed=arguments.seed,
    )


def _init(arguments: argparse.Namespace) -> str:
    if arguments.init == "none":
        return "none"
    if arguments.init == "starter":
        raise not_yet("train --init starter")
    model = workspace_of(arguments).find_model(arguments.init)
    if not model.is_dir() and model.suffix.lower() != ".zip":
        raise UsageError(f"{model} is not a model.", "Give a model folder, .zip or name.")
    return str(model.absolute())


def _report(preflight: Preflight, as_json: bool) -> int:
    """Print what `--check` found; 0 when training may start."""
    if as_json:
        print_json({"may_start": preflight.may_start, **preflight.as_dict()})
        return 0 if preflight.may_start else 1
    for name, numbers in preflight.sets.items():
        print(
            f"{name}: {numbers.patients} patients, {numbers.slices} slices, "
            f"{numbers.slices_with_lesion} with lesion"
        )
    print(f"Memory needed: about {preflight.memory_mb} MB")
    warn([f"{w.message} {w.cure}".strip() for w in preflight.warnings])
    preflight.require()
    print("Training can start.")
    return 0
