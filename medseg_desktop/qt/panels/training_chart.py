"""One plot over the iterations: zoomed with wheel and drag, read with a vertical line."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QSizePolicy, QWidget

from medseg_desktop.qt.panels.training_legend import line_colour
from medseg_desktop.qt.theme.state import current_tokens

_AXIS_WIDTH = 40
Values = npt.NDArray[np.float64]


class _Box(pg.ViewBox):  # type: ignore[misc]
    """Wheel: closer along the iterations.  Drag: a rectangle to see.  Double click: all."""

    fit_requested = Signal()

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.setMouseMode(pg.ViewBox.RectMode)

    def wheelEvent(self, event: Any, axis: int | None = None) -> None:
        super().wheelEvent(event, axis=pg.ViewBox.XAxis)

    def mouseClickEvent(self, event: Any) -> None:
        if event.double() and event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.fit_requested.emit()


class Chart(pg.PlotWidget):  # type: ignore[misc]
    """Lines by key; long ones are thinned to what the width can show.

    Signals:
        zoomed(): the user looks at a part.
        fit_requested(): the user wants to see all again.
        pointed(float | None): the iteration under the pointer.
    """

    zoomed = Signal()
    fit_requested = Signal()
    pointed = Signal(object)

    def __init__(self, height: int, parent: QWidget | None = None) -> None:
        box = _Box()
        super().__init__(parent, viewBox=box)
        self.setMinimumHeight(height)
        # pyqtgraph proposes 480 pixels; here the panel decides.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setClipToView(True)
        self.setDownsampling(auto=True, mode="peak")
        left = self.getAxis("left")
        left.setWidth(_AXIS_WIDTH)
        for side in ("left", "bottom"):
            self.getAxis(side).enableAutoSIPrefix(False)
        self.getPlotItem().setContentsMargins(0, 8, 16, 0)
        self.lines: dict[Hashable, pg.PlotDataItem] = {}
        self._looks: dict[Hashable, tuple[int, float, bool, int, int]] = {}
        self._scale = 1
        self.cursor_line = pg.InfiniteLine(angle=90, movable=False)
        self.cursor_line.setVisible(False)
        self.addItem(self.cursor_line, ignoreBounds=True)
        box.fit_requested.connect(self.fit_requested)
        box.sigRangeChangedManually.connect(lambda _: self.zoomed.emit())
        self.scene().sigMouseMoved.connect(self._on_mouse)
        self.restyle()

    # -- lines

    def set_line(
        self,
        key: Hashable,
        x: Values,
        y: Values,
        colour: int,
        *,
        width: float = 2.0,
        dashed: bool = False,
        symbol: int = 0,
        opacity: int = 255,
    ) -> pg.PlotDataItem:
        """Draw a line, which may be there already.

        Args:
            colour: position for `line_colour`; -1 is the colour of texts.
            symbol: diameter of a dot at each point, 0 for none.
            opacity: of the line, 0..255.
        """
        line = self.lines.get(key)
        look = (colour, width, dashed, opacity, symbol)
        if line is None:
            line = self.lines[key] = self.plot(symbol="o" if symbol else None)
        if self._looks.get(key) != look:
            self._looks[key] = look
            self._style(key)
        line.setData(x, y)
        return line

    def remove_lines(self, keep: set[Hashable] | None = None) -> None:
        """Take away all lines but those of `keep`."""
        for key in [key for key in self.lines if key not in (keep or set())]:
            self.removeItem(self.lines.pop(key))
            self._looks.pop(key, None)

    def _style(self, key: Hashable) -> None:
        position, width, dashed, opacity, symbol = self._looks[key]
        width *= self._scale
        colour = QColor(current_tokens().text if position < 0 else line_colour(position))
        colour.setAlpha(opacity)
        style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        line = self.lines[key]
        if position < 0:  # a ring around one point
            line.setPen(None)
            line.setSymbolBrush(None)
            line.setSymbolPen(pg.mkPen(colour, width=width / self._scale))
        else:
            line.setPen(pg.mkPen(colour, width=width, style=style))
            line.setSymbolBrush(colour)
            line.setSymbolPen(None)
        line.setSymbolSize(symbol)
        # Dots are drawn once and copied, which is fast, but coarse in a picture of more pixels.
        line.scatter.opts["useCache"] = self._scale == 1

    def set_scale(self, scale: int) -> None:
        """Lines and dots are drawn for a picture with so many pixels for each of the screen."""
        self._scale = scale
        for key in self.lines:
            self._style(key)

    # -- what is seen

    def show_all_y(self, fixed: tuple[float, float] | None) -> None:
        """The whole height: a fixed range, or that of the points in sight."""
        if fixed is not None:
            self.setYRange(*fixed, padding=0.02)
        else:
            self.getViewBox().setAutoVisible(y=True)
            self.enableAutoRange(axis="y")

    def set_cursor(self, x: float | None) -> None:
        """Where the vertical line stands; None for nowhere."""
        self.cursor_line.setVisible(x is not None)
        if x is not None:
            self.cursor_line.setPos(x)

    def _on_mouse(self, at: QPointF) -> None:
        box = self.getViewBox()
        inside = box.sceneBoundingRect().contains(at)
        self.pointed.emit(float(box.mapSceneToView(at).x()) if inside else None)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.pointed.emit(None)

    def restyle(self) -> None:
        """Take the colours of the theme."""
        t = current_tokens()
        self.setBackground(t.panel)
        self.showGrid(x=False, y=True, alpha=0.18)
        font = QFont(self.font())
        font.setPixelSize(11)
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(pg.mkPen(t.line))
            axis.setTextPen(pg.mkPen(t.muted))
            axis.setStyle(tickFont=font, tickLength=-4, hideOverlappingLabels=False)
        self.cursor_line.setPen(pg.mkPen(t.muted, width=1))
        self.getViewBox().rbScaleBox.setPen(pg.mkPen(t.accent, width=1))
        fill = QColor(t.accent)
        fill.setAlpha(50)
        self.getViewBox().rbScaleBox.setBrush(pg.mkBrush(fill))
        for key in self.lines:
            self._style(key)
