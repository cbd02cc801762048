"""Run folders, read back: what was trained in a workspace, and how it went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.errors import DataError, WorkspaceError, describe_os_error
from medseg_desktop.core.events import Event, Failed, PreviewSlice, decode_event
from medseg_desktop.core.run_state import RunState, RunStatus, fold, reduce
from medseg_desktop.core.specs import TrainSpec, decode_spec
from medseg_desktop.io.png import read_grey_png
from medseg_desktop.io.run_folder import RETRAINING, has_checkpoint

_SPEC, _EVENTS = "spec.json", "events.jsonl"
#: Longer lines are no events, and larger files no run folder's: both are left alone.
_LONGEST_LINE = 16 * 1024 * 1024
_LARGEST_SPEC, _LARGEST_EVENTS = 4 * 1024 * 1024, 1024 * 1024 * 1024

Grey = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run of the workspace, for lists; `problem` says why there is nothing to show of it.

    Attributes:
        spec: what was asked for; None where that cannot be read.
        status: how it ended; FAILED too where it broke off without a word.
        begun_time: Unix time in seconds; 0 where unknown.
        iterations: steps done.
        best_dice: highest mean patient Dice of the validation; None without one.
        continues: there is a checkpoint to go on from.
    """

    path: Path
    spec: TrainSpec | None = None
    status: RunStatus | None = None
    begun_time: float = 0.0
    iterations: int = 0
    best_dice: float | None = None
    continues: bool = False
    problem: str = ""

    @property
    def title(self) -> str:
        """The name of its model, else of its folder."""
        return self.spec.model_name if self.spec else self.path.name


class RunReader:
    """Reads the runs of a folder; those that have not changed since the last time are not read
    again.  For one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Path, tuple[object, RunEntry]] = {}

    def entries(self) -> tuple[RunEntry, ...]:
        """All runs, newest first; behind them, as such, broken ones and foreign folders."""
        try:
            folders = sorted((p for p in self._folder.iterdir() if p.is_dir()), reverse=True)
        except OSError:
            return ()  # no training yet, or not to be read, which the next training will say
        known, self._known = self._known, {}
        for folder in folders:
            if folder.name.startswith(".") or _only_waits(folder):
                continue
            state = _state_of_files(folder)
            entry = known.get(folder)
            self._known[folder] = entry if entry and entry[0] == state else (state, _entry(folder))
        found = [entry for _, entry in self._known.values()]
        return tuple(sorted(found, key=lambda entry: bool(entry.problem)))


def read_run(folder: Path) -> RunState:
    """The state of a run that is over; one that broke off without a word counts as failed.

    Raises:
        WorkspaceError: the folder holds no events of a training that can be read.
    """
    run = fold(_events(folder / _EVENTS))
    if run == RunState():
        raise WorkspaceError(f"{folder} holds no record of a training.")
    if run.is_over:
        return run
    message = "The training broke off; the program or the computer was ended."
    hint = "Continue it from its last checkpoint." if has_checkpoint(folder) else ""
    return reduce(run, Failed(message=message, hint=hint, time=run.last_time))


def read_train_spec(folder: Path) -> TrainSpec:
    """What was asked for in a run folder.

    Raises:
        WorkspaceError: it is no run folder, or not one of a training.
    """
    path = folder / _SPEC
    try:
        if path.stat().st_size > _LARGEST_SPEC:
            raise WorkspaceError(f"{path} is too large to be the settings of a run.")
        spec = decode_spec(path.read_bytes())
    except FileNotFoundError as error:
        raise WorkspaceError(f"{folder} is not the folder of a run.") from error
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, path, "read")) from error
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{path} is damaged.") from error
    if not isinstance(spec, TrainSpec):
        raise WorkspaceError(f"{folder} is not the run of a training.")
    return spec


def preview_files(run: Path, shown: PreviewSlice) -> tuple[Path, Path, Path]:
    """Grey values, reference and prediction of a preview.

    Raises:
        WorkspaceError: a path leads out of the run folder, as in a foreign record.
    """
    inside = run.resolve()
    paths = [(run / name) for name in (shown.grey, shown.reference, shown.prediction)]
    for path in paths:
        if not path.resolve().is_relative_to(inside):
            raise WorkspaceError(f"{path} is not a picture of the run {run.name}.")
    return paths[0], paths[1], paths[2]


def read_preview(run: Path, shown: PreviewSlice) -> tuple[Grey, Grey, Grey]:
    """Grey values, reference and prediction (class indices), each (rows, columns), uint8.

    Raises:
        WorkspaceError: a picture is not there, cannot be read, or the sizes differ.
    """
    pictures = []
    for path in preview_files(run, shown):
        try:
            pictures.append(read_grey_png(path))
        except DataError as error:
            reason = error.message.rstrip(".")
            raise WorkspaceError(
                f"The slice {shown.name} cannot be shown: {path} cannot be used: {reason}."
            ) from error
    grey, reference, prediction = pictures
    if not grey.shape == reference.shape == prediction.shape:
        raise WorkspaceError(f"The pictures of {shown.name} in {run.name} differ in size.")
    return grey, reference, prediction


def _only_waits(folder: Path) -> bool:
    """It is that of a retraining whose training has not begun."""
    return (folder / RETRAINING).is_file() and not (folder / _SPEC).exists()


def _entry(folder: Path) -> RunEntry:
    try:
        spec = read_train_spec(folder)
        run = read_run(folder)
    except WorkspaceError as error:
        return RunEntry(folder, problem=error.message)
    return RunEntry(
        folder,
        spec=spec,
        status=run.status,
        begun_time=run.started_time,
        iterations=run.steps[-1].iteration if run.steps else 0,
        best_dice=run.best.mean_dice if run.best else None,
        continues=has_checkpoint(folder),
    )


def _state_of_files(folder: Path) -> object:
    """Changes when the run has; sizes and times of what is read."""
    state: list[object] = [has_checkpoint(folder)]
    for name in (_SPEC, _EVENTS):
        try:
            found = (folder / name).stat()
            state.append((found.st_mtime_ns, found.st_size))
        except OSError:
            state.append(None)
    return tuple(state)


def _events(path: Path) -> Iterator[Event]:
    """The events of a file; torn lines and lines of another program are left out."""
    try:
        if path.stat().st_size > _LARGEST_EVENTS:
            raise WorkspaceError(f"{path} is too large to be the record of a training.")
        with path.open("rb") as file:
            while line := file.readline(_LONGEST_LINE):
                try:
                    event = decode_event(line)
                except ValueError:
                    continue
                yield event
    except FileNotFoundError as error:
        raise WorkspaceError(f"{path.parent} holds no record of a training.") from error
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, path, "read")) from error
