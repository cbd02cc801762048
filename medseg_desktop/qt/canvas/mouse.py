"""Which mouse button does what on the slice, and the bookkeeping of one drag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication


class DragAction(Enum):
    """What dragging with a button does."""

    WINDOW = auto()
    PAN = auto()
    ZOOM = auto()
    BOX = auto()
    TOOL = auto()


ButtonMap = Mapping[Qt.MouseButton, DragAction]

#: Browse mode: left = window/level, middle = pan, right = zoom.
BROWSE: Final[ButtonMap] = {
    Qt.MouseButton.LeftButton: DragAction.WINDOW,
    Qt.MouseButton.MiddleButton: DragAction.PAN,
    Qt.MouseButton.RightButton: DragAction.ZOOM,
}

#: Draw mode: left = tool, middle = pan, right = window/level, so that it is always at hand.
DRAW: Final[ButtonMap] = {
    Qt.MouseButton.LeftButton: DragAction.TOOL,
    Qt.MouseButton.MiddleButton: DragAction.PAN,
    Qt.MouseButton.RightButton: DragAction.WINDOW,
}

_NOTCH = 120  # eighths of a degree of one notch of a mouse wheel


@dataclass
class Drag:
    """One press that may become a drag; positions are logical pixels in the view."""

    button: Qt.MouseButton
    action: DragAction
    start: QPointF
    last: QPointF
    moved: bool = False

    def advance(self, position: QPointF) -> QPointF:
        """The step since the last call; zero until the drag distance of the system is passed."""
        if not self.moved:
            way = (position - self.start).manhattanLength()
            if way < QApplication.startDragDistance() / 2:
                return QPointF(0, 0)
            self.moved = True
        step = position - self.last
        self.last = position
        return step


class WheelSteps:
    """Adds up wheel angles until they make whole notches; trackpads send small angles."""

    def __init__(self) -> None:
        self._angle = 0

    def add(self, angle: int) -> int:
        """Whole steps, wheel down (negative angle) counts as +1; the rest is kept."""
        if angle * self._angle < 0:
            self._angle = 0  # a change of direction answers at once
        self._angle += angle
        notches = int(self._angle / _NOTCH)
        self._angle -= notches * _NOTCH
        return -notches
