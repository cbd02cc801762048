"""StudySession: the opened folder, the series on screen, slice, window and overlays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.display import Voi
from medseg_desktop.core.geometry import AS_STORED, SpatialTransformation
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.core.view import (
    ComparisonState,
    Layers,
    LayerState,
    ResolvedView,
    SeriesFacts,
    ViewState,
    clamp_index,
    resolve,
)
from medseg_desktop.core.volume import Series
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.scanner import Scanner
from medseg_desktop.qt.slice_loader import LoadedSlice, SeriesKey, SliceLoader

#: A series, and whether it is shown as a model sees it: both have windows of their own.
_ShownAs = tuple[SeriesKey, Preprocessing | None]
#: The window that was set, if one was, and whether it was inverted.
_Greyscale = tuple[Voi | None, bool]


class StudySession(QObject):
    """Owns what is looked at.

    Signals:
        scan_started(), scan_progress(phase, done, total) with the phases of `open_source` and
        "scan", then one of scan_failed(MedSegError), scan_cancelled() and folder_changed; what
        was open before stays open until the last.
        folder_changed(ScanResult): another source is open.
        view_changed(ResolvedView, ResolvedView | None): now and before; compare what differs.
        view_closed(): no series is shown.
        identity_changed(bool): whether to show who the patient is, also without a series.
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
    identity_changed = Signal(bool)
    slice_loaded = Signal(object)
    slice_failed = Signal(str)
    series_progress = Signal(int, int)

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._scanner = Scanner(workspace, self)
        self._scanner.started.connect(self.scan_started)
        self._scanner.progress.connect(self.scan_progress)
        self._scanner.failed.connect(self.scan_failed)
        self._scanner.cancelled.connect(self.scan_cancelled)
        self._scanner.found.connect(self._set_folder)
        self.loader = SliceLoader(self)
        self._scanner.found_compressed.connect(self.loader.prepare)
        self.loader.loaded.connect(self._on_loaded)
        self.loader.failed.connect(self._on_failed)
        self.loader.progress.connect(self._on_progress)
        self.found: ScanResult | None = None
        self._state = ViewState()
        self._facts: dict[_ShownAs, SeriesFacts] = {}
        self._own: dict[tuple[_ShownAs, int], Voi] = {}
        self._chosen: dict[_ShownAs, _Greyscale] = {}
        self._turned: dict[SeriesKey, SpatialTransformation] = {}
        self._indices: dict[SeriesKey, int] = {}
        self._view: ResolvedView | None = None
        self._has_new_facts = False
        self._failure: tuple[SeriesKey, int, str] | None = None  # of the slice on screen

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
        shown = _shown_as(self._state)
        return self._facts.get(shown) if shown else None

    # -- folder

    def open(self, named: Path | Sequence[Path]) -> None:
        """Look through what the user named in the background; an earlier scan is stopped."""
        self._scanner.open(named)

    def cancel_scan(self) -> None:
        """Stop looking; what was open stays open."""
        self._scanner.cancel()

    def _set_folder(self, found: ScanResult) -> None:
        before, self.found = self.found, found
        for known in (self._facts, self._own, self._chosen, self._turned, self._indices):
            known.clear()
        self._state = replace(self._state, series=None)
        self._view = None
        self.loader.forget(found.plain)
        self.folder_changed.emit(found)
        self.set_series(_first_series(found).key)
        if before is not None:
            self._scanner.close_source(before)

    # -- what is shown; every change goes through `_apply`

    def series(self, key: SeriesKey) -> Series | None:
        """The series of the opened folder with this key."""
        return next((s for s in self.found.series if s.key == key), None) if self.found else None

    def set_series(self, key: SeriesKey) -> None:
        """Show another series: where it was left, else at a slice with a shape or in the middle
        of its first time point."""
        series = self.series(key)
        if series is None or (self._state.series and self._state.series.key == key):
            return
        self._remember()
        index = self._indices.get(key, self._first_index(series))
        voi, inverted = self._greyscale((key, self._state.preview))
        self.loader.set_series(series, index, self._state.preview)
        self._apply(
            replace(
                self._state,
                series=series,
                index=index,
                voi=voi,
                inverted=inverted,
                turned=self._turned.get(key, AS_STORED),
            )
        )

    def _remember(self) -> None:
        """What was set for the series on screen comes back when it is shown again."""
        shown, state = _shown_as(self._state), self._state
        if shown is not None:
            self._chosen[shown] = (state.voi, state.inverted)
            self._turned[shown[0]] = state.turned
            self._indices[shown[0]] = state.index

    def _greyscale(self, shown: _ShownAs) -> _Greyscale:
        return self._chosen.get(shown, (None, False))

    def _first_index(self, series: Series) -> int:
        found = self.found
        annotated = [i for i, s in enumerate(series.slices) if found and found.is_annotated(s)]
        return annotated[len(annotated) // 2] if annotated else series.positions // 2

    def set_slice(self, index: int) -> None:
        """Show slice `index` (from 0) or the nearest there is."""
        if self._state.series is not None:
            self._apply(replace(self._state, index=clamp_index(self._state.series, index)))

    def set_place(self, position: int | None = None, time_point: int | None = None) -> None:
        """Show another position of the stack, or another of its time points; None keeps it."""
        view = self._view
        if view is not None:
            series = view.series
            position = view.position if position is None else position
            time_point = view.time_point if time_point is None else time_point
            position = min(max(position, 0), series.positions - 1)
            time_point = min(max(time_point, 0), series.time_points - 1)
            self.set_slice(time_point * series.positions + position)

    def step_slice(self, steps: int) -> None:
        """Move by some positions within the time point."""
        if self._view is not None:
            self.set_place(position=self._view.position + steps)

    def step_time(self, steps: int) -> None:
        """Move by some time points at the same position."""
        if self._view is not None:
            self.set_place(time_point=self._view.time_point + steps)

    def set_voi(self, voi: Voi | None) -> None:
        """Set the window (or table) of the series; None for its own."""
        self._apply(replace(self._state, voi=voi))

    def set_per_slice(self, per_slice: bool) -> None:
        """Show every slice with its own window, until one is set."""
        voi = None if per_slice else self._state.voi
        self._apply(replace(self._state, per_slice=per_slice, voi=voi))

    def reset_window(self) -> None:
        """Show the series with its own window again, and black as black if its file says so."""
        self._apply(replace(self._state, voi=None, inverted=False))

    def set_inverted(self, inverted: bool) -> None:
        """Show black as white, relative to what the file says."""
        facts = self.facts
        self._apply(replace(self._state, inverted=inverted != bool(facts and facts.fmt.inverted)))

    def set_turned(self, turned: SpatialTransformation) -> None:
        """Rotate and flip the slices of the series on screen."""
        self._apply(replace(self._state, turned=turned))

    def set_preview(self, preview: Preprocessing | None) -> None:
        """Show slices as a model with this preprocessing sees them; None: as they are."""
        if preview == self._state.preview:
            return
        self._remember()
        state = replace(self._state, preview=preview, inverted=False)
        if state.series is not None:
            self.loader.set_series(state.series, state.index, preview)
            voi, inverted = self._greyscale((state.series.key, preview))
            state = replace(state, voi=voi, inverted=inverted)
        self._apply(state)

    def set_layer(self, name: str, layer: LayerState) -> None:
        """Set one of the overlays `outlines`, `label_map`, `prediction`."""
        current = self._state.layers
        if name == "outlines":
            self._set_layers(replace(current, outlines=layer))
        elif name == "label_map":
            self._set_layers(replace(current, label_map=layer))
        else:
            self._set_layers(replace(current, prediction=layer))

    def set_comparison(self, comparison: ComparisonState) -> None:
        """Turn compare mode on or off, or set how it looks."""
        if comparison != self._state.comparison:
            self._apply(replace(self._state, comparison=comparison))

    def set_identity(self, visible: bool) -> None:
        """Show or hide who the patient is."""
        changed = visible != self._state.identity
        self._apply(replace(self._state, identity=visible))
        if changed:
            self.identity_changed.emit(visible)
            self._tell_failure()

    def _set_layers(self, layers: Layers) -> None:
        self._apply(replace(self._state, layers=layers))

    def _apply(self, state: ViewState) -> None:
        """Resolve, compare with the last, ask only for what differs."""
        self._state = state
        shown = _shown_as(state)
        own = self._own.get((shown, state.index)) if shown else None
        before, self._view = self._view, resolve(state, self.facts, own)
        if self._view is None:
            self.view_closed.emit()
            return
        if self._view == before:
            return
        self.view_changed.emit(self._view, before)
        if (
            before is None
            or before.slice != self._view.slice
            or before.preview != self._view.preview
        ):
            self.loader.request(self._view.index)

    # -- pixels

    def _on_loaded(self, loaded: LoadedSlice) -> None:
        shown = (loaded.series_key, loaded.preview)
        facts = self._facts.get(shown)
        self._facts[shown] = facts.widened(loaded.low, loaded.high) if facts else loaded.facts
        own = loaded.fmt.default_voi
        if own is not None:
            self._own[shown, loaded.index] = own
        if shown != _shown_as(self._state):
            return
        if loaded.index == self._state.index:
            self._failure = None
            self._apply(self._state)
            self.slice_loaded.emit(loaded)
        elif self._facts[shown] != facts:
            self._has_new_facts = True

    def _on_progress(self, loaded: int, total: int) -> None:
        """After every few slices; what they told of the series is shown once for all of them."""
        if self._has_new_facts:
            self._has_new_facts = False
            self._apply(self._state)
        self.series_progress.emit(loaded, total)

    def _on_failed(self, key: SeriesKey, index: int, reason: str) -> None:
        current = self._state.series
        if current is not None and (key, index) == (current.key, self._state.index):
            self._failure = (key, index, reason)
            self._tell_failure()

    def _tell_failure(self) -> None:
        """Why the slice on screen cannot be read; its file's name may be the patient's."""
        series, index = self._state.series, self._state.index
        if series is None or self._failure is None or self._failure[:2] != (series.key, index):
            return
        name = os.path.basename(series.slices[index].path)
        if not self._state.identity:
            name = self.tr("Slice {n}").format(n=index + 1)
        self.slice_failed.emit(f"{name}: {self._failure[2]}.")

    def quit(self) -> None:
        """Scan and read no more; does not wait for the threads."""
        self._scanner.quit()
        self.loader.quit()

    def close(self) -> None:
        """End all threads."""
        self._scanner.close()
        self.loader.close()
        if self.found is not None:
            self.found.source.close()


def _first_series(found: ScanResult) -> Series:
    """The first series with a shape, else the first that is no localizer."""
    annotated = (s for s in found.series if any(found.is_annotated(x) for x in s.slices))
    others = (s for s in found.series if not s.localizer)
    return next(annotated, None) or next(others, found.series[0])


def _shown_as(state: ViewState) -> _ShownAs | None:
    return (state.series.key, state.preview) if state.series is not None else None
