"""Work off the GUI thread whose outcome is delivered on it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._closed = threading.Event()
        self._deliver.connect(self._call, Qt.ConnectionType.QueuedConnection)

    @property
    def closed(self) -> bool:
        """No more work is wanted; long work should look at it and end early."""
        return self._closed.is_set()

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
        self._pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Drop what waits and wait for what runs."""
        self.quit()
        self._pool.shutdown(wait=True)


def _bind(
    failed: Callable[[MedSegError], None] | None, error: MedSegError
) -> Callable[[], None] | None:
    return None if failed is None else lambda: failed(error)
