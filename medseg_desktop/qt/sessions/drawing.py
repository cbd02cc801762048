"""DrawingSession: with what is being drawn, and what is selected."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.annotation import Point
from medseg_desktop.qt.tools.tool import NOTHING, ToolDrawing, ToolName

#: Radius of the brush in columns.
SMALLEST_BRUSH, LARGEST_BRUSH = 0.5, 100.0
_FIRST_BRUSH = 4.0
_BRUSH_STEP = 1.2


class DrawingSession(QObject):
    """Owns mode and tool, the current label, the brush and the selection on the slice.

    Signals:
        tool_changed(ToolName | None): None is Browse mode.
        label_changed(int): class index of new shapes.
        brush_changed(float): its radius in columns; snaps_changed(bool).
        selection_changed(): other shapes are selected.
        drawing_changed(): the tool shows something else.
    """

    tool_changed = Signal(object)
    label_changed = Signal(int)
    brush_changed = Signal(float)
    snaps_changed = Signal(bool)
    selection_changed = Signal()
    drawing_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tool: ToolName | None = None
        self.last_tool = ToolName.EDIT
        self.label = 1
        self.brush_radius = _FIRST_BRUSH
        self.snaps = True
        self.selection: tuple[int, ...] = ()
        self.drawing: ToolDrawing = NOTHING
        self.calipers: tuple[tuple[Point, Point], ...] = ()

    def set_tool(self, tool: ToolName | None) -> None:
        """Draw with a tool, or browse (None)."""
        if tool is self.tool:
            return
        self.tool = tool
        self.last_tool = tool or self.last_tool
        self.tool_changed.emit(tool)

    def set_label(self, index: int) -> None:
        """The label of new shapes."""
        if index != self.label:
            self.label = index
            self.label_changed.emit(index)

    def set_brush_radius(self, radius: float) -> None:
        """In columns, within what makes sense."""
        radius = min(max(radius, SMALLEST_BRUSH), LARGEST_BRUSH)
        if radius != self.brush_radius:
            self.brush_radius = radius
            self.brush_changed.emit(radius)

    def step_brush(self, steps: int) -> None:
        """Larger (positive) or smaller, by at least half a column."""
        radius = self.brush_radius
        for _ in range(abs(steps)):
            step = max(radius * (_BRUSH_STEP - 1), 0.5)
            radius += step if steps > 0 else -step
        self.set_brush_radius(round(radius * 2) / 2)

    def set_snaps(self, snaps: bool) -> None:
        """Whether new points go to vertices that are near."""
        if snaps != self.snaps:
            self.snaps = snaps
            self.snaps_changed.emit(snaps)

    def select(self, numbers: Sequence[int]) -> None:
        """Select shapes of the slice by their numbers, proposals after the shapes."""
        chosen = tuple(numbers)
        if chosen != self.selection:
            self.selection = chosen
            self.selection_changed.emit()

    def show(self, drawing: ToolDrawing) -> None:
        """What the tool shows."""
        if drawing is not self.drawing:
            self.drawing = drawing
            self.drawing_changed.emit()

    def show_calipers(self, lines: tuple[tuple[Point, Point], ...]) -> None:
        """Show measured lines on the slice, by their ends; none takes them away."""
        if lines != self.calipers:
            self.calipers = lines
            self.drawing_changed.emit()
