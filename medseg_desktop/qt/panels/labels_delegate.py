"""Paints the rows of the label table and edits names in place."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QAbstractItemModel, QEvent, QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QHelpEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QWidget,
)

from medseg_desktop.qt.panels.labels_model import Index, LabelRow, LabelsModel, Role
from medseg_desktop.qt.panels.labels_name_edit import NameEdit
from medseg_desktop.qt.theme.icons import pixmap
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import CONTROL_HEIGHT, ICON_SIZE, SECONDARY_PX

ROW_HEIGHT = CONTROL_HEIGHT
_SWATCH = 14
_CELL = 24
_DIGIT_CELL = 20
_EDGE = 4
_TEXT = 8
_BAR = 3


class Part(StrEnum):
    """What a row consists of, from left to right."""

    SWATCH = "swatch"
    DIGIT = "digit"
    NAME = "name"
    EYE = "eye"
    LOCK = "lock"


def part_rect(row: QRect, part: Part) -> QRect:
    """Where a part lies, and is clicked, within the rectangle of its row."""
    lefts = {
        Part.SWATCH: row.left() + _EDGE,
        Part.DIGIT: row.left() + _EDGE + _CELL,
        Part.NAME: row.left() + _EDGE + _CELL + _DIGIT_CELL,
        Part.EYE: row.right() + 1 - _EDGE - 2 * _CELL,
        Part.LOCK: row.right() + 1 - _EDGE - _CELL,
    }
    rights = {
        Part.SWATCH: lefts[Part.DIGIT],
        Part.DIGIT: lefts[Part.NAME],
        Part.NAME: lefts[Part.EYE],
        Part.EYE: lefts[Part.LOCK],
        Part.LOCK: row.right() + 1 - _EDGE,
    }
    return QRect(lefts[part], row.top(), rights[part] - lefts[part], row.height())


def part_at(row: QRect, x: int) -> Part:
    """The part at a place across a row; the name where there is no other."""
    found = (part for part in Part if _spans(part_rect(row, part), x))
    return next(found, Part.NAME)


def _spans(rect: QRect, x: int) -> bool:
    return rect.left() <= x <= rect.right()


class LabelsDelegate(QStyledItemDelegate):
    """One kind of row: swatch, digit, name, eye, lock.

    Signals:
        name_entered(int, str): class index and a name that can be used and is another one.
        problem_changed(str): a sentence while a name is typed that cannot be used, else "".
    """

    name_entered = Signal(int, str)
    problem_changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        #: Row and part under the pointer.
        self.hovered: tuple[int, Part] | None = None

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, ROW_HEIGHT)

    # Painting ------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: LabelRow = index.data(Role.ROW)
        current = bool(index.data(Role.IS_CURRENT))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_surface(painter, option, current)
        if self.hovered is not None and self.hovered[0] == index.row():
            _paint_hovered_part(painter, option.rect, self.hovered[1])
        _paint_swatch(painter, part_rect(option.rect, Part.SWATCH), row)
        _paint_digit(painter, part_rect(option.rect, Part.DIGIT), row, option.font, current)
        _paint_name(painter, part_rect(option.rect, Part.NAME), row, option.font, current)
        t = current_tokens()
        eye = ("eye", t.muted) if row.visible else ("eye-off", t.text)
        lock = ("lock", t.text) if row.locked else ("unlock", t.disabled)
        _paint_icon(painter, part_rect(option.rect, Part.EYE), *eye)
        _paint_icon(painter, part_rect(option.rect, Part.LOCK), *lock)
        painter.restore()

    def _paint_surface(
        self, painter: QPainter, option: QStyleOptionViewItem, current: bool
    ) -> None:
        t = current_tokens()
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.setPen(Qt.PenStyle.NoPen)
        if current or hovered:
            painter.setBrush(QColor(t.selection if current else t.raised))
            painter.drawRoundedRect(option.rect.adjusted(0, 1, 0, -1), 4, 4)
        if current:
            bar = QRect(option.rect.left(), option.rect.top() + 5, _BAR, option.rect.height() - 10)
            painter.setBrush(QColor(t.accent))
            painter.drawRoundedRect(bar, 1.5, 1.5)

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        row = index.data(Role.ROW)
        if event.type() != QEvent.Type.ToolTip or not isinstance(row, LabelRow):
            return super().helpEvent(event, view, option, index)
        part = part_at(option.rect, event.pos().x())
        where = part_rect(option.rect, part)
        QToolTip.showText(event.globalPos(), self.tip(row, part), view.viewport(), where)
        return True

    def tip(self, row: LabelRow, part: Part) -> str:
        """What a click on a part of a row does."""
        match part:
            case Part.SWATCH:
                return self.tr("Choose a colour")
            case Part.DIGIT if row.digit is None:
                return self.tr("No key chooses this label; choose one")
            case Part.DIGIT:
                return self.tr("The key {digit} chooses this label").format(digit=row.digit)
            case Part.EYE:
                return self.tr("Hide") if row.visible else self.tr("Show")
            case Part.LOCK:
                return self.tr("Unlock") if row.locked else self.tr("Lock against changes")
        return row.name

    # Editing -------------------------------------------------------------------------------------

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> NameEdit:
        row: LabelRow = index.data(Role.ROW)
        model = index.model()
        others = model.other_names(row.index) if isinstance(model, LabelsModel) else []
        edit = NameEdit(parent, row.name, others)
        edit.problem_changed.connect(self.problem_changed)
        self.problem_changed.emit("")
        return edit

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        if isinstance(editor, NameEdit) and not editor.isModified():
            name = str(index.data(Qt.ItemDataRole.EditRole))
            if name != editor.text():  # else what is selected of it stays selected
                editor.setText(name)
                editor.selectAll()

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        row = index.data(Role.ROW)
        if isinstance(editor, NameEdit) and isinstance(row, LabelRow) and editor.name != row.name:
            self.name_entered.emit(row.index, editor.name)

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        # So that the text stays where it was: it lies 11 px inside the box.
        editor.setGeometry(part_rect(option.rect, Part.NAME).adjusted(_TEXT - 11, 0, 0, 0))


def _paint_hovered_part(painter: QPainter, row: QRect, part: Part) -> None:
    if part is not Part.NAME:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(current_tokens().hover))
        painter.drawRoundedRect(part_rect(row, part).adjusted(0, 3, 0, -3), 4, 4)


def _paint_swatch(painter: QPainter, cell: QRect, row: LabelRow) -> None:
    square = QRect(0, 0, _SWATCH, _SWATCH)
    square.moveCenter(cell.center())
    # The border shows where a dark colour ends on a dark panel.
    painter.setPen(QColor(current_tokens().edge))
    painter.setBrush(QColor(*row.colour))
    painter.drawRoundedRect(square.toRectF().adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)


def _paint_digit(painter: QPainter, cell: QRect, row: LabelRow, font: QFont, current: bool) -> None:
    t = current_tokens()
    small = QFont(font)
    small.setPixelSize(SECONDARY_PX)
    painter.setFont(small)
    painter.setPen(QColor(t.disabled if row.digit is None else t.text if current else t.muted))
    text = "–" if row.digit is None else str(row.digit)  # noqa: RUF001
    painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, text)


def _paint_name(painter: QPainter, cell: QRect, row: LabelRow, font: QFont, current: bool) -> None:
    t = current_tokens()
    own = QFont(font)
    if current:
        own.setWeight(QFont.Weight.DemiBold)
    painter.setFont(own)
    painter.setPen(QColor(t.text if row.visible else t.muted))
    area = cell.adjusted(_TEXT, 0, -4, 0)
    shown = QFontMetrics(own).elidedText(row.name, Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


def _paint_icon(painter: QPainter, cell: QRect, name: str, colour: str) -> None:
    mark = pixmap(name, colour, ICON_SIZE, painter.device().devicePixelRatio())
    left = cell.left() + (cell.width() - ICON_SIZE) // 2
    painter.drawPixmap(left, cell.top() + (cell.height() - ICON_SIZE) // 2, mark)
