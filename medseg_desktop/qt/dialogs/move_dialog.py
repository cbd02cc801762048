"""Into which set patients are moved, by whom, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QDialog, QFormLayout, QLineEdit, QWidget

from medseg_desktop.core.split import SetName
from medseg_desktop.qt.dialogs.patients_dialog import SetRow
from medseg_desktop.qt.dialogs.set_titles import set_title
from medseg_desktop.qt.panels.controls import button, column, label, row, set_role
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M

_SETS: tuple[SetName, ...] = ("train", "val", "test", "incoming")


@dataclass(frozen=True, slots=True)
class Move:
    """A move as the user wants it; `patients` are keys of `SetRow`."""

    patients: tuple[str, ...]
    set_name: SetName
    by: str
    reason: str


class MoveDialog(QDialog):
    """Asks, and says what the move means.

    Signals:
        chosen(Move).
    """

    chosen = Signal(object)

    def __init__(self, rows: Sequence[SetRow], by: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle(self.tr("Move to another set"))
        self.setMinimumWidth(440)
        self._rows = tuple(rows)
        self.target = QComboBox()
        now = {r.set_name for r in self._rows}
        for name in _SETS:
            if now != {name}:
                self.target.addItem(set_title(name), name)
        self.by = QLineEdit(by)
        self.reason = QLineEdit()
        self.reason.setPlaceholderText(self.tr("Kept in the audit trail"))
        self.meaning = label("", wrap=True)
        self.move_button = button(self.tr("Move"), primary=True)
        self.move_button.setDefault(True)
        self.cancel = button(self.tr("Cancel"))
        layout = column(self, 24, SPACE_L)
        layout.addWidget(label(self._title(), "title", wrap=True))
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(SPACE_L)
        form.setVerticalSpacing(SPACE_M)
        form.addRow(self.tr("To"), self.target)
        form.addRow(self.tr("Your name"), self.by)
        form.addRow(self.tr("Reason"), self.reason)
        layout.addLayout(form)
        layout.addWidget(self.meaning)
        layout.addStretch(1)
        foot = row()
        foot.addStretch(1)
        foot.addWidget(self.cancel, 0, Qt.AlignmentFlag.AlignVCenter)
        foot.addWidget(self.move_button)
        layout.addLayout(foot)
        self.target.currentIndexChanged.connect(self._update)
        self.by.textChanged.connect(self._update)
        self.reason.textChanged.connect(self._update)
        self.cancel.clicked.connect(self.reject)
        self.move_button.clicked.connect(self._choose)
        self.reason.setFocus()
        self._update()

    def _title(self) -> str:
        if len(self._rows) > 1:
            return self.tr("{n} patients").format(n=len(self._rows))
        (only,) = self._rows
        return self.tr("{patient}, now in: {set}").format(
            patient=only.title, set=set_title(only.set_name)
        )

    def _update(self) -> None:
        said = bool(self.by.text().strip()) and bool(self.reason.text().strip())
        self.move_button.setEnabled(said and self.target.currentIndex() >= 0)
        text, role = self._meaning()
        self.meaning.setText(text)
        set_role(self.meaning, "role", role)

    def _meaning(self) -> tuple[str, str]:
        """What the move means, and whether it is a caution."""
        name = self.target.currentData()
        models = sorted({m for r in self._rows for m in r.seen_by})
        later = self.tr("Datasets and models that are there stay as they are.")
        if name == "test" and models:
            text = self.tr(
                "Models trained with these patients can no longer be compared on them: {models}."
            )
            if len(self._rows) == 1:
                text = self.tr(
                    "Models trained with this patient can no longer be compared on it: {models}."
                )
            return f"{text.format(models=', '.join(models))} {later}", "caution"
        if any(r.set_name == "test" for r in self._rows) and name in ("train", "val"):
            text = self.tr(
                "Models trained from now on know what was kept for testing, and cannot be "
                "compared with others on it."
            )
            return f"{text} {later}", "caution"
        if name == "incoming":
            return self.tr("In no new dataset until assigned again.") + f" {later}", "muted"
        return self.tr("In this set in every new dataset.") + f" {later}", "muted"

    def _choose(self) -> None:
        move = Move(
            patients=tuple(r.key for r in self._rows),
            set_name=self.target.currentData(),
            by=self.by.text().strip(),
            reason=self.reason.text().strip(),
        )
        self.accept()
        self.chosen.emit(move)
