"""The slice with its overlays and texts; says what the mouse did to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QFont, QKeyEvent, QPixmap
from PySide6.QtWidgets import QVBoxLayout, QWidget

from medseg_desktop.core.display import PixelFormat, Window
from medseg_desktop.core.geometry import SpatialTransformation
from medseg_desktop.qt.canvas.comparison_item import ComparisonLayer
from medseg_desktop.qt.canvas.corner_text import CornerTexts, OrientationLetters
from medseg_desktop.qt.canvas.grey import GreyMapper, Rendering
from medseg_desktop.qt.canvas.live_drawing import CursorRing, LiveDrawing, LiveMask
from medseg_desktop.qt.canvas.mouse import ButtonMap, DragAction
from medseg_desktop.qt.canvas.outline import Outline
from medseg_desktop.qt.canvas.pixel_items import PixelItem
from medseg_desktop.qt.canvas.slice_mouse import SliceMouse
from medseg_desktop.qt.canvas.slice_stage import SliceStage
from medseg_desktop.qt.theme.tokens import SECONDARY_PX

__all__ = [
    "ComparisonLayer",
    "CornerTexts",
    "CursorRing",
    "LabelLayer",
    "LiveDrawing",
    "LiveMask",
    "Outline",
    "Rendering",
    "SliceView",
]

Pixels = npt.NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class LabelLayer:
    """A label map with its colours.

    Attributes:
        label_map: (rows, columns) of class indices, uint8; 0 is transparent.
        colours: (red, green, blue) by class index.
    """

    label_map: npt.NDArray[np.uint8]
    colours: Sequence[Sequence[int]]


class SliceView(QWidget):
    """One slice on black.

    Coordinates are corner coordinates: x = column, y = row, the pixel (r, c) covers
    [c, c + 1) x [r, r + 1).

    Signals:
        slice_step_requested(int): wheel; +1 is the next slice (wheel down).
        time_step_requested(int): wheel with Alt; +1 is the next time point.
        window_drag_started(), window_drag(dx_px, dy_px, modifiers), window_drag_finished():
            steps of a window/level drag in logical pixels, y down.
        box_drawn(QRectF): a box was dragged, in corner coordinates (see `mouse.DragAction`).
        context_menu_requested(QPoint): right click without a drag, or the menu key; global
            position.
        cursor_moved(column, row): the pointer is on the slice; cursor_left(): no longer.
        tool_pressed, tool_dragged, tool_released, tool_double_clicked (column, row, modifiers):
            the button whose action is a tool; a double click comes in place of the second press.
        tool_size_requested(int): wheel with Shift while a tool is in use; up is larger.
        pointer_moved(column, row, modifiers): no tool is being dragged; on the slice or beside it.
        pointer_left(): the pointer is not on the slice, or there is none.
    """

    slice_step_requested = Signal(int)
    time_step_requested = Signal(int)
    window_drag_started = Signal()
    window_drag = Signal(float, float, object)
    window_drag_finished = Signal()
    box_drawn = Signal(QRectF)
    context_menu_requested = Signal(QPoint)
    cursor_moved = Signal(float, float)
    cursor_left = Signal()
    tool_pressed = Signal(float, float, object)
    tool_dragged = Signal(float, float, object)
    tool_released = Signal(float, float, object)
    tool_double_clicked = Signal(float, float, object)
    tool_size_requested = Signal(int)
    pointer_moved = Signal(float, float, object)
    pointer_left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stage = SliceStage(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stage)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(160, 120)
        self._mapper = GreyMapper()
        self._stored: Pixels | None = None
        self._rendering = Rendering(PixelFormat(), Window(128, 256))
        self._has_map = False
        self._has_prediction = False
        self._overlays_visible = True
        self._tool_cursor = Qt.CursorShape.CrossCursor
        self._mouse = SliceMouse(self, self._stage)
        self._apply_font()

    # What is shown ---------------------------------------------------------------------------

    def set_slice(self, stored: Pixels, rendering: Rendering) -> None:
        """Shows a slice.

        Args:
            stored: stored values, (rows, columns) or (rows, columns, 3) for RGB, of any integer
                or float dtype.  They are not copied and must not be changed afterwards.
            rendering: how they are shown.

        Raises:
            ValueError: the array has another shape or is empty.
        """
        if stored.shape[2:] not in ((), (3,)) or stored.ndim < 2 or stored.size == 0:
            raise ValueError(f"a slice is (rows, columns) or (rows, columns, 3): {stored.shape}")
        self._stored = stored
        self._rendering = rendering
        self._stage.set_slice_shape((stored.shape[0], stored.shape[1]))
        self._render()

    def clear(self) -> None:
        """Shows nothing but the message, if there is one; zoom and pan are kept."""
        self._stored = None
        self._stage.set_slice_shape(None)
        for item in (self._stage.grey, self._stage.label_map, self._stage.prediction):
            item.clear()
        self._has_map = self._has_prediction = False
        self._stage.comparison.set_layer(None)
        self._stage.outlines.set_outlines(())
        self._stage.live.set_live(LiveDrawing())
        self._mouse.leave()
        self._stage.viewport().update()

    def set_rendering(self, rendering: Rendering) -> None:
        """Shows the slice with another window, or inverted."""
        if rendering != self._rendering:
            self._rendering = rendering
            self._render()

    def set_turned(self, turned: SpatialTransformation) -> None:
        """Rotates and flips the slice with everything that lies on it."""
        self._stage.set_turned(turned)

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
        self._stage.set_pixel_aspect(float(aspect), column_spacing_mm)
        self._stage.viewport().update()

    def set_outlines(self, outlines: Sequence[Outline]) -> None:
        """Replaces all outlines of the slice.

        Pictures of outlines are kept by their arrays (see `Outline`): give the same arrays for
        what has not changed.  The outline that is being changed is best `highlighted`, because
        each thickness has a picture of its own.
        """
        self._stage.outlines.set_outlines(outlines)

    def set_live(self, drawing: LiveDrawing) -> None:
        """Replaces what lies on top and changes with the mouse; `LiveDrawing()` removes it."""
        self._stage.live.set_live(drawing)

    def set_label_map(self, label_map: LabelLayer | None, opacity: float = 0.35) -> None:
        """The filled label map, on a scale of 0..1; None hides it."""
        self._has_map = label_map is not None
        self._set_layer(self._stage.label_map, label_map, opacity)

    def set_prediction_map(self, label_map: LabelLayer | None, opacity: float = 0.35) -> None:
        """The predicted label map, like `set_label_map`."""
        self._has_prediction = label_map is not None
        self._set_layer(self._stage.prediction, label_map, opacity)

    def set_comparison(self, layer: ComparisonLayer | None, opacity: float = 1.0) -> None:
        """Areas in colours and patterns, above both maps; None removes them."""
        self._stage.comparison.set_layer(layer)
        self._stage.comparison.setOpacity(min(max(opacity, 0.0), 1.0))

    def set_place(self, place: QRectF | None) -> None:
        """Marks a place of the slice, in corner coordinates, and brings it into sight; None
        takes the mark away."""
        self._stage.place = place
        if place is not None:
            self._stage.bring_into_sight(place)
        self._stage.viewport().update()

    def set_overlays_visible(self, visible: bool) -> None:
        """Hides or shows outlines, live drawing, maps and areas at once (key H held)."""
        self._overlays_visible = visible
        self._stage.outlines.setVisible(visible)
        self._stage.live.setVisible(visible)
        self._stage.comparison.setVisible(visible)
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

    def set_top_inset(self, height_px: int) -> None:
        """Keeps the texts free of what lies over the upper edge; the slice does not move."""
        if height_px != self._stage.top_inset_px:
            self._stage.top_inset_px = height_px
            self._stage.viewport().update()

    def set_smooth(self, smooth: bool) -> None:
        """Interpolate between pixels when zoomed in."""
        self._stage.grey.set_smooth(smooth)

    def set_buttons(self, buttons: ButtonMap) -> None:
        """What dragging with each mouse button does."""
        self._mouse.buttons = buttons
        self._show_cursor()

    def set_left_action(self, action: DragAction | None) -> None:
        """What the left button does for a while, whatever the buttons do; None ends it."""
        self._mouse.left = action
        self._show_cursor()

    def set_tool_cursor(self, cursor: Qt.CursorShape) -> None:
        """How the pointer looks where the left button is a tool."""
        self._tool_cursor = cursor
        self._show_cursor()

    def _show_cursor(self) -> None:
        cursors = {
            DragAction.BOX: Qt.CursorShape.CrossCursor,
            DragAction.PAN: Qt.CursorShape.OpenHandCursor,
            DragAction.TOOL: self._tool_cursor,
        }
        action = self._mouse.action_of(Qt.MouseButton.LeftButton)
        shown = cursors.get(action, Qt.CursorShape.ArrowCursor) if action else None
        self._stage.viewport().setCursor(shown or Qt.CursorShape.ArrowCursor)

    def fit(self) -> None:
        """The whole slice as large as possible."""
        self._stage.fit()

    def show_pixels(self) -> None:
        """One column of the slice on one pixel of the screen."""
        self._stage.show_pixels()

    def picture(self, texts: CornerTexts) -> QPixmap:
        """What is shown, as a picture, with other texts in the corners."""
        shown, self._stage.texts = self._stage.texts, texts
        try:
            picture: QPixmap = self._stage.viewport().grab()
            return picture
        finally:
            self._stage.texts = shown

    def cancel_drag(self) -> DragAction | None:
        """Ends a drag; tells what it did, None if there was none that had begun.

        No box is drawn any more; what a window drag has done is for the caller to take back,
        and a slice that was moved or zoomed stays so.
        """
        return self._mouse.cancel()

    def sizeHint(self) -> QSize:
        return QSize(640, 640)

    def widget_position(self, column: float, row: float) -> QPoint:
        """(x = column, y = row) -> the position in this widget."""
        at = self._stage.from_slice(QPointF(column, row)).toPoint()
        position: QPoint = self._stage.viewport().mapTo(self, at)
        return position

    def pixels_to_slice(self, px: float) -> float:
        """A length on the screen as a length on the slice, for hit tests.

        Args:
            px: logical pixels.

        Returns:
            Slice pixels: in the direction in which they are smaller on the screen, so that
            nothing within `px` is missed where they are not square.
        """
        return px / min(self._stage.pixel_width_px(), self._stage.pixel_height_px())

    def pixels_to_columns(self, px: float) -> float:
        """A length on the screen in columns, the unit of `core.shapes.hit`.

        Args:
            px: logical pixels.
        """
        return px / self._stage.column_px()

    def pointer_place(self) -> QPointF | None:
        """(x = column, y = row) under the pointer, which may lie beside the slice; None where
        there is no pointer or no slice."""
        at = self._mouse.pointer
        return None if at is None or self._stage.slice_shape is None else self._stage.to_slice(at)

    # Inside ------------------------------------------------------------------------------------

    def _render(self) -> None:
        if self._stored is not None:
            self._stage.grey.set_slice(self._mapper.screen_pixels(self._stored, self._rendering))

    def _set_layer(self, item: PixelItem, layer: LabelLayer | None, opacity: float) -> None:
        if layer is None:
            item.clear()
        else:
            item.set_label_map(layer.label_map, layer.colours)
        item.setOpacity(min(max(opacity, 0.0), 1.0))
        item.setVisible(layer is not None and self._overlays_visible)

    def _apply_font(self) -> None:
        font = QFont(self.font())
        font.setPixelSize(SECONDARY_PX)
        self._stage.text_font = font
        self._stage.outlines.set_font(font)
        self._stage.live.set_font(font)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """While the space bar is held, the left button moves the slice."""
        if event.key() == Qt.Key.Key_Space and self._mouse.left is None:
            self.set_left_action(DragAction.PAN)
        elif event.key() != Qt.Key.Key_Space:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Space:
            super().keyReleaseEvent(event)
        elif not event.isAutoRepeat() and self._mouse.left is DragAction.PAN:
            self.set_left_action(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if self._mouse.left is DragAction.PAN:
            self.set_left_action(None)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        # A right click is told by the mouse, which knows whether it became a drag.
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            self.context_menu_requested.emit(self.mapToGlobal(self.rect().center()))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._apply_font()
