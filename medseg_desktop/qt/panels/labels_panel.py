"""The label table: names, colours, keys, what is shown and what is locked."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal, SignalInstance
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog, QWidget

from medseg_desktop.core.label_names import folded
from medseg_desktop.core.labels import MAXIMUM_LABELS
from medseg_desktop.qt.panels.controls import Section, button, column, label
from medseg_desktop.qt.panels.labels_delegate import Part
from medseg_desktop.qt.panels.labels_list import LabelsList
from medseg_desktop.qt.panels.labels_menu import Command, DigitMenu, LabelMenu
from medseg_desktop.qt.panels.labels_model import LabelRow, LabelsModel
from medseg_desktop.qt.theme.tokens import SPACE_XS

__all__ = ["LabelRow", "LabelsPanel"]


class LabelsPanel(QWidget):
    """One row a label; one of them is the current one, with which is drawn.

    The rows show what they are told with `set_labels`; only the mark of the current label moves
    at once.

    Signals:
        current_changed(int): class index of the label that the user chose.
        renamed(int, str): class index and a name that `core.label_names.checked_name` takes.
        recolored(int, tuple): class index and (R, G, B), 0..255.
        shortcut_changed(int, int | None): class index and digit; None for the automatic one.
        visibility_changed(int, bool), lock_changed(int, bool): class index and new state.
        add_requested(str): name of a label to append; when it is listed, its name is edited.
        remove_requested(int): class index of the last label.
    """

    current_changed = Signal(int)
    renamed = Signal(int, str)
    recolored = Signal(int, tuple)
    shortcut_changed = Signal(int, object)
    visibility_changed = Signal(int, bool)
    lock_changed = Signal(int, bool)
    add_requested = Signal(str)
    remove_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = LabelsModel(self)
        self._showing = False
        self._awaited = ""
        self.list = LabelsList(self._model)
        self.list.setAccessibleName(self.tr("Labels"))
        self.problem = label("", "caution", wrap=True)
        self.problem.setContentsMargins(SPACE_XS, 0, SPACE_XS, 0)
        self.add_button = button(self.tr("Add label"), "plus", quiet=True)
        self.section = Section(self.tr("Labels"))
        self.section.head.addWidget(self.add_button)
        column(self).addWidget(self.section)
        layout = self.section.body
        layout.setSpacing(SPACE_XS)
        layout.addWidget(self.list)
        layout.addWidget(self.problem)
        self.list.row_chosen.connect(self._choose)
        self.list.part_clicked.connect(self._click)
        self.list.menu_requested.connect(self._open_menu)
        self.list.reverted.connect(lambda: self.show_problem(""))
        self.list.delegate.name_entered.connect(self._rename)
        self.list.delegate.problem_changed.connect(self.show_problem)
        self.add_button.clicked.connect(self._add)
        self.set_labels((), 0)

    # Setters -------------------------------------------------------------------------------------

    def set_labels(self, rows: Sequence[LabelRow], current: int) -> None:
        """Lists `rows` in the order of their indices and marks the current one; emits nothing.

        A name that is being typed goes on being typed, unless its label has gone.

        Args:
            current: class index; 0 for none.
        """
        self._showing = True
        try:
            self._model.set_rows(rows)
            self._model.set_current(current)
            self.list.follow_model()
        finally:
            self._showing = False
        full = len(rows) >= MAXIMUM_LABELS - 1
        self.add_button.setEnabled(not full)
        self.add_button.setToolTip(self.tr("There is no room for more labels.") if full else "")
        awaited = [row.index for row in rows if row.name == self._awaited]
        if awaited:
            self._awaited = ""
            self.edit_name(awaited[0])

    def show_problem(self, sentence: str) -> None:
        """Says below the list why something was not done; "" takes it away."""
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))

    def edit_name(self, index: int) -> None:
        """Opens the editor of a label's name."""
        self.list.edit_name(index)

    # What the user did ---------------------------------------------------------------------------

    def _tell(self, signal: SignalInstance, *what: object) -> None:
        """Report it; what the last action could not do is history then."""
        if not self._showing:
            self.show_problem("")
            signal.emit(*what)

    def _choose(self, index: int) -> None:
        if not self._showing and index != self._model.current:
            self._model.set_current(index)
            self._tell(self.current_changed, index)

    def _rename(self, index: int, name: str) -> None:
        self._tell(self.renamed, index, name)

    def _click(self, index: int, part: Part) -> None:
        row = self._model.row_of(index)
        if row is None:
            return
        match part:
            case Part.SWATCH:
                self._choose_colour(row)
            case Part.DIGIT:
                self._open(
                    DigitMenu(self, row, self._model.rows), row, self.list.part_place(index, part)
                )
            case Part.EYE:
                self._tell(self.visibility_changed, index, not row.visible)
            case Part.LOCK:
                self._tell(self.lock_changed, index, not row.locked)

    def _open_menu(self, index: int, place: QPoint) -> None:
        row = self._model.row_of(index)
        if row is not None:
            self._open(LabelMenu(self, row, self._model.rows), row, place)

    def _open(self, menu: DigitMenu | LabelMenu, row: LabelRow, place: QPoint) -> None:
        menu.chosen.connect(lambda command, value: self._do(row, command, value))
        menu.popup(place)

    def _do(self, row: LabelRow, command: Command, value: object) -> None:
        """Something that was chosen in a menu."""
        match command:
            case Command.RENAME:
                self.edit_name(row.index)
            case Command.COLOUR:
                self._choose_colour(row)
            case Command.SHORTCUT:
                self._tell(self.shortcut_changed, row.index, value)
            case Command.VISIBLE:
                self._tell(self.visibility_changed, row.index, value)
            case Command.LOCKED:
                self._tell(self.lock_changed, row.index, value)
            case Command.REMOVE:
                self._tell(self.remove_requested, row.index)

    def _choose_colour(self, row: LabelRow) -> None:
        dialog = QColorDialog(QColor(*row.colour), self)
        dialog.setWindowTitle(self.tr("Colour of {label}").format(label=row.name))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(lambda colour: self._recolour(row.index, colour))
        dialog.open()

    def _recolour(self, index: int, colour: QColor) -> None:
        row = self._model.row_of(index)
        chosen = (colour.red(), colour.green(), colour.blue())
        if row is not None and chosen != row.colour:
            self._tell(self.recolored, index, chosen)

    def _add(self) -> None:
        taken = {folded(row.name) for row in self._model.rows}
        number = len(taken) + 1
        while folded(name := self.tr("Label {n}").format(n=number)) in taken:
            number += 1
        self._awaited = name
        self.section.set_open(True)  # its name is typed in the list
        self._tell(self.add_requested, name)
