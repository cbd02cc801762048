"""The menu that gives the selected shapes another label."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QMenu

from medseg_desktop.core.labels import Label
from medseg_desktop.qt.presenters import overlays
from medseg_desktop.qt.presenters.shape_presenter import ShapePresenter
from medseg_desktop.qt.sessions import AnnotationSession, DrawingSession

#: Side of the square of a label's colour, in logical pixels.
_SWATCH_PX = 12


class LabelMenuPresenter(QObject):
    """Fills the menu when it opens: every label with its colour and the digit that does the same
    in the edit tool."""

    def __init__(
        self,
        menu: QMenu,
        annotations: AnnotationSession,
        drawing: DrawingSession,
        shapes: ShapePresenter,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._menu, self._annotations = menu, annotations
        self._drawing, self._shapes = drawing, shapes
        menu.aboutToShow.connect(self._fill)
        drawing.selection_changed.connect(self._enable)
        self._enable()

    def _enable(self) -> None:
        self._menu.menuAction().setEnabled(bool(self._drawing.selection))

    def _fill(self) -> None:
        labels = self._annotations.labels
        present = {shape.label for shape in self._shapes.chosen()}
        self._menu.clear()
        for label, digit in zip(labels.labels, labels.digits, strict=True):
            if label.index:
                self._add(label, digit, present == {label.name})

    def _add(self, label: Label, digit: int | None, checked: bool) -> None:
        name = label.name.replace("&", "&&")  # which would mark a letter
        action = self._menu.addAction(name if digit is None else f"{name}\t{digit}")
        action.setIcon(_swatch(overlays.hex_color(label.color)))
        action.setCheckable(True)
        action.setChecked(checked)
        action.triggered.connect(lambda _=False: self._shapes.relabel(label.name))


def _swatch(colour: str) -> QIcon:
    picture = QPixmap(_SWATCH_PX, _SWATCH_PX)
    picture.fill(QColor(colour))
    return QIcon(picture)
