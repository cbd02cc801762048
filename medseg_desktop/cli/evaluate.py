"""`evaluate`: a model against the annotations of a folder, patient by patient."""

from __future__ import annotations

import argparse
from typing import Any

from medseg_desktop.cli.console import count
from medseg_desktop.cli.context import sources, workspace_of
from medseg_desktop.cli.output import JobPrinter, print_json, result_of, table, warn
from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.io.settings_file import load_settings
from medseg_desktop.jobs.run import run_job


def run(arguments: argparse.Namespace) -> int:
    workspace = workspace_of(arguments)
    named = sources(arguments.source)
    spec = EvaluateSpec(
        model=str(workspace.find_model(arguments.model).absolute()),
        source=[str(path) for path in named],
        salt=workspace.salt().hex(),
        workspace=str(workspace.root),
        subset=arguments.split,
        patient_key=arguments.patient_key,
        skip_broken=arguments.skip_broken,
        threads=load_settings().threads,
    )
    result = result_of(run_job(spec, on_event=JobPrinter().on_event))
    warn(result["warnings"])
    if arguments.json:
        print_json(result)
    else:
        print(evaluation_text(result))
    return 0


def evaluation_text(result: dict[str, Any]) -> str:
    """The result of an evaluation as a table."""
    rows = [
        (
            case["path"],
            case["set"],
            str(case["n_slices"]),
            _figure(case["foreground_dice"], 3),
            _figure(case["false_positive_ml"], 2),
        )
        for case in result["cases"]
    ]
    text = table(rows, ("Patient", "Set", "Slices", "Dice", "False positive ml"))
    mean = result["mean"]
    if mean["n"]:
        patients = count(mean["n"], "patient")
        text += f"\nMean Dice {mean['foreground_dice']:.3f} over {patients} with lesion"
    else:
        text += "\nNo patient with lesion, so there is no Dice"
    return text


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
