"""The models of the workspace as a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QTreeWidgetItem, QWidget

from medseg_desktop.qt.panels.controls import button, column, label, row
from medseg_desktop.qt.panels.tree_table import align_right, fit_height, tree_table
from medseg_desktop.qt.theme.icons import icon
from medseg_desktop.qt.theme.tokens import SPACE_XS

_MOST_ROWS = 8


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A row of the list.

    Attributes:
        mark: icon before the title, and its token colour; None for none.
        validation, test: Dice, "" where there is none.
        tip: what the row says in words.
    """

    path: Path
    title: str
    day: str
    validation: str
    test: str
    tip: str
    mark: tuple[str, str] | None = None


class ModelsList(QWidget):
    """One model is selected.

    Signals:
        selected(Path): the user chose another one.
        import_requested(): by the link of an empty list.
    """

    selected = Signal(object)
    import_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[ModelRow, ...] = ()
        titles = [self.tr("Model"), self.tr("Created"), self.tr("Val."), self.tr("Test")]
        self.list = tree_table(self.tr("Models"), titles, numbers=(2, 3))
        head = self.list.headerItem()
        head.setToolTip(2, self.tr("Mean Dice of its validation patients"))
        head.setToolTip(3, self.tr("Mean Dice on test patients, of its last evaluation"))
        self.empty = label(
            self.tr("There is no model yet. Train one on the tab Train, or import one."),
            "muted",
            wrap=True,
        )
        self.import_model = button(self.tr("Import a model…"), "plus", quiet=True)
        layout = column(self, 0, SPACE_XS)
        line = row()
        line.addWidget(label(self.tr("Models"), "section"), 1)
        line.addWidget(self.import_model)
        layout.addLayout(line)
        layout.addWidget(self.list)
        layout.addWidget(self.empty)
        self.list.itemSelectionChanged.connect(self._on_selected)
        self.import_model.clicked.connect(self.import_requested)
        self.set_rows(())

    @property
    def current(self) -> Path | None:
        """The model that is selected."""
        chosen = self.list.selectedItems()
        return self._rows[self.list.indexOfTopLevelItem(chosen[0])].path if chosen else None

    def set_rows(self, rows: Sequence[ModelRow]) -> None:
        """Shows the models; the selection stays, else the first one is selected.  Emits nothing."""
        current = self.current
        self._rows = tuple(rows)
        paths = [each.path for each in rows]
        wanted = current if current in paths else (paths[0] if paths else None)
        with QSignalBlocker(self.list):
            self.list.clear()
            for each in rows:
                self.list.addTopLevelItem(_item(each))
            self._select(wanted)
        fit_height(self.list, _MOST_ROWS)
        self.list.setVisible(bool(rows))
        self.empty.setVisible(not rows)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange and hasattr(self, "import_model"):
            self.set_rows(self._rows)  # whose marks have the colours of the theme

    def select(self, path: Path) -> None:
        """Select a model, if it is there."""
        if path != self.current:
            self._select(path)

    def _select(self, path: Path | None) -> None:
        for i, each in enumerate(self._rows):
            item = self.list.topLevelItem(i)
            if each.path == path and item is not None:
                self.list.setCurrentItem(item)

    def _on_selected(self) -> None:
        if self.current is not None:
            self.selected.emit(self.current)


def _item(each: ModelRow) -> QTreeWidgetItem:
    item = QTreeWidgetItem([each.title, each.day, each.validation, each.test])
    for place in (2, 3):
        align_right(item, place)
    for place in range(4):
        item.setToolTip(place, each.tip)
    item.setData(0, Qt.ItemDataRole.AccessibleTextRole, each.tip)
    if each.mark is not None:
        item.setIcon(0, icon(*each.mark))
    return item
