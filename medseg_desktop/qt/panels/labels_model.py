"""The rows of the label table as a list model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from medseg_desktop.core.label_names import BACKGROUND

Index = QModelIndex | QPersistentModelIndex


class Role(IntEnum):
    """Item data beside the display text (which is the name)."""

    ROW = Qt.ItemDataRole.UserRole + 1
    IS_CURRENT = Qt.ItemDataRole.UserRole + 2


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label of the table, without the background.

    Attributes:
        index: its class index, which tells it in signals.
        colour: its own (R, G, B), 0..255.
        digit: the key that chooses it, 0..9; None for a label without.
        removable: it is the last label and nothing uses it.
    """

    index: int
    name: str
    colour: tuple[int, int, int]
    digit: int | None = None
    visible: bool = True
    locked: bool = False
    removable: bool = False


class LabelsModel(QAbstractListModel):
    """Fed with rows; tells the view only what differs, so that an open editor stays open."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[LabelRow, ...] = ()
        self._current = 0

    @property
    def rows(self) -> tuple[LabelRow, ...]:
        """What is listed, in order."""
        return self._rows

    @property
    def current(self) -> int:
        """The class index of the label that is marked; 0 for none."""
        return self._current

    def set_rows(self, rows: Sequence[LabelRow]) -> None:
        """Shows `rows`: those that are listed already are changed in place."""
        new, old = tuple(rows), self._rows
        if len(new) < len(old):
            self.beginRemoveRows(QModelIndex(), len(new), len(old) - 1)
            self._rows = old[: len(new)]
            self.endRemoveRows()
        elif len(new) > len(old):
            self.beginInsertRows(QModelIndex(), len(old), len(new) - 1)
            self._rows = (*old, *new[len(old) :])
            self.endInsertRows()
        self._rows = new
        for position, (before, now) in enumerate(zip(old, new, strict=False)):
            if before != now:
                self._changed(position)

    def set_current(self, label: int) -> None:
        """Marks the label of a class index; 0 marks none."""
        before, self._current = self._current, label
        if before != label:
            for one in (before, label):
                self._changed(self.position_of(one))

    def position_of(self, label: int) -> int:
        """The place in the list of a class index; -1 if it is not listed."""
        return next((i for i, row in enumerate(self._rows) if row.index == label), -1)

    def row_of(self, label: int) -> LabelRow | None:
        """The row of a class index, or None if it is not listed."""
        position = self.position_of(label)
        return None if position < 0 else self._rows[position]

    def other_names(self, label: int) -> list[str]:
        """The names that a label cannot have, the background's among them."""
        return [BACKGROUND, *(row.name for row in self._rows if row.index != label)]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.EditRole:
                return row.name
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(row)
            case Role.ROW:
                return row
            case Role.IS_CURRENT:
                return row.index == self._current
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

    def _changed(self, position: int) -> None:
        if position >= 0:
            index = self.index(position)
            self.dataChanged.emit(index, index)

    def _spoken(self, row: LabelRow) -> str:
        """What a screen reader says: what the others see as signs."""
        parts = [row.name]
        if row.digit is not None:
            parts.append(self.tr("key {digit}").format(digit=row.digit))
        if not row.visible:
            parts.append(self.tr("hidden"))
        if row.locked:
            parts.append(self.tr("locked"))
        return ", ".join(parts)
