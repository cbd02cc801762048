"""Looks through what the user opens, in the background; one at a time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.errors import Cancelled, MedSegError
from medseg_desktop.io.dicom_series import ScanResult, require_series, scan
from medseg_desktop.io.sources.source import open_source
from medseg_desktop.io.store.annotation_store import AnnotationStore
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.background import Background


class Scanner(QObject):
    """Finds the series of a source.

    Signals:
        started(), progress(phase, done, total) with the phases of `open_source` and "scan",
        found_compressed() at the first file with compressed pixels, then one of
        failed(MedSegError), cancelled() and found(ScanResult), whose source is open.
    """

    started = Signal()
    progress = Signal(str, int, int)
    found_compressed = Signal()
    failed = Signal(object)
    cancelled = Signal()
    found = Signal(object)

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        # A second thread, because a network path that does not answer cannot be given up.
        self._background = Background(2, "scan", self)
        self._stop = threading.Event()

    def open(self, named: Path | Sequence[Path]) -> None:
        """Look through what the user named; an earlier scan is stopped."""
        self._stop.set()
        stop = self._stop = threading.Event()
        self.started.emit()
        # A late answer of a scan that was stopped, or replaced by another, is dropped.
        self._background.submit(
            partial(self._scan, named, stop),
            partial(self._on_found, stop),
            partial(self._on_failed, stop),
        )

    def cancel(self) -> None:
        """Stop looking."""
        if not self._stop.is_set():
            self._stop.set()
            self.cancelled.emit()

    def close_source(self, result: ScanResult) -> None:
        """In the background, because what was unpacked may be thousands of files."""
        self._background.submit(result.source.close, lambda _: None)

    def quit(self) -> None:
        """Stop looking for good; does not wait for the threads."""
        self._stop.set()
        self._background.quit()

    def close(self) -> None:
        """End the threads."""
        self.quit()
        self._background.close()

    def _scan(self, named: Path | Sequence[Path], stop: threading.Event) -> ScanResult:
        """In the background."""
        told = ("", -1)

        def progress(phase: str, done: int, total: int) -> None:
            nonlocal told
            if stop.is_set() or self._background.closed:
                raise Cancelled
            if phase == "unpack" or done % 25 == 0 or done == total:
                if (phase, done) != told:
                    tell = partial(self._on_progress, stop, phase, done, total)
                    self._background.deliver(tell)
                told = (phase, done)

        with ExitStack() as stack:
            source = stack.enter_context(open_source(named, progress))
            salt = self._workspace.salt()
            result = scan(
                source,
                salt=salt,
                progress=partial(progress, "scan"),
                on_compressed=lambda: self._background.deliver(self.found_compressed.emit),
                store=AnnotationStore(self._workspace.annotations),
            )
            require_series(result)
            stack.pop_all()  # it stays open until another one is
        return result

    def _on_progress(self, stop: threading.Event, phase: str, done: int, total: int) -> None:
        if not stop.is_set():
            self.progress.emit(phase, done, total)

    def _on_failed(self, stop: threading.Event, error: MedSegError) -> None:
        if not stop.is_set():
            stop.set()
            self.failed.emit(error)

    def _on_found(self, stop: threading.Event, result: ScanResult) -> None:
        if stop.is_set():
            self.close_source(result)
        else:
            stop.set()
            self.found.emit(result)
