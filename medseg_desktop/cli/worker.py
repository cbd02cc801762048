"""`worker SPEC.json`: the hidden command that child processes run."""

from __future__ import annotations

import argparse
import importlib
import os
from typing import Any

from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.jobs.rank_process import GPU
from medseg_desktop.jobs.ranks import run_ranks
from medseg_desktop.jobs.worker import Handler, JobContext, run_worker

#: Job -> where its handler lives; imported only when the job is run, so that a conversion
#: needs no Paddle and a training no pydicom.
_HANDLERS = {
    "convert": "medseg_desktop.io.conversion:run_conversion",
    "train": "medseg_desktop.engine.training:run_training",
    "measure": "medseg_desktop.engine.measuring.measure:run_measurement",
    "predict": "medseg_desktop.inference.prediction:run_prediction",
    "evaluate": "medseg_desktop.inference.evaluation:run_evaluation",
    "import": "medseg_desktop.engine.importing:run_import",
    "export": "medseg_desktop.engine.exporting:run_export",
    "bench_training": "medseg_desktop.engine.measuring.bench_training:run_bench_training",
    "gpu_check": "medseg_desktop.engine.measuring.gpu_check:run_gpu_check",
}


def _handler(target: str) -> Handler:
    def handle(spec: Any, context: JobContext) -> dict[str, Any]:
        module, function = target.split(":")
        run: Handler = getattr(importlib.import_module(module), function)
        return run(spec, context)

    return handle


def _train(spec: TrainSpec, context: JobContext) -> dict[str, Any]:
    """On several devices this process does not train itself, but starts those that do."""
    if len(spec.devices) == 1:
        os.environ[GPU] = str(spec.devices[0])
    handle = run_ranks if len(spec.devices) > 1 else _handler(_HANDLERS["train"])
    return handle(spec, context)


def run(arguments: argparse.Namespace) -> int:
    handlers = {job: _handler(target) for job, target in _HANDLERS.items()}
    if not arguments.rank:
        handlers["train"] = _train
    return run_worker(arguments.spec, handlers, is_recorded=not arguments.rank)
