"""The slice slider with marks for annotated, reviewed and predicted slices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from medseg_desktop.qt.canvas.mouse import WheelSteps
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import Tokens

_SIDE = 16
_HEIGHT = 36


@dataclass(frozen=True, slots=True)
class SliceMarks:
    """Slice indices (from 0) by what is known of them.

    `reviewed` are slices that were looked at and hold no shape; `disagreeing` are slices where
    outline and prediction differ.
    """

    annotated: frozenset[int] = field(default_factory=frozenset)
    reviewed: frozenset[int] = field(default_factory=frozenset)
    predicted: frozenset[int] = field(default_factory=frozenset)
    disagreeing: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def of(
        cls,
        annotated: Iterable[int] = (),
        reviewed: Iterable[int] = (),
        predicted: Iterable[int] = (),
        disagreeing: Iterable[int] = (),
    ) -> SliceMarks:
        """Marks from any iterables."""
        return cls(*(frozenset(x) for x in (annotated, reviewed, predicted, disagreeing)))


class SliceSlider(QWidget):
    """Chooses a slice; marks above the line are the user's, marks below are the model's.

    Signals:
        value_changed(int): the user chose a slice (index from 0); setters never emit it.
    """

    value_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self._value = 0
        self._marks = SliceMarks()
        self._ground = QPixmap()  # groove and ticks, which change less than the handle
        self._ground_of: object = None
        self._wheel = WheelSteps()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Slice"))
        self.setToolTip(
            self.tr(
                "Above the line: slices with outlines (green) and without lesion (grey).\n"
                "Below the line: slices where the model found something (blue), "
                "and where it differs from the outlines (violet)."
            )
        )

    def set_count(self, count: int) -> None:
        """How many slices the series has; 0 disables the slider."""
        self._count = max(count, 0)
        self._value = min(self._value, max(self._count - 1, 0))
        self.setEnabled(self._count > 0)
        self.update()

    def set_value(self, index: int) -> None:
        """Shows slice `index` (from 0) as the current one."""
        self._value = min(max(index, 0), max(self._count - 1, 0))
        self.update()

    def set_marks(self, marks: SliceMarks) -> None:
        """Replaces all marks."""
        if marks != self._marks:
            self._marks = marks
            self.update()

    @property
    def count(self) -> int:
        """Number of slices."""
        return self._count

    @property
    def value(self) -> int:
        """The current slice, from 0."""
        return self._value

    def position_of(self, index: int) -> float:
        """The x position of slice `index` in this widget."""
        if self._count <= 1:
            return self.width() / 2
        return _SIDE + index * (self.width() - 2 * _SIDE) / (self._count - 1)

    def sizeHint(self) -> QSize:
        return QSize(320, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, _HEIGHT)

    # User ----------------------------------------------------------------------------------------

    def _choose(self, index: int) -> None:
        index = min(max(index, 0), self._count - 1)
        if self._count > 0 and index != self._value:
            self._value = index
            self.update()
            self.value_changed.emit(index)

    def _choose_at(self, x: float) -> None:
        if self._count > 1:
            share = (x - _SIDE) / max(self.width() - 2 * _SIDE, 1)
            self._choose(round(share * (self._count - 1)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose_at(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._choose_at(event.position().x())

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = self._wheel.add(event.angleDelta().y())
        if steps:
            self._choose(self._value + steps)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        targets = {
            Qt.Key.Key_Left: self._value - 1,
            Qt.Key.Key_Right: self._value + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: self._count - 1,
        }
        target = targets.get(Qt.Key(event.key()))
        if target is None:
            super().keyPressEvent(event)
        else:
            self._choose(target)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    # Painting ------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        t = current_tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPixmap(0, 0, self._drawn_ground(t))
        if self._count == 0:
            return
        middle = self.height() / 2
        x = self.position_of(self._value)
        handle = QRectF(x - 4, middle - 10, 8, 20)
        painter.setBrush(QColor(t.text if self.isEnabled() else t.disabled))
        edge = t.accent if self.hasFocus() else t.window
        painter.setPen(QPen(QColor(edge), 2 if self.hasFocus() else 1))
        painter.drawRoundedRect(handle, 4, 4)

    def _drawn_ground(self, tokens: Tokens) -> QPixmap:
        ratio = self.devicePixelRatioF()
        key = (self._marks, self._count, self.size().toTuple(), ratio, tokens)
        if key == self._ground_of:
            return self._ground
        self._ground_of = key
        self._ground = QPixmap(self.size() * ratio)
        self._ground.setDevicePixelRatio(ratio)
        self._ground.fill(Qt.GlobalColor.transparent)
        painter = QPainter(self._ground)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.track))
        middle = self.height() / 2
        painter.drawRoundedRect(
            QRectF(_SIDE - 6, middle - 2, self.width() - 2 * _SIDE + 12, 4), 2, 2
        )
        for path, colour in self._tick_paths(tokens, middle) if self._count else ():
            painter.fillPath(path, QColor(colour))
        painter.end()
        return self._ground

    def _tick_paths(self, tokens: Tokens, middle: float) -> Iterator[tuple[QPainterPath, str]]:
        """All ticks of one colour in one path."""
        pitch = (self.width() - 2 * _SIDE) / max(self._count - 1, 1)
        width = min(max(pitch * 0.5, 1.5), 4.0)
        above, below = middle - 5, middle + 5
        marks = self._marks
        kinds = (
            (marks.reviewed - marks.annotated, above - 3, above, min(width, 2.5), tokens.muted),
            (marks.annotated, above - 8, above, width, tokens.mark_mine),
            (marks.predicted - marks.disagreeing, below, below + 8, width, tokens.mark_model),
            (marks.disagreeing, below, below + 8, width, tokens.only_model),
        )
        for indices, top, foot, tick_width, colour in kinds:
            path = QPainterPath()
            for index in indices:
                left = self.position_of(index) - tick_width / 2
                path.addRoundedRect(QRectF(left, top, tick_width, foot - top), 1, 1)
            yield path, colour
