"""What all tools have in common: how they are told of the mouse, and what they work on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from PySide6.QtCore import Qt

from medseg_desktop.core.annotation import Point, Shape
from medseg_desktop.core.shapes.edit import Editable, Shapes
from medseg_desktop.core.shapes.hit import HitMap, Vertex
from medseg_desktop.core.shapes.patches import Pixels
from medseg_desktop.core.shapes.provenance import Author

Keys = Qt.KeyboardModifier
NO_KEYS = Qt.KeyboardModifier.NoModifier

#: Distances on the screen, in logical pixels.
GRAB_PX = 9.0
SNAP_PX = 9.0


class ToolName(StrEnum):
    """The tools, in the order of the tool bar."""

    EDIT = "edit"
    POLYGON = "polygon"
    RECTANGLE = "rectangle"
    CIRCLE = "circle"
    LASSO = "lasso"
    BRUSH = "brush"
    ERASER = "eraser"
    CUT = "cut"


@dataclass(frozen=True, eq=False)
class ToolDrawing:
    """What a tool shows while it is used, in corner coordinates (x = column, y = row).

    Attributes:
        path: points of the line that is being drawn, as far as they are set.
        pointer: where the line goes on to; None where it is complete.
        is_closed: the line's end will join the first point.
        dots: points that were set.
        ring: centre and radius (in columns) of the brush.
        stroke: pixels (rows, columns) that are being painted or, if `erases`, taken away.
        replaced: numbers of shapes and how they will look.
        hovered: number of the shape under the pointer.
        vertex: the vertex under the pointer.
        edge: where a drag would put in a vertex.
    """

    path: Sequence[Point] = ()
    pointer: Point | None = None
    is_closed: bool = False
    dots: Sequence[Point] = ()
    ring: tuple[Point, float] | None = None
    stroke: Pixels | None = None
    erases: bool = False
    replaced: Mapping[int, Shape] = field(default_factory=dict)
    hovered: int | None = None
    vertex: Vertex | None = None
    edge: Point | None = None


NOTHING = ToolDrawing()


class Desk(Protocol):
    """What a tool works on: the slice on screen with its shapes, proposals after them."""

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns) of the slice."""

    @property
    def aspect(self) -> float:
        """Height of a pixel divided by its width."""

    @property
    def shapes(self) -> Shapes: ...

    @property
    def hits(self) -> HitMap:
        """The shapes that can be edited."""

    @property
    def anchors(self) -> HitMap:
        """The shapes that can be seen, to whose vertices new ones go."""

    @property
    def selection(self) -> tuple[int, ...]:
        """Numbers of the selected shapes."""

    @property
    def label(self) -> str:
        """The label of new shapes."""

    @property
    def author(self) -> Author: ...

    @property
    def new_keys(self) -> Mapping[str, Any]:
        """The further keys of a new shape."""

    @property
    def editable(self) -> Editable: ...

    @property
    def brush_radius(self) -> float:
        """In columns."""

    @property
    def snaps(self) -> bool:
        """New points go to vertices that are near."""

    def columns(self, distance_px: float) -> float:
        """A distance on the screen in columns of the slice."""

    def select(self, numbers: Sequence[int]) -> None:
        """Select these shapes and no others."""

    def commit(self, text: str, operation: Callable[[Shapes], Shapes]) -> bool:
        """Change the shapes by one step; `text` names it in the menu.  Whether any changed."""

    def may_draw(self) -> bool:
        """Whether shapes of the current label can be drawn; else it is said why not."""

    def say(self, text: str) -> None:
        """A sentence for the user."""

    def redraw(self) -> None:
        """The tool shows something else now."""


class Tool:
    """One tool; does nothing by itself.

    All points are (x = column, y = row) in corner coordinates and may lie outside the slice.
    """

    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def drawing(self) -> ToolDrawing:
        """What is to be shown on the slice."""
        return NOTHING

    @property
    def is_busy(self) -> bool:
        """Something has been begun that is not finished."""
        return False

    def press(self, at: Point, keys: Keys) -> None:
        """The left button goes down."""

    def drag(self, at: Point, keys: Keys) -> None:
        """The pointer moves with the left button down."""

    def release(self, at: Point, keys: Keys) -> None:
        """The left button goes up."""

    def double_click(self, at: Point, keys: Keys) -> None:
        """The left button was pressed twice; the first press and release came before.

        Whoever works quickly presses twice without meaning anything by it.
        """
        self.press(at, keys)

    def hover(self, at: Point, keys: Keys) -> None:
        """The pointer moves with no button down."""

    def leave(self) -> None:
        """The pointer has left the slice."""

    def finish(self) -> bool:
        """Enter or a right click: complete what was begun.  Whether there was anything."""
        return self.is_busy

    def step_back(self) -> bool:
        """Take back the last point of what was begun, or all.  Whether there was anything."""
        return self.is_busy and self.cancel()

    def delete(self) -> bool:
        """The delete key: whether the tool has used it."""
        return self.step_back()

    def cancel(self) -> bool:
        """Forget what was begun.  Whether there was anything."""
        return False

    def begun(self) -> Sequence[Point]:
        """Set points that are worth keeping while another slice or tool is in use."""
        return ()

    def resume(self, points: Sequence[Point]) -> None:
        """Go on with what `begun` told."""


def clamped(at: Point, size: tuple[int, int]) -> Point:
    """The nearest point of the slice (rows, columns), to a thousandth of a pixel; its far edges
    belong to the last pixels."""
    rows, columns = size
    x, y = min(max(at[0], 0.0), columns - 1e-3), min(max(at[1], 0.0), rows - 1e-3)
    return round(x, 3), round(y, 3)
