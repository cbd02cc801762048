"""What lies where in the folder of a training."""

from __future__ import annotations

from pathlib import Path

CHECKPOINTS = "checkpoints"
MODEL_FOLDER = "model"
REPORT = "report.html"
#: Of a retraining, whose training the folder holds; and its lock.
RETRAINING = "retrain.json"
RETRAINING_LOCK = ".retrain.lock"
LATEST = "latest.safetensors"
BEST = "best.safetensors"


def has_checkpoint(run: Path) -> bool:
    """There is one to go on from."""
    return (run / CHECKPOINTS / LATEST).is_file()
