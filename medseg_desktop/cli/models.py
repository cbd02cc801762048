"""`models`: list the models of the workspace, promote one, go back to the one before."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from medseg_desktop.cli.console import count, print_json, table
from medseg_desktop.cli.context import workspace_of
from medseg_desktop.core.evaluation.result import Estimate
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.models.champions import Champions
from medseg_desktop.io.models.importing import import_package
from medseg_desktop.io.models.listing import ListedModel, ModelListReader, ModelStatus
from medseg_desktop.io.settings_file import load_settings, user_name
from medseg_desktop.io.workspace import Workspace

_HEADER = ("Model", "Status", "Created", "Trained from", "Validation Dice", "Test Dice")


def run_list(arguments: argparse.Namespace) -> int:
    """`models list`."""
    workspace = workspace_of(arguments)
    found = ModelListReader(workspace).read()
    if arguments.json:
        champion = found.champion.model if found.champion else None
        rows = [_row(model) for model in found.models]
        print_json({"models": rows, "champion": champion, "problem": found.problem})
        return 0
    if not found.models:
        print(f"There is no model in {workspace.root}. Train one, or import one.")
    else:
        print(table([_texts(model) for model in found.models], _HEADER))
    for model in found.models:
        if model.entry.problem:
            print(f"  {model.title}: {model.entry.problem}")
    if found.problem:
        print(f"Problem: {found.problem}")
    return 0


def run_promote(arguments: argparse.Namespace) -> int:
    """`models promote`."""
    workspace, by = workspace_of(arguments), _who(arguments)
    champions = Champions(workspace)
    champions.require(by, arguments.reason)  # before anything is copied
    found = workspace.find_model(arguments.model)
    Predictor.require_runnable(found)
    name = _registered(workspace, found, by)
    champion = champions.promote(name, by, arguments.reason)
    print(f"{champion.model} is the champion now, promoted by {champion.by}.")
    return 0


def run_rollback(arguments: argparse.Namespace) -> int:
    """`models rollback`."""
    champion = Champions(workspace_of(arguments)).rollback(_who(arguments), arguments.reason)
    print(f"{champion.model} is the champion again, rolled back by {champion.by}.")
    return 0


def _who(arguments: argparse.Namespace) -> str:
    """--by, else the annotator of the settings, else the name of the account."""
    if arguments.by is not None:
        return str(arguments.by)
    return load_settings().annotator or user_name()


def _registered(workspace: Workspace, path: Path, by: str) -> str:
    """The folder name of a model in the workspace, which a package of elsewhere is copied to."""
    path = path.resolve()
    if path.parent == workspace.models.resolve() and path.is_dir():
        return path.name
    entry = import_package(workspace, path, "", by)
    print(f"{path} was copied into the workspace as {entry.title}.")
    return entry.path.name


def _texts(model: ListedModel) -> tuple[str, ...]:
    info = model.info
    status = model.status.value if info else "cannot be used"
    return (
        model.title,
        status,
        (info.created[:10] if info else "") or "-",
        (info.parent if info else "") or "-",
        "-" if model.validation_dice is None else f"{model.validation_dice:.3f}",
        _estimate(model.test, model.seen),
    )


def _estimate(test: Estimate | None, seen: int) -> str:
    if test is None or test.mean is None:
        return "-"
    interval = "" if test.low is None else f" ({test.low:.3f} to {test.high:.3f})"
    patients = count(test.n, "patient") + (f", {seen} seen in training" if seen else "")
    return f"{test.mean:.3f}{interval}, {patients}"


def _row(model: ListedModel) -> dict[str, Any]:
    info, test = model.info, None
    if model.test is not None and model.tested is not None:
        dice = model.test
        test = {
            "foreground_dice": dice.mean,
            "low": dice.low,
            "high": dice.high,
            "n": dice.n,
            "seen": model.seen,
            "created": model.tested.created,
            "evaluation": model.tested.path.name,
        }
    return {
        "title": model.title,
        "path": f"models/{model.path.name}",
        "status": model.status.value,
        "champion": model.status is ModelStatus.CHAMPION,
        "candidate": model.status is ModelStatus.CANDIDATE and info is not None,
        "created": info.created if info else "",
        "parent": info.parent if info else "",
        "validation_dice": model.validation_dice,
        "test": test,
        "problem": model.entry.problem,
    }
