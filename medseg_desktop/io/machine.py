"""What a model was made on, as far as it bears on the figures: no name of computer or user."""

from __future__ import annotations

import platform

import psutil

from medseg_desktop.io.child_command import physical_cores
from medseg_desktop.io.processor import model_name


def machine_facts(gpu: str = "") -> dict[str, str | int]:
    """`system`, `processor`, `physical_cores` (that this process may use), `memory_bytes`, `gpu`.

    Args:
        gpu: the name of the GPU that was used; "" for none.
    """
    facts: dict[str, str | int] = {
        "system": f"{platform.system()} {platform.release()}",
        "processor": model_name(),
        "physical_cores": physical_cores(),
        "memory_bytes": int(psutil.virtual_memory().total),
    }
    return facts | ({"gpu": gpu} if gpu else {})
