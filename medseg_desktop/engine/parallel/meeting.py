"""How the processes of one training wait for each other outside the network's arithmetic.

They meet at a small store of counters that lives in the first process and is reached over the
network.  Paddle's collective operations cannot do this: on processors they give up after half
a minute, and the others wait far longer than that while the first process evaluates or the run
is paused.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol

from medseg_desktop.core.errors import PeerLostError

#: A process that has given no sign for so long is taken for dead.
SILENCE_S = 15.0
_BEAT_S = 1.0
_POLL_S = 0.001
_LONGEST_POLL_S = 0.05
# A counter holds how many have arrived in its lowest bits, then how many had each flag up.
_FIELD_BITS = 16
_MOST_FLAGS = 2
# Each meeting has a counter of its own for as long as anybody may look at it.
_COUNTERS = 3
# Time for an exception of the main thread to be told before the process is ended.
_LAST_WORDS_S = 3.0


class Store(Protocol):
    """Counters that all processes share; Paddle's TCPStore is one."""

    def add(self, key: str, amount: int, /) -> int:
        """Add to a counter, which starts at 0, and return its new value; waits for nobody.

        Raises:
            RuntimeError: the process that keeps the counters cannot be reached.
        """


class Meeting:
    """Where the processes of a training agree.

    Every process makes the same calls in the same order, from one thread.

    Args:
        rank, size: this process, and how many there are.
    """

    def __init__(self, rank: int, size: int, store: Store) -> None:
        if not 0 <= rank < size < 1 << (_FIELD_BITS - 1):
            raise ValueError(f"no process {rank} of {size}")
        self._rank, self._size = rank, size
        self._store = store
        self._count = 0
        self._last_value = 0
        self.lost: threading.Event = threading.Event()
        """Set from another thread: a process is dead, so nobody needs to wait for it."""

    def agree(self, *flags: bool) -> tuple[bool, ...]:
        """Wait until all processes are here; for each flag, whether anybody had it up.

        Raises:
            PeerLostError: a process is dead.
        """
        if len(flags) > _MOST_FLAGS:
            raise ValueError(f"{len(flags)} flags are too many")
        amount = 1 + sum(int(up) << (_FIELD_BITS * i) for i, up in enumerate(flags, start=1))
        value = self._wait_for_all(self._key(self._count), amount)
        if self._rank == 0:
            # All are here, so all have read the counter of the meeting before this one; its
            # next turn comes after a meeting that needs this process.
            self._add(self._key(self._count - 1), -self._last_value)
        self._last_value = value
        self._count += 1
        return tuple(_field(value, i) > 0 for i in range(1, len(flags) + 1))

    def leave(self) -> None:
        """The last meeting; the first process, which keeps the counters, waits for the others."""
        key = self._key(self._count)
        if self._rank == 0:
            self._wait_for_all(key, 1)
        else:
            self._add(key, 1)

    def _wait_for_all(self, key: str, amount: int) -> int:
        value = self._add(key, amount)
        pause_s = _POLL_S
        while _field(value, 0) < self._size:
            if self.lost.is_set():
                raise PeerLostError
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.1, _LONGEST_POLL_S)
            value = self._add(key, 0)
        return value

    def _add(self, key: str, amount: int) -> int:
        try:
            return int(self._store.add(key, amount))
        except RuntimeError as error:
            raise PeerLostError from error

    @staticmethod
    def _key(count: int) -> str:
        return f"medseg/meeting/{count % _COUNTERS}"


def _field(value: int, index: int) -> int:
    return value >> (_FIELD_BITS * index) & ((1 << _FIELD_BITS) - 1)


class SignsOfLife:
    """Tells the others every second that this process lives, and listens to them.

    A connection to a computer that has lost its power does not break: a call waits.  So a
    second thread watches that the first comes round.

    Args:
        store: a connection of its own: one connection serves one thread.
        on_silence: called in the thread when a process has given no sign for `silence_s`, or
            the first process cannot be reached.  If `end` is not called soon after it, this
            process waits for one that is dead, and is ended.
    """

    def __init__(
        self,
        rank: int,
        size: int,
        store: Store,
        on_silence: Callable[[], None],
        *,
        silence_s: float = SILENCE_S,
        beat_s: float = _BEAT_S,
    ) -> None:
        self._rank, self._size = rank, size
        self._store = store
        self._on_silence = on_silence
        self._silence_s, self._beat_s = silence_s, beat_s
        self._ended = threading.Event()
        self._came_round_s = time.monotonic()
        self._threads = [
            threading.Thread(target=target, name="signs-of-life", daemon=True)
            for target in (self._beat, self._watch)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Neither tell nor listen any more; returns when the connection is not used."""
        self._ended.set()
        for thread in self._threads:
            thread.join(self._beat_s + _LAST_WORDS_S)

    def _watch(self) -> None:
        while not self._ended.wait(self._beat_s):
            if time.monotonic() - self._came_round_s > self._silence_s + self._beat_s:
                self._give_up(PeerLostError(0))
                return

    def _beat(self) -> None:
        others = [rank for rank in range(self._size) if rank != self._rank]
        beats = dict.fromkeys(others, -1)
        heard_s = dict.fromkeys(others, time.monotonic())
        while not self._ended.wait(self._beat_s):
            self._came_round_s = time.monotonic()
            try:
                self._store.add(_beat_key(self._rank), 1)
                for rank in others:
                    count = int(self._store.add(_beat_key(rank), 0))
                    if count != beats[rank]:
                        beats[rank], heard_s[rank] = count, time.monotonic()
            except RuntimeError:
                self._give_up(PeerLostError(0))
                return
            longest = min(others, key=heard_s.__getitem__)
            if time.monotonic() - heard_s[longest] > self._silence_s:
                self._give_up(PeerLostError(longest))
                return

    def _give_up(self, reason: PeerLostError) -> None:
        self._on_silence()
        if not self._ended.wait(_LAST_WORDS_S):
            print(reason.message, file=sys.stderr, flush=True)
            os._exit(1)


def _beat_key(rank: int) -> str:
    return f"medseg/beat/{rank}"
