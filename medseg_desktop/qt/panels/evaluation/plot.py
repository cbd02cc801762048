"""The Dice of every patient: of one model, or of two with a line from one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from medseg_desktop.core.evaluation.measures import DICE
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import SECONDARY_PX, SPACE_L, SPACE_S

_GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
_DOT = 4.0
_NEAR = 12.0
_AXIS_PX = 36
#: Wider than this the lines say less.
_WIDEST_PX, _HIGHEST_PX = 560, 620
#: Lines of fewer Dice than this are drawn as level.
_LEVEL = 0.005


@dataclass(frozen=True, slots=True)
class DicePoint:
    """A patient; `champion` is None where only one model was evaluated."""

    title: str
    candidate: float
    champion: float | None = None


class DicePlot(QWidget):
    """Champion at the left, candidate at the right; worse patients are drawn last, dashed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: tuple[DicePoint, ...] = ()
        self._names = ("", "")
        self.setMinimumSize(QSize(240, 180))
        self.setMaximumSize(QSize(_WIDEST_PX, _HIGHEST_PX))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Dice of every patient"))

    def sizeHint(self) -> QSize:
        return QSize(320, 280)

    def set_points(self, points: Sequence[DicePoint], candidate: str, champion: str = "") -> None:
        """Shows patients under the names of the models; "" for a single one."""
        self._points = tuple(points)
        self._names = (champion, candidate)
        self.update()

    # -- where things lie

    @property
    def _area(self) -> QRectF:
        bottom = self.fontMetrics().height() + SPACE_S
        return QRectF(self.rect()).adjusted(_AXIS_PX, SPACE_S, -SPACE_L, -bottom)

    @property
    def _compares(self) -> bool:
        return any(point.champion is not None for point in self._points)

    def _x(self, is_candidate: bool, place: int = 0) -> float:
        area = self._area
        if self._compares:
            return area.left() + area.width() * (0.8 if is_candidate else 0.2)
        return area.left() + area.width() * (place + 0.5) / max(len(self._points), 1)

    def _y(self, dice: float) -> float:
        area = self._area
        return area.bottom() - area.height() * min(max(dice, 0.0), 1.0)

    def _dots(self) -> list[tuple[QPointF, DicePoint]]:
        found = []
        for place, point in enumerate(self._points):
            found.append((QPointF(self._x(True, place), self._y(point.candidate)), point))
            if point.champion is not None:
                found.append((QPointF(self._x(False), self._y(point.champion)), point))
        return found

    def point_at(self, at: QPointF) -> DicePoint | None:
        """The patient whose dot is next to this place of the widget."""
        near = [((dot - at).manhattanLength(), i) for i, (dot, _) in enumerate(self._dots())]
        if not near or min(near)[0] > _NEAR:
            return None
        return self._dots()[min(near)[1]][1]

    # -- events

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            point = self.point_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), _tip(point) if point else "", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        t = current_tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(SECONDARY_PX)
        painter.setFont(font)
        if not self._points:
            painter.setPen(QColor(t.muted))
            text = self.tr("No patient has a lesion, so there is no Dice.")
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)
            return
        self._paint_grid(painter)
        if self._compares:
            self._paint_lines(painter)
        painter.setPen(Qt.PenStyle.NoPen)
        for dot, point in self._dots():
            is_candidate = point.champion is None or abs(dot.x() - self._x(True)) < 1
            painter.setBrush(QColor(t.accent if is_candidate else t.muted))
            painter.drawEllipse(dot, _DOT, _DOT)

    def _paint_grid(self, painter: QPainter) -> None:
        t, area = current_tokens(), self._area
        for value in _GRID:
            y = self._y(value)
            painter.setPen(QPen(QColor(t.line), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(QColor(t.muted))
            box = QRectF(0, y - 8, _AXIS_PX - SPACE_S, 16)
            side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, side, f"{value:.2f}")
        painter.setPen(QColor(t.text))
        names = [(False, self._names[0]), (True, self._names[1])] if self._compares else []
        for is_candidate, name in names:
            box = QRectF(0, area.bottom() + SPACE_S, area.width() / 2, 20)
            box.moveCenter(QPointF(self._x(is_candidate), box.center().y()))
            shown = painter.fontMetrics().elidedText(
                name, Qt.TextElideMode.ElideMiddle, int(box.width())
            )
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, shown)

    def _paint_lines(self, painter: QPainter) -> None:
        t = current_tokens()
        for point in sorted(self._points, key=lambda p: (p.champion or 0) - p.candidate):
            if point.champion is None:
                continue
            change = point.candidate - point.champion
            pen = QPen(QColor(t.muted), 1.2)
            if change < -_LEVEL:
                pen = QPen(QColor(t.bad), 1.8, Qt.PenStyle.DashLine)
            elif change > _LEVEL:
                pen = QPen(QColor(t.good), 1.8)
            painter.setPen(pen)
            painter.drawLine(
                QPointF(self._x(False), self._y(point.champion)),
                QPointF(self._x(True), self._y(point.candidate)),
            )


def _tip(point: DicePoint) -> str:
    if point.champion is None:
        return f"{point.title}: {DICE.value(point.candidate)}"
    text = QCoreApplication.translate(
        "Evaluation", "{name}: champion {old}, candidate {new} ({change})"
    )
    return text.format(
        name=point.title,
        old=DICE.value(point.champion),
        new=DICE.value(point.candidate),
        change=DICE.value(point.candidate - point.champion, signed=True),
    )
