"""How the processes of a training agree, with threads in their place."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from medseg_desktop.core.errors import PeerLostError
from medseg_desktop.engine.parallel import meeting
from medseg_desktop.engine.parallel.meeting import Meeting, SignsOfLife


class Counters:
    """Shared counters, as the store that lives in the first process."""

    def __init__(self) -> None:
        self.values: Counter[str] = Counter()
        self.is_gone = False
        self._lock = threading.Lock()

    def add(self, key: str, amount: int) -> int:
        if self.is_gone:
            raise RuntimeError("connection reset")
        with self._lock:
            self.values[key] += amount
            return self.values[key]


def test_all_get_the_same_answers_whoever_asks_and_whoever_is_slow() -> None:
    size, rounds = 3, 200
    flags = np.random.default_rng(0).random((rounds, size, 2)) < 0.2
    store = Counters()

    def attend(rank: int) -> list[tuple[bool, ...]]:
        mine = Meeting(rank, size, store)
        rng = np.random.default_rng(rank)
        answers = []
        for row in flags:
            time.sleep(rng.random() * 0.002)
            answers.append(mine.agree(*map(bool, row[rank])))
        mine.leave()
        return answers

    with ThreadPoolExecutor(size) as pool:
        answers = list(pool.map(attend, range(size)))
    expected = [tuple(map(bool, row.any(axis=0))) for row in flags]
    assert answers == [expected] * size


def test_the_store_does_not_grow_with_the_steps() -> None:
    store = Counters()

    def attend(rank: int) -> None:
        mine = Meeting(rank, 2, store)
        for _ in range(50):
            mine.agree(True, True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(attend, range(2)))
    assert len(store.values) <= 3
    assert max(store.values.values()) < 2**48


def test_a_meeting_waits_for_a_slow_process_and_not_for_a_dead_one() -> None:
    store = Counters()
    mine = Meeting(0, 2, store)
    timer = threading.Timer(0.3, mine.lost.set)
    timer.start()
    with pytest.raises(PeerLostError, match="has ended or cannot be reached"):
        mine.agree(False)
    timer.join()


def test_a_store_that_is_gone_means_that_the_first_process_is_dead() -> None:
    store = Counters()
    mine = Meeting(1, 2, store)
    store.is_gone = True
    with pytest.raises(PeerLostError):
        mine.agree(False)
    with pytest.raises(PeerLostError):
        mine.leave()


def test_the_first_process_leaves_last() -> None:
    store = Counters()
    first, second = Meeting(0, 2, store), Meeting(1, 2, store)
    thread = threading.Thread(target=first.leave)
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()
    second.leave()
    thread.join(10)
    assert not thread.is_alive()


def test_a_process_that_gives_no_sign_is_noticed_by_the_others() -> None:
    store = Counters()
    silent = threading.Event()
    first = SignsOfLife(0, 2, store, silent.set, beat_s=0.02, silence_s=0.5)
    second = SignsOfLife(1, 2, store, lambda: None, beat_s=0.02, silence_s=5)
    time.sleep(1.0)
    assert not silent.is_set()
    second.end()
    assert silent.wait(20)
    first.end()


def test_a_process_that_waits_on_for_a_dead_one_is_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(meeting.os, "_exit", codes.append)
    monkeypatch.setattr(meeting, "_LAST_WORDS_S", 0.05)
    store = Counters()
    signs = SignsOfLife(1, 3, store, lambda: None, beat_s=0.02, silence_s=0.1)
    wait_for(lambda: bool(codes))
    signs.end()
    assert set(codes) == {1}
    assert "Process 0 of this training has ended" in capsys.readouterr().err


def test_a_connection_that_hangs_is_noticed_too() -> None:
    """As to a computer without power: the call neither answers nor fails."""
    hangs, silent = threading.Event(), threading.Event()

    class Hanging(Counters):
        def add(self, key: str, amount: int) -> int:
            hangs.wait(60)
            return super().add(key, amount)

    signs = SignsOfLife(1, 2, Hanging(), silent.set, beat_s=0.02, silence_s=0.2)
    assert silent.wait(20)
    hangs.set()
    signs.end()


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it did not happen")
