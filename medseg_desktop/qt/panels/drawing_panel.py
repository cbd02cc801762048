"""How the tools of Draw mode work: the size of the brush."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from medseg_desktop.qt.panels.controls import ValueSlider, column

#: Diameters of the brush in pixels of the slice: the slider's, and those that may be typed.
_SMALLEST, _USUAL, _LARGEST = 1.0, 60.0, 200.0


class DrawingPanel(QWidget):
    """The brush.

    Signals:
        brush_changed(float): its diameter in columns, by the user.
    """

    brush_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.brush = ValueSlider(self.tr("Brush"), self.tr(" px"))
        self.brush.set_range(_SMALLEST, _USUAL, _SMALLEST, _LARGEST)
        self.brush.setToolTip(self.tr("Diameter of brush and eraser ([ and ], Shift + wheel)"))
        layout = column(self)
        layout.addWidget(self.brush)
        self.brush.value_changed.connect(self.brush_changed)

    def set_brush(self, diameter: float) -> None:
        """Shows the diameter in columns; emits nothing."""
        self.brush.set_value(diameter)
