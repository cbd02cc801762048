"""Between the mouse on the slice, the tools, and the shapes of the slice on screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.annotation import Point, Shape
from medseg_desktop.core.shapes.edit import Editable, Shapes
from medseg_desktop.core.shapes.history import Place
from medseg_desktop.core.shapes.hit import HitMap
from medseg_desktop.core.shapes.provenance import Author
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.io.medlabelme import new_shape_keys
from medseg_desktop.qt.canvas.mouse import BROWSE, DRAW
from medseg_desktop.qt.canvas.slice_view import SliceView
from medseg_desktop.qt.sessions import AnnotationSession, DrawingSession, StudySession
from medseg_desktop.qt.tools.edit_tool import EditTool
from medseg_desktop.qt.tools.outline_tools import (
    CircleTool,
    LassoTool,
    PolygonTool,
    RectangleTool,
)
from medseg_desktop.qt.tools.pixel_tools import BrushTool, CutTool
from medseg_desktop.qt.tools.tool import NO_KEYS, NOTHING, Keys, Tool, ToolName

#: An outline that was begun belongs to its tool and to a slice (path and frame).
_Begun = tuple[ToolName, str, int]


class DrawingPresenter(QObject):
    """The desk of the tools (see `tools.tool.Desk`); tells the tool in use of the mouse.

    The shapes of the desk are those of the slice on screen and, while predictions are shown, the
    open proposals after them.

    An outline that has been begun waits on its slice while another slice or tool is in use:
    nobody loses thirty clicks by a slip of the wheel, and the neighbouring slices can be looked
    at.  What is being dragged is forgotten.

    Signals:
        said(str): why something cannot be drawn, or what a tool has found.
    """

    said = Signal(str)

    def __init__(
        self,
        view: SliceView,
        study: StudySession,
        annotations: AnnotationSession,
        drawing: DrawingSession,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._view, self._study = view, study
        self._annotations, self._drawing = annotations, drawing
        self._tools: dict[ToolName, Tool] = {
            ToolName.EDIT: EditTool(self),
            ToolName.POLYGON: PolygonTool(self),
            ToolName.RECTANGLE: RectangleTool(self),
            ToolName.CIRCLE: CircleTool(self),
            ToolName.LASSO: LassoTool(self),
            ToolName.BRUSH: BrushTool(self),
            ToolName.ERASER: BrushTool(self, erases=True),
            ToolName.CUT: CutTool(self),
        }
        # Both are asked for several times at every move of the mouse.
        self._shapes: tuple[Shapes, Shapes, Shapes] = ((), (), ())
        self._hits: tuple[tuple[object, ...], HitMap, HitMap] | None = None
        self._begun: dict[_Begun, Sequence[Point]] = {}
        self._keys = NO_KEYS
        self._tool_before: ToolName | None = None
        #: Those that the numbers of the selection mean.
        self._shapes_before: Shapes = ()
        self._is_returning = False
        view.tool_pressed.connect(lambda x, y, k: self._tell(Tool.press, (x, y), k))
        view.tool_dragged.connect(lambda x, y, k: self._tell(Tool.drag, (x, y), k))
        view.tool_released.connect(lambda x, y, k: self._tell(Tool.release, (x, y), k))
        view.tool_double_clicked.connect(lambda x, y, k: self._tell(Tool.double_click, (x, y), k))
        view.pointer_moved.connect(lambda x, y, k: self._tell(Tool.hover, (x, y), k))
        view.pointer_left.connect(self._on_left)
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(self._on_closed)
        study.slice_loaded.connect(lambda _: self._point_again())
        annotations.returned_to.connect(self._on_return)
        annotations.documents_changed.connect(self._on_documents)
        annotations.labels_changed.connect(lambda _: self._on_shapes())
        annotations.proposals_changed.connect(self._on_shapes)
        drawing.tool_changed.connect(self._on_tool)
        drawing.brush_changed.connect(lambda _: self.redraw())
        self._on_tool(drawing.tool)

    @property
    def tool(self) -> Tool | None:
        """The tool in use; None while browsing, or while no slice is shown."""
        name = self._drawing.tool
        return self._tools[name] if name is not None and self._study.view else None

    @property
    def place(self) -> Place | None:
        """The slice on screen."""
        view = self._study.view
        return Place(view.series, view.index) if view else None

    # -- the desk

    @property
    def size(self) -> tuple[int, int]:
        view = self._study.view
        return (view.series.rows, view.series.columns) if view else (1, 1)

    @property
    def aspect(self) -> float:
        view = self._study.view
        return view.aspect if view else 1.0

    @property
    def shapes(self) -> Shapes:
        view = self._study.view
        if view is None:
            return ()
        own, offered = self._annotations.shapes(view.slice), self._offered(view)
        if self._shapes[0] is not own or self._shapes[1] is not offered:
            self._shapes = (own, offered, (*own, *offered) if offered else own)
        return self._shapes[2]

    @property
    def hits(self) -> HitMap:
        return self._hit_maps()[0]

    @property
    def anchors(self) -> HitMap:
        return self._hit_maps()[1]

    def _hit_maps(self) -> tuple[HitMap, HitMap]:
        """Of the shapes that can be edited, and of those that can be seen; asked for at every
        move, so that only what a change of the slice has made anew is worked out."""
        view, labels, before = self._study.view, self._annotations.labels, self._hits
        own = self._annotations.shapes(view.slice) if view else ()
        offered = self._offered(view) if view else ()
        # Tuples and tables are never changed: other contents are another object.
        known = (own, offered, labels, view and view.series)
        if before is not None and all(a is b for a, b in zip(before[0], known, strict=True)):
            return before[1], before[2]
        shapes, editable = (*own, *offered), self.editable
        hidden = {label.name for label in labels.foreground if not label.visible}
        usable = [i for i, shape in enumerate(shapes) if editable(shape)]
        seen = [i for i, shape in enumerate(shapes) if shape.label not in hidden]
        anchors = HitMap(shapes, seen, self.aspect, before[2] if before else None)
        hits = anchors if usable == seen else HitMap(shapes, usable, self.aspect, anchors)
        self._hits = (known, hits, anchors)
        return hits, anchors

    @property
    def selection(self) -> tuple[int, ...]:
        """Of the selected shapes those that can be edited; the list selects others too."""
        shapes, editable = self.shapes, self.editable
        return tuple(i for i in self._drawing.selection if i < len(shapes) and editable(shapes[i]))

    @property
    def label(self) -> str:
        labels = self._annotations.labels
        return labels.labels[min(self._drawing.label, len(labels) - 1)].name

    @property
    def author(self) -> Author:
        return self._annotations.author

    @property
    def new_keys(self) -> Mapping[str, Any]:
        view = self._study.view
        return new_shape_keys(view.slice.frame if view else 0)

    @property
    def editable(self) -> Editable:
        """Shapes that are seen, and whose label is not locked."""
        closed = self._closed
        return lambda shape: shape.label not in closed

    @property
    def _closed(self) -> frozenset[str]:
        labels = self._annotations.labels.foreground
        return frozenset(label.name for label in labels if label.locked or not label.visible)

    @property
    def brush_radius(self) -> float:
        return self._drawing.brush_radius

    @property
    def snaps(self) -> bool:
        return self._drawing.snaps

    def columns(self, distance_px: float) -> float:
        return self._view.pixels_to_columns(distance_px)

    def select(self, numbers: Sequence[int]) -> None:
        self._drawing.select(numbers)

    def may_draw(self) -> bool:
        labels, name = self._annotations.labels, self.label
        label = next(label for label in labels.labels if label.name == name)
        if not label.visible:
            text = self.tr("The label {name} is hidden; show it to draw with it.")
        elif label.locked:
            text = self.tr("The label {name} is locked; unlock it to draw with it.")
        else:
            return True
        self.say(text.format(name=name))
        return False

    def say(self, text: str) -> None:
        self.said.emit(text)

    def commit(self, text: str, operation: Callable[[Shapes], Shapes]) -> bool:
        """One step; what was selected stays so, and what was made is selected."""
        place = self.place
        if place is None:
            return False
        before = self.shapes
        after: Shapes = ()

        def kept(shapes: Shapes) -> Shapes:
            nonlocal after
            after = operation(shapes)
            return after

        chosen = self.selection
        if not self._annotations.edit(place, text, kept, with_proposals=True):
            return False
        ids = _selected_after(before, after, chosen)
        self.select([i for i, shape in enumerate(self.shapes) if id(shape) in ids])
        return True

    def redraw(self) -> None:
        tool = self.tool
        self._drawing.show(tool.drawing() if tool else NOTHING)

    # -- keys

    def finish(self) -> bool:
        """Complete what was begun; whether there was anything."""
        return bool(self.tool and self.tool.finish())

    @property
    def is_drawing(self) -> bool:
        """Something has been begun that is not finished."""
        return bool(self.tool and self.tool.is_busy)

    def step_back(self) -> bool:
        """Take back the last point of what was begun, or all of it where it has no points (a
        stroke, a drag); whether there was any."""
        tool = self.tool
        return bool(tool and tool.is_busy and (tool.step_back() or tool.cancel()))

    def delete(self) -> bool:
        """Whether the tool has used the delete key."""
        return bool(self.tool and self.tool.delete())

    def cancel(self) -> bool:
        """Forget what was begun; whether there was anything."""
        return bool(self.tool and self.tool.cancel())

    # -- from sessions and mouse

    def _tell(self, what: Callable[[Tool, Point, Keys], None], at: Point, keys: Keys) -> None:
        tool, self._keys = self.tool, keys
        if tool is not None:
            getattr(tool, what.__name__)(at, keys)

    def _point_again(self) -> None:
        """Something else lies under the pointer, though it has not moved."""
        tool, at = self.tool, self._view.pointer_place()
        if tool is not None and at is None:
            tool.leave()
        elif tool is not None and at is not None:
            tool.hover((at.x(), at.y()), self._keys)

    def _on_left(self) -> None:
        if self.tool is not None:
            self.tool.leave()

    def _on_tool(self, name: ToolName | None) -> None:
        before, self._tool_before = self._tool_before, name
        if before is not None and self._study.view is not None:
            self._put_aside(before, self._study.view)
        if name is None:
            self.select([])
        else:
            self._view.set_tool_cursor(self._tools[name].cursor)
        self._view.set_buttons(BROWSE if name is None else DRAW)
        self._take_up()
        self.redraw()

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or before.slice != now.slice:
            self.select([])  # first: whoever draws must not look for its shapes here
            self._drawing.show_calipers(())
            if before is None:
                self._drop_all()  # another folder
            elif self._drawing.tool is not None:
                self._put_aside(self._drawing.tool, before)
            self._shapes_before = self.shapes
            self._take_up()
            self.redraw()
        elif before.offers_proposals != now.offers_proposals:
            self._on_shapes()

    def _on_closed(self) -> None:
        self.select([])
        self._drop_all()
        self._shapes_before = self.shapes
        self._drawing.show_calipers(())
        self.redraw()

    def _drop_all(self) -> None:
        for tool in self._tools.values():
            if tool.is_busy:
                tool.cancel()
        self._begun.clear()

    def _put_aside(self, name: ToolName, view: ResolvedView) -> None:
        """Another slice or tool: what was begun waits here, what is dragged is forgotten."""
        tool, key = self._tools[name], (name, view.slice.path, view.slice.frame)
        points = tool.begun()
        if points:
            self._begun[key] = points
        if tool.is_busy:
            tool.cancel()
        tool.leave()

    def _take_up(self) -> None:
        """Go on with what was begun here with the tool in use."""
        name, view = self._drawing.tool, self._study.view
        if name is None or view is None:
            return
        points = self._begun.pop((name, view.slice.path, view.slice.frame), ())
        if points:
            self._tools[name].resume(points)
        self._point_again()

    def _on_return(self, _place: Place) -> None:
        """A step is being taken back or repeated; the documents follow."""
        self._is_returning = True

    def _on_documents(self) -> None:
        self._drawing.show_calipers(())  # what was measured may have changed
        before, shapes = self._shapes_before, self.shapes
        if len(before) != len(shapes):
            # The numbers mean other shapes now; and what has come back is what the next key is
            # meant for.
            chosen = self._drawing.selection
            ids = {id(before[i]) for i in chosen if i < len(before)}
            if self._is_returning:
                ids = set(map(id, shapes)) - set(map(id, before)) or ids
            self.select([i for i, shape in enumerate(shapes) if id(shape) in ids])
        self._is_returning = False
        self._on_shapes()

    def _on_shapes(self) -> None:
        self._check_selection()
        self._point_again()

    def _check_selection(self) -> None:
        """Only what is there can stay selected."""
        self._shapes_before = self.shapes
        self.select(self.selection)
        self.redraw()

    def _offered(self, view: ResolvedView) -> tuple[Shape, ...]:
        if not view.offers_proposals:
            return ()
        return self._annotations.open_proposals(view.slice)


def _selected_after(before: Shapes, after: Shapes, chosen: Sequence[int]) -> set[int]:
    """Which shapes are selected after a step, by their ids.

    Where shapes were only exchanged for others, what has come in place of a selected one; else
    what was made, or what was selected and is still there.
    """
    old, left = set(map(id, before)), set(map(id, after))
    in_place = len(before) == len(after) and all(
        a is b or id(b) not in old for a, b in zip(before, after, strict=True)
    )
    if in_place:
        return {id(after[i]) for i in chosen}
    kept = {id(before[i]) for i in chosen} & left
    return (left - old) or kept
