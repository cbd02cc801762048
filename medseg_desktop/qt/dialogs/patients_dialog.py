"""Which patient of the workspace is in which set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from medseg_desktop.qt.dialogs.set_titles import SET_ORDER, set_title
from medseg_desktop.qt.panels.controls import button, column, label, row, set_role
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M

_KEY = Qt.ItemDataRole.UserRole
#: Of the table: patient, set, models that know the patient.
_TITLE, _SET, _SEEN = range(3)


@dataclass(frozen=True, slots=True)
class SetRow:
    """One patient.

    Attributes:
        key: tells the patient in signals.
        set_name: "train", "val", "test" or "incoming"; "" for one of the opened folder who is
            new to the workspace, and cannot be moved yet.
        seen_by: titles of the models that were trained or validated on the patient.
    """

    key: str
    title: str
    set_name: str
    seen_by: tuple[str, ...] = ()


class PatientsDialog(QDialog):
    """Lists the patients, and asks for moving those that are marked.

    Signals:
        move_requested(tuple[str, ...]): keys of the marked patients.
    """

    move_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Patients and sets"))
        self.resize(640, 560)
        self._rows: tuple[SetRow, ...] = ()
        explanation = self.tr(
            "A patient stays in one set, so that every model is tested on patients it has not "
            "seen. Incoming patients are in no dataset until you assign them."
        )
        self.filter = QComboBox()
        self.filter.setAccessibleName(self.tr("Set"))
        self.filter.setMinimumWidth(180)
        self.summary = label("", "muted")
        self.table = _table(self)
        self.status = label("", wrap=True)
        self.move_button = button(self.tr("Move…"), primary=True)
        self.close_button = button(self.tr("Close"))
        layout = column(self, 24, SPACE_L)
        layout.addWidget(label(explanation, "muted", wrap=True))
        head = row(None, 0, SPACE_M)
        head.addWidget(self.filter)
        head.addStretch(1)
        head.addWidget(self.summary)
        layout.addLayout(head)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.status)
        foot = row()
        foot.addStretch(1)
        foot.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignVCenter)
        foot.addWidget(self.move_button)
        layout.addLayout(foot)
        self.filter.activated.connect(self._show_rows)
        self.table.itemSelectionChanged.connect(self._update)
        self.table.itemDoubleClicked.connect(lambda *_: self._ask())
        self.move_button.clicked.connect(self._ask)
        self.close_button.clicked.connect(self.reject)
        self.set_rows(())
        self.say("", "")

    # Setters -----------------------------------------------------------------------------------

    def set_rows(self, rows: Sequence[SetRow]) -> None:
        """Replaces the patients; the filter and what is marked stay."""
        self._rows = tuple(sorted(rows, key=lambda r: SET_ORDER.index(r.set_name)))
        chosen = self.filter.currentData()
        counts = [(name, sum(r.set_name == name for r in self._rows)) for name in SET_ORDER]
        with QSignalBlocker(self.filter):
            self.filter.clear()
            self.filter.addItem(self.tr("All sets ({n})").format(n=len(self._rows)), None)
            for name, number in counts:
                if number or name == chosen:
                    self.filter.addItem(f"{set_title(name)} ({number})", name)
            place = self.filter.findData(chosen) if chosen is not None else 0
            self.filter.setCurrentIndex(max(place, 0))
        self._show_rows()

    def say(self, text: str, role: str) -> None:
        """A sentence below the table; `role` is "muted", "good" or "bad"."""
        self.status.setText(text)
        set_role(self.status, "role", role)
        self.status.setVisible(bool(text))

    def set_busy(self, busy: bool) -> None:
        """Something is read or written, and nothing else can be begun meanwhile."""
        self.table.setEnabled(not busy)
        self.filter.setEnabled(not busy)
        self._update()

    @property
    def marked(self) -> tuple[SetRow, ...]:
        """The marked patients."""
        keys = {item.data(0, _KEY) for item in self.table.selectedItems()}
        return tuple(r for r in self._rows if r.key in keys)

    # Inside --------------------------------------------------------------------------------------

    def _show_rows(self) -> None:
        """The patients that the filter lets through."""
        wanted, marked = self.filter.currentData(), {r.key for r in self.marked}
        with QSignalBlocker(self.table):
            self.table.clear()
            for entry in self._rows:
                if wanted in (None, entry.set_name):
                    self._add(entry, entry.key in marked)
        self._update()

    def _add(self, entry: SetRow, is_marked: bool) -> None:
        seen = ", ".join(entry.seen_by)
        item = QTreeWidgetItem(self.table, [entry.title, set_title(entry.set_name), seen])
        item.setData(0, _KEY, entry.key)
        item.setToolTip(_TITLE, entry.title)
        item.setToolTip(_SEEN, seen)
        if not entry.set_name:
            item.setDisabled(True)
            for place in (_TITLE, _SET):
                item.setToolTip(place, self.tr("Gets a set with the first dataset it is in."))
        item.setSelected(is_marked)

    def _update(self) -> None:
        marked = self.marked
        self.move_button.setEnabled(bool(marked) and self.table.isEnabled())
        text = self.tr("{n} marked").format(n=len(marked)) if len(marked) > 1 else ""
        self.summary.setText(text)

    def _ask(self) -> None:
        keys = tuple(r.key for r in self.marked)
        if keys and self.move_button.isEnabled():
            self.move_requested.emit(keys)


def _table(dialog: PatientsDialog) -> QTreeWidget:
    result = QTreeWidget(dialog)
    result.setProperty("framed", True)
    result.setHeaderLabels([dialog.tr("Patient"), dialog.tr("Set"), dialog.tr("Known to models")])
    result.setRootIsDecorated(False)
    result.setUniformRowHeights(True)
    result.setIndentation(0)
    result.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    header = result.header()
    header.setObjectName("rowTable")  # its titles stand as far in as the texts of the cells
    header.setStretchLastSection(False)
    header.setSectionResizeMode(_TITLE, QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(_SET, QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(_SEEN, QHeaderView.ResizeMode.Stretch)
    return result
