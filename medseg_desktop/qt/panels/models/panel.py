"""The Models tab: the champion, the candidates, and what is being evaluated."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from medseg_desktop.qt.panels.controls import button, column, separator
from medseg_desktop.qt.panels.models.champion import ChampionCard
from medseg_desktop.qt.panels.models.detail import ModelDetails
from medseg_desktop.qt.panels.models.list import ModelsList
from medseg_desktop.qt.panels.work_line import WorkLine
from medseg_desktop.qt.theme.tokens import SPACE_M


class ModelsPanel(QWidget):
    """Widgets of the tab under their own names; `qt.presenters.models.models_presenter` fills them.

    Signals:
        audit_requested(): show the audit trail.
        opened(): the tab came to the front and should be up to date.
    """

    audit_requested = Signal()
    opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.champion = ChampionCard()
        self.work = WorkLine()
        self.models = ModelsList()
        self.details = ModelDetails()
        self.audit = button(self.tr("Audit trail…"), "lock")
        content = QWidget()
        content.setObjectName("scrollContent")
        body = QVBoxLayout(content)
        body.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        body.setSpacing(SPACE_M)
        for part in (self.champion, separator(), self.work, self.models, self.details):
            body.addWidget(part)
        body.addStretch(1)
        body.addWidget(self.audit, 0, Qt.AlignmentFlag.AlignLeft)
        area = QScrollArea()
        area.setWidget(content)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column(self).addWidget(area)
        self.audit.clicked.connect(self.audit_requested)
        self.set_work("", 0, 0)

    def set_work(self, text: str, done: int, total: int) -> None:
        """What is being evaluated; an empty text for nothing."""
        self.work.setVisible(bool(text))
        if text:
            self.work.set_work(text, done, total)

    def showEvent(self, event: object) -> None:
        self.opened.emit()
