"""Tools that draw a new outline: polygon, lasso, rectangle, circle."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QCoreApplication

from medseg_desktop.core.annotation import Point, Shape, ShapeType
from medseg_desktop.core.raster import outline_points
from medseg_desktop.core.shapes.vertices import as_polygon, enclosed, simplified
from medseg_desktop.qt.i18n import QT_TRANSLATE_NOOP
from medseg_desktop.qt.tools.tool import (
    NO_KEYS,
    NOTHING,
    SNAP_PX,
    Desk,
    Keys,
    Tool,
    ToolDrawing,
    clamped,
)

#: A press that moves less than this is a click, in logical pixels.
CLICK_PX = 4.0
#: A vertex is not set as near as this to the last one; two presses meant one.
_SAME_PX = 3.0
#: Fewer points than this are sooner set again than looked for.
_WORTH_KEEPING = 2
#: Of a freehand line, in pixels of the slice.
_LASSO_TOLERANCE = 0.3


def tr(text: str) -> str:
    return QCoreApplication.translate("Tools", text)


def add_shape(desk: Desk, text: str, shape: Shape) -> None:
    """Put a new shape on top of the others, signed, and select it."""
    made = desk.author.drawn(replace(shape, label=desk.label, extra=dict(desk.new_keys)))
    count = len(desk.shapes)
    desk.commit(text, lambda shapes: (*shapes, made))
    if len(desk.shapes) > count:
        desk.select([next(i for i, s in enumerate(desk.shapes) if s is made)])


class PolygonTool(Tool):
    """Each click sets a vertex; a double click, Enter, or a click on the first one closes."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._points: list[Point] = []
        self._pointer: Point | None = None

    @property
    def is_busy(self) -> bool:
        return bool(self._points)

    def drawing(self) -> ToolDrawing:
        pointer = self._pointer
        if not self._points:
            snapped = pointer is not None and self._snapped(pointer)
            return ToolDrawing(dots=[pointer]) if pointer is not None and snapped else NOTHING
        if pointer is not None and self._closes(pointer):
            pointer = None
        return ToolDrawing(self._points, pointer, is_closed=True, dots=self._points)

    def press(self, at: Point, keys: Keys) -> None:
        at = self._place(at)
        if self._closes(at):
            self.finish()
            return
        if not self._points:
            if not self.desk.may_draw():
                return
            self.desk.select([])  # so that taking back one point too many deletes no shape
        if not self._points or not self._is_near(at, self._points[-1], _SAME_PX):
            self._points.append(at)
        self._pointer = at
        self.desk.redraw()

    def double_click(self, at: Point, keys: Keys) -> None:
        # Its first press has set the last vertex.
        if len(self._points) >= 3:
            self.finish()

    def hover(self, at: Point, keys: Keys) -> None:
        self._pointer = self._place(at)
        self.desk.redraw()

    def drag(self, at: Point, keys: Keys) -> None:
        """A vertex can be pulled to its place while the button is down."""
        if self._points:
            self._points[-1] = self._pointer = self._place(at, own=False)
            self.desk.redraw()

    def leave(self) -> None:
        self._pointer = None
        self.desk.redraw()

    def finish(self) -> bool:
        points, self._points = self._points, []
        if len(points) >= 3:
            add_shape(self.desk, tr("draw polygon"), as_polygon(points, self.desk.label))
        self.desk.redraw()
        return bool(points)

    def step_back(self) -> bool:
        if not self._points:
            return False
        self._points.pop()
        self.desk.redraw()
        return True

    def cancel(self) -> bool:
        had, self._points = bool(self._points), []
        self.desk.redraw()
        return had

    def begun(self) -> Sequence[Point]:
        return tuple(self._points) if len(self._points) >= _WORTH_KEEPING else ()

    def resume(self, points: Sequence[Point]) -> None:
        self._points = list(points)
        self.desk.redraw()

    def _closes(self, at: Point) -> bool:
        return len(self._points) >= 3 and self._is_near(at, self._points[0], SNAP_PX)

    def _is_near(self, at: Point, other: Point, reach_px: float) -> bool:
        return distance(self.desk, at, other) <= self.desk.columns(reach_px)

    def _place(self, at: Point, own: bool = True) -> Point:
        """Where a vertex goes: to its polygon's first vertex, to one of another shape, or here."""
        at = clamped(at, self.desk.size)
        if own and self._closes(at):
            return self._points[0]
        return self._snapped(at) or at

    def _snapped(self, at: Point) -> Point | None:
        if not self.desk.snaps:
            return None
        vertex = self.desk.anchors.vertex(at, self.desk.columns(SNAP_PX))
        return vertex.point if vertex else None


