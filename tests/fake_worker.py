"""A worker that plays a part: `python fake_worker.py MODE`, for tests of whatever watches one.

It speaks the child protocol with the standard library alone, so that it shares no code (and
no bug) with the real worker.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_seq = 0
FLOOD = 10_000
#: What hangs ends by itself only after this long.
HANG_S = 600.0


def fake_command(mode: str) -> list[str]:
    """The arguments that run this script; for `Child(..., command=...)`."""
    return [sys.executable, str(Path(__file__).resolve()), mode]


def say(event: str, **fields: Any) -> None:
    """One event on stdout."""
    sys.stdout.write(line(event, **fields) + "\n")
    sys.stdout.flush()


def line(event: str, **fields: Any) -> str:
    """One event as JSON without its line end."""
    global _seq
    head = {"schema": 1, "seq": _seq, "time": time.time(), "event": event}
    _seq += 1
    return json.dumps(head | fields)


def start() -> None:
    say("started", kind="train", pid=os.getpid(), details={"device": "cpu"})


def listen() -> None:
    """Wait for the word `stop` or for the end of stdin."""
    while (word := sys.stdin.readline()) and word.strip() != "stop":
        pass


def ok() -> None:
    """A short training from beginning to end."""
    start()
    for i in range(1, 6):
        say("progress", phase="train", done=i, total=5)
        say("step", iteration=i, loss=1 / i, losses=[1 / i] * 5, lr=0.01, step_s=0.1)
    case = {"patient_hash": "ab" * 8, "n_slices": 3, "dice": {"lesion": 0.5}}
    say(
        "evaluation",
        iteration=5,
        dice={"lesion": 0.5},
        iou={"lesion": 0.33},
        cases=[case | {"foreground_dice": 0.5}],
        mean_dice=0.5,
    )
    say("checkpoint", iteration=5, best=True)
    say("log", message="Validation Dice 0.50", level="info")
    say("finished", result={"best_iteration": 5})


def until_stopped() -> None:
    """Works until it is asked to stop."""
    start()
    listen()
    say("cancelled", result={"iteration": 7})


def words(wait_s: float) -> str:
    """A word from stdin, "stop" at its end, or nothing within the time."""
    if not select.select([0], [], [], wait_s)[0]:
        return ""
    return sys.stdin.readline().strip() or "stop"


def trains() -> None:
    """Makes steps until it is asked to stop, and halts where it is asked to."""
    start()
    i, total = 0, 1000
    paused = False
    while (word := words(0.02)) != "stop":
        if word in ("pause", "resume") and paused != (word == "pause"):
            paused = word == "pause"
            say("paused", iteration=i, paused=paused)
        if not paused:
            i += 1
            say("progress", phase="train", done=i, total=total)
            say("step", iteration=i, loss=1 / i, losses=[1 / i] * 5, lr=0.01, step_s=0.02)
    say("cancelled", result={"iterations": i})


def busy() -> None:
    """A training that reports as much as any ever does: 30,000 steps, evaluations, a log."""
    start()
    total = 30_000
    cases = [
        {"patient_hash": f"{k:016x}", "n_slices": 9, "dice": {"H": 0.1 * k, "M": 0.2}}
        | {"foreground_dice": 0.1 * k}
        for k in range(10)
    ]
    for i in range(1, total + 1):
        say("progress", phase="train", done=i, total=total)
        say("step", iteration=i, loss=1 / i, losses=[1 / i] * 5, lr=0.01, step_s=0.02)
        if i % 300 == 0:
            dice = {"H": i / total, "M": 0.3}
            say("evaluation", iteration=i, dice=dice, iou=dice, cases=cases, mean_dice=i / total)
            say("log", message=f"Validation Dice {i / total:.3f}", level="info")
            time.sleep(0.05)
    say("finished", result={"iterations": total})


def slow_stop() -> None:
    """Takes a moment to save after it was asked to stop."""
    start()
    listen()
    time.sleep(0.3)
    say("cancelled", result={"saved": True})


def failed() -> None:
    """Fails in an orderly way."""
    start()
    say("failed", message="The dataset holds no lesion.", hint="Annotate some slices first.")
    sys.exit(1)


def crash() -> None:
    """Dies like a native library does."""
    start()
    print("something native broke", file=sys.stderr, flush=True)
    os.abort()


def exit_code() -> None:
    """Ends with an exit code and no terminal event."""
    start()
    print("the driver is too old", file=sys.stderr)
    sys.exit(3)


def silent_exit() -> None:
    """Ends well, but without saying so."""
    start()


def killed() -> None:
    """Dies like under the system's out-of-memory killer."""
    start()
    os.kill(os.getpid(), signal.SIGKILL)


