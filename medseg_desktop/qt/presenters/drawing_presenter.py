"""Between the mouse on the slice, the tools, and the shapes of the slice on screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QObject

from medseg_desktop.core.annotation import Point, Shape
from medseg_desktop.core.edit import Editable, Shapes
from medseg_desktop.core.history import Place
from medseg_desktop.core.hit import HitMap
from medseg_desktop.core.provenance import Author
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
from medseg_desktop.qt.tools.tool import NOTHING, Keys, Tool, ToolName


class DrawingPresenter(QObject):
    """The desk of the tools (see `tools.tool.Desk`); tells the tool in use of the mouse.

    The shapes of the desk are those of the slice on screen and, while predictions are shown, the
    open proposals after them.
    """

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
        self._hits: tuple[Shapes, tuple[object, ...], HitMap] | None = None
        view.tool_pressed.connect(lambda x, y, k: self._tell(Tool.press, (x, y), k))
        view.tool_dragged.connect(lambda x, y, k: self._tell(Tool.drag, (x, y), k))
        view.tool_released.connect(lambda x, y, k: self._tell(Tool.release, (x, y), k))
        view.tool_double_clicked.connect(lambda x, y, k: self._tell(Tool.double_click, (x, y), k))
        view.pointer_moved.connect(lambda x, y, k: self._tell(Tool.hover, (x, y), k))
        view.pointer_left.connect(self._on_left)
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(self._forget)
        annotations.documents_changed.connect(self._on_documents)
        annotations.labels_changed.connect(lambda _: self._check_selection())
        annotations.proposals_changed.connect(self._check_selection)
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
        shapes, known = self.shapes, (self._closed, self.aspect)
        if self._hits is None or self._hits[0] is not shapes or self._hits[1] != known:
            editable = self.editable
            usable = [i for i, shape in enumerate(shapes) if editable(shape)]
            self._hits = (shapes, known, HitMap(shapes, usable, self.aspect))
        return self._hits[2]

    @property
    def selection(self) -> tuple[int, ...]:
        return self._drawing.selection

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
        return self._view.pixels_to_slice(distance_px)

    def select(self, numbers: Sequence[int]) -> None:
        self._drawing.select(numbers)

    def commit(self, text: str, operation: Callable[[Shapes], Shapes]) -> None:
        """One step; what was selected stays so, and what was made is selected."""
        place = self.place
        if place is None:
            return
        before = self.shapes
        after: Shapes = ()

        def kept(shapes: Shapes) -> Shapes:
            nonlocal after
            after = operation(shapes)
            return after

        chosen = self.selection
        if not self._annotations.edit(place, text, kept, with_proposals=True):
            return
        if len(after) == len(before):
            wanted = [after[i] for i in chosen if i < len(after)]
        else:
            known = set(map(id, before))
            wanted = [made for made in after if id(made) not in known]
        ids = set(map(id, wanted))
        self.select([i for i, shape in enumerate(self.shapes) if id(shape) in ids])

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
        """Take back the last point of what was begun; whether there was one."""
        return bool(self.is_drawing and self.tool and self.tool.step_back())

    def delete(self) -> bool:
        """Whether the tool has used the delete key."""
        return bool(self.tool and self.tool.delete())

    def cancel(self) -> bool:
        """Forget what was begun; whether there was anything."""
        return bool(self.tool and self.tool.cancel())

    # -- from sessions and mouse

    def _tell(self, what: Callable[[Tool, Point, Keys], None], at: Point, keys: Keys) -> None:
        tool = self.tool
        if tool is not None:
            getattr(tool, what.__name__)(at, keys)

    def _on_left(self) -> None:
        if self.tool is not None:
            self.tool.leave()

    def _on_tool(self, name: ToolName | None) -> None:
        for tool in self._tools.values():
            if tool.is_busy:
                tool.cancel()
        if name is None:
            self.select([])
        else:
            self._view.set_tool_cursor(self._tools[name].cursor)
        self._view.set_buttons(BROWSE if name is None else DRAW)
        self.redraw()

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or before.slice != now.slice:
            self._forget()
        elif before.layers != now.layers:
            self._check_selection()

    def _forget(self) -> None:
        """Another slice: nothing of the last one goes on."""
        if self.tool is not None and self.tool.is_busy:
            self.tool.cancel()
        self.select([])
        self._drawing.show_calipers(())
        self.redraw()

    def _on_documents(self) -> None:
        self._drawing.show_calipers(())  # what was measured may have changed
        self._check_selection()

    def _check_selection(self) -> None:
        """Only what is there can stay selected."""
        usable, shapes = self.editable, self.shapes
        self.select([i for i in self.selection if i < len(shapes) and usable(shapes[i])])
        self.redraw()

    def _offered(self, view: ResolvedView) -> tuple[Shape, ...]:
        if not view.layers.prediction.visible:
            return ()
        return self._annotations.open_proposals(view.slice)
