"""Handing a model to other programs: the command `export`, run for the window."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from medseg_desktop.core.errors import Cancelled, JobError
from medseg_desktop.io.child_command import own_command
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.messages import sentence

#: Paddle's format takes Paddle and minutes; it is the command line's.
_FORMATS = "onnx,package"


class ModelExporting(QObject):
    """Asks where to, and exports in a child process; nothing of the model is loaded here.

    Signals:
        exported(Path): the new folder.
        failed(str): a sentence for the window.
    """

    exported = Signal(object)
    failed = Signal(str)

    def __init__(self, workspace: Path, window: QWidget) -> None:
        super().__init__(window)
        self._workspace, self._window = workspace, window
        self._background = Background(1, "export", self)
        self._child: subprocess.Popen[str] | None = None
        self._folder = Path.home()

    def ask(self, model: Path) -> None:
        """Ask for a folder, and export into a new one in it that is called like the model."""
        title = self.tr("Export {name} into").format(name=model.name)
        name = QFileDialog.getExistingDirectory(self._window, title, str(self._folder))
        if name:
            self._folder = Path(name)
            self.export(model, self._folder / model.name)

    def export(self, model: Path, out: Path) -> None:
        """Export in the background; `out` must be free."""
        self._background.submit(
            partial(self._run, model, out),
            lambda _: self.exported.emit(out),
            lambda error: self.failed.emit(sentence(error)),
        )

    def _run(self, model: Path, out: Path) -> None:
        """In the worker thread.

        Raises:
            JobError: what the command says.
        """
        words = ["export", str(model), "--out", str(out), "--format", _FORMATS]
        command = own_command(*words, "--workspace", str(self._workspace))
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        ) as child:
            self._child = child
            if self._background.closed:
                child.terminate()
            _, said = child.communicate()
        self._child = None
        if self._background.closed:
            raise Cancelled
        if child.returncode:
            lines = said.strip().splitlines()
            raise JobError(lines[-1] if lines else f"{model.name} was not exported.")

    def quit(self) -> None:
        """End what runs; does not wait."""
        self._background.quit()
        child = self._child
        if child is not None:
            child.terminate()

    def close(self) -> None:
        """End the thread."""
        self.quit()
        self._background.close()
