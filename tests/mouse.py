"""The mouse as a user moves it over a `SliceView`."""

from __future__ import annotations

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
