"""The stages of a retraining as a checklist."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from medseg_desktop.core.retraining.state import Mark
from medseg_desktop.qt.panels.controls import column, label, row, set_role
from medseg_desktop.qt.panels.progress_strip import ProgressStrip
from medseg_desktop.qt.panels.retraining.view import StageRow
from medseg_desktop.qt.theme.icons import pixmap
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import SPACE_M, SPACE_S, SPACE_XS

_BADGE, _ICON = 24, 16


class _Row(QWidget):
    """A stage: badge, name, a note at the right, and what it does while it runs."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self._shown: tuple[Mark, str] | None = None
        self.badge = QLabel()
        self.badge.setProperty("step", True)
        self.badge.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.badge.setFixedSize(_BADGE, _BADGE)
        self.name = label("")
        self.note = label("", "muted")
        self.detail = label("", "muted", wrap=True)
        self.bar = ProgressStrip()
        head = row()
        head.addWidget(self.name, 1)
        head.addWidget(self.note)
        self.texts = QWidget()
        texts = QVBoxLayout(self.texts)
        texts.setContentsMargins(0, SPACE_XS, 0, 0)
        texts.setSpacing(SPACE_XS)
        texts.addLayout(head)
        texts.addWidget(self.bar)
        texts.addWidget(self.detail)
        layout = row(self, 0, SPACE_M)
        layout.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.texts, 1, Qt.AlignmentFlag.AlignTop)

    def show_stage(self, stage: StageRow) -> None:
        """Replaces what is shown."""
        self._show_badge(stage.mark)
        self.name.setText(stage.text)
        self.name.setAccessibleDescription(stage.mark.value)
        set_role(self.name, "role", "muted" if stage.mark is Mark.WAITING else "")
        self.note.setText(stage.note)
        running = stage.mark is Mark.RUNNING
        self.bar.setVisible(running)
        if running:
            self.bar.set_progress(stage.done, stage.total)
        self.detail.setText(stage.detail)
        self.detail.setVisible(bool(stage.detail))

    def _show_badge(self, mark: Mark) -> None:
        tokens = current_tokens()
        if self._shown == (mark, tokens.name):
            return
        self._shown = (mark, tokens.name)
        icons = {
            Mark.DONE: ("check", tokens.window),
            Mark.FAILED: ("error", tokens.bad),
            Mark.STOPPED: ("pause", tokens.caution),
        }
        if mark in icons:
            self.badge.setPixmap(pixmap(*icons[mark], _ICON, self.devicePixelRatioF()))
        else:
            self.badge.setText(str(self._number))
        set_role(self.badge, "done", mark is Mark.DONE)
        set_role(self.badge, "now", mark is Mark.RUNNING)


class StageList(QWidget):
    """Every stage with how it stands."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[_Row] = []
        self._layout = column(self, 0, SPACE_S)

    def show_stages(self, stages: Sequence[StageRow]) -> None:
        """Replaces what is shown."""
        while len(self.rows) < len(stages):
            made = _Row(len(self.rows) + 1)
            self.rows.append(made)
            self._layout.addWidget(made)
        for number, made in enumerate(self.rows):
            made.setVisible(number < len(stages))
        for made, stage in zip(self.rows, stages, strict=False):
            made.show_stage(stage)
