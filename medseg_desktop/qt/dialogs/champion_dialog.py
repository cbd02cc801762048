"""Promotion and rollback: who does it, and why."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QDialog, QLineEdit, QPlainTextEdit, QWidget

from medseg_desktop.qt.panels.controls import button, column, label, row, separator
from medseg_desktop.qt.panels.number_table import IconLine, NumberTable
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M, SPACE_S, SPACE_XS

_WIDTH = 620
_REASON_PX = 76


def _tr(text: str) -> str:
    return QCoreApplication.translate("ChampionDialog", text)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the change is decided on.

    Attributes:
        head: which evaluation it is; or that there is none.
        columns, rows: of a table; none for none.
        foot: lesions lost and gained.
        cautions: what speaks against deciding on these figures.
    """

    head: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, tuple[str, ...]], ...] = ()
    foot: str = ""
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        title: of the window.
        text: what will be the champion, and what of it.
        verb, icon: on the button.
        example: of a reason.
        figures: what is known of the models.
    """

    title: str
    text: str
    verb: str
    icon: str
    example: str
    figures: Figures


class ChampionDialog(QDialog):
    """Asks for name and reason; stays open until the change is made.

    Signals:
        confirmed(str, str): name and reason.
    """

    confirmed = Signal(str, str)

    def __init__(self, question: Question, by: str, parent: QWidget | None = None) -> None:
        """Make the dialog; `by` is the name that is filled in."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(question.title)
        self.setMinimumWidth(_WIDTH)
        self.text = label(question.text, wrap=True)
        self.name = QLineEdit(by)
        self.name.setAccessibleName(_tr("Your name"))
        self.reason = QPlainTextEdit()
        self.reason.setAccessibleName(_tr("Reason"))
        self.reason.setPlaceholderText(question.example)
        self.reason.setProperty("input", True)
        self.reason.setFixedHeight(_REASON_PX)
        self.reason.setTabChangesFocus(True)
        self.error = IconLine("", "error", "bad")
        self.error.hide()
        self.go = button(question.verb, question.icon, primary=True)
        self.go.setDefault(True)
        self.cancel = button(_tr("Cancel"))
        self._lay_out(question.figures)
        self.name.textChanged.connect(self._check)
        self.reason.textChanged.connect(self._check)
        self.cancel.clicked.connect(self.reject)
        self.go.clicked.connect(self._confirm)
        self._check()
        (self.reason if by else self.name).setFocus()

    def _lay_out(self, figures: Figures) -> None:
        layout = column(self, SPACE_L, SPACE_M)
        layout.addWidget(self.text)
        layout.addWidget(separator())
        layout.addWidget(_figures(figures))
        layout.addWidget(separator())
        for caption, field in ((_tr("Your name"), self.name), (_tr("Reason"), self.reason)):
            part = column(None, 0, SPACE_XS)
            part.addWidget(label(caption, "muted"))
            part.addWidget(field)
            layout.addLayout(part)
        told = _tr("Both are written to the audit trail, which cannot be changed afterwards.")
        layout.addWidget(label(told, "muted", wrap=True))
        layout.addWidget(self.error)
        layout.addStretch(1)  # what is more than needed belongs to no field
        actions = row()
        actions.addStretch(1)
        actions.addWidget(self.cancel)
        actions.addWidget(self.go)
        layout.addLayout(actions)

    def _check(self) -> None:
        missing = not self.name.text().strip() or not self.reason.toPlainText().strip()
        self.go.setEnabled(not missing)
        self.go.setToolTip(_tr("Needs a name and a reason") if missing else "")

    def _confirm(self) -> None:
        self.error.hide()
        self.set_busy(True)
        self.confirmed.emit(self.name.text().strip(), self.reason.toPlainText().strip())

    def set_busy(self, busy: bool) -> None:
        """The change is being made; it cannot be made twice."""
        for part in (self.name, self.reason, self.go):
            part.setEnabled(not busy)

    def set_error(self, text: str) -> None:
        """The change was not made, and why."""
        self.set_busy(False)
        self.error.set_line(text, "error", "bad")
        self.error.show()


def _figures(figures: Figures) -> QWidget:
    box = QWidget()
    layout = column(box, 0, SPACE_S)
    layout.addWidget(label(figures.head, "section" if figures.rows else "", wrap=True))
    if figures.rows:
        table = NumberTable()
        table.set_rows(figures.columns, figures.rows)
        layout.addWidget(table)
    if figures.foot:
        layout.addWidget(label(figures.foot, wrap=True))
    for line in figures.cautions:
        layout.addWidget(IconLine(line, "warning", "caution"))
    return box
