"""What the mouse does on the slice: turns its events into the signals of `SliceView`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, SignalInstance
from PySide6.QtGui import QMouseEvent, QWheelEvent

from medseg_desktop.qt.canvas.mouse import BROWSE, ButtonMap, Drag, DragAction, WheelSteps
from medseg_desktop.qt.canvas.slice_stage import SliceStage

if TYPE_CHECKING:
    from medseg_desktop.qt.canvas.slice_view import SliceView

_ZOOM_PER_NOTCH = 1.2
_ZOOM_PER_PX = 1.006


class SliceMouse(QObject):
    """Zooms and pans the stage itself; everything else is reported by the view's signals.

    Attributes:
        buttons: what dragging with each mouse button does.
        left: what the left button does instead, for a while; None for nothing else.
        pointer: where it is in the viewport; None where it is not over it.
    """

    def __init__(self, view: SliceView, stage: SliceStage) -> None:
        super().__init__(view)
        self._view, self._stage = view, stage
        self.buttons: ButtonMap = BROWSE
        self.left: DragAction | None = None
        self.pointer: QPointF | None = None
        self._drag: Drag | None = None
        self._wheel = WheelSteps()
        self._cursor_inside = False
        viewport = stage.viewport()
        viewport.setMouseTracking(True)
        viewport.installEventFilter(self)

    def action_of(self, button: Qt.MouseButton) -> DragAction | None:
        """What a button does now."""
        if button == Qt.MouseButton.LeftButton and self.left is not None:
            return self.left
        return self.buttons.get(button)

    def cancel(self) -> DragAction | None:
        """Ends a drag; tells what it did, None if there was none that had begun."""
        drag, self._drag = self._drag, None
        self._show_band(None)
        return drag.action if drag is not None and drag.moved else None

    def _show_band(self, band: QRectF | None) -> None:
        self._stage.rubber_band = band
        self._stage.viewport().update()

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
                self._on_double_click(event)
            case QEvent.Type.ContextMenu:
                pass  # a right click is told apart from a right drag on release
            case QEvent.Type.Leave:
                self.pointer = None
                self.leave()
                self._view.pointer_left.emit()
                return False
            case _:
                return False
        event.accept()
        return True

    def _on_wheel(self, event: QWheelEvent) -> None:
        # With Alt, Qt turns the wheel to the side.
        angle = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._stage.zoom(_ZOOM_PER_NOTCH ** (angle / 120), event.position())
            return
        steps = self._wheel.add(angle)
        is_tool = self.action_of(Qt.MouseButton.LeftButton) is DragAction.TOOL
        if steps and is_tool and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._view.tool_size_requested.emit(-steps)
        elif self._drag is not None and self._drag.action is DragAction.TOOL:
            pass  # a slip of the wheel takes nobody away from a stroke
        elif steps and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self._view.time_step_requested.emit(steps)
        elif steps:
            self._view.slice_step_requested.emit(steps)

    def _on_press(self, event: QMouseEvent) -> None:
        self.pointer = event.position()
        self._view.setFocus(Qt.FocusReason.MouseFocusReason)
        action = self.action_of(event.button())
        if self._drag is None and action is not None:
            at = event.position()
            self._drag = Drag(event.button(), action, at, at)
            if action is DragAction.TOOL:
                self._tell(self._view.tool_pressed, event)

    def _on_double_click(self, event: QMouseEvent) -> None:
        """A tool takes it as it likes; while browsing, the left button fits the slice.  Else it
        is a quick second press, which begins a drag like any other."""
        action = self.action_of(event.button())
        is_left = event.button() == Qt.MouseButton.LeftButton
        if action is DragAction.TOOL and self._drag is None:
            self._drag = Drag(event.button(), action, event.position(), event.position())
            self._tell(self._view.tool_double_clicked, event)
        elif is_left and action is DragAction.WINDOW and self._drag is None:
            self._view.fit()
        else:
            self._on_press(event)

    def _tell(self, signal: SignalInstance, event: QMouseEvent) -> None:
        """Tell where the pointer is on the slice, and which keys are held."""
        if self._stage.slice_shape is not None:
            at = self._stage.to_slice(event.position())
            signal.emit(at.x(), at.y(), event.modifiers())

    def _on_move(self, event: QMouseEvent) -> None:
        self.pointer = event.position()
        self._report_cursor(event.position())
        drag = self._drag
        if drag is not None and drag.action is DragAction.TOOL:
            self._tell(self._view.tool_dragged, event)
            return
        if drag is not None:
            self._advance(drag, event)
        # After the slice was moved, so that the place is the one under the pointer now.
        self._tell(self._view.pointer_moved, event)

    def _advance(self, drag: Drag, event: QMouseEvent) -> None:
        """One step of a drag that is no tool's."""
        began = drag.moved
        step = drag.advance(event.position())
        if not drag.moved:
            return
        if drag.action is DragAction.WINDOW:
            if not began:
                self._view.window_drag_started.emit()
            self._view.window_drag.emit(step.x(), step.y(), event.modifiers())
        elif drag.action is DragAction.PAN:
            self._stage.pan(step)
        elif drag.action is DragAction.BOX:
            self._show_band(QRectF(drag.start, drag.last).normalized())
        else:
            self._stage.zoom(_ZOOM_PER_PX ** -step.y(), drag.start)

    def _on_release(self, event: QMouseEvent) -> None:
        drag = self._drag
        if drag is None or event.button() != drag.button:
            return
        self._drag = None
        if drag.action is DragAction.TOOL:
            self._tell(self._view.tool_released, event)
        elif drag.moved:
            if drag.action is DragAction.WINDOW:
                self._view.window_drag_finished.emit()
            elif drag.action is DragAction.BOX:
                self._show_band(None)
                corners = (self._stage.to_slice(drag.start), self._stage.to_slice(drag.last))
                self._view.box_drawn.emit(QRectF(*corners).normalized())
        elif drag.button == Qt.MouseButton.RightButton:
            self._view.context_menu_requested.emit(event.globalPosition().toPoint())

    def _report_cursor(self, position: QPointF) -> None:
        shape = self._stage.slice_shape
        if shape is None:
            return
        at = self._stage.to_slice(position)
        if 0 <= at.x() < shape[1] and 0 <= at.y() < shape[0]:
            self._cursor_inside = True
            self._view.cursor_moved.emit(at.x(), at.y())
        else:
            self.leave()

    def leave(self) -> None:
        """The pointer is not on the slice any more."""
        if self._cursor_inside:
            self._cursor_inside = False
            self._view.cursor_left.emit()
