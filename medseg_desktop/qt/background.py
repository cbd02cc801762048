"""Work off the GUI thread whose outcome is delivered on it."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from medseg_desktop.core.errors import Cancelled, MedSegError

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Background(QObject):
    """A few worker threads.  `close` before the owner goes; nothing is delivered afterwards.

    Where several are ended, `quit` all of them first: one may wait for what another one does.
    """

    _deliver = Signal(object)

    def __init__(self, threads: int, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = _Pool(threads, name)
        self._closed = threading.Event()
        self._deliver.connect(self._call, Qt.ConnectionType.QueuedConnection)

    @property
    def closed(self) -> bool:
        """No more work is wanted; long work should look at it and end early."""
        return self._closed.is_set()

    @property
    def worked(self) -> int:
        """How many works have come to their end, which tells slow ones from one that hangs."""
        return self._pool.worked

    def submit(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[MedSegError], None] | None = None,
    ) -> None:
        """Run `work` in a worker thread, then `done(result)` or `failed(error)` in the GUI's.

        `Cancelled` is delivered to nobody; an unexpected error is logged with its traceback
        and delivered as a general sentence.  After `close` nothing is run any more.
        """

        def run() -> None:
            if self.closed:
                return
            try:
                result = work()
            except Cancelled:
                return
            except MedSegError as error:
                self.deliver(_bind(failed, error))
            except Exception as error:
                _log.exception("unexpected error in a worker thread")
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                self.deliver(_bind(failed, MedSegError(f"Unexpected error: {reason}.")))
            else:
                self.deliver(lambda: done(result))

        if not self.closed:
            self._pool.submit(run)

    def deliver(self, call: Callable[[], None] | None) -> None:
        """Run `call` in the GUI thread soon; from any thread."""
        if call is not None and not self.closed:
            self._deliver.emit(call)

    def _call(self, call: Callable[[], None]) -> None:
        if not self.closed:
            call()

    def quit(self) -> None:
        """Drop what waits, and tell what runs; does not wait for it."""
        self._closed.set()
        self._pool.quit()

    def close(self) -> None:
        """Drop what waits and wait for what runs."""
        self.quit()
        self._pool.join()


class _Pool:
    """Daemon threads, so that one that hangs does not keep the program from ending."""

    def __init__(self, threads: int, name: str) -> None:
        self._count, self._name = threads, name
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._is_ending = False
        self.worked = 0

    def submit(self, run: Callable[[], None]) -> None:
        with self._lock:
            if self._is_ending:
                return
            self._queue.put(run)
            if len(self._threads) < self._count:
                name = f"{self._name}_{len(self._threads)}"
                thread = threading.Thread(target=self._work, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()

    def _work(self) -> None:
        while (run := self._queue.get()) is not None:
            run()
            del run  # what it holds may go before there is more to do
            with self._lock:
                self.worked += 1

    def quit(self) -> None:
        """Drop what waits, and let the threads end."""
        with self._lock:
            if self._is_ending:
                return
            self._is_ending = True
            with contextlib.suppress(queue.Empty):
                while True:
                    self._queue.get_nowait()
            for _ in self._threads:
                self._queue.put(None)

    def join(self) -> None:
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()


def ended_in_time(
    work: Callable[[], None], name: str, patience_s: float, progress: Callable[[], int]
) -> bool:
    """Run `work` in a thread and wait until it ends; False when it hangs, which it may go on to.

    Args:
        patience_s: so long nothing may go forward.
        progress: a number that changes when something does.
    """
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    last, since_s = progress(), time.monotonic()
    while thread.is_alive():
        thread.join(0.05)
        if (now := progress()) != last:
            last, since_s = now, time.monotonic()
        elif thread.is_alive() and time.monotonic() - since_s > patience_s:
            return False
    return True


def _bind(
    failed: Callable[[MedSegError], None] | None, error: MedSegError
) -> Callable[[], None] | None:
    return None if failed is None else lambda: failed(error)
