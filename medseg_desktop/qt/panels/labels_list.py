"""The list of labels: which part of which row the mouse means."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemDelegate, QAbstractItemView, QListView, QWidget

from medseg_desktop.qt.panels.labels_delegate import (
    ROW_HEIGHT,
    LabelsDelegate,
    Part,
    part_at,
    part_rect,
)
from medseg_desktop.qt.panels.labels_model import Index, LabelsModel, Role
from medseg_desktop.qt.panels.labels_name_edit import NameEdit

_SHOWN_ROWS = 8
_BORDERS = 2
#: Tab in the editor would make the next label the current one.
_NEXT = (
    QAbstractItemDelegate.EndEditHint.EditNextItem,
    QAbstractItemDelegate.EndEditHint.EditPreviousItem,
)


class LabelsList(QListView):
    """A list whose rows have parts that are clicked for themselves; the name chooses the row.

    Signals:
        row_chosen(int): class index; by a click on the name or by arrow keys.
        part_clicked(int, Part): class index, and any part but the name.
        menu_requested(int, QPoint): class index and place on the screen.
        reverted(): Esc was pressed while a name was typed.
    """

    row_chosen = Signal(int)
    part_clicked = Signal(int, object)
    menu_requested = Signal(int, QPoint)
    reverted = Signal()

    def __init__(self, model: LabelsModel) -> None:
        super().__init__()
        self._rows = model
        self._delegate = LabelsDelegate(self)
        self._pressed: tuple[int, Part] | None = None
        self._silent = False
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalScrollBar().setSingleStep(ROW_HEIGHT)

    @property
    def delegate(self) -> LabelsDelegate:
        """What paints the rows and edits the names."""
        return self._delegate

    @property
    def is_editing(self) -> bool:
        """A name is being typed."""
        # Not state(), which forgets the editor when another row is removed.
        return any(not edit.isHidden() for edit in self.viewport().findChildren(NameEdit))

    def follow_model(self) -> None:
        """As high as its rows, up to eight; the keys go on from the marked row.  Emits nothing."""
        rows = self._rows.rowCount()
        self.setFixedHeight(min(max(rows, 1), _SHOWN_ROWS) * ROW_HEIGHT + _BORDERS)
        position = self._rows.position_of(self._rows.current)
        if self.is_editing or position < 0 or position == self.currentIndex().row():
            return  # another current row would close the editor
        self._silent = True
        try:
            self.setCurrentIndex(self._rows.index(position))
        finally:
            self._silent = False

    def edit_name(self, label: int) -> None:
        """Opens the editor of a label's name, where the label is listed."""
        index = self._rows.index(self._rows.position_of(label))
        if not index.isValid():
            return
        self.scrollTo(index)
        self.setFocus()
        self.edit(index)

    def part_place(self, label: int, part: Part) -> QPoint:
        """The lower left corner of a part on the screen, where a menu may open."""
        row = self.visualRect(self._rows.index(self._rows.position_of(label)))
        return self.viewport().mapToGlobal(part_rect(row, part).bottomLeft())

    # What the mouse does -------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = self._part_under(event.position().toPoint())
        if self._pressed is None or event.button() != Qt.MouseButton.LeftButton:
            self._pressed = None  # neither beside the rows nor for the menu a row is chosen
        elif self._pressed[1] is Part.NAME:
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if pressed is None or pressed[1] is Part.NAME:
            super().mouseReleaseEvent(event)
        elif pressed == self._part_under(event.position().toPoint()):
            self.part_clicked.emit(self._rows.rows[pressed[0]].index, pressed[1])

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        under = self._part_under(event.position().toPoint())
        if under is not None and under[1] is Part.NAME:
            super().mouseDoubleClickEvent(event)
        else:
            self.mousePressEvent(event)  # an eye that is clicked twice was clicked two times

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() == Qt.MouseButton.NoButton:  # a drag chooses no other rows
            self._hover(self._part_under(event.position().toPoint()))
            super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)
        super().leaveEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        index = self.indexAt(event.pos()) if by_mouse else self.currentIndex()
        if index.isValid():
            label = self._rows.rows[index.row()].index
            place = event.globalPos() if by_mouse else self.part_place(label, Part.NAME)
            self.menu_requested.emit(label, place)

    def _part_under(self, position: QPoint) -> tuple[int, Part] | None:
        index = self.indexAt(position)
        if not index.isValid():
            return None
        return index.row(), part_at(self.visualRect(index), position.x())

    def _hover(self, part: tuple[int, Part] | None) -> None:
        if part != self._delegate.hovered:
            self._delegate.hovered = part
            self.viewport().update()

    # What the keyboard does ----------------------------------------------------------------------

    def keyboardSearch(self, search: str) -> None:
        """Nothing: a letter that is no shortcut must not choose another label."""

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        if not self._silent and current.isValid():
            self.row_chosen.emit(current.data(Role.ROW).index)

    def closeEditor(self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        stay = QAbstractItemDelegate.EndEditHint.NoHint
        super().closeEditor(editor, stay if hint in _NEXT else hint)
        if hint == QAbstractItemDelegate.EndEditHint.RevertModelCache:
            self.reverted.emit()
        self.follow_model()
