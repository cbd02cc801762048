"""What the status line says: running work, what lies under the pointer, where a job runs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.geometry import patient_position_mm
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.qt.loaded_slice import LoadedSlice
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.panels.evaluation.texts import progress_text
from medseg_desktop.qt.prediction_loader import PredictionLoader
from medseg_desktop.qt.sessions import RunSession, StudySession

#: Below it float64 tells whole numbers apart.
_ALL_DIGITS = 2.0**53
_CANCELLABLE = ("scan", "predictions", "import", "evaluation")


class StatusLine(QObject):
    """Fills the status line from the sessions; one running work is shown at a time.

    Signals:
        prediction_cancelled(): the user wants no more predictions.
    """

    prediction_cancelled = Signal()

    def __init__(
        self,
        window: MainWindow,
        study: StudySession,
        runs: RunSession,
        predictions: PredictionLoader,
        threads: int,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._study, self._runs = window, study, runs
        self._work = ""
        self._place = self.tr("CPU · {n} threads").format(n=threads)
        window.place_text.setText(self._place)
        self._cursor: tuple[float, float] | None = None  # (column, row) under the pointer
        self._loaded: LoadedSlice | None = None
        window.slice_view.cursor_moved.connect(lambda *at: self._move_cursor(at))
        window.slice_view.cursor_left.connect(lambda: self._move_cursor(None))
        window.cancel_requested.connect(self._cancel)
        study.scan_started.connect(lambda: self.show("scan", self.tr("Opening"), 0, 0))
        study.scan_progress.connect(self._on_scan_progress)
        study.scan_failed.connect(lambda _: self.clear("scan"))
        study.scan_cancelled.connect(lambda: self.clear("scan"))
        study.folder_changed.connect(lambda _: self.clear("scan"))
        study.view_changed.connect(lambda *_: self._show_cursor())
        study.slice_loaded.connect(self._on_loaded)
        study.series_progress.connect(self._on_series_progress)
        predictions.progress.connect(self._on_predictions)
        runs.training_changed.connect(self._on_training)
        runs.imports.changed.connect(self._on_import)
        runs.evaluations.changed.connect(self._on_evaluation)

    def show(self, work: str, text: str, done: int, total: int) -> None:
        """Show running work; `total` 0 means that nobody knows how much it is."""
        self._work = work
        self._window.show_progress(text, done, total, cancellable=work in _CANCELLABLE)

    def clear(self, work: str) -> None:
        """This work is over."""
        if self._work == work:
            self.show("", "", 0, 0)

    def _cancel(self) -> None:
        if self._work == "scan":
            self._study.cancel_scan()
        elif self._work == "predictions":
            self.prediction_cancelled.emit()
        elif self._work == "import":
            self._runs.imports.stop()
        elif self._work == "evaluation":
            self._runs.evaluations.stop()

    def _on_scan_progress(self, phase: str, done: int, total: int) -> None:
        text = {
            "list": self.tr("Found {done} files"),
            "unpack": self.tr("Unpacking {done} of {total} MB"),
        }.get(phase, self.tr("Reading {done} of {total} files"))
        self.show("scan", text.format(done=f"{done:,}", total=f"{total:,}"), done, total)

    def _on_series_progress(self, done: int, total: int) -> None:
        if self._work not in ("", "slices"):
            return
        if done < total:
            text = self.tr("Reading {done} of {total} slices")
            self.show("slices", text.format(done=done, total=total), done, total)
        else:
            self.clear("slices")

    def _on_predictions(self, done: int, total: int) -> None:
        if not total:
            self.clear("predictions")
        elif self._work != "scan":
            text = self.tr("Predicted {done} of {total} slices")
            text = text.format(done=f"{done:,}", total=f"{total:,}")
            self.show("predictions", text, done, total)

    def _on_evaluation(self, run: RunState) -> None:
        spec = self._runs.evaluations.spec
        if run.is_over or spec is None:
            self.clear("evaluation")
        elif self._work in ("", "slices", "evaluation"):
            text = progress_text(run, Path(spec.model).name)
            self.show("evaluation", text, run.done, run.total)

    def _move_cursor(self, at: tuple[float, float] | None) -> None:
        self._cursor = at
        self._show_cursor()

    def _on_loaded(self, loaded: LoadedSlice) -> None:
        self._loaded = loaded
        self._show_cursor()

    def _show_cursor(self) -> None:
        """Place in the slice and in the patient, and once the slice is there its value."""
        view, loaded = self._study.view, self._loaded
        if view is None or self._cursor is None:
            self._window.cursor_text.setText("")
            return
        column, row = self._cursor
        at = (int(row), int(column))
        parts = [self.tr("row {row}, column {column}").format(row=at[0], column=at[1])]
        place = patient_position_mm(view.series, view.slice, column, row)
        if place is not None:
            parts.append("({:.1f}, {:.1f}, {:.1f}) mm".format(*place))
        if loaded is not None and loaded.is_of(view):
            parts += self._values(loaded, at, view.units)
        self._window.cursor_text.setText("  ".join(parts))

    @staticmethod
    def _values(loaded: LoadedSlice, at: tuple[int, int], units: str) -> list[str]:
        """The stored value, and what it means where that is another number."""
        stored = loaded.stored_at(*at)
        if stored is None:
            return []
        said = " ".join(map(_number, stored))
        value = loaded.modality_at(*at)
        if value is not None:
            return [said, f"= {_number(value)} {units}".rstrip()]
        return [f"{said} {units}".rstrip() if not loaded.is_colour else said]

    def _on_import(self, run: RunState) -> None:
        if run.is_over:
            self.clear("import")
        else:
            self.show("import", self.tr("Importing the model"), run.done, run.total)

    def _on_training(self, run: RunState) -> None:
        if run.is_over:
            self._window.place_text.setText(self._place)
            return
        step = run.steps[-1].iteration if run.steps else 0
        device = str(run.details.get("device", "CPU")).upper()
        text = self.tr("Training on {device} · iteration {step}") if step else self.tr("Training")
        if run.status is RunStatus.PAUSED:
            text = self.tr("Training paused · iteration {step}")
        self._window.place_text.setText(text.format(device=device, step=f"{step:,}"))


def _number(value: float) -> str:
    """Whole numbers in full, others with six figures."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < _ALL_DIGITS else f"{value:g}"
