"""What lies where in the folder of a training."""

from __future__ import annotations

from pathlib import Path

CHECKPOINTS = "checkpoints"
MODEL_FOLDER = "model"
REPORT = "report.html"
LATEST = "latest.safetensors"
BEST = "best.safetensors"


def has_checkpoint(run: Path) -> bool:
    """There is one to go on from."""
    return (run / CHECKPOINTS / LATEST).is_file()
