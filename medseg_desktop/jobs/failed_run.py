"""A run folder whose training failed before it kept anything, or whose program was killed."""

from __future__ import annotations

import fnmatch
import shutil
from collections.abc import Collection
from pathlib import Path

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.io.atomic import is_free
from medseg_desktop.io.run_folder import CHECKPOINTS, REPORT, has_checkpoint
from medseg_desktop.jobs.protocol import EVENTS_FILE, LOG_FILE, SPEC_FILE
from medseg_desktop.jobs.rank_process import RANK_LOGS

#: What a training leaves that ended before its first checkpoint.
_RECORD = {
    SPEC_FILE, EVENTS_FILE, LOG_FILE, ".sources", CHECKPOINTS, REPORT, "previews", "visualdl",
}  # fmt: skip


def clear_failed_run(run: Path, keep: Collection[str] = (), also: Collection[str] = ()) -> None:
    """Make room for a training from its beginning.

    Args:
        keep: names of files that may be there, and stay.
        also: names that may be there too, and go.

    Raises:
        WorkspaceError: the folder holds anything but the record of such a training.
    """
    if is_free(run):
        return
    try:
        left = [path for path in run.iterdir() if path.name not in keep]
        if all(_is_record(path.name) or path.name in also for path in left) and not has_checkpoint(
            run
        ):
            _remove(run, left, bool(keep))
            return
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, run, "use")) from error
    raise WorkspaceError(f"{run} exists already and is not empty.", "Choose another run folder.")


def _remove(run: Path, left: list[Path], is_kept: bool) -> None:
    if not is_kept:
        shutil.rmtree(run)
        return
    for path in left:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _is_record(name: str) -> bool:
    return name in _RECORD or fnmatch.fnmatchcase(name, RANK_LOGS)
