"""The runs of the workspace: to look at again, to compare with, to continue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QTreeWidgetItem, QWidget

from medseg_desktop.core.run_state import RunStatus
from medseg_desktop.io.runs import RunEntry
from medseg_desktop.qt.panels.controls import Section, button, column, label, row
from medseg_desktop.qt.panels.tree_table import align_right, fit_height, tree_table
from medseg_desktop.qt.panels.when_text import moment_text
from medseg_desktop.qt.theme.icons import icon

_MOST_ROWS = 7


def _tr(text: str) -> str:
    return QCoreApplication.translate("TrainingHistory", text)


def status_text(status: RunStatus | None) -> str:
    """How a run ended, in a word."""
    words = {
        RunStatus.FINISHED: _tr("finished"),
        RunStatus.CANCELLED: _tr("stopped"),
        RunStatus.FAILED: _tr("failed"),
    }
    return words.get(status, "") if status else _tr("cannot be read")


def run_title(entry: RunEntry) -> str:
    """Name and beginning, which tell runs of one name apart."""
    return f"{entry.title} {moment_text(entry.begun_time)}".strip()


class RunHistory(QWidget):
    """A foldable list; a check mark draws a run beside the one that is shown.

    Signals:
        compared(list[Path]): which runs have a check mark.
        show_requested(Path), continue_requested(Path): by the buttons below.
        opened(): the list was unfolded and should be up to date.
    """

    compared = Signal(list)
    show_requested = Signal(object)
    continue_requested = Signal(object)
    opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.section = Section(self.tr("Earlier runs"), opened=False)
        self._entries: tuple[RunEntry, ...] = ()
        self._compared: list[Path] = []
        self._is_comparable = False
        titles = [self.tr("Model"), self.tr("Begun"), self.tr("Dice")]
        self.list = tree_table(self.tr("Earlier runs"), titles, numbers=(2,))
        self.hint = label(
            self.tr("A check mark draws a run beside the one above."), "muted", wrap=True
        )
        self.show_run = button(self.tr("Show"), "eye")
        self.go_on = button(self.tr("Continue…"), "play")
        body = self.section.body
        body.addWidget(self.list)
        body.addWidget(self.hint)
        actions = row()
        actions.addWidget(self.show_run)
        actions.addWidget(self.go_on)
        actions.addStretch(1)
        body.addLayout(actions)
        column(self).addWidget(self.section)
        self.section.toggled.connect(lambda on: self.opened.emit() if on else None)
        self.list.itemChanged.connect(self._on_changed)
        self.list.itemSelectionChanged.connect(self._on_selected)
        self.list.itemDoubleClicked.connect(lambda *_: self._ask_to_show())
        self.show_run.clicked.connect(self._ask_to_show)
        self.go_on.clicked.connect(self._ask_to_continue)
        self.hint.hide()
        self.set_entries(())

    @property
    def current(self) -> RunEntry | None:
        """The run that is selected."""
        chosen = self.list.selectedItems()
        return self._entries[self.list.indexOfTopLevelItem(chosen[0])] if chosen else None

    def set_entries(self, entries: Sequence[RunEntry]) -> None:
        """Lists the runs, newest first; selection and check marks stay."""
        current = self.current.path if self.current else None
        self._entries = tuple(entries)
        self._compared = [p for p in self._compared if p in {e.path for e in entries}]
        with QSignalBlocker(self.list):
            self.list.clear()
            for entry in entries:
                item = self._item(entry)
                self.list.addTopLevelItem(item)
                item.setSelected(entry.path == current)
        fit_height(self.list, _MOST_ROWS)
        title = self.tr("Earlier runs ({n})") if entries else self.tr("Earlier runs")
        self.section.header.setText(title.format(n=len(entries)))
        self.setVisible(bool(entries))
        self._on_selected()

    def set_comparable(self, comparable: bool) -> None:
        """There are plots to draw runs on; else the check marks are not offered."""
        if comparable != self._is_comparable:
            self._is_comparable = comparable
            self.hint.setVisible(comparable)
            self.set_entries(self._entries)

    def _item(self, entry: RunEntry) -> QTreeWidgetItem:
        status = status_text(entry.status)
        dice = "" if entry.best_dice is None else f"{entry.best_dice:.3f}"
        item = QTreeWidgetItem([entry.title, moment_text(entry.begun_time) or status, dice])
        align_right(item, 2)
        names = {RunStatus.FINISHED: ("success", "good"), RunStatus.CANCELLED: ("info", "accent")}
        item.setIcon(1, icon(*names.get(entry.status or RunStatus.FAILED, ("error", "bad"))))
        for place in range(3):
            item.setToolTip(place, _tip(entry, status))
        if entry.problem:
            item.setFlags(Qt.ItemFlag.ItemNeverHasChildren)
        elif self._is_comparable:
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            on = entry.path in self._compared
            item.setCheckState(0, Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        return item

    def _on_changed(self, item: QTreeWidgetItem) -> None:
        entry = self._entries[self.list.indexOfTopLevelItem(item)]
        on = item.checkState(0) is Qt.CheckState.Checked
        if on != (entry.path in self._compared):
            kept = [path for path in self._compared if path != entry.path]
            self._compared = [*kept, entry.path] if on else kept
            self.compared.emit(list(self._compared))

    def _on_selected(self) -> None:
        entry = self.current
        self.show_run.setEnabled(entry is not None and not entry.problem)
        self.go_on.setEnabled(entry is not None and entry.continues)
        self.go_on.setToolTip(
            self.tr("It has no checkpoint to go on from.") if entry and not entry.continues else ""
        )

    def _ask_to_show(self) -> None:
        entry = self.current
        if entry is not None and not entry.problem:
            self.show_requested.emit(entry.path)

    def _ask_to_continue(self) -> None:
        entry = self.current
        if entry is not None and entry.continues:
            self.continue_requested.emit(entry.path)


def _tip(entry: RunEntry, status: str) -> str:
    if entry.problem:
        return entry.problem
    dataset = Path(entry.spec.dataset).name if entry.spec else ""
    return _tr("{title}: {status}, {n} iterations, dataset {dataset}").format(
        title=run_title(entry), status=status, n=f"{entry.iterations:,}", dataset=dataset
    )
