"""The menus of a label: everything that can be done with it, also without a mouse."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from medseg_desktop.qt.panels.labels_model import LabelRow

DIGITS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 0)
_LONGEST = 24


class Command(StrEnum):
    """What can be chosen, and what comes with it."""

    RENAME = "rename"
    COLOUR = "colour"
    SHORTCUT = "shortcut"  # a digit, or None for the automatic one
    VISIBLE = "visible"  # a bool
    LOCKED = "locked"  # a bool
    REMOVE = "remove"


class DigitMenu(QMenu):
    """The ten digits; it deletes itself when it is closed.

    Signals:
        chosen(Command, int | None): Command.SHORTCUT and the digit.
    """

    chosen = Signal(object, object)

    def __init__(self, parent: QWidget, row: LabelRow, rows: Sequence[LabelRow]) -> None:
        """`rows` are all labels, which tell whose digit it is."""
        super().__init__(self.tr("Shortcut"), parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        holders = {one.digit: one.name for one in rows if one.index != row.index}
        group = QActionGroup(self)
        for digit in DIGITS:
            # Behind a digit stands the label that would lose it.
            holder = _plain(holders[digit]) if digit in holders else ""
            action = self.addAction(f"{digit}\t{holder}" if holder else str(digit))
            action.setCheckable(True)
            action.setChecked(row.digit == digit)
            action.triggered.connect(lambda _=False, digit=digit: self._choose(digit))
            group.addAction(action)
        self.addSeparator()
        self.addAction(self.tr("Automatic"), lambda: self._choose(None))

    def _choose(self, digit: int | None) -> None:
        self.chosen.emit(Command.SHORTCUT, digit)


class LabelMenu(QMenu):
    """The context menu of a label; it deletes itself when it is closed.

    Signals:
        chosen(Command, object): what, and the value that `Command` says.
    """

    chosen = Signal(object, object)

    def __init__(self, parent: QWidget, row: LabelRow, rows: Sequence[LabelRow]) -> None:
        """`rows` are all labels of the table."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._offer(self.tr("Rename"), Command.RENAME)
        self._offer(self.tr("Colour…"), Command.COLOUR)
        self.digits = DigitMenu(self, row, rows)
        self.digits.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        self.digits.chosen.connect(self.chosen)
        self.addMenu(self.digits)
        shown = self.tr("Hide") if row.visible else self.tr("Show")
        self._offer(shown, Command.VISIBLE, not row.visible)
        locked = self.tr("Unlock") if row.locked else self.tr("Lock")
        self._offer(locked, Command.LOCKED, not row.locked)
        self.addSeparator()
        self._offer(self.tr("Remove"), Command.REMOVE)
        self.actions()[-1].setEnabled(row.removable)

    def _offer(self, text: str, command: Command, value: object = None) -> None:
        self.addAction(text, lambda: self.chosen.emit(command, value))


def _plain(name: str) -> str:
    """A name of any length as part of a menu's text."""
    short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return short.replace("&", "&&").replace("\t", " ")
