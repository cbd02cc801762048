"""The mouse as a user moves it over a `SliceView`."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from medseg_desktop.qt.canvas.slice_view import SliceView

NOTCH = 120
NO_KEY = Qt.KeyboardModifier.NoModifier


def surface(view: SliceView) -> QWidget:
    """The widget that gets the mouse events."""
    area: QWidget = view._stage.viewport()
    return area


def wheel(view: SliceView, notches: int) -> None:
    """Turn the wheel over the middle; positive notches are down, to the next slice."""
    target = surface(view)
    position = QPointF(target.rect().center())
    event = QWheelEvent(
        position,
        target.mapToGlobal(position),
        QPoint(),
        QPoint(0, -NOTCH * notches),
        Qt.MouseButton.NoButton,
        NO_KEY,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(target, event)


def drag(
    view: SliceView,
    way: QPoint,
    key: Qt.KeyboardModifier = NO_KEY,
    button: Qt.MouseButton = Qt.MouseButton.LeftButton,
) -> None:
    """Drag from the middle, with a key held."""
    begin_drag(view, way, key, button)
    QTest.mouseRelease(surface(view), button, key, surface(view).rect().center() + way)


def begin_drag(
    view: SliceView,
    way: QPoint,
    key: Qt.KeyboardModifier = NO_KEY,
    button: Qt.MouseButton = Qt.MouseButton.LeftButton,
) -> None:
    """Drag from the middle and keep the button down."""
    target = surface(view)
    start = target.rect().center()
    QTest.mousePress(target, button, key, start)
    for share in (0.5, 1.0):
        # Not QTest.mouseMove, which cannot hold a key.
        position = QPointF(start) + QPointF(way) * share
        place = target.mapToGlobal(position)
        event = QMouseEvent(
            QEvent.Type.MouseMove, position, place, Qt.MouseButton.NoButton, button, key
        )
        QApplication.sendEvent(target, event)


class Pen:
    """The mouse at places of the slice, told in corner coordinates (x = column, y = row)."""

    def __init__(self, view: SliceView) -> None:
        self.view = view
        self._down = Qt.MouseButton.NoButton

    def move(self, x: float, y: float, keys: Qt.KeyboardModifier = NO_KEY) -> None:
        """Move the pointer, with the button down that was pressed last."""
        self._send(QEvent.Type.MouseMove, x, y, Qt.MouseButton.NoButton, keys)

    def press(
        self,
        x: float,
        y: float,
        keys: Qt.KeyboardModifier = NO_KEY,
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    ) -> None:
        """Go there and press."""
        self.move(x, y, keys)
        self._down = button
        self._send(QEvent.Type.MouseButtonPress, x, y, button, keys)

    def release(self, x: float, y: float, keys: Qt.KeyboardModifier = NO_KEY) -> None:
        """Let the button go."""
        button, self._down = self._down, Qt.MouseButton.NoButton
        self._send(QEvent.Type.MouseButtonRelease, x, y, button, keys)

    def click(
        self,
        x: float,
        y: float,
        keys: Qt.KeyboardModifier = NO_KEY,
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    ) -> None:
        """Press and release."""
        self.press(x, y, keys, button)
        self.release(x, y, keys)

    def click_each(self, *places: tuple[float, float]) -> None:
        """Click one place after another."""
        for x, y in places:
            self.click(x, y)

    def double_click(
        self, x: float, y: float, button: Qt.MouseButton = Qt.MouseButton.LeftButton
    ) -> None:
        """As the system tells it: a click, then a double click in place of the second press."""
        self.click(x, y, button=button)
        self.press_again(x, y, button=button)
        self.release(x, y)

    def press_again(
        self,
        x: float,
        y: float,
        keys: Qt.KeyboardModifier = NO_KEY,
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    ) -> None:
        """The second press of a double click."""
        self._down = button
        self._send(QEvent.Type.MouseButtonDblClick, x, y, button, keys)

    def drag(
        self,
        *places: tuple[float, float],
        keys: Qt.KeyboardModifier = NO_KEY,
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    ) -> None:
        """Press at the first place, move through the others, release at the last."""
        self.hold(*places, keys=keys, button=button)
        self.release(*places[-1], keys)

    def hold(
        self,
        *places: tuple[float, float],
        keys: Qt.KeyboardModifier = NO_KEY,
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    ) -> None:
        """A drag whose button stays down."""
        self.press(*places[0], keys, button)
        for (x0, y0), (x1, y1) in pairwise(places):
            for share in (0.25, 0.5, 0.75, 1.0):
                self.move(x0 + share * (x1 - x0), y0 + share * (y1 - y0), keys)

    def wheel(self, notches: int, keys: Qt.KeyboardModifier = NO_KEY) -> None:
        """Turn the wheel over the middle; positive notches are down."""
        target = surface(self.view)
        at = QPointF(target.rect().center())
        event = QWheelEvent(
            at,
            target.mapToGlobal(at),
            QPoint(),
            QPoint(0, -NOTCH * notches),
            self._down,
            keys,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(target, event)

    def _send(
        self,
        kind: QEvent.Type,
        x: float,
        y: float,
        button: Qt.MouseButton,
        keys: Qt.KeyboardModifier,
    ) -> None:
        target = surface(self.view)
        at = self.view._stage.from_slice(QPointF(x, y))
        event = QMouseEvent(kind, at, target.mapToGlobal(at), button, self._down, keys)
        QApplication.sendEvent(target, event)
