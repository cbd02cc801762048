"""`worker SPEC.json`: the hidden command that child processes run."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from medseg_desktop.jobs.worker import Handler, JobContext, run_worker

#: Job -> where its handler lives; imported only when the job is run, so that a conversion
#: needs no Paddle and a training no pydicom.
_HANDLERS = {
    "convert": "medseg_desktop.io.conversion:run_conversion",
    "train": "medseg_desktop.engine.training:run_training",
    "measure": "medseg_desktop.engine.measure:run_measurement",
    "predict": "medseg_desktop.inference.prediction:run_prediction",
    "evaluate": "medseg_desktop.inference.evaluation:run_evaluation",
}


def _handler(target: str) -> Handler:
    def handle(spec: Any, context: JobContext) -> dict[str, Any]:
        module, function = target.split(":")
        run: Handler = getattr(importlib.import_module(module), function)
        return run(spec, context)

    return handle


def run(arguments: argparse.Namespace) -> int:
    handlers = {job: _handler(target) for job, target in _HANDLERS.items()}
    return run_worker(arguments.spec, handlers)
