"""`import-model`: weights of PaddleSeg, or a package, as a model of the workspace."""

from __future__ import annotations

import argparse
from typing import Any

from medseg_desktop.cli.context import existing, workspace_of
from medseg_desktop.cli.output import JobPrinter, print_json, result_of
from medseg_desktop.core.errors import LabelError, ModelError, UsageError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.specs import ImportSpec
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.model_import import import_package, is_package, label_table, package_of
from medseg_desktop.io.model_package import check_model_name
from medseg_desktop.io.settings_file import load_settings, user_name
from medseg_desktop.io.workspace import ModelEntry
from medseg_desktop.jobs.run import run_job, temporary_work_dir


def run(arguments: argparse.Namespace) -> int:
    file = existing(arguments.file)
    labels = _checked(arguments)
    if is_package(file):
        if labels is not None:
            raise UsageError("A package knows its labels.", "Leave out --labels.")
        Predictor.require_runnable(package_of(file))
        entry = import_package(workspace_of(arguments), file, arguments.name, _actor())
        result: dict[str, Any] = {"format": "package"}
    else:
        entry, result = _import_weights(arguments, labels)
    assert entry.info is not None  # it was written just now
    result |= {
        "title": entry.title,
        "model": str(entry.path),
        "labels": list(entry.info.table.names),
        "network": entry.info.network_digest,
    }
    if arguments.json:
        print_json(result)
    else:
        print(_text(result))
    return 0


def _checked(arguments: argparse.Namespace) -> LabelTable | None:
    """The labels; raises UsageError for names that cannot be used."""
    try:
        check_model_name(arguments.name)
        return label_table(arguments.labels)
    except (LabelError, ModelError) as error:
        raise UsageError(error.message, error.hint) from error


def _import_weights(
    arguments: argparse.Namespace, labels: LabelTable | None
) -> tuple[ModelEntry, dict[str, Any]]:
    settings = load_settings()
    with temporary_work_dir() as folder:
        package = folder / "model"
        spec = ImportSpec(
            file=str(arguments.file.absolute()),
            package=str(package),
            name=arguments.name,
            labels=labels,
            size=arguments.size,
        )
        result = result_of(
            run_job(
                spec,
                work_dir=folder,
                interpreter=settings.training_interpreter or None,
                threads=settings.threads,
                on_event=JobPrinter().on_event,
            )
        )
        sha256 = result["sha256"]
        entry = import_package(workspace_of(arguments), package, spec.name, _actor(), sha256)
    return entry, {"format": "pdparams", "agreement": result["agreement"], "sha256": sha256}


def _actor() -> str:
    return load_settings().annotator or user_name()


def _text(result: dict[str, Any]) -> str:
    labels = ", ".join(result["labels"][1:])
    agreement = result.get("agreement")
    compared = "" if agreement is None else f"; ONNX and Paddle agree on {agreement:.4%} of pixels"
    return f"{result['model']}: {result['title']}, labels {labels}{compared}"
