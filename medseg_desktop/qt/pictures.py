"""Pictures of the slice on screen: to the clipboard, or into a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QGuiApplication, QPixmap
from PySide6.QtWidgets import QFileDialog

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.message_bar import Level
from medseg_desktop.qt.presenters.slice_presenter import SlicePresenter
from medseg_desktop.qt.sessions import StudySession

_LONGEST_NAME = 60


class Pictures(QObject):
    """Takes pictures with their overlays; they name the patient only where that was asked for.

    Args:
        named: while it is checked, pictures show who the patient is, if the window does.
    """

    def __init__(
        self,
        window: MainWindow,
        study: StudySession,
        slices: SlicePresenter,
        named: QAction,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._study, self._slices, self._named = window, study, slices, named
        self._folder = Path.home()

    def copy(self) -> None:
        """Put the picture on the clipboard."""
        picture = self._take()
        if picture is not None:
            QGuiApplication.clipboard().setPixmap(picture)
            self._say(self.tr("The picture was copied."))

    def save(self) -> None:
        """Ask for a file and write the picture as PNG."""
        picture = self._take()
        if picture is None:
            return
        name, _ = QFileDialog.getSaveFileName(
            self._window,
            self.tr("Save the picture"),
            str(self._folder / self._file_name()),
            self.tr("PNG picture (*.png)"),
        )
        if name:
            self.write(picture, Path(name))

    def _file_name(self) -> str:
        """Series and slice number, in characters that every system allows."""
        view = self._study.view
        if view is None:
            return "slice.png"
        title = "".join(c if c.isalnum() or c in "-_" else " " for c in view.series.title)
        name = " ".join(title.split())[:_LONGEST_NAME].strip() or "slice"
        return f"{name} {view.index + 1}.png"

    def write(self, picture: QPixmap, path: Path) -> None:
        """Write a picture as PNG and say so."""
        path = path if path.suffix.lower() == ".png" else path.with_name(f"{path.name}.png")
        if picture.save(str(path), "PNG"):
            self._folder = path.parent
            self._say(self.tr("The picture was saved as {name}.").format(name=path.name))
        else:
            error = MedSegError(f"Cannot write {path}.", "Choose another folder.")
            self._window.messages.show_message(sentence(error), Level.ERROR)

    def _take(self) -> QPixmap | None:
        view = self._study.view
        if view is None or self._slices.loaded is None:
            self._window.messages.show_message(
                self.tr("There is no slice to take a picture of."), Level.INFO
            )
            return None
        texts = self._slices.texts(replace(view, identity=view.identity and self.names_patients))
        return self._window.slice_view.picture(texts)

    @property
    def names_patients(self) -> bool:
        return self._named.isChecked()

    def _say(self, text: str) -> None:
        view = self._study.view
        if not (self.names_patients and view is not None and view.identity):
            text += " " + self.tr("It does not name the patient.")
        self._window.messages.show_message(text, Level.SUCCESS)
