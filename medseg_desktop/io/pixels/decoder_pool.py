"""Decoder processes seen from their parent: a few, started when needed, replaced when they die."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from io import RawIOBase
from types import TracebackType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.child_command import own_command, physical_cores
from medseg_desktop.io.pixels.codecs import undecodable
from medseg_desktop.io.pixels.decoder_protocol import ProtocolError, receive, receive_array, send

_MAXIMUM_DECODERS = 4
_TIME_LIMIT_S = 30.0
_PIPE_BYTES = 1 << 20
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")


class DecoderPool:
    """Decodes compressed frames in other processes.  Safe to use from several threads.

    Args:
        size: processes at most; 0 for the number of physical cores, up to four.
        time_limit_s: for one frame.
        command: run this instead of our own decoder (for tests).
    """

    def __init__(
        self,
        size: int = 0,
        time_limit_s: float = _TIME_LIMIT_S,
        command: Sequence[str] | None = None,
    ) -> None:
        self._size = size or min(_MAXIMUM_DECODERS, physical_cores())
        self._time_limit_s = time_limit_s
        self._command = command or own_command("decoder", str(time_limit_s))
        self._free: list[_Decoder] = []  # the last one used is the last
        self._all: set[_Decoder] = set()
        self._changed = threading.Condition()
        self._is_closed = False
        # Nobody may leave processes behind, not even who forgets to close the pool.
        self._finalizer = weakref.finalize(self, _end_all, self._all)

    def __enter__(self) -> DecoderPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def size(self) -> int:
        """How many frames are decoded at once at most."""
        return self._size

    def prepare(self) -> None:
        """Start a process if there is none: its start takes as long as many frames do."""
        with self._changed:
            if self._all or self._is_closed:
                return
            with contextlib.suppress(UnreadableSliceError):  # said when a frame is decoded
                self._free.append(self._start())

    def decode(self, path: str, frame: int, syntax: str) -> npt.NDArray[np.generic]:
        """Stored values of one frame, (rows, columns) or (rows, columns, 3).

        Args:
            syntax: transfer syntax UID, for the sentence.

        Raises:
            UnreadableSliceError: the reason, without the file's name.
        """
        while True:
            decoder = self._take(path)
            was_used = decoder.path is not None
            started_s = time.monotonic()
            try:
                message, values = decoder.ask(path, frame)
            except (OSError, ProtocolError):
                self._drop(decoder)
                if self._is_closed:
                    raise _ended() from None
                if time.monotonic() - started_s >= self._time_limit_s:
                    reason = f"it takes longer than {self._time_limit_s:g} s"
                elif was_used:
                    continue  # an earlier frame may have spoiled its memory: once more, afresh
                else:
                    reason = "the decoder stopped unexpectedly"
                raise UnreadableSliceError(undecodable(syntax, reason)) from None
            except BaseException:
                self._drop(decoder)  # an interrupt in the middle of an answer
                raise
            self._give_back(decoder)
            if values is None:
                raise UnreadableSliceError(str(message.get("reason", "its pixels are damaged")))
            return values

    def close(self) -> None:
        """End all processes; threads that wait for a frame get an error.  Idempotent."""
        with self._changed:
            self._is_closed = True
            free = list(self._free)
            self._free.clear()
            busy = self._all.difference(free)
            self._changed.notify_all()
        for decoder in busy:
            decoder.kill()  # the thread that uses it does the rest
        for decoder in free:
            self._drop(decoder)

    def _take(self, path: str) -> _Decoder:
        """A free decoder, best the one that knows the file; a new one; or wait for one."""
        with self._changed:
            while True:
                if self._is_closed:
                    raise _ended()
                if self._free:
                    known = [d for d in self._free if d.path == path]
                    decoder = known[0] if known else self._free[-1]
                    self._free.remove(decoder)
                    return decoder
                if len(self._all) < self._size:
                    return self._start()
                self._changed.wait()

    def _start(self) -> _Decoder:
        """A new process; under the lock."""
        try:
            decoder = _Decoder(self._command)
        except OSError as error:
            said = (error.strerror or str(error)).lower()
            raise UnreadableSliceError(f"no decoder can be started: {said}") from error
        self._all.add(decoder)
        return decoder

    def _give_back(self, decoder: _Decoder) -> None:
        with self._changed:
            if not self._is_closed:
                self._free.append(decoder)
                self._changed.notify()
                return
        self._drop(decoder)

    def _drop(self, decoder: _Decoder) -> None:
        decoder.end()
        with self._changed:
            self._all.discard(decoder)
            self._changed.notify()


class _Decoder:
    """One process.

    Attributes:
        path: the file it decoded last; None before the first.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.path: str | None = None
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW
        self._process = subprocess.Popen(
            command,
            env=os.environ | {f"{name}_NUM_THREADS": "1" for name in _THREADS},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            creationflags=flags,
        )
        _widen(self._pipes()[1])

    def ask(self, path: str, frame: int) -> tuple[dict[str, Any], npt.NDArray[np.generic] | None]:
        """Ask for a frame and wait for the answer: its message, and values if there are any.

        Raises:
            OSError, ProtocolError: the process is gone, or out of its mind.
        """
        requests, answers = self._pipes()
        send(requests, {"path": path, "frame": frame})
        message = receive(answers)
        if message is None:
            raise ProtocolError
        values = None if "reason" in message else receive_array(answers, message)
        self.path = path
        return message, values

    def kill(self) -> None:
        """End the process; may be called while another thread waits for its answer."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def end(self) -> None:
        """End the process and release everything of it."""
        self.kill()
        self._process.wait()
        for pipe in self._pipes():
            with contextlib.suppress(OSError):
                pipe.close()

    def _pipes(self) -> tuple[RawIOBase, RawIOBase]:
        # Unbuffered pipes are raw ones, whatever Popen's type says.
        return cast(RawIOBase, self._process.stdin), cast(RawIOBase, self._process.stdout)


def _widen(pipe: RawIOBase) -> None:
    """Let a whole frame lie in a pipe, so that it is not handed over in small pieces."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):  # the system allows less
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _end_all(decoders: set[_Decoder]) -> None:
    while decoders:
        decoders.pop().end()


def _ended() -> UnreadableSliceError:
    return UnreadableSliceError("reading was ended")
