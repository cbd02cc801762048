"""*Model > Import a model…*: asks for a file, and for what the file does not tell."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.labels import RECIPE_LABELS
from medseg_desktop.io.model_package import MODEL_JSON, check_model_name
from medseg_desktop.io.models.importing import PDPARAMS, label_table
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.sessions import RunSession


class ModelImporting(QObject):
    """Asks in dialogs over `window`.

    Signals:
        refused(text): what was typed cannot be used.
    """

    refused = Signal(str)

    def __init__(self, window: QWidget, runs: RunSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window, self._runs = window, runs

    def choose_file(self) -> None:
        """Ask for a model package or weights of PaddleSeg, and take it into the workspace."""
        file, _ = QFileDialog.getOpenFileName(
            self._window,
            self.tr("Import a model"),
            str(Path.home()),
            self.tr("Models (model.json *.zip *.pdparams)"),
        )
        path = Path(file)
        if path.suffix.lower() == PDPARAMS:
            self._import_weights(path)
        elif file:
            self._runs.imports.start(path.parent if path.name == MODEL_JSON else path)

    def _import_weights(self, path: Path) -> None:
        # PaddleSeg calls the file always the same, and the folder of the best one too.
        inside = [part for part in (path.stem, *(p.name for p in path.parents)) if part]
        name = self._ask(
            self.tr("Name of the model"),
            next((part for part in inside if part not in ("model", "best_model")), ""),
        )
        if name is None:
            return
        labels = self._ask(
            self.tr("Labels after the background, in the order of the outputs (A, B, …)"),
            ", ".join(RECIPE_LABELS.names[1:]),
        )
        if labels is None:
            return
        try:
            check_model_name(name)
            self._runs.imports.start(path, name, label_table(labels))
        except MedSegError as error:
            self.refused.emit(sentence(error))

    def _ask(self, question: str, suggested: str) -> str | None:
        """A line of text; None where the user thinks better of it."""
        title = self.tr("Import a model")
        text, go_on = QInputDialog.getText(self._window, title, question, text=suggested)
        return text.strip() if go_on else None
