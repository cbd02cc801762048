"""The list of the workspace's runs, and those drawn beside the one on the page."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.curves import RunCurves
from medseg_desktop.core.run_state import RunState
from medseg_desktop.io.runs import RunEntry, RunReader, read_run
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.training_history import run_title
from medseg_desktop.qt.panels.training_pane import ComparedRun
from medseg_desktop.qt.panels.training_panel import TrainingPanel
from medseg_desktop.qt.sessions.runs import RunSession


class HistoryPresenter(QObject):
    """Reads runs in the background: the list when it may have changed, curves when compared.

    Signals:
        failed(str): a sentence for the window.
    """

    failed = Signal(str)

    def __init__(
        self, panel: TrainingPanel, runs: RunSession, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._panel, self._runs = panel, runs
        self._background = Background(1, "history", self)
        self._reader = RunReader(runs.workspace.runs)
        self._entries: tuple[RunEntry, ...] = ()
        self._compared: list[Path] = []
        self._read: dict[Path, RunCurves] = {}
        panel.history.opened.connect(self.refresh)
        panel.history.compared.connect(self._compare)
        runs.datasets_changed.connect(lambda _: self.refresh())
        runs.training_changed.connect(self._on_run)
        runs.training_begun.connect(lambda _: self._set(self._entries))

    def refresh(self) -> None:
        """Read the list again."""
        self._background.submit(self._reader.entries, self._set)

    def _on_run(self, run: RunState) -> None:
        if run.is_over:
            self.refresh()

    def _set(self, entries: tuple[RunEntry, ...]) -> None:
        """All runs but the one that is under way, which is no earlier one."""
        self._entries = entries
        spec = self._runs.training_spec
        now = Path(spec.run) if spec is not None and self._runs.is_training else None
        self._panel.history.set_entries([e for e in entries if e.path != now])

    def _compare(self, paths: list[Path]) -> None:
        self._compared = paths
        for path in [path for path in self._read if path not in paths]:
            del self._read[path]
        for path in paths:
            if path not in self._read:
                self._background.submit(
                    partial(_curves, path),
                    partial(self._add, path),
                    lambda error: self.failed.emit(sentence(error)),
                )
        self._draw()

    def _add(self, path: Path, curves: RunCurves) -> None:
        if path in self._compared:
            self._read[path] = curves
            self._draw()

    def _draw(self) -> None:
        titles = {entry.path: run_title(entry) for entry in self._entries}
        self._panel.run.plots.set_compared(
            [
                ComparedRun(str(path), titles.get(path, path.name), self._read[path])
                for path in self._compared
                if path in self._read
            ]
        )

    def quit(self) -> None:
        """Begin no more work; does not wait."""
        self._background.quit()

    def close(self) -> None:
        """End the thread."""
        self._background.close()


def _curves(path: Path) -> RunCurves:
    curves = RunCurves()
    curves.update(read_run(path))
    return curves
