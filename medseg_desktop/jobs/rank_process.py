"""One of several processes that train together, as the launcher sees it."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medseg_desktop.core.errors import JobError
from medseg_desktop.core.events import Event, Failed, decode_event
from medseg_desktop.jobs.failures import (
    last_meaningful_line,
    looks_out_of_memory,
    out_of_memory,
    see_log,
)
from medseg_desktop.jobs.protocol import LOG_FILE
from medseg_desktop.jobs.record import file_size, log_tail

#: Paddle's names for the number of a process and how many there are.
RANK, SIZE = "PADDLE_TRAINER_ID", "PADDLE_TRAINERS_NUM"
#: And for which GPU is its own, from the start and for a process alone as well.
GPU = "FLAGS_selected_gpus"

#: What the logs of all processes but the first are called.
RANK_LOGS = "worker-*.log"

_HERE = "127.0.0.1"
_LOOPBACK = ("lo", "lo0")
# Set by the user for something else, they would lead Paddle elsewhere.
_FOREIGN = ("MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True, slots=True)
class Said:
    """An event of a process."""

    rank: int
    event: Event


@dataclass(frozen=True, slots=True)
class Ended:
    """A process is gone and everything it said was handed on; `code` as of subprocess."""

    rank: int
    code: int


Notices = queue.SimpleQueue[Said | Ended]


def rank_log(work_dir: Path, rank: int) -> Path:
    """Where a process prints: the first into the job's log, each other into one of its own."""
    return work_dir / (f"worker-{rank}.log" if rank else LOG_FILE)


def place_among_processes() -> tuple[int, int]:
    """Number of this process and how many train together, as the environment says: (0, 1) alone.

    Paddle's own launcher and ours set the same variables.
    """
    size = int(os.environ.get(SIZE) or 1)
    return (int(os.environ[RANK]), size) if size > 1 else (0, 1)


def check_batch_size(batch_size: int, processes: int) -> None:
    """Raises JobError where a batch cannot be shared equally."""
    if batch_size % max(1, processes):
        raise JobError(
            f"A batch of {batch_size} slices cannot be shared equally by {processes} processes.",
            f"Choose a batch size that is a multiple of {processes}.",
        )


def free_port() -> int:
    """A TCP port of this computer that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind((_HERE, 0))
        return int(probe.getsockname()[1])


def rank_environment(
    rank: int, devices: Sequence[int], port: int, threads: int, base: Mapping[str, str]
) -> dict[str, str]:
    """What tells Paddle in a process which one of how many it is.

    Args:
        devices: GPU numbers, one for each process.
        port: of the first process; those after it only name the others.
        threads: of the numerical libraries in this process.
        base: the environment to start from.
    """
    env = {name: value for name, value in base.items() if name not in _FOREIGN}
    places = [f"{_HERE}:{port + i}" for i in range(len(devices))]
    env |= {
        RANK: str(rank),
        SIZE: str(len(devices)),
        "PADDLE_MASTER": places[0],
        "PADDLE_TRAINER_ENDPOINTS": ",".join(places),
        "PADDLE_CURRENT_ENDPOINT": places[rank],
        "PADDLE_LOCAL_SIZE": str(len(devices)),
        GPU: str(devices[rank]),
        "OMP_NUM_THREADS": str(threads),
    }
    if sys.platform != "win32":
        names = {name for _, name in socket.if_nameindex()}
        loopback = next((name for name in _LOOPBACK if name in names), None)
        if loopback is not None:  # the gradients need not leave this computer
            env.setdefault("GLOO_SOCKET_IFNAME", loopback)
    return env


class RankProcess:
    """Starts one process; two threads put what it says, and its end, into `notices`.

    The process stays in the group of its launcher, so whoever ends that group ends it too.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self, rank: int, argv: Sequence[str], env: Mapping[str, str], log: Path, notices: Notices
    ) -> None:
        self.rank = rank
        self.log = log
        self.is_gone = False
        self._log_start = file_size(log)
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                list(argv),
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                creationflags=flags,
            )
        self._thread = threading.Thread(
            target=self._listen, args=(notices,), name=f"rank-{rank}", daemon=True
        )
        self._thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def say(self, word: str) -> None:
        """Write a word of the child protocol to its stdin; nothing where it is gone."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(f"{word}\n".encode())
            self._process.stdin.flush()

    def kill(self) -> None:
        """End it without asking."""
        self._process.kill()

    def close(self) -> None:
        """Kill it if it still runs, and release its pipes."""
        self.kill()
        self._process.wait()
        self._thread.join()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def explain(self, code: int, device: int) -> Failed:
        """Why it, which used that device, ended without a terminal event."""
        tail = log_tail(self.log, self._log_start)
        quote = last_meaningful_line(tail)
        said = f" The last line of its log: {quote}" if quote else ""
        hint = see_log(self.log)
        if code == -getattr(signal, "SIGKILL", 9) or looks_out_of_memory("\n".join(tail)):
            hint = f"Perhaps it ran out of memory. {out_of_memory().hint}"
        return Failed(
            message=f"Training process {self.rank} (device {device}) {_end(code)}.{said}",
            hint=hint,
        )

    def _listen(self, notices: Notices) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        with stdout:
            for line in stdout:
                # Half a line, at the end of the output, is no event even where it looks so.
                if line.endswith(b"\n"):
                    with contextlib.suppress(ValueError):
                        notices.put(Said(self.rank, decode_event(line)))
        notices.put(Ended(self.rank, self._process.wait()))


def _end(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by the signal {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by the signal {-code}"
