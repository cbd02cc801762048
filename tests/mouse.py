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


def drag(view: SliceView, way: QPoint, key: Qt.KeyboardModifier = NO_KEY) -> None:
    """Drag with the left button from the middle, with a key held."""
    target, left = surface(view), Qt.MouseButton.LeftButton
    start = target.rect().center()
    QTest.mousePress(target, left, key, start)
    for share in (0.5, 1.0):
        # Not QTest.mouseMove, which cannot hold a key.
        position = QPointF(start) + QPointF(way) * share
        place = target.mapToGlobal(position)
        event = QMouseEvent(
            QEvent.Type.MouseMove, position, place, Qt.MouseButton.NoButton, left, key
        )
        QApplication.sendEvent(target, event)
    QTest.mouseRelease(target, left, key, start + way)
