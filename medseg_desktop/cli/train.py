"""`train`: a model from a dataset, in a child process."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import msgspec

from medseg_desktop.cli.context import existing, workspace_of
from medseg_desktop.cli.output import JobPrinter, print_json, result_of, warn
from medseg_desktop.core.errors import UsageError, WorkspaceError, describe_os_error
from medseg_desktop.core.estimate import duration_text
from medseg_desktop.core.run_state import RunStatus
from medseg_desktop.core.specs import STARTER, TrainSpec, decode_spec
from medseg_desktop.io.atomic import is_free
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.preflight import Preflight, check_training
from medseg_desktop.io.settings_file import load_settings
from medseg_desktop.jobs.protocol import EVENTS_FILE, LOG_FILE, SPEC_FILE
from medseg_desktop.jobs.run import run_job

DEFAULT_ITERATIONS = 3000
#: What a training leaves that failed before its first checkpoint.
_RECORD = {SPEC_FILE, EVENTS_FILE, LOG_FILE, ".sources"}


def run(arguments: argparse.Namespace) -> int:
    spec = _continued(arguments) if arguments.resume else _spec(arguments)
    preflight = check_training(read_dataset(Path(spec.dataset)), spec)
    if arguments.check:
        return _report(preflight, arguments.json)
    preflight.require()
    if not spec.resume:
        _clear_failed_run(Path(spec.run))
    settings = load_settings()
    state = run_job(
        spec,
        work_dir=Path(spec.run),
        interpreter=arguments.interpreter or settings.training_interpreter or None,
        threads=settings.threads,
        on_event=JobPrinter().on_event,
    )
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


def _clear_failed_run(run_folder: Path) -> None:
    """Make room where an earlier training failed before it kept anything.

    Raises:
        WorkspaceError: the folder holds anything but the record of such a training.
    """
    if is_free(run_folder):
        return
    try:
        left = {path.name: path for path in run_folder.iterdir()}
        checkpoints = left.pop("checkpoints", None)
        if set(left) <= _RECORD and (checkpoints is None or is_free(checkpoints)):
            shutil.rmtree(run_folder)
            return
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, run_folder, "use")) from error
    raise WorkspaceError(
        f"{run_folder} exists already and is not empty.", "Choose another run folder."
    )


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
    return msgspec.structs.replace(
        begun,
        dataset=str(existing(arguments.dataset)),
        run=str(folder),
        iterations=arguments.iters or begun.iterations,
        device=arguments.device,
        patience=begun.patience if arguments.patience is None else arguments.patience,
        resume=True,
    )


def _spec(arguments: argparse.Namespace) -> TrainSpec:
    dataset = existing(arguments.dataset)
    run_folder = arguments.run_folder.absolute()
    return TrainSpec(
        dataset=str(dataset),
        run=str(run_folder),
        model_name=run_folder.name,
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
