"""The audit trail, and whether its chain holds."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QSize, Qt
from PySide6.QtWidgets import QDialog, QTreeWidgetItem, QWidget

from medseg_desktop.io.audit import AuditEntry, AuditReport
from medseg_desktop.io.audit_text import brief, reason, what
from medseg_desktop.qt.panels.controls import button, column, row
from medseg_desktop.qt.panels.number_table import IconLine
from medseg_desktop.qt.panels.tree_table import ROW_PX, tree_table
from medseg_desktop.qt.panels.when_text import minute_text
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M

_SIZE = (920, 480)


def _tr(text: str) -> str:
    return QCoreApplication.translate("AuditDialog", text)


def action_text(action: str) -> str:
    """What was done, in words."""
    words = {
        "split_created": _tr("Split created"),
        "patients_added": _tr("Patients added"),
        "patient_moved": _tr("Patient moved"),
        "model_imported": _tr("Model imported"),
        "promoted": _tr("Promoted"),
        "rolled_back": _tr("Rolled back"),
    }
    return words.get(action, action.replace("_", " ").capitalize())


class AuditDialog(QDialog):
    """Lists the entries, newest first; filled when the trail was read."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(_tr("Audit trail"))
        self.resize(*_SIZE)
        self.verdict = IconLine(_tr("Reading…"), "info", "muted")
        titles = [_tr("When"), _tr("By"), _tr("Act"), _tr("What"), _tr("Reason")]
        self.list = tree_table(_tr("Audit trail"), titles)
        header = self.list.header()
        header.setSectionResizeMode(0, header.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(4, header.ResizeMode.Stretch)
        close = button(_tr("Close"))
        foot = row()
        foot.addStretch(1)
        foot.addWidget(close)
        layout = column(self, SPACE_L, SPACE_M)
        layout.addWidget(self.verdict)
        layout.addWidget(self.list, 1)
        layout.addLayout(foot)
        close.clicked.connect(self.accept)

    def set_report(self, report: AuditReport) -> None:
        """Shows the entries that hold, and the verdict."""
        n = len(report.entries)
        if report.problem:
            self.set_problem(report.problem)
        elif n == 0:
            self.verdict.set_line(_tr("Nothing has been promoted or moved yet."), "info", "muted")
        else:
            text = (
                _tr("1 entry, the chain holds.") if n == 1 else _tr("{n} entries, the chain holds.")
            )
            self.verdict.set_line(text.format(n=n), "success", "good")
        self.list.clear()
        for entry in reversed(report.entries):
            self.list.addTopLevelItem(_item(entry))

    def set_problem(self, text: str) -> None:
        """The trail cannot be read, or was changed."""
        self.verdict.set_line(text, "error", "bad")


def _item(entry: AuditEntry) -> QTreeWidgetItem:
    texts = [minute_text(entry.time), entry.actor, action_text(entry.action), brief(entry),
             reason(entry)]  # fmt: skip
    texts = [" ".join(text.split()) for text in texts]
    item = QTreeWidgetItem(texts)
    for place, text in enumerate(texts):
        item.setToolTip(place, text)
    item.setSizeHint(len(texts) - 1, QSize(0, ROW_PX))
    item.setToolTip(0, f"{entry.time}\n{entry.hash}")
    item.setToolTip(3, what(entry))
    return item
