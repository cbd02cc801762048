"""`train`: a model from a dataset, in a child process."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from medseg_desktop.cli.context import existing, named_model, workspace_of
from medseg_desktop.cli.output import JobPrinter, print_json, result_of, warn
from medseg_desktop.cli.train_check import checked, refuse_check_options, report
from medseg_desktop.core.errors import JobError, ModelError, UsageError, WorkspaceError
from medseg_desktop.core.estimate import duration_text
from medseg_desktop.core.run_state import RunStatus
from medseg_desktop.core.specs import STARTER, TrainSpec, decode_spec
from medseg_desktop.io.model_package import check_model_name
from medseg_desktop.io.run_folder import has_checkpoint
from medseg_desktop.io.settings_file import load_settings
from medseg_desktop.jobs.failed_run import clear_failed_run
from medseg_desktop.jobs.protocol import SPEC_FILE
from medseg_desktop.jobs.rank_process import check_batch_size, place_among_processes
from medseg_desktop.jobs.run import run_job

DEFAULT_ITERATIONS = 3000


def run(arguments: argparse.Namespace) -> int:
    rank, processes = place_among_processes()
    refuse_check_options(arguments)
    spec = _continued(arguments) if arguments.resume else _spec(arguments)
    spec = _on_devices(spec, arguments.devices, processes)
    preflight = checked(spec)
    if arguments.check:
        return report(preflight, spec, arguments)
    preflight.require()
    is_first = rank == 0
    if is_first and not spec.resume:
        clear_failed_run(Path(spec.run))
    settings = load_settings()
    state = run_job(
        spec,
        work_dir=Path(spec.run) if is_first else None,
        interpreter=arguments.interpreter or settings.training_interpreter or None,
        threads=settings.threads,
        on_event=JobPrinter().on_event if is_first else None,
    )
    if not is_first:
        result_of(state)  # only to fail where it failed: the first process tells the user
        return 0
    if state.status is RunStatus.CANCELLED:
        model = state.result.get("model")
        kept = f"The best model so far is in {model}." if model else "There is no model yet."
        warn([kept])
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


def _on_devices(spec: TrainSpec, devices: list[int], processes: int) -> TrainSpec:
    """The spec with the devices that are asked for, else those it was begun with.

    Args:
        processes: how many of us Paddle's launcher has started.

    Raises:
        UsageError: they cannot train together.
    """
    if processes > 1 and devices:
        raise UsageError(
            "Paddle's launcher has chosen the devices already.",
            "Give --devices to the launcher, or start without it.",
        )
    chosen = [] if processes > 1 else devices or spec.devices
    try:
        check_batch_size(spec.batch_size, max(processes, len(chosen)))
    except JobError as error:
        raise UsageError(error.message, error.hint) from error
    return msgspec.structs.replace(spec, devices=chosen)


def _continued(arguments: argparse.Namespace) -> TrainSpec:
    """The spec that the run was begun with, to go on to perhaps another number of steps.

    What would make it another training (preset, network, size, seed, ...) stays as it was.

    Raises:
        WorkspaceError: the folder holds no training.
    """
    folder = existing(arguments.run_folder)
    path = folder / SPEC_FILE
    try:
        begun = decode_spec(path.read_bytes())
    except OSError as error:
        raise WorkspaceError(
            f"{folder} holds no training to go on with.", "Give the folder of a stopped run."
        ) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise WorkspaceError(
            f"{path} does not describe a training: {error}.", "Start the training anew."
        ) from error
    if not isinstance(begun, TrainSpec):
        raise WorkspaceError(f"{path} does not describe a training.", "Give another run folder.")
    if not has_checkpoint(folder):
        raise WorkspaceError(
            f"The run folder {folder} holds no checkpoint to go on from.",
            "Start the training anew.",
        )
    return msgspec.structs.replace(
        begun,
        dataset=str(existing(arguments.dataset)),
        run=str(folder),
        iterations=arguments.iters or begun.iterations,
        device=arguments.device,
        patience=begun.patience if arguments.patience is None else arguments.patience,
        resume=True,
    )


def _model_name(run: Path) -> str:
    """That of the folder, unless a model cannot have it."""
    try:
        check_model_name(run.name)
    except ModelError:
        return "model"
    return run.name


def _spec(arguments: argparse.Namespace) -> TrainSpec:
    dataset = existing(arguments.dataset)
    run_folder = arguments.run_folder.absolute()
    return TrainSpec(
        dataset=str(dataset),
        run=str(run_folder),
        model_name=_model_name(run_folder),
        preset=arguments.preset,
        architecture=arguments.model,
        iterations=arguments.iters or DEFAULT_ITERATIONS,
        batch_size=arguments.batch_size,
        size=arguments.size,
        device=arguments.device,
        init=_init(arguments),
        seed=arguments.seed,
        learning_rate=arguments.learning_rate or 0.0,
        patience=arguments.patience or 0,
    )


def _init(arguments: argparse.Namespace) -> str:
    if arguments.init is None:  # the original method, and other networks, start from nothing
        plain = arguments.preset == "default" and arguments.model == "bisenetv2"
        return STARTER if plain else "none"
    if arguments.init in ("none", STARTER):
        return str(arguments.init)
    model = named_model(workspace_of(arguments), arguments.init)
    if not model.is_dir() and model.suffix.lower() != ".zip":
        raise UsageError(f"{model} is not a model.", "Give a model folder, .zip or name.")
    return str(model.absolute())
