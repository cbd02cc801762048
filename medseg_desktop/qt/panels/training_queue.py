"""Trainings that wait for the one that runs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.qt.panels.controls import Section, clear_layout, label, row, tool_button
from medseg_desktop.qt.theme.tokens import SPACE_XS


class QueueList(QWidget):
    """One line for each; hidden while nothing waits.

    Signals:
        remove_requested(str): the training in this run folder shall not begin.
        move_requested(str, int): it shall begin so many places later (negative: earlier).
    """

    remove_requested = Signal(str)
    move_requested = Signal(str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.section = Section(self.tr("Waiting"))
        self._lines = self.section.body
        self._lines.setSpacing(SPACE_XS)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.section)
        self.rows: list[_Line] = []
        self.hide()

    def set_queue(self, specs: Sequence[TrainSpec]) -> None:
        """Shows what waits, the next one first."""
        clear_layout(self._lines)
        self.rows = []
        self.section.header.setText(self.tr("Waiting ({n})").format(n=len(specs)))
        for place, spec in enumerate(specs):
            line = _Line(spec, is_first=place == 0, is_last=place == len(specs) - 1)
            run = spec.run
            line.up.clicked.connect(lambda _=False, run=run: self.move_requested.emit(run, -1))
            line.down.clicked.connect(lambda _=False, run=run: self.move_requested.emit(run, 1))
            line.remove.clicked.connect(lambda _=False, run=run: self.remove_requested.emit(run))
            self.rows.append(line)
            self._lines.addWidget(line)
        self.setVisible(bool(specs))


class _Line(QWidget):
    def __init__(self, spec: TrainSpec, is_first: bool, is_last: bool) -> None:
        super().__init__()
        text = (
            self.tr("{name}, continued to {n}")
            if spec.resume
            else self.tr("{name}, {n} iterations")
        )
        self.text = label(text.format(name=spec.model_name, n=f"{spec.iterations:,}"))
        self.text.setToolTip(spec.dataset)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.up = tool_button("chevron-up", self.tr("Earlier"))
        self.down = tool_button("chevron-down", self.tr("Later"))
        self.remove = tool_button("close", self.tr("Do not train"))
        self.up.setEnabled(not is_first)
        self.down.setEnabled(not is_last)
        layout = row(self, 0, SPACE_XS)
        layout.addWidget(self.text, 1, Qt.AlignmentFlag.AlignVCenter)
        buttons: tuple[QToolButton, ...] = (self.up, self.down, self.remove)
        for part in buttons:
            layout.addWidget(part)
