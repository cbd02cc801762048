"""The slice with its overlays and texts; says what the mouse did to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from medseg_desktop.qt.canvas.corner_text import CornerTexts, OrientationLetters
from medseg_desktop.qt.canvas.grey import GreyMapper
from medseg_desktop.qt.canvas.mouse import BROWSE, ButtonMap, Drag, DragAction, WheelSteps
from medseg_desktop.qt.canvas.overlay_items import Outline, PixelItem
from medseg_desktop.qt.canvas.slice_stage import SliceStage
from medseg_desktop.qt.theme.tokens import SECONDARY_PX

__all__ = ["CornerTexts", "Outline", "SliceView"]

_ZOOM_PER_NOTCH = 1.2
_ZOOM_PER_PX = 1.006
Pixels = npt.NDArray[np.generic]
Rgba = npt.NDArray[np.uint8]


class SliceView(QWidget):
    """One slice on black.

    Coordinates are corner coordinates: x = column, y = row, the pixel (r, c) covers
    [c, c + 1) x [r, r + 1).

    Signals:
        slice_step_requested(int): wheel; +1 is the next slice (wheel down).
        window_drag_started(), window_drag(dx_px, dy_px, modifiers), window_drag_finished():
            steps of a window/level drag in logical pixels, y down.
        context_menu_requested(QPoint): right click without a drag, global position.
        cursor_moved(column, row): the pointer is on the slice; cursor_left(): no longer.
    """

    slice_step_requested = Signal(int)
    window_drag_started = Signal()
    window_drag = Signal(float, float, object)
    window_drag_finished = Signal()
    context_menu_requested = Signal(QPoint)
    cursor_moved = Signal(float, float)
    cursor_left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stage = SliceStage(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stage)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(160, 120)
        self._mapper = GreyMapper()
        self._values: Pixels | None = None
        self._levels = (0.0, 255.0)
        self._inverted = False
        self._has_map = False
        self._has_prediction = False
        self._overlays_visible = True
        self._buttons: ButtonMap = BROWSE
        self._drag: Drag | None = None
        self._wheel = WheelSteps()
        self._cursor_inside = False
        self._apply_font()
        viewport = self._stage.viewport()
        viewport.setMouseTracking(True)
        viewport.installEventFilter(self)

    # What is shown ---------------------------------------------------------------------------

    def set_slice(self, grey: Pixels, levels: tuple[float, float], inverted: bool = False) -> None:
        """Shows a slice.

        Args:
            grey: (rows, columns), stored or modality values of any integer or float dtype.  It
                is not copied and must not be changed afterwards.
            levels: values shown as black and as white.
            inverted: swap black and white.

        Raises:
            ValueError: the array is not two-dimensional or is empty.
        """
        if grey.ndim != 2 or grey.size == 0:
            raise ValueError(f"a slice has two axes (rows, columns), not shape {grey.shape}")
        self._values = grey
        self._levels = (float(levels[0]), float(levels[1]))
        self._inverted = inverted
        self._stage.set_slice_shape((grey.shape[0], grey.shape[1]))
        self._render()

    def clear(self) -> None:
        """Shows nothing but the message, if there is one."""
        self._values = None
        self._stage.set_slice_shape(None)
        for item in (self._stage.grey, self._stage.label_map, self._stage.prediction):
            item.set_pixels(None)
        self._has_map = self._has_prediction = False
        self._stage.outlines.set_outlines(())
        self._leave()
        self._stage.viewport().update()

    def set_levels(self, low: float, high: float) -> None:
        """Changes the window of the slice that is shown."""
        if (low, high) != self._levels:
            self._levels = (float(low), float(high))
            self._render()

    def set_inverted(self, inverted: bool) -> None:
        """Swaps black and white."""
        if inverted != self._inverted:
            self._inverted = inverted
            self._render()

    def set_pixel_aspect(self, aspect: float, column_spacing_mm: float | None = None) -> None:
        """Pixel height divided by its width (row spacing / column spacing).

        Args:
            aspect: 1 for square pixels.
            column_spacing_mm: distance of two columns in mm; None hides the scale bar.

        Raises:
            ValueError: the aspect is not a positive finite number.
        """
        if not (np.isfinite(aspect) and aspect > 0):
            raise ValueError(f"pixel aspect {aspect} is not positive")
        self._stage.column_mm = column_spacing_mm
        self._stage.set_pixel_aspect(float(aspect))
        self._stage.viewport().update()

    def set_outlines(self, outlines: Sequence[Outline]) -> None:
        """Replaces all outlines of the slice."""
        self._stage.outlines.set_outlines(outlines)

    def set_label_map(self, rgba: Rgba | None, opacity: float = 0.35) -> None:
        """The filled label map, uint8 (rows, columns, 4), on a scale of 0..1; None hides it."""
        self._has_map = rgba is not None
        self._set_layer(self._stage.label_map, rgba, opacity)

    def set_prediction_map(self, rgba: Rgba | None, opacity: float = 0.35) -> None:
        """The predicted label map, like `set_label_map`."""
        self._has_prediction = rgba is not None
        self._set_layer(self._stage.prediction, rgba, opacity)

    def set_overlays_visible(self, visible: bool) -> None:
        """Hides or shows outlines and both maps at once (key H held)."""
        self._overlays_visible = visible
        self._stage.outlines.setVisible(visible)
        self._stage.label_map.setVisible(visible and self._has_map)
        self._stage.prediction.setVisible(visible and self._has_prediction)

    def set_corner_texts(self, texts: CornerTexts) -> None:
        """Lines of text in the corners; hidden while no slice is shown."""
        self._stage.texts = texts
        self._stage.viewport().update()

    def set_orientation_letters(self, left: str, right: str, top: str, bottom: str) -> None:
        """Patient directions at the four edges; empty strings for none."""
        self._stage.letters = OrientationLetters(left, right, top, bottom)
        self._stage.viewport().update()

    def set_message(self, text: str) -> None:
        """A sentence in the middle (nothing open, reading, failed); empty removes it."""
        self._stage.message = text
        self._stage.viewport().update()

    def set_smooth(self, smooth: bool) -> None:
        """Interpolate between pixels when zoomed in."""
        self._stage.grey.set_smooth(smooth)

    def set_buttons(self, buttons: ButtonMap) -> None:
        """What dragging with each mouse button does."""
        self._buttons = buttons

    def fit(self) -> None:
        """The whole slice as large as possible."""
        self._stage.fit()

    def sizeHint(self) -> QSize:
        return QSize(640, 640)

    def slice_position(self, position: QPoint) -> QPointF:
        """A position in this widget -> (x = column, y = row)."""
        return self._stage.to_slice(QPointF(self._stage.viewport().mapFrom(self, position)))

    def widget_position(self, column: float, row: float) -> QPoint:
        """(x = column, y = row) -> the position in this widget."""
        at = self._stage.from_slice(QPointF(column, row)).toPoint()
        position: QPoint = self._stage.viewport().mapTo(self, at)
        return position

    # Inside ------------------------------------------------------------------------------------

    def _render(self) -> None:
        if self._values is None:
            return
        low, high = self._levels
        grey = self._mapper.grey(self._values, low, high, self._inverted)
        self._stage.grey.set_pixels(grey)

    def _set_layer(self, item: PixelItem, rgba: Rgba | None, opacity: float) -> None:
        if rgba is not None and (rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8):
            raise ValueError("a label map layer is uint8 (rows, columns, 4)")
        item.set_pixels(rgba)
        item.setOpacity(min(max(opacity, 0.0), 1.0))
        item.setVisible(rgba is not None and self._overlays_visible)

    def _apply_font(self) -> None:
        font = QFont(self.font())
        font.setPixelSize(SECONDARY_PX)
        self._stage.text_font = font
        self._stage.outlines.set_font(font)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._apply_font()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Takes every mouse event of the viewport, so pyqtgraph's own handling never runs."""
        match event.type():
            case QEvent.Type.Wheel if isinstance(event, QWheelEvent):
                self._on_wheel(event)
            case QEvent.Type.MouseButtonPress if isinstance(event, QMouseEvent):
                self._on_press(event)
            case QEvent.Type.MouseMove if isinstance(event, QMouseEvent):
                self._on_move(event)
            case QEvent.Type.MouseButtonRelease if isinstance(event, QMouseEvent):
                self._on_release(event)
            case QEvent.Type.MouseButtonDblClick if isinstance(event, QMouseEvent):
                if event.button() == Qt.MouseButton.LeftButton:
                    self.fit()
            case QEvent.Type.ContextMenu:
                pass  # a right click is told apart from a right drag on release
            case QEvent.Type.Leave:
                self._leave()
                return False
            case _:
                return False
        event.accept()
        return True

    def _on_wheel(self, event: QWheelEvent) -> None:
        angle = event.angleDelta().y()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._stage.zoom(_ZOOM_PER_NOTCH ** (angle / 120), event.position())
            return
        steps = self._wheel.add(angle)
        if steps:
            self.slice_step_requested.emit(steps)

    def _on_press(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        action = self._buttons.get(event.button())
        if self._drag is None and action is not None:
            at = event.position()
            self._drag = Drag(event.button(), action, at, at)

    def _on_move(self, event: QMouseEvent) -> None:
        self._report_cursor(event.position())
        drag = self._drag
        if drag is None:
            return
        began = drag.moved
        step = drag.advance(event.position())
        if not drag.moved:
            return
        if drag.action is DragAction.WINDOW:
            if not began:
                self.window_drag_started.emit()
            self.window_drag.emit(step.x(), step.y(), event.modifiers())
        elif drag.action is DragAction.PAN:
            self._stage.pan(step)
        else:
            self._stage.zoom(_ZOOM_PER_PX ** -step.y(), drag.start)

    def _on_release(self, event: QMouseEvent) -> None:
        drag = self._drag
        if drag is None or event.button() != drag.button:
            return
        self._drag = None
        if drag.moved:
            if drag.action is DragAction.WINDOW:
                self.window_drag_finished.emit()
        elif drag.button == Qt.MouseButton.RightButton:
            self.context_menu_requested.emit(event.globalPosition().toPoint())

    def _report_cursor(self, position: QPointF) -> None:
        shape = self._stage.slice_shape
        if shape is None:
            return
        at = self._stage.to_slice(position)
        if 0 <= at.x() < shape[1] and 0 <= at.y() < shape[0]:
            self._cursor_inside = True
            self.cursor_moved.emit(at.x(), at.y())
        else:
            self._leave()

    def _leave(self) -> None:
        if self._cursor_inside:
            self._cursor_inside = False
            self.cursor_left.emit()
