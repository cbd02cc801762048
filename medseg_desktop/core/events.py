"""What a child process tells its parent: one discriminated union, one JSON object a line.

The same lines lie in a run folder as `events.jsonl`.  A stream holds exactly one terminal
event (`finished`, `cancelled` or `failed`), and it is the last one.
"""

from __future__ import annotations

import math
import os
from typing import Any, Literal

import msgspec

SCHEMA = 1


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=False):
    """Envelope: `seq` counts from 0 within a stream, `time` is Unix time in seconds."""

    schema: int = SCHEMA
    seq: int = -1
    time: float = 0.0


class Started(_Event, frozen=True, kw_only=True, tag="started"):
    """The work begins.  `details` tells device, threads, totals, whatever the job knows."""

    kind: str
    pid: int
    details: dict[str, Any] = {}


class Progress(_Event, frozen=True, kw_only=True, tag="progress"):
    """`done` of `total` of a phase; a total of 0 means unknown."""

    phase: str
    done: int
    total: int


class Step(_Event, frozen=True, kw_only=True, tag="step"):
    """The training steps since the last log line.

    Attributes:
        loss, losses: means of the weighted sum and of each head's loss.
        lr: learning rate of the last of them.
        step_s, wait_s: mean duration, and how much of it was spent waiting for data, seconds.
        memory_bytes: what the process (CPU) or the device (GPU) has in use.
    """

    iteration: int
    loss: float
    losses: list[float]
    lr: float
    step_s: float = 0.0
    wait_s: float = 0.0
    memory_bytes: int = 0


class CaseScore(msgspec.Struct, frozen=True, kw_only=True):
    """One validation patient; Dice is None where neither side has the label."""

    patient_hash: str
    n_slices: int
    dice: dict[str, float | None]
    foreground_dice: float | None


class Evaluation(_Event, frozen=True, kw_only=True, tag="evaluation"):
    """Validation after `iteration` steps: per label over all pixels, and per patient.

    `mean_dice` is the mean foreground Dice over the patients that have one.
    """

    iteration: int
    dice: dict[str, float | None]
    iou: dict[str, float | None]
    cases: list[CaseScore]
    mean_dice: float | None = None


class PreviewSlice(msgspec.Struct, frozen=True, kw_only=True):
    """A validation slice as the network saw it at an evaluation.

    Attributes:
        rank: which of the slices with lesion it is by Dice, at this evaluation.
        name: of the slice in the dataset.
        dice: of the foreground on this slice.
        grey, reference, prediction: PNGs of equal size, grey values and class indices, as
            paths relative to the run folder with "/".
    """

    rank: Literal["worst", "median", "best"]
    patient_hash: str
    name: str
    dice: float
    grey: str
    reference: str
    prediction: str


class Preview(_Event, frozen=True, kw_only=True, tag="preview"):
    """How a few validation slices look after `iteration` steps."""

    iteration: int
    slices: list[PreviewSlice]


class Paused(_Event, frozen=True, kw_only=True, tag="paused"):
    """The work waits (`paused`), or goes on after waiting, after `iteration` steps."""

    iteration: int
    paused: bool


class Checkpoint(_Event, frozen=True, kw_only=True, tag="checkpoint"):
    """Weights were written; `best` says whether they are the best so far."""

    iteration: int
    best: bool


class Log(_Event, frozen=True, kw_only=True, tag="log"):
    """A sentence for the user."""

    message: str
    level: str = "info"


class Finished(_Event, frozen=True, kw_only=True, tag="finished"):
    """The work is done; `result` is what the command line prints with --json."""

    result: dict[str, Any]


class CancelledEvent(_Event, frozen=True, kw_only=True, tag="cancelled"):
    """The work stopped because it was asked to; `result` holds what was kept."""

    result: dict[str, Any] = {}


class Failed(_Event, frozen=True, kw_only=True, tag="failed"):
    """The work failed: a sentence, and what to do about it."""

    message: str
    hint: str = ""


Event = (
    Started
    | Progress
    | Step
    | Evaluation
    | Preview
    | Checkpoint
    | Paused
    | Log
    | Finished
    | CancelledEvent
    | Failed
)
TERMINAL = (Finished, CancelledEvent, Failed)


def _plain(value: object) -> object:
    """NumPy scalars and arrays as Python numbers, paths as text; used where JSON knows no type."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    for method in ("tolist", "item"):
        convert = getattr(value, method, None)
        if convert is not None:
            return convert()
    raise NotImplementedError(f"{type(value).__name__} does not fit into an event")


_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder(enc_hook=_plain)


def encode_event(event: Event) -> bytes:
    """One event as one line of JSON with its line end.

    Characters that UTF-8 cannot hold (of a file name in another encoding) become U+FFFD.

    Raises:
        TypeError, NotImplementedError: a value that JSON cannot express.
    """
    try:
        return _encoder.encode(event) + b"\n"
    except UnicodeEncodeError:
        return _encoder.encode(_printable(msgspec.to_builtins(event, enc_hook=_plain))) + b"\n"


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in value)
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    return value


def decode_event(line: bytes | str) -> Event:
    """One line -> event.

    JSON has no NaN: a training that diverges writes `null` as its loss, which comes back as
    NaN, so that the plot can show the gap instead of losing the event.

    Raises:
        ValueError: the line is no event (msgspec's and Unicode errors are ValueErrors).
    """
    try:
        try:
            return _decoder.decode(line)
        except msgspec.ValidationError:
            return _decode_step_with_gaps(line)
    except RecursionError as error:
        raise ValueError("the line is nested too deeply to be an event") from error


def _decode_step_with_gaps(line: bytes | str) -> Event:
    fields = msgspec.json.decode(line)
    if not isinstance(fields, dict) or fields.get("event") != "step":
        return _convert(fields)
    for name in ("loss", "lr", "step_s", "wait_s"):
        if name in fields and fields[name] is None:
            fields[name] = math.nan
    losses = fields.get("losses")
    if isinstance(losses, list):
        fields["losses"] = [math.nan if loss is None else loss for loss in losses]
    return _convert(fields)


def _convert(fields: object) -> Event:
    event: Event = msgspec.convert(fields, Event)
    return event
