"""The end of a training: its best weights become a model package."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.engine.backend import software_versions
from medseg_desktop.engine.beginning import Ancestry
from medseg_desktop.engine.networks.export import compare, export_onnx
from medseg_desktop.engine.networks.network import encode_weights, load_state
from medseg_desktop.engine.recipe import intervals_of, recipe_facts, recipe_of
from medseg_desktop.io import atomic
from medseg_desktop.io.dataset import Dataset, split_digest
from medseg_desktop.io.machine import machine_facts
from medseg_desktop.io.model_package import InputShape, ModelInfo, read_info, write_model
from medseg_desktop.io.run_folder import MODEL_FOLDER

if TYPE_CHECKING:
    from paddle.nn import Layer

    from medseg_desktop.engine.data import Sample
    from medseg_desktop.engine.trainer import Best
    from medseg_desktop.jobs.worker import JobContext


def pack(
    network: Layer,
    best: Best,
    shown: Sequence[Sample],
    *,
    spec: TrainSpec,
    dataset: Dataset,
    context: JobContext,
    ancestry: Ancestry,
    iterations: int,
    told: dict[str, Any],
    history: list[dict[str, Any]],
) -> None:
    """Export the best weights, compare with Paddle, and write RUN/model.

    A model of the training's first part is kept under another name.

    Args:
        shown: slices to compare Paddle and ONNX Runtime on.
        ancestry: what the training began with.
        iterations: steps done.
        told: more of the training, for `model.json`.
        history: its evaluations, see `core.run_history`.

    Raises:
        JobError, ModelError, WorkspaceError: there is no new model, and the old one is whole.
    """
    context.progress("export", 0, 3)
    manifest, size = dataset.manifest, spec.size
    load_state(network, best.weights)
    onnx = export_onnx(
        network, size=size, table=manifest.table, preprocessing=manifest.preprocessing
    )
    context.progress("export", 1, 3)
    agreement = compare(network, onnx, shown, size=size, how=manifest.preprocessing)
    context.progress("export", 2, 3)
    told = {"onnx_agreement": agreement, **told}
    info = _model_info(best, spec, dataset, ancestry, iterations, told, history)
    folder = Path(spec.run) / MODEL_FOLDER
    try:
        if not atomic.is_free(folder):
            _set_aside(folder)
        write_model(folder, info, onnx, encode_weights(best.weights))
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, folder, "write")) from error
    context.progress("export", 3, 3)


def _model_info(
    best: Best,
    spec: TrainSpec,
    dataset: Dataset,
    ancestry: Ancestry,
    iterations: int,
    told: dict[str, Any],
    history: list[dict[str, Any]],
) -> ModelInfo:
    """What the package says of itself; the arguments are those of `pack`."""
    manifest = dataset.manifest
    return ModelInfo(
        name=spec.model_name,
        architecture=spec.architecture,
        labels=manifest.labels,
        preprocessing=manifest.preprocessing,
        input=InputShape(channels=1, height=spec.size, width=spec.size),
        dataset_hash=dataset.digest,
        split_hash=split_digest(manifest.patients),
        split=manifest.patients,
        split_origin=manifest.split_origin,
        salt_id=manifest.salt_id,
        **msgspec.structs.asdict(ancestry),
        training={
            "preset": spec.preset,
            "iterations": iterations,
            "planned_iterations": spec.iterations,
            "batch_size": spec.batch_size,
            "size": spec.size,
            "seed": spec.seed,
            "patience": spec.patience,
            "evaluate_every": intervals_of(spec).evaluate_every,
            "recipe": recipe_facts(recipe_of(spec)),
            **told,
        },
        metrics=_metrics(best) | {"history": history},
        software=software_versions(),
        machine=machine_facts(told["device_name"] if told["device"] == "gpu" else ""),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _set_aside(model: Path) -> None:
    """Rename the model of the training's first part: RUN/model -> RUN/model-000400.

    Raises:
        OSError: it cannot be renamed.
    """
    steps = read_info(model).training.get("iterations", 0)
    aside = model.with_name(f"{model.name}-{steps:06d}")
    number = 1
    while aside.exists():
        number += 1
        aside = model.with_name(f"{model.name}-{steps:06d}-{number}")
    model.rename(aside)


def _metrics(best: Best) -> dict[str, Any]:
    """Validation figures of the packed weights, for `model.json`."""
    evaluation = best.validation.evaluation
    scored = [case for case in evaluation.cases if case.foreground_dice is not None]
    return {
        "set": "val",
        "iteration": evaluation.iteration,
        "mean_patient_dice": evaluation.mean_dice,
        "dice": evaluation.dice,
        "iou": evaluation.iou,
        "n_patients": len(scored),
        "loss": best.validation.loss,
        "cases": msgspec.to_builtins(evaluation.cases),
    }
