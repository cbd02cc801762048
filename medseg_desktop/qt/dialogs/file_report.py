"""Every file of the opened folder and what became of it."""

from __future__ import annotations

from collections import Counter

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medseg_desktop.io.dicom_series import FileStatus, ScanResult
from medseg_desktop.qt.panels.controls import label

_OBJECT = "object"
#: Troubles first.
_ORDER = (FileStatus.REFUSED, FileStatus.WARNED, _OBJECT, FileStatus.IGNORED)


class FileReportDialog(QDialog):
    """Lists files that are not simply shown, with the reason.

    Args:
        identity: name the files; else only how many there are, because paths and reasons may
            name the patient.
    """

    def __init__(
        self, found: ScanResult, parent: QWidget | None = None, *, identity: bool = True
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Files of the folder"))
        self.resize(760, 480)
        names = {
            FileStatus.REFUSED: self.tr("Cannot be used"),
            FileStatus.WARNED: self.tr("Shown with a caveat"),
            _OBJECT: self.tr("Not an image"),
            FileStatus.IGNORED: self.tr("Not DICOM"),
        }
        states = {f: _OBJECT if f.is_object else f.status for f in found.files}
        rows = [f for state in _ORDER for f in found.files if states[f] == state]
        shown = sum(f.status in (FileStatus.SHOWN, FileStatus.ANNOTATION) for f in found.files)
        text = self.tr("{shown} of {total} files are used.")
        if not identity:
            text += " " + self.tr("Their names and reasons are hidden with the patient.")
        self.summary = label(text.format(shown=shown, total=len(found.files)))
        self.list = QTreeWidget()
        self.list.setRootIsDecorated(False)
        self.list.setHeaderLabels([self.tr("File"), self.tr("State"), self.tr("Reason")])
        if not identity:
            for state, n in Counter(states[row] for row in rows).items():
                QTreeWidgetItem(self.list, [f"{n:,}", names[state], ""])
            rows = []
        for row in rows:
            item = QTreeWidgetItem(self.list, [row.path, names[states[row]], row.reason])
            item.setToolTip(0, row.path)
            item.setToolTip(2, row.reason)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.list.header().resizeSection(0, 280)
        self.list.header().resizeSection(1, 140)
        close = QPushButton(QCoreApplication.translate("FileReportDialog", "Close"))
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(self.summary)
        layout.addWidget(self.list, 1)
        layout.addLayout(foot)
