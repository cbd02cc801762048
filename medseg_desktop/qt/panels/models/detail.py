"""The selected model: what it is, what may be done with it, and its evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QGridLayout, QTreeWidgetItem, QWidget

from medseg_desktop.qt.panels.controls import Section, button, column, label
from medseg_desktop.qt.panels.tree_table import align_right, fit_height, tree_table
from medseg_desktop.qt.theme.icons import icon
from medseg_desktop.qt.theme.tokens import SPACE_S, SPACE_XS

_MOST_ROWS = 5


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """An evaluation of the selected model.

    Attributes:
        beside: title of the model that it was compared with; "" for none.
        is_fair: the two could be compared.
    """

    path: Path
    when: str
    beside: str
    dice: str
    tip: str
    is_fair: bool = True


@dataclass(frozen=True, slots=True)
class ModelDetail:
    """What is shown of the selected model.

    Attributes:
        status: champion, candidate, or why it cannot be used.
        lines: what it is and how good.
        blocked: action -> why it cannot be done now; "" for an action that makes no sense here
            and is not shown.
        hint: why nothing can be evaluated now, and what to do.
    """

    title: str
    status: str
    lines: tuple[str, ...]
    blocked: dict[str, str] = field(default_factory=dict)
    hint: str = ""
    evaluations: tuple[EvaluationRow, ...] = ()


class ModelDetails(QWidget):
    """Below the list of models.

    Signals:
        requested(str): the key of a button, for the selected model.
        evaluation_requested(Path): show one of its evaluations.
    """

    requested = Signal(str)
    evaluation_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._evaluations: tuple[EvaluationRow, ...] = ()
        self.title = label("", "title", wrap=True)
        self.about = label("", "muted", wrap=True)
        self.hint = label("", "muted", wrap=True)
        self.buttons = {
            "compare": button(self.tr("Compare with champion"), "compare-models", primary=True),
            "evaluate": button(self.tr("Evaluate…"), "evaluate"),
            "promote": button(self.tr("Promote…"), "champion"),
            "use": button(self.tr("Use for viewing"), "eye"),
            "card": button(self.tr("Show card"), "log"),
            "export": button(self.tr("Export…"), "save"),
        }
        layout = column(self, 0, SPACE_S)
        layout.addWidget(self.title)
        layout.addWidget(self.about)
        layout.addWidget(self.buttons["compare"])
        layout.addWidget(self.hint)
        layout.addLayout(self._grid())
        layout.addWidget(self._evaluation_list())
        for key, action in self.buttons.items():
            action.clicked.connect(lambda _=False, key=key: self.requested.emit(key))
        self.list.itemSelectionChanged.connect(self._on_selected)
        self.list.itemActivated.connect(lambda *_: self._show())
        self.show_evaluation.clicked.connect(self._show)
        self.set_detail(None)

    def _grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(SPACE_S)
        places = [("use", 0, 0, 2), ("evaluate", 1, 0, 1), ("promote", 1, 1, 1),
                  ("card", 2, 0, 1), ("export", 2, 1, 1)]  # fmt: skip
        for key, line, place, wide in places:
            grid.addWidget(self.buttons[key], line, place, 1, wide)
        return grid

    def _evaluation_list(self) -> Section:
        titles = [self.tr("Evaluated"), self.tr("Compared with"), self.tr("Dice")]
        self.list = tree_table(self.tr("Evaluations"), titles, numbers=(2,))
        self.show_evaluation = button(self.tr("Show"), "eye")
        self.section = Section(self.tr("Evaluations"))
        body = self.section.body
        body.setSpacing(SPACE_XS)
        body.addWidget(self.list)
        body.addWidget(self.show_evaluation)
        return self.section

    def set_detail(self, detail: ModelDetail | None) -> None:
        """Shows a model; None where none is selected."""
        self.setVisible(detail is not None)
        if detail is None:
            return
        self.title.setText(f"{detail.title} · {detail.status}" if detail.status else detail.title)
        self.about.setText("\n".join(detail.lines))
        self.hint.setText(detail.hint)
        self.hint.setVisible(bool(detail.hint))
        for key, action in self.buttons.items():
            reason = detail.blocked.get(key)
            action.setVisible(reason != "")
            action.setEnabled(reason is None)
            action.setToolTip(reason or "")
        self._set_evaluations(detail.evaluations)

    def _set_evaluations(self, rows: Sequence[EvaluationRow]) -> None:
        current = self._current
        self._evaluations = tuple(rows)
        with QSignalBlocker(self.list):
            self.list.clear()
            for i, each in enumerate(rows):
                item = _item(each)
                self.list.addTopLevelItem(item)
                if i == 0 or each.path == current:
                    self.list.setCurrentItem(item)
        fit_height(self.list, _MOST_ROWS)
        self.section.setVisible(bool(rows))
        self._on_selected()

    @property
    def _current(self) -> Path | None:
        row = self._current_row
        return row.path if row else None

    @property
    def _current_row(self) -> EvaluationRow | None:
        chosen = self.list.selectedItems()
        return self._evaluations[self.list.indexOfTopLevelItem(chosen[0])] if chosen else None

    def _on_selected(self) -> None:
        row = self._current_row
        compares = row is not None and bool(row.beside)
        text = self.tr("Show comparison") if compares else self.tr("Show evaluation")
        self.show_evaluation.setText(text)
        self.show_evaluation.setEnabled(row is not None)

    def _show(self) -> None:
        if self._current is not None:
            self.evaluation_requested.emit(self._current)


def _item(each: EvaluationRow) -> QTreeWidgetItem:
    item = QTreeWidgetItem([each.when, each.beside, each.dice])
    align_right(item, 2)
    for place in range(3):
        item.setToolTip(place, each.tip)
    if not each.is_fair:
        item.setIcon(1, icon("warning", "caution"))
    return item
