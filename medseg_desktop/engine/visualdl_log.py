"""The curves of a training for VisualDL as well, where that is installed.

It shows them with `visualdl --logdir RUN/visualdl`.  It reads only the newest file of a folder,
so a resumed training has to tell its whole curve again.  Whatever goes wrong here costs one
warning and never the training.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import queue
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from medseg_desktop.core.events import Evaluation, Event, Step

FOLDER = "visualdl"
#: At the end the writer gets this long to write what is left, in seconds.
_PATIENCE_S = 5.0

#: (tag, value, iteration, Unix time in milliseconds).
Scalar = tuple[str, float, int, int]


class Writer(Protocol):
    """The part of `visualdl.LogWriter` that is used."""

    def add_scalar(self, tag: str, value: float, step: int, walltime: int) -> None: ...
    def close(self) -> None: ...


#: Folder -> writer.
Opener = Callable[[str], Writer]


class ScalarLog:
    """Writes steps and evaluations to RUN/visualdl; does nothing without VisualDL.

    VisualDL has a thread of its own that may die on a full disk, after which its calls never
    return.  So they are made from a thread that nobody needs to wait for.

    Args:
        run: the run folder; nothing is made in it before the first point.
        warn: told the one sentence when it does not work.
        load: gives what opens a writer; None where VisualDL is not installed.
    """

    def __init__(
        self,
        run: Path,
        warn: Callable[[str], None],
        load: Callable[[], Opener | None] | None = None,
    ) -> None:
        self._folder = run / FOLDER
        self._warn = warn
        self._queue: queue.SimpleQueue[Scalar | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        try:
            opener = (load or _load)()
        except Exception as error:  # somebody else's code
            self._fail(error)
            return
        if opener is not None:
            self._thread = threading.Thread(
                target=self._write, args=(opener,), name="visualdl", daemon=True
            )
            self._thread.start()

    def on_event(self, event: Event) -> None:
        """Hand over what there is to draw; returns at once."""
        if self._thread is not None:
            for scalar in scalars_of(event):
                self._queue.put(scalar)

    def close(self) -> None:
        """Write what is left; gives up after some seconds."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(_PATIENCE_S)
            if self._thread.is_alive():
                self._fail(TimeoutError("it does not answer"))
            self._thread = None

    def _write(self, opener: Opener) -> None:
        writer: Writer | None = None
        try:
            while (scalar := self._queue.get()) is not None:
                if writer is None:
                    # VisualDL itself would say only in the log that it cannot make it.
                    self._folder.mkdir(parents=True, exist_ok=True)
                    writer = opener(str(self._folder))
                tag, value, iteration, time_ms = scalar
                writer.add_scalar(tag, value, iteration, time_ms)
            if writer is not None:
                writer.close()
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        with contextlib.suppress(Exception):  # a record that cannot be written ends the job itself
            self._warn(f"The curves are not written for VisualDL: {reason.rstrip('.')}.")


def scalars_of(event: Event) -> Iterator[Scalar]:
    """The points that one event adds to VisualDL's curves; gaps (NaN, None) are left out."""
    if isinstance(event, Step):
        values: dict[str, float | None] = {"loss/total": event.loss, "lr": event.lr}
        values |= {f"loss/{head_name(i)}": loss for i, loss in enumerate(event.losses)}
        values |= {"time/step_s": event.step_s, "time/wait_s": event.wait_s}
    elif isinstance(event, Evaluation):
        values = {"val/dice": event.mean_dice}
        values |= {f"val/dice/{name}": dice for name, dice in event.dice.items()}
        values |= {f"val/iou/{name}": iou for name, iou in event.iou.items()}
        values |= {f"val/patient/{x.patient_hash}": x.foreground_dice for x in event.cases}
    else:
        return
    time_ms = round((event.time or time.time()) * 1000)  # the stream stamps it later
    for tag, value in values.items():
        if value is not None and math.isfinite(value):
            yield tag.replace("%", "_"), value, event.iteration, time_ms


def head_name(index: int) -> str:
    """What a place in `Step.losses` is called: "head", then "auxiliary 1", ..."""
    return f"auxiliary {index}" if index else "head"


def _load() -> Opener | None:
    """Import VisualDL, which takes some tenths of a second."""
    try:
        with _another_home(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own code
            visualdl: Any = importlib.import_module("visualdl")
    except ModuleNotFoundError as error:
        if error.name == "visualdl":
            return None
        raise
    return lambda folder: visualdl.LogWriter(logdir=folder)


@contextlib.contextmanager
def _another_home() -> Iterator[None]:
    """Importing VisualDL makes folders in the user's home unless that is elsewhere."""
    names = ("HOME", "USERPROFILE")
    kept = {name: os.environ.get(name) for name in names}
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(dict.fromkeys(names, home))
        try:
            yield
        finally:
            for name, value in kept.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
