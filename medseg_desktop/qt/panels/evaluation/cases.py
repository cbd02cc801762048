"""The patients of an evaluation as a table that can be sorted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QSize, Qt
from PySide6.QtWidgets import QTreeWidget, QTreeWidgetItem, QWidget

from medseg_desktop.core.evaluation.measures import BY_KEY, DICE, NOTHING
from medseg_desktop.core.evaluation.result import CaseResult
from medseg_desktop.core.evaluation.rows import CasePair
from medseg_desktop.qt.panels.controls import column, label
from medseg_desktop.qt.panels.tree_table import ROW_PX, align_right, tree_table
from medseg_desktop.qt.theme.icons import icon
from medseg_desktop.qt.theme.tokens import SPACE_S

_ROLE = Qt.ItemDataRole.UserRole
_LEVEL = 0.005
_HD95, _VOLUME = BY_KEY["hd95_mm"], BY_KEY["volume_difference_ml"]


def _tr(text: str) -> str:
    return QCoreApplication.translate("Evaluation", text)


@dataclass(frozen=True, slots=True)
class _Column:
    """What is told of a patient as one model sees it."""

    title: str
    tip: str
    value: Callable[[CaseResult], float | None]
    text: Callable[[CaseResult], str]


class _Item(QTreeWidgetItem):
    """Sorted by its numbers, and not by how these are written."""

    def __lt__(self, other: QTreeWidgetItem) -> bool:
        tree = self.treeWidget()
        place = tree.sortColumn() if tree is not None else 0
        mine, its = self.data(place, _ROLE), other.data(place, _ROLE)
        if mine is None or its is None:
            return bool(self.text(place) < other.text(place))
        return bool(mine < its)


class CaseTable(QWidget):
    """A row a patient; what differs between two models stands side by side."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table: QTreeWidget = tree_table(_tr("Patients"), [""])
        self.table.setSortingEnabled(False)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.key = label(_tr("Of two values the first is the candidate's."), "muted")
        layout = column(self, 0, SPACE_S)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.key)

    def set_cases(
        self, pairs: Sequence[CasePair], titles: Mapping[str, str], *, compares: bool
    ) -> None:
        """Shows patients in this order; `titles` are theirs, by hash."""
        table, told = self.table, _columns()
        self.key.setVisible(compares)
        heads = [_tr("Patient"), _tr("Slices")]
        if compares:
            heads.append(_tr("Dice difference"))
        heads += [part.title for part in told]
        table.setSortingEnabled(False)
        table.clear()
        table.setColumnCount(len(heads))
        table.setHeaderLabels(heads)
        head, modes = table.headerItem(), table.header().ResizeMode
        first = len(heads) - len(told)
        for place in range(1, len(heads)):
            table.header().setSectionResizeMode(place, modes.ResizeToContents)
            align_right(head, place)
        for place, part in enumerate(told, start=first):
            both = _tr("{what}: candidate | champion").format(what=part.tip)
            head.setToolTip(place, both if compares else part.tip)
        for pair in pairs:
            table.addTopLevelItem(_item(pair, titles, told, compares))
        table.header().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        table.setSortingEnabled(True)


def _columns() -> tuple[_Column, ...]:
    return (
        _Column(_tr("Dice"), _tr("Dice"), lambda c: c.foreground_dice,
                lambda c: DICE.value(c.foreground_dice)),
        _Column(_tr("HD95 mm"), _tr("HD95 in mm"), lambda c: c.hd95_mm,
                lambda c: _HD95.number(c.hd95_mm)),
        _Column(_tr("Volume ± ml"), _tr("Predicted minus annotated volume in ml"),
                lambda c: c.volume_difference_ml,
                lambda c: _VOLUME.number(c.volume_difference_ml, signed=True)),
        _Column(_tr("Found"), _tr("Lesions found of those annotated"),
                lambda c: float(c.n_found),
                lambda c: f"{c.n_found}/{len(c.lesions)}"),
        _Column(_tr("False"), _tr("False lesions"), lambda c: float(c.n_false_lesions),
                lambda c: str(c.n_false_lesions)),
    )  # fmt: skip


def _item(
    pair: CasePair, titles: Mapping[str, str], told: Sequence[_Column], compares: bool
) -> QTreeWidgetItem:
    case, other = pair.candidate, pair.champion
    title = titles.get(pair.patient_hash, pair.patient_hash[:8])
    cells: list[tuple[str, float | None]] = [(title, None), (str(case.n_slices), case.n_slices)]
    if compares:
        change = pair.dice_difference
        cells.append((DICE.value(change, signed=True), -9.0 if change is None else change))
    for part in told:
        text = part.text(case)
        if compares:
            text = f"{text} | {part.text(other) if other else NOTHING}"
        value = part.value(case)
        cells.append((text, -9e9 if value is None else value))
    item = _Item([text for text, _ in cells])
    item.setSizeHint(0, QSize(0, ROW_PX))
    for place, (_, value) in enumerate(cells):
        item.setData(place, _ROLE, value)
        if place:
            align_right(item, place)
    if case.seen:
        item.setIcon(0, icon("warning", "caution"))
        item.setToolTip(0, _tr("The model was trained or validated on this patient."))
    elif compares and (pair.dice_difference or 0.0) < -_LEVEL:
        item.setIcon(2, icon("chevron-down", "bad"))
    elif compares and (pair.dice_difference or 0.0) > _LEVEL:
        item.setIcon(2, icon("chevron-up", "good"))
    return item
