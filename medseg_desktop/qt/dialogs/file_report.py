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

from medseg_desktop.io.dicom_series import FileRow, FileStatus, ScanResult
from medseg_desktop.qt.panels.controls import label

_OBJECT = "object"
_PART = "part"
_SIZE = (960, 560)
_USED = (FileStatus.SHOWN, FileStatus.WARNED, FileStatus.ANNOTATION)
#: Troubles first.
_ORDER = (FileStatus.REFUSED, _PART, FileStatus.WARNED, _OBJECT, FileStatus.IGNORED)


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
        names = {
            FileStatus.REFUSED: self.tr("Cannot be used"),
            _PART: self.tr("Used in part"),
            FileStatus.WARNED: self.tr("Shown with a caveat"),
            _OBJECT: self.tr("Not an image"),
            FileStatus.IGNORED: self.tr("Left out"),
        }
        states = {f: _state(f) for f in found.files}
        rows = [f for state in _ORDER for f in found.files if states[f] == state]
        used = sum(f.status in _USED for f in found.files)
        text = self.tr("{used} of {total} files are used.")
        if not identity:
            text += " " + self.tr("Their names and reasons are hidden with the patient.")
        self.summary = label(text.format(used=used, total=len(found.files)))
        self.list = QTreeWidget()
        self.list.setRootIsDecorated(False)
        self.list.setHeaderLabels([self.tr("File"), self.tr("State"), self.tr("Reason")])
        counts = Counter(names[states[row]] for row in rows)
        lines = [(f"{n:,}", name, "") for name, n in counts.items()]
        if identity:
            lines = [(row.path, names[states[row]], row.reason) for row in rows]
        for line in lines:
            item = QTreeWidgetItem(self.list, line)
            item.setToolTip(0, line[0])
            item.setToolTip(2, line[2])
        self.list.setWordWrap(True)  # a reason that is cut off is none
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # both ends tell files apart
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.list.header().resizeSection(0, 320)
        self.list.header().resizeSection(1, 150)
        self.list.setVisible(bool(rows))
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
        self.resize(*(_SIZE if rows else (_SIZE[0] // 2, 0)))


def _state(file: FileRow) -> str:
    if file.is_object:
        return _OBJECT
    return _PART if file.status is FileStatus.ANNOTATION and file.reason else file.status
