"""The size of the brush, beside the tools that use it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget, QWidgetAction

from medseg_desktop.qt.panels.controls import ValueSlider, column
from medseg_desktop.qt.theme.tokens import SPACE_S

#: Diameters of the brush in pixels of the slice: the slider's, and those that may be typed.
_SMALLEST, _USUAL, _LARGEST = 1.0, 60.0, 200.0
_SLIDER_WIDTH = 280


class BrushButton(QToolButton):
    """Shows the diameter of the brush; a click opens a slider for it.

    Signals:
        brush_changed(float): its diameter in columns, by the user.
    """

    brush_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("brushSize")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setAccessibleName(self.tr("Brush size"))
        self.brush = ValueSlider(self.tr("Brush"), self.tr(" px"))
        self.brush.set_range(_SMALLEST, _USUAL, _SMALLEST, _LARGEST)
        self.brush.setFixedWidth(_SLIDER_WIDTH)
        holder = QWidget()
        column(holder, SPACE_S).addWidget(self.brush)
        shown = QWidgetAction(self)
        shown.setDefaultWidget(holder)
        menu = QMenu(self)
        menu.addAction(shown)
        self.setMenu(menu)
        self.brush.value_changed.connect(self._changed)
        self.set_brush(_SMALLEST)
        self.set_used(False)

    def set_brush(self, diameter: float) -> None:
        """Shows the diameter in columns; emits nothing."""
        self.brush.set_value(diameter)
        self._tell(diameter)

    def set_used(self, used: bool) -> None:
        """Whether the tool in use has a brush."""
        self.setEnabled(used)

    def _changed(self, diameter: float) -> None:
        self._tell(diameter)
        self.brush_changed.emit(diameter)

    def _tell(self, diameter: float) -> None:
        self.setText(f"{diameter:.0f}")
        text = self.tr("Diameter of brush and eraser: {n} px ([ and ], Shift + wheel)")
        self.setToolTip(text.format(n=f"{diameter:.0f}"))
