"""The card of a model, read only."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, QUrl
from PySide6.QtGui import QTextCursor, QTextDocument
from PySide6.QtWidgets import QDialog, QTextBrowser, QWidget

from medseg_desktop.qt.panels.controls import button, column, row
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M

_SIZE = (720, 640)


class CardView(QTextBrowser):
    """Markdown of a package, which is not trusted: no HTML, no pictures, no links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.setOpenLinks(False)
        features = QTextDocument.MarkdownFeature
        dialect = features.MarkdownDialectGitHub | features.MarkdownNoHTML
        self.document().setMarkdown(text, dialect)
        self.moveCursor(QTextCursor.MoveOperation.Start)  # it would be shown from its end

    def loadResource(self, kind: int, name: QUrl | str) -> Any:
        """Nothing is read from anywhere."""
        return None


def show_card(parent: QWidget, title: str, text: str) -> QDialog:
    """Open a window with the card of a model."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(title)
    dialog.resize(*_SIZE)
    close = button(QCoreApplication.translate("CardDialog", "Close"))
    close.clicked.connect(dialog.accept)
    foot = row()
    foot.addStretch(1)
    foot.addWidget(close)
    layout = column(dialog, SPACE_L, SPACE_M)
    layout.addWidget(CardView(text), 1)
    layout.addLayout(foot)
    dialog.open()
    return dialog
