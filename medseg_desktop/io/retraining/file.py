"""`retrain.json` of a run folder: a retraining that outlives the program."""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.core.retraining.state import Retraining, Stage
from medseg_desktop.io.atomic import make_folder, write_bytes
from medseg_desktop.io.file_lock import try_lock
from medseg_desktop.io.run_folder import RETRAINING, RETRAINING_LOCK

_LARGEST_BYTES = 1 << 20
#: Who only looks whether somebody holds the lock has it for a moment.
_TRIES, _TRY_AGAIN_S = 4, 0.05


@dataclass(frozen=True, slots=True)
class StoredRetraining:
    """A retraining of the workspace, for lists; `is_held`: some program is at it."""

    run: Path
    retraining: Retraining
    is_held: bool = False


def read_retraining(run: Path) -> Retraining:
    """The retraining of a run folder.

    Raises:
        WorkspaceError: there is none, or the file is damaged.
    """
    path = run / RETRAINING
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise WorkspaceError(f"{path} is larger than a retraining can be.")
        found = msgspec.json.decode(path.read_bytes(), type=Retraining)
    except FileNotFoundError as error:
        raise WorkspaceError(
            f"{run} is not the folder of a retraining.", "Give the folder of a stopped one."
        ) from error
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, path, "read")) from error
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{path} is damaged.", "Begin a new retraining.") from error
    if found.schema != 1:
        raise WorkspaceError(f"{path} was made by a newer version of the program.")
    if not _is_sound(found):
        raise WorkspaceError(f"{path} is damaged.", "Begin a new retraining.")
    return found


def write_retraining(run: Path, retraining: Retraining) -> None:
    """Keep it; durable when this returns.

    Raises:
        WorkspaceError: it cannot be written.
    """
    make_folder(run)
    data = msgspec.json.format(msgspec.json.encode(retraining), indent=1)
    write_bytes(run / RETRAINING, data + b"\n")


def stored_retrainings(runs: Path) -> tuple[StoredRetraining, ...]:
    """Those of a folder of runs, the newest first; what cannot be read is left out."""
    found = []
    for path in runs.glob(f"*/{RETRAINING}"):
        with contextlib.suppress(WorkspaceError):
            run = path.parent
            found.append(StoredRetraining(run, read_retraining(run), is_held(run)))
    return tuple(sorted(found, key=lambda s: (s.retraining.begun, s.run.name), reverse=True))


def hold(run: Path) -> IO[bytes]:
    """Take a retraining for this program until the returned file is closed.

    Raises:
        WorkspaceError: another program, or another window, is at it.
    """
    make_folder(run)
    try:
        lock = (run / RETRAINING_LOCK).open("ab")
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, run / RETRAINING_LOCK, "write")) from error
    for tries_left in reversed(range(_TRIES)):
        if try_lock(lock):
            return lock
        if tries_left:
            time.sleep(_TRY_AGAIN_S)
    lock.close()
    raise WorkspaceError(f"The retraining in {run} is under way in another window.")


def is_held(run: Path) -> bool:
    """Some program is at it."""
    try:
        with (run / RETRAINING_LOCK).open("rb+") as lock:
            return not try_lock(lock)
    except OSError:
        return False


def discard(run: Path) -> None:
    """Do not offer a retraining any more; a training that has begun stays as a run.

    Raises:
        WorkspaceError: it cannot be removed.
    """
    try:
        names = {path.name for path in run.iterdir()}
        if names <= {RETRAINING, RETRAINING_LOCK}:
            shutil.rmtree(run)
        else:
            for name in (RETRAINING, RETRAINING_LOCK):
                (run / name).unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, run, "remove")) from error


def _is_sound(found: Retraining) -> bool:
    """No name leads out of its folder, and there is what the stage needs."""
    plan = found.plan
    if plan is None:
        return found.stage is Stage.CHECK and bool(found.source)
    needed = [plan.dataset, plan.evaluation, plan.model_name]
    if found.stage in (Stage.EVALUATE, Stage.DONE):
        needed.append(found.candidate)
    optional = [name for name in (plan.champion, found.candidate) if name]
    return bool(found.source) and all(map(_is_name, needed + optional))


def _is_name(name: str) -> bool:
    """A name of a folder leads nowhere else."""
    return bool(name) and Path(name).name == name and name != ".." and "\\" not in name