def memory() -> None:
    """Runs out of memory."""
    start()
    raise MemoryError


def missing_module() -> None:
    """Is run by an interpreter without Paddle."""
    raise ModuleNotFoundError("No module named 'paddle.nn'", name="paddle.nn")


def hang() -> None:
    """Says one thing, then neither works nor listens, nor ends when asked politely."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    start()
    time.sleep(HANG_S)


def hang_silently() -> None:
    """Never says anything, and does not listen."""
    time.sleep(HANG_S)


def hang_at_exit() -> None:
    """Finishes, but does not go away."""
    start()
    say("finished", result={"ok": True})
    time.sleep(HANG_S)


def close_output() -> None:
    """Closes its end of the pipe and goes on."""
    start()
    os.close(1)
    time.sleep(HANG_S)


def noise() -> None:
    """Libraries print to stdout around the events, also bytes that are no text."""
    print("W0101 12:00:00 gpu_resources.cc:119] Please NOTE: device: 0")
    sys.stdout.flush()
    sys.stdout.buffer.write(b"\xff\xfe\x00 not text\n")
    print("{}", '{"event": "unknown"}', "[1, 2]", "null", "[" * 5000, "", sep="\n")
    ok()
    print("bye")
    print("bye", file=sys.stderr)


def half_line() -> None:
    """Dies in the middle of its last line."""
    start()
    sys.stdout.write(line("finished", result={"a": 1})[:-5])
    sys.stdout.flush()
    os._exit(1)


def flood() -> None:
    """More events than anybody can look at."""
    start()
    for i in range(FLOOD):
        print(line("step", iteration=i, loss=0.5, losses=[0.5], lr=0.01, step_s=0.0))
    say("finished", result={"count": FLOOD})


def long_line() -> None:
    """An event of 5 MB, and a longer line that is none."""
    start()
    say("log", message="x" * 5_000_000)
    print("y" * 20_000_000)
    say("finished", result={})


def endless() -> None:
    """Writes for ever, listens only in between, and does not mind a closed pipe."""
    start()
    with contextlib.suppress(BrokenPipeError):
        while not select.select([0], [], [], 0)[0]:
            say("log", message="z" * 1000)


def twice() -> None:
    """Two terminal events, and something after them."""
    start()
    say("finished", result={"first": True})
    with contextlib.suppress(BrokenPipeError):
        say("failed", message="second", hint="")
        say("log", message="after the end")


def grandchild() -> None:
    """Crashes and leaves a process behind that holds its pipes."""
    start()
    sleeper = subprocess.Popen(["sleep", "600"], stdout=1, stdin=0)
    say("log", message=str(sleeper.pid))
    os.abort()


MODES: dict[str, Callable[[], None]] = {
    part.__name__: part
    for part in (
        ok,
        until_stopped,
        trains,
        busy,
        slow_stop,
        failed,
        crash,
        exit_code,
        silent_exit,
        killed,
        memory,
        missing_module,
        hang,
        hang_silently,
        hang_at_exit,
        close_output,
        noise,
        half_line,
        flood,
        long_line,
        endless,
        twice,
        grandchild,
    )
}

if __name__ == "__main__":
    MODES[sys.argv[1]]()
