"""Saving the plots of a run as a picture, and its figures as a table."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.run_state import RunState
from medseg_desktop.core.run_table import run_csv
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.io.atomic import write_bytes
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.training_panel import TrainingPanel

#: Names what the columns of the table are; they are explained in docs/training.md.
_COLUMNS = "iteration-loss-learning_rate-dice-iou"


class RunExport(QObject):
    """Asks where to, and writes in the background.

    Signals:
        failed(str): a sentence for the window.
    """

    failed = Signal(str)

    def __init__(
        self, panel: TrainingPanel, background: Background, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._panel, self._background = panel, background
        self._folder = Path.home()
        self._spec: TrainSpec | None = None
        self._state = RunState()
        panel.run.plots.save_requested.connect(self.save)

    def set_run(self, spec: TrainSpec, state: RunState) -> None:
        """What would be saved."""
        self._spec, self._state = spec, state

    def save(self, kind: str) -> None:
        """Ask for a file; `kind` is "png" or "csv"."""
        if self._spec is None:
            return
        what = {"png": self.tr("PNG picture (*.png)"), "csv": self.tr("Table (*.csv)")}[kind]
        title = {"png": self.tr("Save the plots"), "csv": self.tr("Save the values")}[kind]
        start = self._folder / self._file_name(kind, self._spec)
        name, _ = QFileDialog.getSaveFileName(self._panel, title, str(start), what)
        if not name:
            return
        path = Path(name)
        if path.suffix.lower() != f".{kind}":
            path = path.with_name(f"{path.name}.{kind}")
        self._folder = path.parent
        self.write(kind, path)

    @staticmethod
    def _file_name(kind: str, spec: TrainSpec) -> str:
        run = f"{spec.model_name} {Path(spec.run).name}"
        return f"{run}.png" if kind == "png" else f"{run} {_COLUMNS}.csv"

    def write(self, kind: str, path: Path) -> None:
        """Write one of both to `path`."""
        state = self._state
        picture = self._panel.run.plots.picture().toImage() if kind == "png" else None

        def work() -> None:
            write_bytes(path, _png(picture) if picture else run_csv(state).encode("utf-8-sig"))

        self._background.submit(
            work, lambda _: None, lambda error: self.failed.emit(sentence(error))
        )


def _png(picture: QImage) -> bytes:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not picture.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise WorkspaceError("The plots cannot be stored as PNG.")
    return bytes(data.data())