class LassoTool(Tool):
    """A line drawn freehand; it is closed when the button goes up."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._points: list[Point] = []

    @property
    def is_busy(self) -> bool:
        return bool(self._points)

    def drawing(self) -> ToolDrawing:
        if not self._points:
            return NOTHING
        return ToolDrawing(self._points[:-1] or self._points, self._points[-1], is_closed=True)

    def press(self, at: Point, keys: Keys) -> None:
        if self.desk.may_draw():
            self._points = [clamped(at, self.desk.size)]
            self.desk.redraw()

    def drag(self, at: Point, keys: Keys) -> None:
        at = clamped(at, self.desk.size)
        if self._points and distance(self.desk, at, self._points[-1]) >= self.desk.columns(1.5):
            self._points.append(at)
            self.desk.redraw()

    def release(self, at: Point, keys: Keys) -> None:
        points, self._points = self._points, []
        if len(points) >= 3:
            shape = as_polygon(enclosed(points, *self.desk.size), self.desk.label)
            slim = simplified(shape, _LASSO_TOLERANCE)
            if _is_some(slim, self.desk.columns(CLICK_PX)):
                add_shape(self.desk, tr("draw lasso"), slim)
        self.desk.redraw()

    def cancel(self) -> bool:
        had, self._points = bool(self._points), []
        self.desk.redraw()
        return had


class SpanTool(Tool, ABC):
    """Two points, by a drag or by two clicks; what they span is for subclasses to say."""

    text = ""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._start: Point | None = None
        self._pointer: Point | None = None
        self._keys = NO_KEYS

    @abstractmethod
    def shape(self, start: Point, end: Point, keys: Keys) -> Shape:
        """The shape that two points span."""

    @property
    def is_busy(self) -> bool:
        return self._start is not None

    def drawing(self) -> ToolDrawing:
        if self._start is None or self._pointer is None:
            return NOTHING
        outline = outline_points(self.shape(self._start, self._pointer, self._keys))
        path = [(float(x), float(y)) for x, y in outline]
        return ToolDrawing(path, is_closed=True, dots=(self._start,))

    def press(self, at: Point, keys: Keys) -> None:
        at = clamped(at, self.desk.size)
        if self._start is None:
            if not self.desk.may_draw():
                return
            self.desk.select([])
            self._start = at
        self._pointer, self._keys = at, keys
        self.desk.redraw()

    def hover(self, at: Point, keys: Keys) -> None:
        self._pointer, self._keys = clamped(at, self.desk.size), keys
        if self._start is not None:
            self.desk.redraw()

    def drag(self, at: Point, keys: Keys) -> None:
        self.hover(at, keys)

    def release(self, at: Point, keys: Keys) -> None:
        if self._start is not None:
            self._pointer, self._keys = clamped(at, self.desk.size), keys
            if self._is_spanned:  # else it was a click: the second point is still to come
                self.finish()

    def finish(self) -> bool:
        start, end, is_spanned = self._start, self._pointer, self._is_spanned
        self._start = None
        if start is not None and end is not None and is_spanned:
            add_shape(self.desk, tr(self.text), self.shape(start, end, self._keys))
        self.desk.redraw()
        return start is not None

    def cancel(self) -> bool:
        had, self._start = self._start is not None, None
        self.desk.redraw()
        return had

    @property
    def _is_spanned(self) -> bool:
        start, end = self._start, self._pointer
        if start is None or end is None:
            return False
        return distance(self.desk, start, end) >= self.desk.columns(CLICK_PX)


class RectangleTool(SpanTool):
    """From corner to corner; with Shift a square on the screen."""

    text = QT_TRANSLATE_NOOP("Tools", "draw rectangle")

    def shape(self, start: Point, end: Point, keys: Keys) -> Shape:
        if keys & Keys.ShiftModifier:
            end = self._square_end(start, end)
        low = (min(start[0], end[0]), min(start[1], end[1]))
        high = (max(start[0], end[0]), max(start[1], end[1]))
        return Shape(self.desk.label, (low, high), ShapeType.RECTANGLE)

    def _square_end(self, start: Point, end: Point) -> Point:
        """The corner of the largest square that the pointer spans and the slice holds."""
        aspect, (rows, columns) = self.desk.aspect, self.desk.size
        dx, dy = end[0] - start[0], end[1] - start[1]
        far = clamped((columns if dx >= 0 else 0, rows if dy >= 0 else 0), self.desk.size)
        room = min(abs(far[0] - start[0]), abs(far[1] - start[1]) * aspect)
        side = min(max(abs(dx), abs(dy) * aspect), room)
        return start[0] + math.copysign(side, dx), start[1] + math.copysign(side / aspect, dy)


class CircleTool(SpanTool):
    """From the centre to the rim, round in pixels as the format has it."""

    text = QT_TRANSLATE_NOOP("Tools", "draw circle")

    def shape(self, start: Point, end: Point, keys: Keys) -> Shape:
        return Shape(self.desk.label, (start, end), ShapeType.CIRCLE)


def distance(desk: Desk, first: Point, second: Point) -> float:
    """In columns, as it is seen on the screen."""
    return math.hypot(first[0] - second[0], (first[1] - second[1]) * desk.aspect)


def _is_some(shape: Shape, least: float) -> bool:
    """The shape is not just a click."""
    points = np.array(shape.points)
    return len(points) >= 3 and float(np.ptp(points, axis=0).max()) >= least
