"""Tools that work on pixels: brush, eraser and cut."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt

from medseg_desktop.core.annotation import Point
from medseg_desktop.core.shapes.edit import cut, erased, painted
from medseg_desktop.core.shapes.stroke import Stroke
from medseg_desktop.qt.tools.outline_tools import CLICK_PX, distance, tr
from medseg_desktop.qt.tools.tool import NOTHING, Desk, Keys, Tool, ToolDrawing

#: Places of a drawn line are this far apart, in logical pixels.
_STEP_PX = 3.0


class BrushTool(Tool):
    """Paints the current label, or takes pixels away; with Ctrl the one does the other's work.

    Args:
        erases: what it does without Ctrl.
    """

    cursor = Qt.CursorShape.BlankCursor

    def __init__(self, desk: Desk, erases: bool = False) -> None:
        super().__init__(desk)
        self._erases = erases
        self._stroke: Stroke | None = None
        self._swapped = False
        self._pointer: Point | None = None

    @property
    def is_busy(self) -> bool:
        return self._stroke is not None

    def drawing(self) -> ToolDrawing:
        ring = (self._pointer, self.desk.brush_radius) if self._pointer is not None else None
        stroke = self._stroke.pixels if self._stroke else None
        return ToolDrawing(ring=ring, stroke=stroke, erases=self._takes_away)

    @property
    def _takes_away(self) -> bool:
        return self._erases != self._swapped

    def press(self, at: Point, keys: Keys) -> None:
        self._swapped = bool(keys & Keys.ControlModifier)
        if self._takes_away or self.desk.may_draw():
            self._stroke = Stroke(*self.desk.size, self.desk.brush_radius, self.desk.aspect)
        self.drag(at, keys)

    def drag(self, at: Point, keys: Keys) -> None:
        self._pointer = at
        if self._stroke is not None:
            self._stroke.radius = self.desk.brush_radius
            self._stroke.move_to(at)
        self.desk.redraw()

    def release(self, at: Point, keys: Keys) -> None:
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return
        desk, pixels = self.desk, stroke.pixels
        if self._takes_away:
            desk.commit(
                tr("erase"), lambda shapes: erased(shapes, pixels, desk.author, desk.editable)
            )
        else:
            desk.commit(
                tr("paint"),
                lambda shapes: painted(
                    shapes, pixels, desk.label, desk.author, desk.new_keys, desk.editable
                ),
            )
        self._swapped = False
        desk.redraw()

    def hover(self, at: Point, keys: Keys) -> None:
        self._pointer = at
        self.desk.redraw()

    def leave(self) -> None:
        self._pointer = None
        self.desk.redraw()

    def cancel(self) -> bool:
        had, self._stroke = self._stroke is not None, None
        self.desk.redraw()
        return had


class CutTool(Tool):
    """A line drawn across areas parts them when the button goes up; a click and a second one
    cut straight."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._points: list[Point] = []
        self._pointer: Point | None = None
        self._dragged = False

    @property
    def is_busy(self) -> bool:
        return bool(self._points)

    def drawing(self) -> ToolDrawing:
        if not self._points:
            return NOTHING
        return ToolDrawing(self._points, self._pointer, dots=self._points[:1])

    def press(self, at: Point, keys: Keys) -> None:
        self._dragged = False
        self._points.append(at)
        self._pointer = at
        self.desk.redraw()

    def drag(self, at: Point, keys: Keys) -> None:
        if not self._points:
            return  # it was cancelled with the button down
        if distance(self.desk, at, self._points[-1]) >= self.desk.columns(_STEP_PX):
            self._dragged = True
            self._points.append(at)
        self._pointer = at
        self.desk.redraw()

    def hover(self, at: Point, keys: Keys) -> None:
        self._pointer = at
        if self._points:
            self.desk.redraw()

    def release(self, at: Point, keys: Keys) -> None:
        if not self._dragged and len(self._points) > 1:
            start, end = self._points[0], self._points[-1]
            if distance(self.desk, start, end) < self.desk.columns(CLICK_PX):
                self._points.pop()  # pressed twice at the same place: the end is still to come
        if len(self._points) > 1:
            self.finish()

    def finish(self) -> bool:
        points, self._points = self._points, []
        desk = self.desk
        if len(points) > 1:
            path, (rows, columns) = np.array(points), desk.size
            parted = desk.commit(
                tr("cut"),
                lambda shapes: cut(shapes, path, rows, columns, desk.author, desk.editable),
            )
            if not parted:
                desk.say(tr("The line parts no shape; draw it across one from side to side."))
        desk.redraw()
        return bool(points)

    def cancel(self) -> bool:
        had, self._points = bool(self._points), []
        self.desk.redraw()
        return had
