"""StudySession: the opened folder, the series on screen, slice, window and overlays."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.display import Window
from medseg_desktop.core.errors import Cancelled, MedSegError
from medseg_desktop.core.view import (
    Layers,
    LayerState,
    ResolvedView,
    SeriesFacts,
    ViewState,
    clamp_index,
    resolve,
)
from medseg_desktop.core.volume import Series
from medseg_desktop.io.dicom_series import ScanResult, require_series, scan
from medseg_desktop.io.sources import open_source
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.slice_loader import LoadedSlice, SliceLoader

SeriesKey = tuple[str, int]


class StudySession(QObject):
    """Owns what is looked at.

    Signals:
        scan_started(), scan_progress(phase, done, total) with the phases of `open_source` and
        "scan", then one of scan_failed(MedSegError), scan_cancelled() and folder_changed; what
        was open before stays open until the last.
        folder_changed(ScanResult): another source is open.
        view_changed(ResolvedView, ResolvedView | None): now and before; compare what differs.
        view_closed(): no series is shown.
        slice_loaded(LoadedSlice): pixels of the slice on screen; slice_failed(str): the reason.
        series_progress(loaded, total): of the series on screen.
    """

    scan_started = Signal()
    scan_progress = Signal(str, int, int)
    scan_failed = Signal(object)
    scan_cancelled = Signal()
    folder_changed = Signal(object)
    view_changed = Signal(object, object)
    view_closed = Signal()
    slice_loaded = Signal(object)
    slice_failed = Signal(str)
    series_progress = Signal(int, int)

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        # A second thread, because a network path that does not answer cannot be given up.
        self._scanner = Background(2, "scan", self)
        self._stop_scan = threading.Event()
        self.loader = SliceLoader(self)
        self.loader.loaded.connect(self._on_loaded)
        self.loader.failed.connect(self._on_failed)
        self.loader.progress.connect(self.series_progress)
        self.found: ScanResult | None = None
        self._state = ViewState()
        self._facts: dict[SeriesKey, SeriesFacts] = {}
        self._windows: dict[SeriesKey, Window | None] = {}
        self._view: ResolvedView | None = None

    @property
    def view(self) -> ResolvedView | None:
        """What is shown now."""
        return self._view

    @property
    def state(self) -> ViewState:
        return self._state

    @property
    def facts(self) -> SeriesFacts | None:
        """What is known of the pixels of the series on screen."""
        series = self._state.series
        return self._facts.get(series.key) if series else None

    # -- folder

    def open(self, named: Path | Sequence[Path]) -> None:
        """Look through what the user named in the background; an earlier scan is stopped."""
        self._stop_scan.set()
        stop = self._stop_scan = threading.Event()
        self.scan_started.emit()
        told = ("", -1)

        def progress(phase: str, done: int, total: int) -> None:
            nonlocal told
            if stop.is_set() or self._scanner.closed:
                raise Cancelled
            if phase == "unpack" or done % 25 == 0 or done == total:
                if (phase, done) != told:
                    self._scanner.deliver(lambda: self._progress(stop, phase, done, total))
                told = (phase, done)

        def work() -> ScanResult:
            with ExitStack() as stack:
                source = stack.enter_context(open_source(named, progress))
                salt = self._workspace.salt()
                result = scan(source, salt=salt, progress=partial(progress, "scan"))
                require_series(result)
                stack.pop_all()  # it stays open until another one is
            return result

        # A late answer of a scan that was stopped, or replaced by another, is dropped.
        self._scanner.submit(work, partial(self._scanned, stop), partial(self._scan_failed, stop))

    def cancel_scan(self) -> None:
        """Stop looking; what was open stays open."""
        if not self._stop_scan.is_set():
            self._stop_scan.set()
            self.scan_cancelled.emit()

    def _progress(self, stop: threading.Event, phase: str, done: int, total: int) -> None:
        if not stop.is_set():
            self.scan_progress.emit(phase, done, total)

    def _scan_failed(self, stop: threading.Event, error: MedSegError) -> None:
        if not stop.is_set():
            stop.set()
            self.scan_failed.emit(error)

    def _scanned(self, stop: threading.Event, found: ScanResult) -> None:
        if stop.is_set():
            self._close_source(found)
        else:
            stop.set()
            self._set_folder(found)

    def _close_source(self, found: ScanResult) -> None:
        """In the background, because what was unpacked may be thousands of files."""
        self._scanner.submit(found.source.close, lambda _: None)

    def _set_folder(self, found: ScanResult) -> None:
        before, self.found = self.found, found
        self._facts.clear()
        self._windows.clear()
        layers = replace(self._state.layers, hidden_labels=frozenset())  # other labels
        self._state = replace(self._state, series=None, layers=layers)
        self._view = None
        self.loader.forget()
        self.folder_changed.emit(found)
        first = next(
            (s for s in found.series if any(found.is_annotated(x) for x in s.slices)),
            found.series[0],
        )
        self.set_series(first.key)
        if before is not None:
            self._close_source(before)

    # -- what is shown; every change goes through `_apply`

    def series(self, key: SeriesKey) -> Series | None:
        """The series of the opened folder with this key."""
        return next((s for s in self.found.series if s.key == key), None) if self.found else None

    def set_series(self, key: SeriesKey) -> None:
        """Show another series, at its first slice with a shape or in the middle."""
        series = self.series(key)
        if series is None or (self._state.series and self._state.series.key == key):
            return
        if self._state.series:
            self._windows[self._state.series.key] = self._state.window
        self.loader.set_series(series, self._first_index(series))
        self._apply(
            replace(
                self._state,
                series=series,
                index=self._first_index(series),
                window=self._windows.get(key),
                inverted=False,
            )
        )

    def _first_index(self, series: Series) -> int:
        found = self.found
        annotated = [i for i, s in enumerate(series.slices) if found and found.is_annotated(s)]
        return annotated[len(annotated) // 2] if annotated else len(series.slices) // 2

    def set_slice(self, index: int) -> None:
        """Show slice `index` (from 0) or the nearest there is."""
        if self._state.series is not None:
            self._apply(replace(self._state, index=clamp_index(self._state.series, index)))

    def step_slice(self, steps: int) -> None:
        """Move by some slices."""
        self.set_slice(self._state.index + steps)

    def set_window(self, window: Window | None) -> None:
        """Set the window of the series; None for its own."""
        self._apply(replace(self._state, window=window))

    def set_inverted(self, inverted: bool) -> None:
        """Show black as white, relative to what the file says."""
        facts = self.facts
        self._apply(replace(self._state, inverted=inverted != bool(facts and facts.fmt.inverted)))

    def set_layer(self, name: str, layer: LayerState) -> None:
        """Set one of the overlays `outlines`, `label_map`, `prediction`."""
        current = self._state.layers
        if name == "outlines":
            self._set_layers(replace(current, outlines=layer))
        elif name == "label_map":
            self._set_layers(replace(current, label_map=layer))
        else:
            self._set_layers(replace(current, prediction=layer))

    def set_label_visible(self, index: int, visible: bool) -> None:
        """Show or hide one label."""
        hidden = self._state.layers.hidden_labels
        hidden = hidden - {index} if visible else hidden | {index}
        self._set_layers(replace(self._state.layers, hidden_labels=hidden))

    def set_identity(self, visible: bool) -> None:
        """Show or hide who the patient is."""
        self._apply(replace(self._state, identity=visible))

    def _set_layers(self, layers: Layers) -> None:
        self._apply(replace(self._state, layers=layers))

    def _apply(self, state: ViewState) -> None:
        """Resolve, compare with the last, ask only for what differs."""
        self._state = state
        before, self._view = self._view, resolve(state, self.facts)
        if self._view is None:
            self.view_closed.emit()
            return
        if self._view == before:
            return
        self.view_changed.emit(self._view, before)
        if before is None or before.slice != self._view.slice:
            self.loader.request(self._view.index)

    # -- pixels

    def _on_loaded(self, loaded: LoadedSlice) -> None:
        key = loaded.series_key
        facts = self._facts.get(key)
        self._facts[key] = facts.widened(loaded.low, loaded.high) if facts else loaded.facts()
        if self._state.series is None or key != self._state.series.key:
            return
        if self._facts[key] != facts:
            self._apply(self._state)
        if loaded.index == self._state.index:
            self.slice_loaded.emit(loaded)

    def _on_failed(self, key: SeriesKey, index: int, reason: str) -> None:
        current = self._state.series
        if current is not None and key == current.key and index == self._state.index:
            name = os.path.basename(current.slices[index].path)
            self.slice_failed.emit(f"{name}: {reason}.")

    def close(self) -> None:
        """End all threads."""
        self._stop_scan.set()
        self._scanner.close()
        self.loader.close()
        if self.found is not None:
            self.found.source.close()
