"""The champion: what it is, who made it so and why, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLabel, QWidget

from medseg_desktop.qt.panels.controls import button, column, label, row
from medseg_desktop.qt.panels.number_table import IconLine
from medseg_desktop.qt.theme.icons import pixmap
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import ICON_SIZE, SPACE_XS


@dataclass(frozen=True, slots=True)
class ChampionFacts:
    """What is shown of the champion.

    Attributes:
        since: who promoted it and when, a sentence.
        dice: on test patients, or that there is none.
        previous: title of the model that a rollback leads to; "" for none.
    """

    title: str
    since: str
    reason: str
    dice: str
    previous: str = ""


class ChampionCard(QWidget):
    """The head of the Models tab.

    Signals:
        rollback_requested().
    """

    rollback_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.mark = QLabel()
        self.title = label("", "title", wrap=True)
        self.since = label("", "muted", wrap=True)
        self.reason = label("", wrap=True)
        self.dice = label("", wrap=True)
        self.problem = IconLine("", "warning", "caution")
        self.rollback = button(self.tr("Roll back…"), "undo")
        layout = column(self, 0, SPACE_XS)
        layout.addWidget(label(self.tr("Champion"), "section"))
        head = row()
        head.addWidget(self.mark, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.title, 1)
        layout.addLayout(head)
        for line in (self.since, self.reason, self.dice, self.problem):
            layout.addWidget(line)
        layout.addSpacing(SPACE_XS)
        layout.addWidget(self.rollback, 0, Qt.AlignmentFlag.AlignLeft)
        self.rollback.clicked.connect(self.rollback_requested)
        self.set_champion(None)
        self.set_problem("")

    def set_champion(self, facts: ChampionFacts | None) -> None:
        """Shows the champion, or what it takes to have one."""
        self.mark.setVisible(facts is not None)
        self._draw_mark()
        if facts is None:
            self.title.setText(self.tr("No champion yet"))
            self.since.setText(
                self.tr(
                    "A model becomes the champion when somebody promotes it, with a name and a "
                    "reason. Until then any model may be used for viewing."
                )
            )
        else:
            self.title.setText(facts.title)
            self.since.setText(facts.since)
            self.reason.setText(self.tr("Reason: {reason}").format(reason=facts.reason))
            self.dice.setText(facts.dice)
            back = self.tr("Back to {name}").format(name=facts.previous)
            self.rollback.setToolTip(back if facts.previous else "")
        for line in (self.reason, self.dice):
            line.setVisible(facts is not None)
        self.rollback.setVisible(facts is not None and bool(facts.previous))

    def set_problem(self, text: str) -> None:
        """What is wrong with the champion or the audit trail; "" for nothing."""
        self.problem.set_line(text, "warning", "caution")
        self.problem.setVisible(bool(text))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw_mark()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange and hasattr(self, "title"):
            self._draw_mark()

    def _draw_mark(self) -> None:
        """In the theme's colour, at the middle of the first line of the title."""
        colour = current_tokens().accent
        self.mark.setPixmap(pixmap("champion", colour, scale=self.devicePixelRatioF()))
        self.mark.setFixedHeight(max(self.title.fontMetrics().height(), ICON_SIZE))
