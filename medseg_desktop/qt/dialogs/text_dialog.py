"""A log file, read only."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

_TAIL_BYTES = 200_000


def show_text_file(parent: QWidget, path: Path) -> QDialog:
    """Open a window with the end of a text file; a missing file is said so in it."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(QCoreApplication.translate("TextDialog", "Log"))
    dialog.resize(820, 520)
    view = QPlainTextEdit()
    view.setReadOnly(True)
    view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    view.setPlainText(_tail(path))
    where = QLabel(str(path))
    where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    close = QPushButton(QCoreApplication.translate("TextDialog", "Close"))
    close.clicked.connect(dialog.accept)
    foot = QHBoxLayout()
    foot.addWidget(where, 1)
    foot.addWidget(close)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(16, 16, 16, 16)
    layout.setSpacing(12)
    layout.addWidget(view, 1)
    layout.addLayout(foot)
    dialog.open()
    return dialog


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return QCoreApplication.translate("TextDialog", "There is no log at {path}.").format(
            path=path
        )
