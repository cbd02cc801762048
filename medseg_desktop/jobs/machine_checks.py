"""Memory, processor and disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from medseg_desktop.core.errors import describe_os_error
from medseg_desktop.io.child_command import physical_cores
from medseg_desktop.io.memory import free_memory_bytes
from medseg_desktop.jobs.check import Check, State

_GIB = 2**30
#: What `io.preflight` reckons with for 512 x 512 in batches of 8, and a little for the slices.
_TRAINING_BYTES = 3 * _GIB
_LITTLE_DISK_BYTES = 2 * _GIB
_NO_DISK_BYTES = _GIB // 5


def check_memory(free: int | None = None) -> Check:
    """Enough free memory for a training at full size."""
    free = free_memory_bytes() if free is None else free
    if free is None:
        return Check("Memory", State.OK, "How much is free cannot be told here.")
    message = f"{free / _GIB:.1f} GB free"
    if free >= _TRAINING_BYTES:
        return Check("Memory", State.OK, f"{message}.")
    return Check(
        "Memory",
        State.CAUTION,
        f"{message}, and a training at 512 x 512 wants {_TRAINING_BYTES // _GIB} GB.",
        "Close other programs, or train with --size 256 or --batch-size 2.",
    )


def check_processor(threads: int = 0) -> Check:
    """Cores and how many threads the jobs use.

    Args:
        threads: the setting; 0 chooses.
    """
    cores = physical_cores()
    configured = os.environ.get("OMP_NUM_THREADS", "")
    if threads:
        chosen, reason = str(threads), "as set in the settings"
    elif configured:
        chosen, reason = configured, "as OMP_NUM_THREADS says"
    else:
        chosen, reason = str(cores), "one for each core"
    message = f"{cores} cores; training and prediction use {chosen} threads, {reason}."
    return Check("Processor", State.OK, message)


def check_workspace(workspace: Path) -> Check:
    """The workspace, or where it would be made, can be written to and has room."""
    folder = workspace
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    cure = "Choose another folder: --workspace DIR, or the settings of the window."
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".medseg-") as file:
            file.write(b"medseg")
            file.flush()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Check("Workspace", State.BAD, describe_os_error(error, workspace, "write to"), cure)
    state = "" if workspace.exists() else ", which will be made when it is needed"
    message = f"{workspace}{state}; {free / _GIB:.1f} GB free on the disk."
    if free < _NO_DISK_BYTES:
        return Check("Workspace", State.BAD, message, "Free some space on the disk.")
    if free < _LITTLE_DISK_BYTES:
        return Check("Workspace", State.CAUTION, message, "Free some space on the disk.")
    return Check("Workspace", State.OK, message)
