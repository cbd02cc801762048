"""`demo`: the whole main job on a generated phantom study."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medseg_desktop.cli.evaluate import evaluation_text
from medseg_desktop.cli.gui import open_window
from medseg_desktop.cli.output import JobPrinter, ProgressLine, result_of, warn
from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.estimate import duration_text
from medseg_desktop.core.specs import STARTER, EvaluateSpec, PredictSpec, Spec, TrainSpec
from medseg_desktop.io.atomic import is_free
from medseg_desktop.io.conversion_request import conversion_spec
from medseg_desktop.io.phantom_study import write_phantom_study
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.jobs.run import run_job

_PATIENTS = 10
_ITERATIONS = 80
_SIZE = 128
_MARKER = "medseg-demo.txt"


def run(arguments: argparse.Namespace) -> int:
    folder = (arguments.dir or Path("medseg-demo")).absolute()
    if not is_free(folder) and not (folder / _MARKER).is_file():
        raise WorkspaceError(
            f"{folder} exists already and is not a demo.", "Give another folder for the demo."
        )
    workspace = Workspace(arguments.workspace or folder / "workspace")
    study = folder / "study"
    begun = time.monotonic()
    _write_study(folder, study)
    model = _main_job(workspace, study, arguments.iters or _ITERATIONS)
    print(f"Done in {duration_text(time.monotonic() - begun)}. Everything lies in {folder}")
    print(f"Its models are named with --workspace {shlex.quote(str(workspace.root))}")
    if arguments.headless:
        return 0
    return open_window(workspace, [study], arguments.quit_after, model=model)


@contextmanager
def _step(number: int, name: str) -> Iterator[None]:
    begun = time.monotonic()
    print(f"{number}. {name} ...", flush=True)
    yield
    print(f"   {duration_text(time.monotonic() - begun)}", flush=True)


def _write_study(folder: Path, study: Path) -> None:
    with _step(1, f"Making a phantom study of {_PATIENTS} patients"):
        if study.is_dir():
            print("   it is there already")
            return
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARKER).write_text(
            "Made by medseg-desktop demo. It may be removed as a whole.\n", encoding="utf-8"
        )
        line = ProgressLine()
        write_phantom_study(
            study,
            patients=_PATIENTS,
            progress=lambda done, total: line.show(f"patient {done} of {total}"),
        )
        line.clear()


def _main_job(workspace: Workspace, study: Path, iterations: int) -> Path:
    """Convert, train, predict and evaluate; returns the model's folder in the workspace."""
    run_folder = workspace.new_run()
    dataset = workspace.datasets / f"demo-{run_folder.name}"
    with _step(2, "Converting the reviewed slices"):
        result = _run(conversion_spec(workspace, study, dataset, overlays=True))
        patients = result["patients"]
        print(
            f"   {result['slices']} slices; patients: {patients['train']} train, "
            f"{patients['val']} val, {patients['test']} test"
        )
    with _step(3, f"Training for {iterations} steps on the CPU"):
        spec = TrainSpec(
            dataset=str(dataset),
            run=str(run_folder),
            model_name="demo",
            preset="default",
            iterations=iterations,
            size=_SIZE,
            init=STARTER,
        )
        _run(spec, run_folder)
        model = workspace.register_model(run_folder / "model", "demo")
        print(f"   the model {model.title}")
    salt = workspace.salt().hex()
    with _step(4, "Predicting every slice"):
        out = run_folder / "predictions"
        result = _run(
            PredictSpec(
                model=str(model.path),
                source=str(study),
                out=str(out),
                formats=["png", "overlay"],
                salt=salt,
            )
        )
        print(f"   {result['counts']['predicted']} files in {out}")
    with _step(5, "Comparing the predictions with the annotations"):
        result = _run(
            EvaluateSpec(
                model=str(model.path),
                source=str(study),
                salt=salt,
                workspace=str(workspace.root),
            )
        )
        print(evaluation_text(result))
        warn(result["warnings"])
    return model.path


def _run(spec: Spec, work_dir: Path | None = None) -> dict[str, Any]:
    return result_of(run_job(spec, work_dir=work_dir, on_event=JobPrinter().on_event))
