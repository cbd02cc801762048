"""How far a training shall be continued."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QSpinBox, QWidget

from medseg_desktop.qt.panels.controls import button, column, label, row
from medseg_desktop.qt.theme.tokens import CONTROL_HEIGHT, SPACE_L, SPACE_M, SPACE_S

_MOST = 1_000_000


class ContinueDialog(QDialog):
    """Asks for the number of steps in all; non-modal in code, modal to the window.

    Signals:
        chosen(int): steps in all, more than were done.
    """

    chosen = Signal(int)

    def __init__(self, name: str, done: int, planned: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Continue training"))
        self.setMinimumWidth(360)
        told = self.tr(
            "{name} was trained for {done} of {planned} iterations. It goes on from its last "
            "checkpoint, with its weights, optimiser and best model."
        )
        text = told.format(name=name, done=f"{done:,}", planned=f"{planned:,}")
        self.steps = QSpinBox()
        self.steps.setRange(min(done + 1, _MOST), _MOST)
        self.steps.setSingleStep(100)
        self.steps.setGroupSeparatorShown(True)
        self.steps.setFixedHeight(CONTROL_HEIGHT)
        self.steps.lineEdit().setTextMargins(SPACE_S, 0, 0, 0)
        self.steps.setValue(planned if planned > done else done + max(planned, 1))
        self.steps.setAccessibleName(self.tr("Iterations in all"))
        self.go_on = button(self.tr("Continue training"), "play", primary=True)
        self.go_on.setDefault(True)
        self.cancel = button(self.tr("Cancel"))
        layout = column(self, SPACE_L, SPACE_M)
        layout.addWidget(label(text, wrap=True))
        line = row(None, 0, SPACE_S)
        line.addWidget(label(self.tr("Iterations in all")))
        line.addWidget(self.steps, 1)
        layout.addLayout(line)
        actions = row()
        actions.addStretch(1)
        actions.addWidget(self.cancel)
        actions.addWidget(self.go_on)
        layout.addLayout(actions)
        self.cancel.clicked.connect(self.reject)
        self.go_on.clicked.connect(self._choose)

    def _choose(self) -> None:
        self.steps.interpretText()
        steps = self.steps.value()
        self.accept()
        self.chosen.emit(steps)
