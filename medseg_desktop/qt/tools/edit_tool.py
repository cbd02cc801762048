"""The tool that selects and changes shapes: vertices, edges, whole shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from PySide6.QtCore import Qt

from medseg_desktop.core.annotation import Point, Shape, ShapeType
from medseg_desktop.core.raster import outline_points
from medseg_desktop.core.shapes.edit import Shapes
from medseg_desktop.core.shapes.hit import Edge, Vertex
from medseg_desktop.core.shapes.vertices import (
    handles,
    moved_look,
    translated,
    vertex_look,
    with_inserted_vertex,
    with_vertex,
    without_vertex,
)
from medseg_desktop.qt.tools.outline_tools import distance, tr
from medseg_desktop.qt.tools.tool import GRAB_PX, SNAP_PX, Desk, Keys, Tool, ToolDrawing, clamped

#: A press that moves less than this only selects, in logical pixels.
_CLICK_PX = 3.0
#: Of the shorter side of a shape: in the middle of a small one its vertices are out of reach,
#: so that it can be moved and deleted as a whole.
_REACH_OF_EXTENT = 0.25
_ADDS = Keys.ShiftModifier | Keys.ControlModifier
#: Shapes by their number.
Looks = dict[int, Shape]


@dataclass
class _Drag:
    """What a press has taken.

    Attributes:
        text: names the step.
        shapes: of the slice when it was taken; its numbers hold for these.
        looks: place -> how the shapes look there while they are dragged.
        made: place -> what becomes of them there.
    """

    start: Point
    text: str
    shapes: Shapes
    looks: Callable[[Point], Looks]
    made: Callable[[Point], Looks]
    replaced: Looks = field(default_factory=dict)
    moved: bool = False
    vertex: Vertex | None = None
    at: Point | None = None

    @property
    def vertex_now(self) -> Vertex | None:
        """The vertex where it is shown now; corners of a rectangle may have changed places."""
        vertex = self.vertex
        if vertex is None or self.at is None or vertex.shape not in self.replaced:
            return vertex
        ring = handles(self.replaced[vertex.shape])[vertex.ring]
        index = vertex.index
        if self.replaced[vertex.shape].shape_type is ShapeType.RECTANGLE:
            index = int(np.hypot(*(ring - np.array(self.at)).T).argmin())
        x, y = ring[index]
        return replace(vertex, index=index, point=(float(x), float(y)))


class EditTool(Tool):
    """A click selects, Shift or Ctrl adds to the selection; a drag moves what it has taken.

    Near a vertex that is the vertex, on an edge of a selected shape a new vertex there, inside a
    shape the selection.  Alt and a click, or the delete key over a vertex of a selected shape,
    removes it.  A drag that begins on nothing draws a box that selects.
    """

    cursor = Qt.CursorShape.ArrowCursor

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._drag: _Drag | None = None
        self._box: tuple[Point, Point] | None = None
        self._vertex: Vertex | None = None
        self._edge: Point | None = None
        self._hovered: int | None = None
        self._toggles: int | None = None

    @property
    def is_busy(self) -> bool:
        return self._box is not None or (self._drag is not None and self._drag.moved)

    def drawing(self) -> ToolDrawing:
        drag = self._drag
        return ToolDrawing(
            replaced=drag.replaced if drag else {},
            hovered=self._hovered,
            vertex=drag.vertex_now if drag else self._vertex,
            edge=self._edge if drag is None else None,
            path=_corners(self._box) if self._box else (),
            is_closed=self._box is not None,
        )

    # -- the mouse

    def hover(self, at: Point, keys: Keys) -> None:
        before = (self._vertex, self._edge, self._hovered)
        self._vertex, self._edge = self._near_vertex(at), None
        if self._vertex is not None:
            self._hovered = self._vertex.shape
        else:
            edge = self._near_edge(at)
            self._edge = edge.point if edge else None
            self._hovered = edge.shape if edge else self._near_shape(at)
        if (self._vertex, self._edge, self._hovered) != before:
            self.desk.redraw()

    def leave(self) -> None:
        self._vertex = self._edge = self._hovered = None
        self.desk.redraw()

    def press(self, at: Point, keys: Keys) -> None:
        desk, self._toggles, adds = self.desk, None, bool(keys & _ADDS)
        vertex = self._near_vertex(at)
        if vertex is not None and keys & Keys.AltModifier:
            self._remove_vertex(vertex)
            return
        if vertex is not None and not adds:
            self._take_vertex(at, vertex)
            return
        edge = self._near_edge(at)
        if edge is not None and not adds:
            longer = with_inserted_vertex(
                desk.shapes[edge.shape], edge.ring, edge.index, edge.point
            )
            new = Vertex(edge.shape, edge.ring, edge.index, edge.point)
            self._take_vertex(at, new, longer, tr("insert vertex"))
            return
        number = vertex.shape if vertex is not None else self._near_shape(at)
        if number is None:
            self._box = (at, at)
            if not adds:
                desk.select([])
            return
        self._take_shape(at, number, adds)

    def drag(self, at: Point, keys: Keys) -> None:
        desk, drag = self.desk, self._valid_drag()
        if self._box is not None:
            self._box = (self._box[0], at)
        elif drag is not None:
            way = max(abs(at[0] - drag.start[0]), abs(at[1] - drag.start[1]) * desk.aspect)
            drag.moved = drag.moved or way >= desk.columns(_CLICK_PX)
            if drag.moved:
                drag.at, drag.replaced = at, drag.looks(at)
        desk.redraw()

    def release(self, at: Point, keys: Keys) -> None:
        desk, drag, box = self.desk, self._valid_drag(), self._box
        self._drag = self._box = None
        if box is not None:
            low = (min(box[0][0], at[0]), min(box[0][1], at[1]))
            high = (max(box[0][0], at[0]), max(box[0][1], at[1]))
            desk.select(sorted({*desk.selection, *desk.hits.inside(low, high)}))
        elif drag is not None and drag.moved:
            self._commit(drag.text, drag.shapes, drag.made(at))
        elif self._toggles is not None:
            chosen = set(desk.selection) ^ {self._toggles}
            desk.select(sorted(chosen))
        self.hover(at, keys)
        desk.redraw()

    def cancel(self) -> bool:
        had = self.is_busy
        self._drag = self._box = None
        if not had and self.desk.selection:
            self.desk.select([])
            had = True
        self.desk.redraw()
        return had

    def delete(self) -> bool:
        """Over a vertex of a selected outline it removes that one only, as long as an outline
        is left."""
        vertex = self._vertex
        if self.is_busy:
            return self.cancel()
        if vertex is None or vertex.shape not in self.desk.selection:
            return False
        if not self._is_there(vertex):  # undo has taken it from under the pointer
            self._vertex = None
            return False
        # A rectangle without a corner is hardly what is meant.
        is_box = self.desk.shapes[vertex.shape].shape_type is ShapeType.RECTANGLE
        return not is_box and self._remove_vertex(vertex)

    # -- what it does

    def _valid_drag(self) -> _Drag | None:
        """What was taken; a step that was taken back meanwhile may have put others there."""
        drag, shapes = self._drag, self.desk.shapes
        if drag is not None and list(map(id, drag.shapes)) != list(map(id, shapes)):
            self._drag = self._toggles = None
        return self._drag

    def _is_there(self, vertex: Vertex) -> bool:
        rings = handles(self.desk.shapes[vertex.shape])
        if vertex.ring >= len(rings) or vertex.index >= len(rings[vertex.ring]):
            return False
        x, y = rings[vertex.ring][vertex.index]
        return (float(x), float(y)) == vertex.point

    def _near_vertex(self, at: Point) -> Vertex | None:
        """A vertex of the selection goes before the nearest of all."""
        hits, reach = self.desk.hits, self.desk.columns(GRAB_PX)
        vertex = hits.vertex(at, reach, self.desk.selection) or hits.vertex(at, reach / 2)
        return vertex if vertex and self._is_in_reach(at, vertex) else None

    def _is_in_reach(self, at: Point, near: Vertex | Edge) -> bool:
        hits = self.desk.hits
        if not hits.covers(near.shape, at):
            return True
        reach = hits.extent(near.shape) * _REACH_OF_EXTENT
        return distance(self.desk, at, near.point) <= reach

    def _near_edge(self, at: Point) -> Edge | None:
        """Where a vertex can be put in: on an edge of a selected shape."""
        reach = self.desk.columns(GRAB_PX) / 2
        edge = self.desk.hits.edge(at, reach, self.desk.selection)
        return edge if edge and self._is_in_reach(at, edge) else None

    def _near_shape(self, at: Point) -> int | None:
        return self.desk.hits.shape(at, self.desk.columns(GRAB_PX) / 2)

    def _take_vertex(
        self, at: Point, vertex: Vertex, shape: Shape | None = None, text: str = ""
    ) -> None:
        desk = self.desk
        taken = shape or desk.shapes[vertex.shape]
        desk.select([vertex.shape])

        def changed(to: Point, change: Callable[[Shape, int, int, Point], Shape]) -> Looks:
            to = clamped(to, desk.size)
            near = desk.anchors.vertex(to, desk.columns(SNAP_PX)) if desk.snaps else None
            if near is not None and near.shape != vertex.shape:
                to = near.point
            return {vertex.shape: change(taken, vertex.ring, vertex.index, to)}

        self._drag = _Drag(
            at,
            text or tr("move vertex"),
            desk.shapes,
            lambda to: changed(to, vertex_look),
            lambda to: changed(to, with_vertex),
            vertex=vertex,
        )

    def _take_shape(self, at: Point, number: int, adds: bool) -> None:
        desk = self.desk
        if adds:
            self._toggles = number
        elif number not in desk.selection:
            desk.select([number])
        chosen = sorted({number, *desk.selection})
        shapes = desk.shapes
        low, high = _room([shapes[i] for i in chosen], desk.size)

        def moved(to: Point, move: Callable[[Shape, float, float], Shape]) -> Looks:
            dx = min(max(to[0] - at[0], low[0]), high[0])
            dy = min(max(to[1] - at[1], low[1]), high[1])
            return {i: move(shapes[i], dx, dy) for i in chosen}

        text = tr("move shape") if len(chosen) == 1 else tr("move shapes")
        self._drag = _Drag(
            at, text, shapes, lambda to: moved(to, moved_look), lambda to: moved(to, translated)
        )

    def _remove_vertex(self, vertex: Vertex) -> bool:
        """Whether anything would be left of the shape without it."""
        shapes = self.desk.shapes
        shorter = without_vertex(shapes[vertex.shape], vertex.ring, vertex.index)
        if shorter is None:
            return False
        self._vertex = None
        self._commit(tr("delete vertex"), shapes, {vertex.shape: shorter})
        return True

    def _commit(self, text: str, before: Shapes, replaced: Mapping[int, Shape]) -> None:
        """Put the changed shapes in the place of the old ones, signed."""
        desk = self.desk
        signed = {
            id(before[i]): desk.author.edited(new, [before[i]])
            for i, new in replaced.items()
            if new != before[i]
        }

        def operation(shapes: Shapes) -> Shapes:
            return tuple(signed.get(id(shape), shape) for shape in shapes)

        if signed:
            desk.commit(text, operation)


def _room(shapes: Sequence[Shape], size: tuple[int, int]) -> tuple[Point, Point]:
    """The smallest and largest (dx, dy) by which shapes can be moved together without leaving
    the slice; what reaches outside already may come in and goes no further."""
    outlines = np.concatenate([outline_points(shape) for shape in shapes])
    (x0, y0), (x1, y1) = outlines.min(axis=0), outlines.max(axis=0)
    right, bottom = clamped((math.inf, math.inf), size)
    return (
        (min(0.0, -float(x0)), min(0.0, -float(y0))),
        (max(0.0, right - float(x1)), max(0.0, bottom - float(y1))),
    )


def _corners(box: tuple[Point, Point]) -> tuple[Point, ...]:
    (x0, y0), (x1, y1) = box
    return (x0, y0), (x1, y0), (x1, y1), (x0, y1)
